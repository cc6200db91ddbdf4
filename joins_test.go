package leat_test

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

// bought and paid are what the joins here bring together: ids are unique within a side.
type bought struct {
	Who string
	ID  int
	At  time.Time
}

type paid struct {
	Who string
	ID  int
	At  time.Time
}

func (b bought) Key() string     { return b.Who }
func (b bought) When() time.Time { return b.At }
func (p paid) Key() string       { return p.Who }
func (p paid) When() time.Time   { return p.At }

// Results of joins are words: the ids of both sides.
func pairOf(b bought, p paid) string { return fmt.Sprintf("%s %d-%d", b.Who, b.ID, p.ID) }

func leftOf(b bought, p *paid) string { return fullOf(&b, p) }

func rightOf(b *bought, p paid) string { return fullOf(b, &p) }

func fullOf(b *bought, p *paid) string {
	switch {
	case b == nil:
		return fmt.Sprintf("%s -%d", p.Who, p.ID)
	case p == nil:
		return fmt.Sprintf("%s %d-", b.Who, b.ID)
	}
	return pairOf(*b, *p)
}

// related are the two streams of a test, brought together.
func related(job *leat.Job, delay time.Duration) *leat.Connected[string, bought, paid] {
	first := job.From("bought", mem.From[bought]()).EventTime(bought.When, delay)
	second := job.From("paid", mem.From[paid]()).EventTime(paid.When, delay)
	return first.KeyBy(bought.Key).Connect(second.KeyBy(paid.Key))
}

// words makes a sink of words.
func words(job *leat.Stream[string], name string) { job.To(name, mem.Into(new([]string))) }

// drawn are records of both sides, at most delay seconds out of order.
func drawn(n int, delay int) (first []bought, second []paid) {
	r := rand.New(rand.NewPCG(7, 11))
	for i := range n {
		who := fmt.Sprintf("k%d", r.IntN(12))
		first = append(first, bought{who, i, at(i + r.IntN(delay))})
		who = fmt.Sprintf("k%d", r.IntN(12))
		second = append(second, paid{who, i, at(i + r.IntN(delay))})
	}
	return first, second
}

// oracle joins by trying all pairs.
type oracle struct {
	first  []bought
	second []paid
	pair   func(b bought, p paid) bool
}

func (o oracle) inner() (all []string) {
	for _, b := range o.first {
		for _, p := range o.second {
			if b.Who == p.Who && o.pair(b, p) {
				all = append(all, pairOf(b, p))
			}
		}
	}
	return all
}

func (o oracle) firstAlone() (all []string) {
	for _, b := range o.first {
		if !slices.ContainsFunc(o.second, func(p paid) bool { return b.Who == p.Who && o.pair(b, p) }) {
			all = append(all, leftOf(b, nil))
		}
	}
	return all
}

func (o oracle) secondAlone() (all []string) {
	for _, p := range o.second {
		if !slices.ContainsFunc(o.first, func(b bought) bool { return b.Who == p.Who && o.pair(b, p) }) {
			all = append(all, rightOf(nil, p))
		}
	}
	return all
}

// outcomes are what each kind of join has, by the name of its sink.
func (o oracle) outcomes(prefix string) map[string][]string {
	inner, first, second := o.inner(), o.firstAlone(), o.secondAlone()
	return map[string][]string{
		prefix + "-inner": inner, prefix + "-left": slices.Concat(inner, first), prefix + "-right": slices.Concat(inner, second),
		prefix + "-full": slices.Concat(inner, first, second), prefix + "-anti": first,
	}
}

// allJoins runs each kind of join that a relation has.
func allJoins(r *leat.Related[string, bought, paid], prefix string) {
	words(r.Join(prefix+"-join", pairOf), prefix+"-inner")
	words(r.LeftJoin(prefix+"-left-join", leftOf), prefix+"-left")
	words(r.RightJoin(prefix+"-right-join", rightOf), prefix+"-right")
	words(r.FullJoin(prefix+"-full-join", fullOf), prefix+"-full")
	words(r.AntiJoin(prefix+"-anti-join").Map(func(b bought) string { return leftOf(b, nil) }), prefix+"-anti")
}

func compareWords(t *testing.T, run *leattest.Result, want map[string][]string) {
	t.Helper()
	for sink, all := range want {
		got := run.Output[string](sink)
		slices.Sort(got)
		slices.Sort(all)
		if !slices.Equal(got, all) {
			t.Errorf("%s: got %d: %q\nwant %d: %q", sink, len(got), got, len(all), all)
		}
		if len(all) == 0 {
			t.Errorf("%s: the test has no result", sink)
		}
	}
}

