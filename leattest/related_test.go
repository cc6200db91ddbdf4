package leattest_test

import (
	"fmt"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/window"
)

var sumOfN = agg.Sum(func(r Rec) int64 { return r.N })

// general puts windows of the general operator behind a stream, or such that are aggregated before the exchange.
func (g *generator) general(f flow) flow {
	by := f.KeyBy(name)
	if f.order == source || f.order == byName {
		switch g.IntN(3) {
		case 0:
			return g.panes(f, by.Window(window.Count(1+g.IntN(5))), agg.Collect)
		case 1:
			return g.inOrder(f, by)
		}
	}
	if f.order == source || !f.late {
		if g.IntN(2) == 0 {
			w := by.Window(window.Sliding(10*time.Second, 5*time.Second)).AllowLateness(2 * time.Second).Preaggregate()
			return flow{w.Aggregate(g.name("preaggregated"), sumOfN, g.options()...).Map(paneOfSum), none, f.late}
		}
		gap := func(r Rec) time.Duration { return time.Duration(1+r.N%3) * time.Second }
		return g.panes(f, by.WindowBy(window.SessionBy(gap)), agg.Collect)
	}
	return g.stateless(f)
}

// inOrder has windows whose panes depend on the order of a key's records: with triggers, modes and evictors. Where records may be
// late, they are so for the watermark that came last, which is the same however the job runs.
func (g *generator) inOrder(f flow, by *leat.Keyed[string, Rec]) flow {
	w := by.Window([]window.Assigner{window.Tumbling(10 * time.Second), window.Session(2 * time.Second)}[g.IntN(2)])
	if g.IntN(2) == 0 {
		w = w.Evict(window.KeepLast(2 + g.IntN(3)))
	} else {
		w = w.Mode([]window.Mode{window.Accumulating, window.Discarding, window.Retracting}[g.IntN(3)])
	}
	if f.order == source {
		w = w.Trigger(window.OnTime().Early(window.AtCount(1 + g.IntN(3))).Late(window.AtCount(2))).AllowLateness(3 * time.Second)
	}
	return g.panes(f, w, agg.Collect)
}

func (g *generator) panes(f flow, w *leat.Windowed[string, Rec], a agg.Func[Rec, []Rec, []Rec]) flow {
	s := w.Aggregate(g.name("general"), a, g.options()...)
	return flow{s.Map(func(p leat.Pane[string, []Rec]) Rec {
		return paneOfRecords(p).tagged(fmt.Sprint(p.Index, p.Retract))
	}), none, f.late}
}

func paneOfSum(p leat.Pane[string, int64]) Rec {
	return Rec{Name: p.Key, At: p.End, N: p.Value, Tags: []string{p.Timing.String()}}
}

// joined brings two streams together by a relation.
func (g *generator) joined(f, second flow) flow {
	both := f.KeyBy(name).Connect(second.KeyBy(name))
	left := func(a Rec, b *Rec) Rec { return together(&a, b) }
	var s *leat.Stream[Rec]
	switch g.IntN(4) {
	case 0:
		s = both.Window(window.Tumbling(2*time.Second)).FullJoin(g.name("window-joined"), together, g.options()...)
	case 1:
		s = both.Within(-time.Second, time.Second).LeftJoin(g.name("interval-joined"), left, g.options()...)
	case 2:
		s = both.Within(0, 2*time.Second).AntiJoin(g.name("anti-joined"), g.options()...)
	default:
		s = both.Window(window.Session(500*time.Millisecond)).AntiJoin(g.name("session-joined"), g.options()...)
	}
	few := s.Filter(func(r Rec) bool { return (r.ID+r.N)%8 == 0 }) // pairs are many, and more with each join behind this one
	return flow{few, none, false}
}

// together is what becomes of two records, or of one without a partner.
func together(a, b *Rec) Rec {
	var out Rec
	for _, r := range []*Rec{a, b} {
		if r != nil {
			out.Name, out.ID, out.N = r.Name, out.ID*1009+r.ID, out.N*3+r.N
		} else {
			out.Tags = []string{"alone"}
		}
	}
	out.At = noon
	return out
}
