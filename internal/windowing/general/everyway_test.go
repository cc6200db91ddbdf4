package general_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
	"leat.dev/leat/window"
)

// click is a record of the jobs here.
type click struct {
	User string
	Page int64
	At   time.Time
}

func (c click) UserID() string { return c.User }

func (c click) PageID() int64 { return c.Page }

func (c click) When() time.Time { return c.At }

// start is when the records here begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// visit is a click so many seconds later.
func visit(user string, page int64, second int) click {
	return click{user, page, start.Add(time.Duration(second) * time.Second)}
}

func second(t time.Time) int { return int(t.Sub(start) / time.Second) }

const lateClicks leat.Output[click] = "late"

func users(job *leat.Job) *leat.Keyed[string, click] {
	return job.From("clicks", mem.From[click]()).KeyBy(click.UserID)
}

func nowhere() connector.Output[leat.Pane[string, int64]] {
	return mem.Into(new([]leat.Pane[string, int64]))()
}

// cut is a way to cut a stream of clicks into windows that the general operator runs, by the name of its sink.
type cut struct {
	name   string
	window func(users *leat.Keyed[string, click]) *leat.Windowed[string, click]
}

// cuts have no late records, and triggers that do not depend on where watermarks lie.
var cuts = []cut{
	{"count", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] { return u.Window(window.Count(5)) }},
	{"latest", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.SlidingCount(6, 4))
	}},
	{"five", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.Global()).Trigger(window.AtCount(5).Purging())
	}},
	{"all", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.Global()).Trigger(window.AtCount(7)).Mode(window.Retracting)
	}},
	{"delta", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.Global()).TriggerBy(window.Delta(20, farther)).Evict(window.KeepLast(3)).EvictBy(samePage)
	}},
	{"early", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.Tumbling(30 * time.Second)).Trigger(window.OnTime().Early(window.AtCount(3))).Mode(window.Retracting)
	}},
	{"discarding", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.Sliding(time.Minute, 20*time.Second)).Trigger(window.OnTime().Early(window.AtCount(4))).Mode(window.Discarding)
	}},
	{"days", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.Days(1, time.FixedZone("east", 7200))).Evict(window.KeepFor(40 * time.Second))
	}},
	{"today", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.Cumulating(time.Minute, 20*time.Second)).Evict(window.KeepLast(4))
	}},
	{"visits", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.Session(6 * time.Second)).Trigger(window.OnTime().Early(window.AtCount(2)))
	}},
	{"patient", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.WindowBy(window.SessionBy(patience))
	}},
	{"pages", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.WindowBy(window.Custom(byPage)).TriggerBy(onGoodbye)
	}},
	{"spenders", func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
		return u.Window(window.Session(6 * time.Second)).TriggerBy(atPages(20))
	}},
}

func farther(a, b click) float64 { return b.At.Sub(a.At).Seconds() }

func samePage(c, newest click) bool { return c.Page == newest.Page }

func patience(c click) time.Duration { return time.Duration(2+c.Page) * time.Second }

func byPage(c click, at time.Time) iter.Seq[window.Span] {
	start := at.Truncate(time.Minute)
	return slices.Values([]window.Span{{Start: start, End: start.Add(time.Duration(c.Page+1) * time.Minute)}})
}

func onGoodbye(c *window.Control) func(click) window.Action {
	return func(v click) window.Action {
		if v.Page == 7 {
			return window.FireAndPurge
		}
		c.FireAt(c.Span().End)
		return window.Continue
	}
}

// atPages fires when the numbers of the pages add up to so much.
func atPages(limit int64) window.TriggerBy[click] {
	return func(c *window.Control) func(click) window.Action {
		sum := c.Value("sum", func(a, b int64) int64 { return a + b })
		return func(v click) window.Action {
			sum.Set(sum.Get() + v.Page)
			if sum.Get() < limit {
				return window.Continue
			}
			sum.Clear()
			return window.Fire
		}
	}
}

// pagesOf are the pages of a window's clicks, in order of arrival.
type pagesOf struct{ All []int64 }

func (p *pagesOf) add(c click)       { p.All = append(p.All, c.Page) }
func (p *pagesOf) merge(src pagesOf) { p.All = append(p.All, src.All...) }

// wander are clicks of some users that are at most ten seconds out of order.
func wander(n int) []click {
	random := rand.New(rand.NewPCG(5, 3))
	var all []click
	for i := range n {
		user := string(rune('a' + random.IntN(6)))
		all = append(all, visit(user, random.Int64N(8), i+random.IntN(10)))
	}
	return all
}