// Window joins have what trying all pairs finds, whichever way the job is run.
func TestWindowJoins(t *testing.T) {
	first, second := drawn(150, 8)
	size := 15 * time.Second
	build := func() *leat.Job {
		job := leat.NewJob("joins")
		both := related(job, 8*time.Second)
		allJoins(both.Window(window.Tumbling(size)), "tumbling")
		words(both.Window(window.Session(4*time.Second)).Join("session-join", pairOf), "session")
		words(both.Window(window.Sliding(20*time.Second, 10*time.Second)).LeftJoin("sliding-join", leftOf), "sliding")
		words(both.Window(window.Tumbling(size)).CoGroup("balance", balance), "balances")
		return job
	}
	run := leattest.EveryWay(t, build, leattest.Records("bought", first...), leattest.Records("paid", second...))
	tumbling := oracle{first, second, func(b bought, p paid) bool { return b.At.Truncate(size).Equal(p.At.Truncate(size)) }}
	want := tumbling.outcomes("tumbling")
	want["balances"] = balances(first, second, size)
	compareWords(t, run, want)
}

// Interval joins have what trying all pairs finds.
func TestIntervalJoins(t *testing.T) {
	first, second := drawn(150, 8)
	build := func() *leat.Job {
		job := leat.NewJob("joins")
		both := related(job, 8*time.Second)
		allJoins(both.Within(-3*time.Second, 10*time.Second), "around")
		words(both.Within(5*time.Second, 20*time.Second).FullJoin("after-join", fullOf), "after")
		words(both.Within(-20*time.Second, -5*time.Second).FullJoin("before-join", fullOf), "before")
		return job
	}
	run := leattest.EveryWay(t, build, leattest.Records("bought", first...), leattest.Records("paid", second...))
	within := func(from, to time.Duration) oracle {
		return oracle{first, second, func(b bought, p paid) bool {
			by := p.At.Sub(b.At)
			return by >= from*time.Second && by <= to*time.Second
		}}
	}
	want := within(-3, 10).outcomes("around")
	want["after"] = within(5, 20).outcomes("after")["after-full"]
	want["before"] = within(-20, -5).outcomes("before")["before-full"]
	compareWords(t, run, want)
}

// Temporal joins have the version that held at the time of each record.
func TestTemporalJoins(t *testing.T) {
	first, second := drawn(150, 8)
	build := func() *leat.Job {
		job := leat.NewJob("joins")
		r := related(job, 8*time.Second).AsOf()
		words(r.Join("join", pairOf), "inner")
		words(r.LeftJoin("left-join", leftOf), "left")
		words(r.AntiJoin("anti-join").Map(func(b bought) string { return leftOf(b, nil) }), "anti")
		return job
	}
	run := leattest.EveryWay(t, build, leattest.Records("bought", first...), leattest.Records("paid", second...))
	o := oracle{first, second, func(b bought, p paid) bool {
		newer := func(q paid) bool {
			return q.Who == b.Who && !q.At.After(b.At) && (q.At.After(p.At) || q.At.Equal(p.At) && q.ID > p.ID)
		}
		return !p.At.After(b.At) && !slices.ContainsFunc(second, newer)
	}}
	inner, alone := o.inner(), o.firstAlone()
	compareWords(t, run, map[string][]string{"inner": inner, "left": slices.Concat(inner, alone), "anti": alone})
}

// balance counts a window's records, and those of the windows before.
func balance(op *leat.Operator[string, string]) func(leat.Pane[string, agg.Both[[]bought, []paid]]) error {
	sum := op.Value[int]("sum")
	return func(p leat.Pane[string, agg.Both[[]bought, []paid]]) error {
		*sum.Ref() += len(p.Value.A) - len(p.Value.B)
		op.Emit(fmt.Sprintf("%s %d: %d %d %d", p.Key, secondOf(p.Start), len(p.Value.A), len(p.Value.B), sum.Get()))
		return nil
	}
}

func balances(first []bought, second []paid, size time.Duration) (all []string) {
	type cell struct {
		who   string
		start time.Time
	}
	counts := map[cell]*[2]int{}
	count := func(who string, at time.Time, side int) {
		c := cell{who, at.Truncate(size)}
		if counts[c] == nil {
			counts[c] = new([2]int)
		}
		counts[c][side]++
	}
	for _, b := range first {
		count(b.Who, b.At, 0)
	}
	for _, p := range second {
		count(p.Who, p.At, 1)
	}
	sums := map[string]int{}
	var cells []cell
	for c := range counts {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, func(a, b cell) int { return a.start.Compare(b.start) })
	for _, c := range cells {
		n := counts[c]
		sums[c.who] += n[0] - n[1]
		all = append(all, fmt.Sprintf("%s %d: %d %d %d", c.who, secondOf(c.start), n[0], n[1], sums[c.who]))
	}
	return all
}

// secondOf is second, where that is a side's name.
func secondOf(t time.Time) int { return int(t.Sub(at(0)) / time.Second) }

