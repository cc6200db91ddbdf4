package leat_test

import (
	"fmt"
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

// counts are a sink's panes as text: key, span in seconds, and the value, with a sign for panes that came again.
func counts(run *leattest.Result, sink string) string {
	var all []string
	for _, p := range run.Output[leat.Pane[string, int64]](sink) {
		all = append(all, fmt.Sprintf("%s %d-%d: %d%s", p.Key, second(p.Start), second(p.End), p.Value, again(p)))
	}
	return strings.Join(all, ", ")
}

func second(t time.Time) int { return int(t.Sub(at(0)) / time.Second) }

func again(p leat.Pane[string, int64]) string {
	if p.Timing == window.PaneLate {
		return fmt.Sprintf(" (late %d)", p.Index)
	}
	return ""
}

// windowedRun counts the clicks of each user in windows. The watermark follows each click at once.
func windowedRun(t *testing.T, refine func(*leat.Keyed[string, click]) *leat.Windowed[string, click], clicks ...click) *leattest.Result {
	t.Helper()
	job := leat.NewJob("windows")
	s := job.From("clicks", mem.From[click]()).EventTime(click.When, 0).KeyBy(click.UserID)
	refine(s).LateTo(lateClicks).Aggregate("visits", agg.Count).To("counts", mem.Into(new([]leat.Pane[string, int64])))
	return leattest.Run(t, job, leattest.Records("clicks", clicks...))
}

func TestWindows(t *testing.T) {
	eve := func(seconds ...int) []click {
		var all []click
		for _, s := range seconds {
			all = append(all, visit("eve", int64(s), s))
		}
		return all
	}
	cases := []struct {
		name    string
		windows window.Assigner
		late    time.Duration
		clicks  []click
		want    string
		tooLate []int64
	}{
		{"tumbling", window.Tumbling(10 * time.Second), 0, eve(0, 9, 10, 35), "eve 0-10: 2, eve 10-20: 1, eve 30-40: 1", nil},
		{"offset", window.Tumbling(10 * time.Second).Offset(3 * time.Second), 0, eve(2, 3, 12, 13), "eve -7-3: 1, eve 3-13: 2, eve 13-23: 1", nil},
		{"sliding", window.Sliding(10*time.Second, 5*time.Second), 0, eve(1, 7), "eve -5-5: 1, eve 0-10: 2, eve 5-15: 1", nil},
		{"hopping", window.Sliding(5*time.Second, 10*time.Second), 0, eve(1, 7, 12), "eve 0-5: 1, eve 10-15: 1", nil},
		{"session", window.Session(5 * time.Second), 0, eve(0, 4, 8, 20), "eve 0-13: 3, eve 20-25: 1", nil},
		{"late", window.Tumbling(10 * time.Second), 0, eve(5, 12, 3, 13), "eve 0-10: 1, eve 10-20: 2", []int64{3}},
		{
			"allowed lateness", window.Tumbling(10 * time.Second), 5 * time.Second, eve(5, 12, 3, 16, 4),
			"eve 0-10: 1, eve 0-10: 2 (late 1), eve 10-20: 2",
			[]int64{4},
		},
		{"out of order within a window", window.Tumbling(10 * time.Second), 0, eve(9, 1, 5), "eve 0-10: 3", nil},
		{"late for a session that is gone", window.Session(2 * time.Second), 0, eve(1, 10, 2), "eve 1-3: 1, eve 10-12: 1", []int64{2}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			run := windowedRun(t, func(k *leat.Keyed[string, click]) *leat.Windowed[string, click] {
				return k.Window(c.windows).AllowLateness(c.late)
			}, c.clicks...)
			if got := counts(run, "counts"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			var late []int64
			for _, l := range run.Side("visits", lateClicks) {
				late = append(late, l.Page)
			}
			if !slices.Equal(late, c.tooLate) || run.Late("visits") != int64(len(late)) {
				t.Errorf("late: %v, counted %d, want %v", late, run.Late("visits"), c.tooLate)
			}
		})
	}
}

// A pane may be handed to an operator with state: here it emits how far a count has changed since the last window.
func TestWindowProcess(t *testing.T) {
	job := leat.NewJob("windows")
	job.From("clicks", mem.From[click]()).EventTime(click.When, 0).KeyBy(click.UserID).
		Window(window.Tumbling(10*time.Second)).
		Process("change", agg.Count, func(op *leat.Operator[string, string]) func(leat.Pane[string, int64]) error {
			last := op.Value[int64]("last")
			quiet := op.EventTimer("quiet", func(time.Time) error { op.Emit(op.Key() + " is quiet"); return nil })
			return func(p leat.Pane[string, int64]) error {
				op.Emit(fmt.Sprintf("%s %+d at %d", op.Key(), p.Value-last.Get(), second(op.Time().Add(1))))
				last.Set(p.Value)
				quiet.At(p.End.Add(30 * time.Second))
				return nil
			}
		}).To("changes", mem.Into(new([]string)))
	run := leattest.Run(t, job, leattest.Records("clicks",
		visit("eve", 1, 1), visit("eve", 1, 2), visit("bob", 1, 3), visit("eve", 1, 12), visit("bob", 1, 45)))
	want := []string{"bob +1 at 10", "eve +2 at 10", "eve -1 at 20", "bob is quiet", "bob +0 at 50", "eve is quiet", "bob is quiet"}
	if got := run.Output[string]("changes"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A split that is behind holds windows back, so that nothing of it is late.
func TestWatermarkOfEachSplit(t *testing.T) {
	job := leat.NewJob("windows")
	job.Parallelism = 1
	splits := splitSource("behind", []click{visit("eve", 1, 1), visit("eve", 1, 2), visit("eve", 1, 3)},
		"ahead", []click{visit("eve", 1, 500), visit("eve", 1, 600)})
	panes := job.From("clicks", splits).EventTime(click.When, 0).KeyBy(click.UserID).
		Window(window.Tumbling(10*time.Second)).LateTo(lateClicks).Aggregate("visits", agg.Count)
	var late []click
	panes.Side(lateClicks).To("late", mem.Into(&late))
	if got := runAll(t, job, panes.Map(leat.PaneValue)); !slices.Equal(got, []int64{1, 1, 3}) || len(late) > 0 {
		t.Errorf("got %v, late %v", got, late)
	}
}

// Watermarks of one's own: here a record says itself how far event time has come.
func TestCustomWatermarks(t *testing.T) {
	job := leat.NewJob("windows")
	s := job.From("clicks", mem.From[click]()).
		Watermarks(click.When, func() func(click) time.Time {
			return func(c click) time.Time {
				if c.Page == 0 {
					return time.Time{}
				}
				return at(int(c.Page))
			}
		})
	s.KeyBy(click.UserID).Window(window.Tumbling(10*time.Second)).Aggregate("visits", agg.Count).
		To("counts", mem.Into(new([]leat.Pane[string, int64])))
	run := leattest.Run(t, job, leattest.Records("clicks",
		visit("eve", 0, 5), visit("eve", 0, 99), visit("eve", 0, 4), visit("eve", 10, 3), visit("eve", 7, 2), visit("eve", 0, 60)))
	if got := counts(run, "counts"); got != "eve 0-10: 3, eve 60-70: 1, eve 90-100: 1" || run.Late("visits") != 1 {
		t.Errorf("got %s, %d late", got, run.Late("visits"))
	}
}