// Whatever the general operator runs has the same panes in every way: at any parallelism, chained or not, killed and restored.
func TestGeneralWindowsEveryWay(t *testing.T) {
	build := func() *leat.Job {
		job := leat.NewJob("general")
		users := job.From("clicks", mem.From[click]()).EventTime(click.When, 10*time.Second).KeyBy(click.UserID)
		for _, g := range cuts {
			g.window(users).Aggregate(g.name, agg.Fold((*pagesOf).add, (*pagesOf).merge)).
				Map(func(p leat.Pane[string, pagesOf]) string { return shown(p) }).
				To(g.name+" out", mem.Into(new([]string)))
		}
		return job
	}
	run := leattest.EveryWay(t, build, leattest.Records("clicks", wander(200)...))
	for _, g := range cuts {
		if panes := run.Output[string](g.name + " out"); len(panes) < 5 || run.Late(g.name) > 0 {
			t.Errorf("%s: %d late, panes %q", g.name, run.Late(g.name), panes)
		}
	}
}

func shown(p leat.Pane[string, pagesOf]) string {
	text := fmt.Sprintf("%s %d-%d %v %v %d", p.Key, second(p.Start), second(p.End), p.Value.All, p.Timing, p.Index)
	if p.Retract {
		text += " taken back"
	}
	return text
}

// What is late depends on watermarks, which follow each click here: late panes, what is left of them, and the side output.
func TestLateTriggers(t *testing.T) {
	job := leat.NewJob("late")
	job.From("clicks", mem.From[click]()).EventTime(click.When, 0).KeyBy(click.UserID).
		Window(window.Tumbling(10*time.Second)).
		AllowLateness(20*time.Second).
		LateTo(lateClicks).
		Trigger(window.OnTime().Late(window.AtCount(2))).
		Aggregate("visits", agg.Fold((*pagesOf).add, (*pagesOf).merge)).
		Map(func(p leat.Pane[string, pagesOf]) string { return shown(p) }).
		To("out", mem.Into(new([]string)))
	run := leattest.Run(t, job, leattest.Records("clicks",
		visit("eve", 1, 1), visit("eve", 2, 12), visit("eve", 3, 2), visit("eve", 4, 3), visit("eve", 5, 4), visit("eve", 6, 30), visit("eve", 7, 5)))
	want := []string{
		"eve 0-10 [1 3 4 5] late 2", "eve 0-10 [1 3 4] late 1", "eve 0-10 [1] on time 0", "eve 10-20 [2] on time 0", "eve 30-40 [6] on time 0",
	}
	if got := run.Output[string]("out"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if late := run.Side("visits", lateClicks); len(late) != 1 || late[0].Page != 7 || run.Late("visits") != 1 {
		t.Errorf("late: %v", late)
	}
}

// Count windows and the one without end need no event time; their panes then have none.
func TestWindowsWithoutEventTime(t *testing.T) {
	job := leat.NewJob("counts")
	users := job.From("clicks", mem.From[click]()).KeyBy(click.UserID)
	users.Window(window.Count(2)).Aggregate("count", agg.Sum(click.PageID)).To("sums", mem.Into(new([]leat.Pane[string, int64])))
	run := leattest.Run(t, job, leattest.Records("clicks", visit("eve", 1, 1), visit("eve", 2, 2), visit("eve", 3, 3)))
	want := []leat.Pane[string, int64]{{Key: "eve", Value: 3}}
	if got := run.Output[leat.Pane[string, int64]]("sums"); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// Panes of a trigger go to an operator with state of its own; it adds up what retracting panes say.
func TestProcessRetractions(t *testing.T) {
	job := leat.NewJob("retractions")
	job.From("clicks", mem.From[click]()).EventTime(click.When, 0).KeyBy(click.UserID).
		Window(window.Tumbling(10*time.Second)).
		Trigger(window.OnTime().Early(window.AtCount(2))).
		Mode(window.Retracting).
		Process("total", agg.Count, func(op *leat.Operator[string, int64]) func(leat.Pane[string, int64]) error {
			total := op.Value[int64]("total")
			return func(p leat.Pane[string, int64]) error {
				if p.Retract {
					total.Set(total.Get() - p.Value)
					return nil
				}
				total.Set(total.Get() + p.Value)
				op.Emit(total.Get())
				return nil
			}
		}).To("totals", mem.Into(new([]int64)))
	run := leattest.Run(t, job, leattest.Records("clicks",
		visit("eve", 1, 1), visit("eve", 2, 2), visit("eve", 3, 3), visit("eve", 4, 12), visit("eve", 5, 30)))
	if got := run.Output[int64]("totals"); !slices.Equal(got, []int64{2, 3, 4, 5}) {
		t.Errorf("got %v", got)
	}
}

func TestPlanRefusesWindows(t *testing.T) {
	aggregate := func(refine func(*leat.Keyed[string, click]) *leat.Windowed[string, click]) func(*leat.Job) {
		return func(job *leat.Job) { refine(users(job)).Aggregate("w", agg.Count) }
	}
	w := "window w at"
	hours := window.Tumbling(time.Hour)
	refusals := []struct {
		name  string
		build func(*leat.Job)
		want  string
	}{
		{"no function", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.WindowBy(window.SessionBy[click](nil))
		}), "no windows"},
		{"no trigger", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(window.Global())
		}), "give it a Trigger"},
		{"nil trigger", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(hours).TriggerBy(nil)
		}), "TriggerBy is given is nil"},
		{"no distance", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(hours).TriggerBy(window.Delta[click](1, nil))
		}), "Delta without a function"},
		{"trigger that returns nothing", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(hours).TriggerBy(func(*window.Control) func(click) window.Action { return nil })
		}), "returned no function"},
		{"value that can't be encoded", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(hours).TriggerBy(func(c *window.Control) func(click) window.Action {
				c.Value[func()]("f")
				return nil
			})
		}), `a trigger's value "f"`},
		{"two values of a name", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(hours).TriggerBy(func(c *window.Control) func(click) window.Action {
				c.Value[int]("n")
				c.Value[int]("n")
				return nil
			})
		}), `two values of the trigger are called "n"`},
		{"values that can't be merged", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.WindowBy(window.SessionBy(patience)).TriggerBy(func(c *window.Control) func(click) window.Action {
				c.Value[int]("n")
				return func(click) window.Action { return window.Fire }
			})
		}), "sessions merge"},
		{"mode", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(hours).Mode(9)
		}), "Mode(9)"},
		{"negative lateness", aggregate(func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(hours).Mode(window.Discarding).AllowLateness(-1)
		}), "must not be negative"},
	}
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			job := leat.NewJob("clicks")
			r.build(job)
			_, err := job.Plan()
			if err == nil || !strings.Contains(err.Error(), r.want) || !strings.Contains(err.Error(), w) {
				t.Errorf("got %v, want %q", err, r.want)
			}
		})
	}
}

