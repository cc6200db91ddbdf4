package corpus_test

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/state"
	"leat.dev/leat/window"
)

// windowsRecords is how many records the corpus job of windows has, and windowsCut how many come before its snapshot.
const windowsRecords, windowsCut = 600, 400

// epoch is how long windows of the clock are: what is open in a snapshot is open when it is restored, as long as that is before 2069.
const epoch = 50 * 365 * 24 * time.Hour

// gapped is a sighting every twenty seconds, with a pause of twenty minutes now and then.
func gapped(i int64) sighting {
	s := makeSighting(i)
	s.At = corpusStart.Add(time.Duration(i)*20*time.Second + time.Duration(i/120)*20*time.Minute)
	return s
}

// windowsJob has windows and joins of each kind, and aggregators with each kind of accumulator. Every output is a line.
func windowsJob(out *[]string, perSecond float64, reached func(i int64)) *leat.Job {
	job := leat.NewJob("corpus-windows")
	job.Parallelism = 2
	sightings := job.From("sightings", gen.Func(gen.Options{Count: windowsRecords, PerSecond: perSecond}, func(i int64) sighting {
		reached(i)
		return gapped(i)
	})).EventTime(sighting.when, 0)
	all := slices.Concat(
		sameForAllKeys(sightings.KeyBy(sighting.place)), byKey(sightings.KeyBy(sighting.place)), byTrigger(sightings.KeyBy(sighting.place)), pairsOf(sightings),
	)
	all[0].Union(all[1:]...).To("lines", mem.Into(out))
	return job
}

// onePane is a pane as text.
func onePane[V any](p leat.Pane[string, V]) string {
	minutes := func(t time.Time) int64 { return int64(t.Sub(corpusStart) / time.Minute) }
	return fmt.Sprintf("%s %d-%d %v %v %d %v", p.Key, minutes(p.Start), minutes(p.End), p.Value, p.Timing, p.Index, p.Retract)
}

// each is an operator that says all of its panes.
func each[V any](name string) func(*leat.Operator[string, string]) func(leat.Pane[string, V]) error {
	return func(op *leat.Operator[string, string]) func(leat.Pane[string, V]) error {
		return func(p leat.Pane[string, V]) error { op.Emit(name + " " + onePane(p)); return nil }
	}
}

// final is an operator that says the last pane of each window, where it depends on the clock how many there are before.
func final(name string) func(*leat.Operator[string, string]) func(leat.Pane[string, int64]) error {
	return func(op *leat.Operator[string, string]) func(leat.Pane[string, int64]) error {
		return func(p leat.Pane[string, int64]) error {
			if p.Index = 0; p.Timing == window.PaneOnTime {
				op.Emit(name + " " + onePane(p))
			}
			return nil
		}
	}
}

// sameForAllKeys is windows in slices.
func sameForAllKeys(k *leat.Keyed[string, sighting]) []*leat.Stream[string] {
	west := time.FixedZone("west", -5*60*60)
	return []*leat.Stream[string]{
		k.Window(window.Tumbling(40*time.Minute)).AllowLateness(10*time.Minute).Process("everything", everything(), each[string]("everything")),
		k.Window(window.Sliding(time.Hour, 20*time.Minute)).Preaggregate().Process("preaggregated", agg.Count, each[int64]("preaggregated")),
		k.Window(window.Cumulating(2*time.Hour, 30*time.Minute)).Process("cumulating", agg.Count, each[int64]("cumulating")),
		k.Window(window.Days(1, west)).Process("days", agg.Count, each[int64]("days")),
		k.Window(window.Tumbling(epoch).ProcessingTime()).Process("clock", agg.Count, each[int64]("clock")),
	}
}

// everything is one aggregator with the accumulators of most: the others have a number, or the like of one of these.
func everything() agg.Func[sighting, everythingAcc, string] {
	degree := func(s sighting) float64 { return s.Degree }
	id := func(s sighting) int64 { return s.ID }
	sketches := agg.Combine4(
		agg.Distinct(func(s sighting) string { return s.Tags[0] }), agg.RoughlyDistinct(id), agg.Quantiles(degree, 0.5), agg.Variance(degree),
		func(tags, ids int64, median []float64, variance float64) string {
			return fmt.Sprintf("%d %d %.1f %.3f", tags, ids, median, variance)
		},
	)
	records := agg.Combine4(
		agg.Top(2, id), agg.Histogram(id, 300, 900), agg.Last[sighting], agg.Mean(degree),
		func(top []sighting, bins []int64, last sighting, mean float64) string {
			return fmt.Sprintf("%d %d %d %.3f", top[0].ID, bins, last.ID, mean)
		},
	)
	return agg.Combine2(sketches, records, func(a, b string) string { return a + " " + b })
}

type everythingAcc = agg.Both[
	agg.Both[agg.Both[map[string]struct{}, agg.HyperLogLog], agg.Both[agg.DDSketch, agg.Moments]],
	agg.Both[agg.Both[[]sighting, []int64], agg.Both[agg.Timed[sighting], agg.Total]],
]

