package flinkwindows_test

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/window"
)

func TestFlinkTriggeredWindows(t *testing.T) {
	clicks := readTicks(t, "clicks.csv")
	long := window.Tumbling(20 * time.Second)
	for name, scenario := range map[string]build{
		"count":                inArrival(window.Count(3)),
		"count-sliding":        inArrival(window.SlidingCount(5, 2)),
		"global-count":         timeless(triggered(window.Global(), window.AtCount(7))),
		"global-count-purging": timeless(triggered(window.Global(), window.AtCount(7).Purging())),
		"global-delta": timeless(contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] {
			return k.Window(window.Global()).TriggerBy(window.Delta(60, func(last, now tick) float64 {
				return math.Abs(float64(now.Value - last.Value))
			}))
		})),
		"tumbling-count-trigger":         triggered(long, window.AtCount(3)),
		"tumbling-count-trigger-purging": triggered(long, window.AtCount(3).Purging()),
		"tumbling-purging-lateness": contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] {
			return k.Window(long).AllowLateness(6 * time.Second).Trigger(window.OnTime().Purging())
		}),
		"tumbling-early-late": contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] {
			return k.Window(long).AllowLateness(6 * time.Second).Trigger(window.OnTime().Early(window.AtCount(3)))
		}),
		"global-own-trigger": timeless(contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] {
			return k.Window(window.Global()).TriggerBy(atSum)
		})),
		"session-count-trigger": triggered(window.Session(2*time.Second), window.AtCount(2)),
		"evict-lateness": contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] {
			return k.Window(window.Tumbling(10 * time.Second)).AllowLateness(4 * time.Second).Evict(window.KeepLast(2))
		}),
		"evict-delta": contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] {
			return k.Window(window.Tumbling(10 * time.Second)).EvictBy(func(r, newest tick) bool {
				return math.Abs(float64(r.Value-newest.Value)) >= 40
			})
		}),
		"evict-count": evicting(window.KeepLast(3)),
		"evict-time":  evicting(window.KeepFor(3*time.Second - time.Millisecond)),
		"session-by": contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] {
			return k.WindowBy(window.SessionBy(gapOf))
		}),
		"custom": contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] {
			return k.WindowBy(window.Custom(widths))
		}),
	} {
		t.Run(name, func(t *testing.T) { sameLines(t, runOnLeat(t, clicks, scenario), onFlink(t, name)) })
	}
}

// atSum fires, and drops what is in the window, when the sum of the values has reached 200.
func atSum(c *window.Control) func(tick) window.Action {
	sum := c.Value[int64]("sum")
	return func(r tick) window.Action {
		sum.Set(sum.Get() + r.Value)
		if sum.Get() < 200 {
			return window.Continue
		}
		sum.Clear()
		return window.FireAndPurge
	}
}

// Flink fires at each interval, leat at those before which a record has come: without the repetitions they are equal. No
// record of this input is ahead of event time by an interval's end.
func TestFlinkFiringAtIntervals(t *testing.T) {
	got := runOnLeat(t, readTicks(t, "ordered.csv"), triggered(window.Tumbling(20*time.Second), window.Every(4*time.Second)))
	slices.Sort(got)
	sameLines(t, slices.Compact(got), slices.Compact(onFlink(t, "tumbling-every")))
}

// inArrival are windows that have no time in Flink.
func inArrival(w window.Assigner) build {
	return timeless(in(w))
}

// timeless replaces the times of panes by what stands for Flink's global windows.
func timeless(scenario build) build {
	return func(clicks *leat.Stream[tick]) []*leat.Stream[string] {
		lines := scenario(clicks)
		for i, s := range lines {
			lines[i] = s.Map(func(line string) string {
				key, rest, _ := strings.Cut(line, " ")
				_, values, _ := strings.Cut(rest, ": ")
				return fmt.Sprintf("%s all: %s", key, values)
			})
		}
		return lines
	}
}

func triggered(w window.Assigner, trigger window.Trigger) build {
	return contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] { return k.Window(w).Trigger(trigger) })
}

func evicting(e window.Evictor) build {
	return contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] {
		return k.Window(window.Tumbling(10 * time.Second)).Evict(e)
	})
}

