package preaggregate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
	"leat.dev/leat/window"
)

// click is a record of a user.
type click struct {
	User string
	N    int
	At   time.Time
}

func (c click) UserID() string  { return c.User }
func (c click) When() time.Time { return c.At }

const lateClicks leat.Output[click] = "late"

var noon = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// skewed are clicks of which most are one user's, out of order by up to some seconds, so that some are late.
func skewed(seed uint64, n int) []click {
	r := rand.New(rand.NewPCG(seed, 7))
	var all []click
	for i := range n {
		user := "all"
		if r.IntN(4) == 0 {
			user = string(rune('a' + r.IntN(5)))
		}
		all = append(all, click{user, i, noon.Add(time.Duration(i/3-r.IntN(12)+12) * time.Second)})
	}
	return all
}

// TestPreaggregate compares jobs that aggregate before the exchange with the same jobs that don't, late records and all, however they are
// run, killed and rescaled.
func TestPreaggregate(t *testing.T) {
	windows := map[string]window.Assigner{
		"tumbling": window.Tumbling(10 * time.Second), "sliding": window.Sliding(20*time.Second, 5*time.Second),
		"cumulating": window.Cumulating(20*time.Second, 5*time.Second), "days": window.Days(1, time.UTC),
	}
	for name, w := range windows {
		t.Run(name, func(t *testing.T) {
			build := func(before bool) func() *leat.Job {
				return func() *leat.Job { return skewedJob(w, before) }
			}
			clicks := leattest.Records("clicks", skewed(3, 400)...)
			want := sortedCounts(leattest.Run(t, build(false)(), clicks))
			if got := sortedCounts(leattest.EveryWay(t, build(true), clicks)); got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
			if !strings.Contains(want, "late") && name != "days" {
				t.Error("no record was late")
			}
		})
	}
}

// skewedJob counts clicks in windows, from one split, so that what is late does not depend on how it is run.
func skewedJob(w window.Assigner, before bool) *leat.Job {
	job := leat.NewJob("skewed")
	windowed := job.From("clicks", mem.From[click](), leat.Parallelism(1)).
		EventTime(click.When, 4*time.Second).
		KeyBy(click.UserID).
		Window(w).
		AllowLateness(3 * time.Second)
	sink := mem.Into(new([]leat.Pane[string, int64]))
	if before {
		windowed.Preaggregate().Aggregate("visits", agg.Count).To("counts", sink)
	} else {
		windowed.Aggregate("visits", agg.Count).To("counts", sink)
	}
	return job
}

func sortedCounts(r *leattest.Result) string {
	var all []string
	for _, p := range r.Output[leat.Pane[string, int64]]("counts") {
		all = append(all, fmt.Sprintf("%s %s %d: %d %v %d", p.Key, p.Start.Format(time.TimeOnly), int(p.End.Sub(p.Start).Seconds()), p.Value, p.Timing, p.Index))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestPreaggregateRefused(t *testing.T) {
	tumbling := window.Tumbling(time.Second)
	refine := map[string]func(*leat.Keyed[string, click]) *leat.Windowed[string, click]{
		"the same for all keys": func(s *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return s.Window(window.Session(time.Second))
		},
		"in event time": func(s *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return s.Window(tumbling.ProcessingTime())
		},
		"none left for LateTo": func(s *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return s.Window(tumbling).LateTo(lateClicks)
		},
		"that fire on time": func(s *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return s.Window(tumbling).Trigger(window.AtCount(3))
		},
	}
	for want, f := range refine {
		job := leat.NewJob("refused")
		keyed := job.From("clicks", mem.From[click]()).EventTime(click.When, 0).KeyBy(click.UserID)
		f(keyed).Preaggregate().Aggregate("visits", agg.Count).To("counts", mem.Into(new([]leat.Pane[string, int64])))
		if _, err := job.Plan(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one that says %q", err, want)
		}
	}
}