// byKey is windows that differ from key to key.
func byKey(k *leat.Keyed[string, sighting]) []*leat.Stream[string] {
	gap := func(s sighting) time.Duration { return time.Duration(5+s.ID%5) * time.Minute }
	spans := func(s sighting, at time.Time) iter.Seq[window.Span] {
		return func(yield func(window.Span) bool) {
			start := at.Truncate(time.Hour)
			_ = yield(window.Span{Start: start, End: start.Add(time.Hour)}) && s.Flag && yield(window.Span{Start: start, End: start.Add(90 * time.Minute)})
		}
	}
	return []*leat.Stream[string]{
		k.Window(window.Session(10*time.Minute)).AllowLateness(time.Minute).Process("sessions", agg.Count, each[int64]("sessions")),
		k.Window(window.Count(9)).Process("counted", agg.Count, each[int64]("counted")),
		k.Window(window.SlidingCount(8, 6)).Process("sliding-counted", agg.Count, each[int64]("sliding-counted")),
		k.WindowBy(window.SessionBy(gap)).Process("gaps", agg.Count, each[int64]("gaps")),
		k.WindowBy(window.Custom(spans)).TriggerBy(atEachTenth).Process("custom", agg.Count, each[int64]("custom")),
	}
}

// atEachTenth fires a window when it has had ten records more, and at its end.
func atEachTenth(c *window.Control) func(sighting) window.Action {
	seen := c.Value[int64]("seen")
	return func(sighting) window.Action {
		seen.Set(seen.Get() + 1)
		c.FireAt(c.Span().End)
		if seen.Get()%10 == 0 {
			return window.Fire
		}
		return window.Continue
	}
}

// byTrigger is windows with triggers, evictors and modes.
func byTrigger(k *leat.Keyed[string, sighting]) []*leat.Stream[string] {
	hours := k.Window(window.Tumbling(time.Hour))
	farther := window.Delta(30, func(last, now sighting) float64 { return now.Degree - last.Degree })
	twos := window.OnTime().Early(window.AtCount(2))
	return []*leat.Stream[string]{
		k.Window(window.Global()).TriggerBy(farther).Process("unending", agg.Count, each[int64]("unending")),
		hours.Evict(window.KeepLast(6)).EvictBy(func(s, newest sighting) bool { return s.Flag != newest.Flag }).Process("kept", agg.Count, each[int64]("kept")),
		hours.AllowLateness(time.Minute).Trigger(twos.Late(window.AtCount(2))).Mode(window.Retracting).Process("retracting", agg.Count, perWindowSums),
		k.Window(window.Session(10*time.Minute)).Trigger(twos).Mode(window.Discarding).Process("discarding", agg.Count, each[int64]("discarding")),
		hours.Trigger(window.Every(10*time.Minute)).Process("every", agg.Count, final("every")),
		k.Window(window.Tumbling(epoch).ProcessingTime()).Trigger(window.Every(time.Hour).ProcessingTime()).Process("ticking", agg.Count, final("ticking")),
	}
}

// perWindowSums says what the panes of a window came to with the last one, from states that each window has of its own.
func perWindowSums(op *leat.Operator[string, string]) func(leat.Pane[string, int64]) error {
	last := op.Value[leat.Pane[string, int64]]("last", state.PerWindow())
	sum := op.Reducing("sum", func(a, b int64) int64 { return a + b }, state.PerWindow())
	return func(p leat.Pane[string, int64]) error {
		if p.Retract {
			p.Value = -p.Value
		}
		sum.Add(p.Value)
		op.Emit(fmt.Sprintf("retracting %s after %d: %d", onePane(p), last.Get().Value, sum.Get()))
		last.Set(p)
		return nil
	}
}

// pairsOf is joins: records of two parts of a stream.
func pairsOf(s *leat.Stream[sighting]) []*leat.Stream[string] {
	few := s.Filter(func(s sighting) bool { return s.ID%20 == 0 }).KeyBy(sighting.place)
	many := s.Filter(func(s sighting) bool { return s.ID%3 == 0 }).KeyBy(sighting.place)
	pair := func(name string) func(sighting, *sighting) string {
		return func(a sighting, b *sighting) string {
			if b == nil {
				return fmt.Sprintf("%s %d alone", name, a.ID)
			}
			return fmt.Sprintf("%s %d %d", name, a.ID, b.ID)
		}
	}
	both := few.Connect(many)
	return []*leat.Stream[string]{
		both.Window(window.Tumbling(time.Hour)).LeftJoin("window-join", pair("window-join")),
		both.Window(window.Sliding(40*time.Minute, 20*time.Minute)).AllowLateness(time.Minute, time.Minute).LeftJoin("late-join", pair("late-join")),
		both.Window(window.Session(12*time.Minute)).LeftJoin("session-join", pair("session-join")),
		both.Within(-10*time.Minute, 30*time.Minute).LeftJoin("within", pair("within")),
		both.AsOf().AllowLateness(time.Minute, 0).LeftJoin("as-of", pair("as-of")),
		both.Window(window.Tumbling(time.Hour)).CoGroup("groups", func(op *leat.Operator[string, string]) func(leat.Pane[string, agg.Both[[]sighting, []sighting]]) error {
			groups := op.Value[int64]("groups")
			return func(p leat.Pane[string, agg.Both[[]sighting, []sighting]]) error {
				groups.Set(groups.Get() + 1)
				op.Emit(fmt.Sprintf("groups %s %d: %d and %d", p.Key, groups.Get(), len(p.Value.A), len(p.Value.B)))
				return nil
			}
		}),
	}
}