// gapOf is a second, or four after records with a large value.
func gapOf(r tick) time.Duration {
	if r.Value > 50 {
		return 4 * time.Second
	}
	return time.Second
}

// widths puts each record into a window of 5 seconds, and those with an even value into one of 15 too.
func widths(r tick, at time.Time) iter.Seq[window.Span] {
	return func(yield func(window.Span) bool) {
		if yield(around(at, 5*time.Second)) && r.Value%2 == 0 {
			yield(around(at, 15*time.Second))
		}
	}
}

func around(at time.Time, size time.Duration) window.Span {
	start := time.Unix(0, at.UnixNano()-at.UnixNano()%int64(size))
	return window.Span{Start: start, End: start.Add(size)}
}

func TestFlinkSQLWindows(t *testing.T) {
	clicks := readTicks(t, "clicks.csv")
	for name, scenario := range map[string]build{
		"sql-tumble":        rowsIn(window.Tumbling(5 * time.Second)),
		"sql-tumble-offset": rowsIn(window.Tumbling(7 * time.Second).Offset(3 * time.Second)),
		"sql-hop":           rowsIn(window.Sliding(12*time.Second, 4*time.Second)),
		"sql-cumulate":      rowsIn(window.Cumulating(20*time.Second, 4*time.Second)),
		"sql-session":       rowsIn(window.Session(2 * time.Second)),
		"sql-top":           largest,
	} {
		t.Run(name, func(t *testing.T) { sameLines(t, runOnLeat(t, clicks, scenario), onFlink(t, name)) })
	}
}

// Of the days on which clocks change, one has 23 hours and one 25. Flink's windows are in local time.
func TestFlinkDays(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	local := func(at time.Time) int64 {
		_, ahead := at.In(berlin).Zone()
		return at.UnixMilli() + int64(ahead)*1000
	}
	scenario := rowsBy(window.Days(1, berlin), func(s window.Span) string { return fmt.Sprint(local(s.Start), " ", local(s.End)) })
	sameLines(t, runOnLeat(t, readTicks(t, "days.csv"), scenario), onFlink(t, "sql-days"))
}

func rowsIn(w window.Assigner) build {
	return rowsBy(w, func(s window.Span) string { return fmt.Sprint(s.Start.UnixMilli(), " ", s.End.UnixMilli()) })
}

// rowsBy is a query's row of each pane: key, span, count, sum, least, largest and different values.
func rowsBy(w window.Assigner, span func(window.Span) string) build {
	reach := agg.Combine2(agg.Min(tick.ValueOf), agg.Max(tick.ValueOf), func(low, high int64) string { return fmt.Sprint(low, " ", high) })
	row := agg.Combine4(agg.Count, agg.Sum(tick.ValueOf), reach, agg.Distinct(tick.ValueOf),
		func(n, sum int64, reach string, distinct int64) string {
			return fmt.Sprint(n, " ", sum, " ", reach, " ", distinct)
		})
	return func(clicks *leat.Stream[tick]) []*leat.Stream[string] {
		return []*leat.Stream[string]{clicks.KeyBy(tick.KeyOf).Window(w).Aggregate("rows", row).
			Map(func(p leat.Pane[string, string]) string { return fmt.Sprint(p.Key, " ", span(p.Span), " ", p.Value) })}
	}
}

// largest are the two keys with the largest sums in each window.
func largest(clicks *leat.Stream[tick]) []*leat.Stream[string] {
	top := clicks.KeyBy(tick.KeyOf).Window(window.Tumbling(10*time.Second)).Aggregate("sums", agg.Sum(tick.ValueOf)).
		Global().Window(window.Tumbling(10*time.Second)).Aggregate("top", agg.Top(2, leat.PaneValue[string, int64]))
	return []*leat.Stream[string]{top.FlatMap(func(p leat.Pane[struct{}, []leat.Pane[string, int64]]) iter.Seq[string] {
		return func(yield func(string) bool) {
			for i, best := range p.Value {
				if !yield(fmt.Sprint(p.End.UnixMilli(), " ", i+1, " ", best.Key, " ", best.Value)) {
					return
				}
			}
		}
	})}
}