const (
	lateBought leat.Output[bought] = "late-bought"
	latePaid   leat.Output[paid]   = "late-paid"
)

// Records that come too late go to the side output of their stream, and are counted; those within the lateness are not
// too late. Both streams go back, and whichever is behind when event time has come to 100 has something that is too late: as of a
// version, that takes two versions, of which the newer one holds.
func TestLateForJoins(t *testing.T) {
	first := []bought{{"eve", 1, at(0)}, {"eve", 2, at(100)}, {"eve", 3, at(1)}, {"eve", 4, at(70)}}
	second := []paid{{"eve", 1, at(0)}, {"eve", 2, at(100)}, {"eve", 5, at(30)}, {"eve", 3, at(1)}, {"eve", 4, at(70)}}
	for name, r := range map[string]func(*leat.Connected[string, bought, paid]) *leat.Related[string, bought, paid]{
		"windows": func(c *leat.Connected[string, bought, paid]) *leat.Related[string, bought, paid] {
			return c.Window(window.Tumbling(10*time.Second)).AllowLateness(40*time.Second, 40*time.Second)
		},
		"within": func(c *leat.Connected[string, bought, paid]) *leat.Related[string, bought, paid] {
			return c.Within(0, 10*time.Second).AllowLateness(40*time.Second, 40*time.Second)
		},
		"as of": func(c *leat.Connected[string, bought, paid]) *leat.Related[string, bought, paid] {
			return c.AsOf().AllowLateness(40*time.Second, 0)
		},
	} {
		job := leat.NewJob("joins")
		words(r(related(job, 0)).LateTo(lateBought, latePaid).LeftJoin("pairs", leftOf), "out")
		run := leattest.Run(t, job, leattest.Records("bought", first...), leattest.Records("paid", second...))
		b, p := run.Side("pairs", lateBought), run.Side("pairs", latePaid)
		if int64(len(b)+len(p)) != run.Late("pairs") {
			t.Errorf("%s: late are %v and %v, counted %d", name, b, p, run.Late("pairs"))
		}
		if len(b) > 1 || len(p) > 3 || len(b)+len(p) == 0 || len(b) == 1 && b[0].ID != 3 {
			t.Errorf("%s: late are %v and %v", name, b, p)
		}
	}
}

func TestJoinsRefuse(t *testing.T) {
	type rel = leat.Related[string, bought, paid]
	left := func(r *rel) { words(r.LeftJoin("j", leftOf), "s") }
	right := func(r *rel) { words(r.RightJoin("j", rightOf), "s") }
	full := func(r *rel) { words(r.FullJoin("j", fullOf), "s") }
	group := func(r *rel) { words(r.CoGroup("j", balance), "s") }
	for _, c := range []struct {
		name string
		rel  func(*leat.Connected[string, bought, paid]) *rel
		join func(*rel)
		want string
	}{
		{"group as of", (*leat.Connected[string, bought, paid]).AsOf, group, "AsOf with CoGroup"},
		{"right as of", (*leat.Connected[string, bought, paid]).AsOf, right, "AsOf with RightJoin"},
		{"full as of", (*leat.Connected[string, bought, paid]).AsOf, full, "AsOf with FullJoin"},
		{"late versions", func(c *leat.Connected[string, bought, paid]) *rel { return c.AsOf().AllowLateness(0, 1) }, left, "for versions: set it to 0"},
		{"negative", func(c *leat.Connected[string, bought, paid]) *rel {
			return c.Window(window.Tumbling(1)).AllowLateness(0, -1)
		}, left, "must not be negative"},
		{"group within", func(c *leat.Connected[string, bought, paid]) *rel { return c.Within(0, 1) }, group, "Within with CoGroup"},
		{"empty interval", func(c *leat.Connected[string, bought, paid]) *rel { return c.Within(1, 0) }, left, "Within(1ns, 0s): the second duration is less"},
		{"no windows", func(c *leat.Connected[string, bought, paid]) *rel { return c.Window(nil) }, left, "no windows"},
		{"empty windows", func(c *leat.Connected[string, bought, paid]) *rel { return c.Window(window.Tumbling(0)) }, group, "the size must be greater than 0"},
		{"no function", func(c *leat.Connected[string, bought, paid]) *rel { return c.Window(window.Tumbling(1)) }, func(r *rel) {
			words(r.Join[string]("j", nil), "s")
		}, "function"},
		{"no constructor", func(c *leat.Connected[string, bought, paid]) *rel { return c.Window(window.Tumbling(1)) }, func(r *rel) {
			words(r.CoGroup[string]("j", nil), "s")
		}, "constructor"},
	} {
		job := leat.NewJob("joins")
		c.join(c.rel(related(job, 0)))
		err := job.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "join j at ") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