// States of the windows have names, which the author's may not have as well.
func TestPlanRefusesReservedNames(t *testing.T) {
	sum := func(name string) func(op *leat.Operator[string, int64]) func(leat.Pane[string, int64]) error {
		return func(op *leat.Operator[string, int64]) func(leat.Pane[string, int64]) error {
			op.Value[int64](name)
			return func(leat.Pane[string, int64]) error { return nil }
		}
	}
	for name, w := range map[string]func(*leat.Keyed[string, click]) *leat.Windowed[string, click]{
		"slices": func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(window.Tumbling(time.Hour))
		},
		"panes": func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(window.Tumbling(time.Hour)).AllowLateness(1)
		},
		"sessions": func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(window.Session(time.Hour))
		},
		"windows": func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] { return u.Window(window.Count(3)) },
		"trigger-last": func(u *leat.Keyed[string, click]) *leat.Windowed[string, click] {
			return u.Window(window.Global()).TriggerBy(window.Delta(1, farther))
		},
	} {
		job := leat.NewJob("clicks")
		w(users(job)).Process("p", agg.Count, sum(name))
		if _, err := job.Plan(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
			t.Errorf("%s: %v", name, err)
		}
		job = leat.NewJob("clicks")
		w(users(job)).Process("p", agg.Count, sum("mine")).To("out", mem.Into(new([]int64)))
		if _, err := job.Plan(); err != nil {
			t.Errorf("beside %s: %v", name, err)
		}
	}
}

// The plan says which operator runs the windows, and how.
func TestPlanShowsWindows(t *testing.T) {
	job := leat.NewJob("clicks")
	u := users(job)
	u.Window(window.Tumbling(time.Hour)).Aggregate("a", agg.Count).To("a out", nowhere)
	u.Window(window.Session(time.Hour)).AllowLateness(time.Minute).Aggregate("b", agg.Count).To("b out", nowhere)
	u.Window(window.Tumbling(time.Hour)).AllowLateness(time.Minute).
		Trigger(window.OnTime().Early(window.Every(time.Minute).ProcessingTime()).Late(window.AtCount(3))).
		Evict(window.KeepLast(9)).Mode(window.Discarding).Aggregate("c", agg.Count).To("c out", nowhere)
	plan, err := job.Plan()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(plan.String()), " ")
	for _, want := range []string{
		"tumbling windows of 1h0m0s, slices", "sessions with a gap of 1h0m0s, allowed lateness 1m0s, sessions by key",
		"trigger early every 1m0s of processing time, on time, late at each 3 records, keeps the last 9 records, discarding, allowed lateness 1m0s, general windows",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, plan)
		}
	}
}
