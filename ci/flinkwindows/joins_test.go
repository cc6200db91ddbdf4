package flinkwindows_test

import (
	"fmt"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
	"leat.dev/leat/window"
)

// joint makes a scenario's lines of two streams with one key.
type joint func(*leat.Connected[string, tick, tick]) *leat.Stream[string]

// joinOnLeat runs a scenario over both sides of the pairs.
func joinOnLeat(t *testing.T, pairs []tick, scenario joint) []string {
	t.Helper()
	job := leat.NewJob("flink")
	left, right := clicksOf(job, "left"), clicksOf(job, "right")
	scenario(left.KeyBy(tick.KeyOf).Connect(right.KeyBy(tick.KeyOf))).To("lines", mem.Into(new([]string)))
	run := leattest.Run(t, job,
		leattest.Records("left", ofSide("l", pairs)...), leattest.Records("right", ofSide("r", pairs)...))
	return run.Output[string]("lines")
}

func TestFlinkJoins(t *testing.T) {
	tumbling, sliding, session := window.Tumbling(5*time.Second), window.Sliding(6*time.Second, 2*time.Second), window.Session(2*time.Second)
	pairs := readTicks(t, "pairs.csv")
	for name, scenario := range map[string]joint{
		"join-tumbling":           inWindows(tumbling),
		"join-sliding":            inWindows(sliding),
		"join-session":            inWindows(session),
		"cogroup-tumbling":        grouped(tumbling),
		"cogroup-session":         grouped(session),
		"interval-join":           within(-time.Second, 3*time.Second),
		"interval-join-exclusive": within(-time.Second+1, 3*time.Second-1),
	} {
		t.Run(name, func(t *testing.T) { sameLines(t, joinOnLeat(t, pairs, scenario), onFlink(t, name)) })
	}
}

func inWindows(w window.Assigner) joint {
	return func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
		return both.Window(w).Join("pairs", pairLine)
	}
}

func pairLine(l, r tick) string { return fmt.Sprintf("%v %d@%d", l, r.Value, r.At) }

func grouped(w window.Assigner) joint {
	return func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
		return both.Window(w).CoGroup("groups", func(op *leat.Operator[string, string]) func(leat.Pane[string, agg.Both[[]tick, []tick]]) error {
			return func(p leat.Pane[string, agg.Both[[]tick, []tick]]) error {
				op.Emit(fmt.Sprintf("%s: %s | %s", p.Key, ascending(p.Value.A), ascending(p.Value.B)))
				return nil
			}
		})
	}
}

// within says each pair's event time too, as the operator behind sees it.
func within(from, to time.Duration) joint {
	return func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
		return both.Within(from, to).Join("pairs", pairLine).Global().
			Process("times", func(op *leat.Operator[struct{}, string]) func(string) error {
				return func(line string) error { op.Emit(fmt.Sprintf("%s at %d", line, op.Time().UnixMilli())); return nil }
			})
	}
}

func TestFlinkSQLJoins(t *testing.T) {
	pairs := readTicks(t, "pairs.csv")
	in := func(both *leat.Connected[string, tick, tick]) *leat.Related[string, tick, tick] {
		return both.Window(window.Tumbling(5 * time.Second))
	}
	between := func(both *leat.Connected[string, tick, tick]) *leat.Related[string, tick, tick] {
		return both.Within(-time.Second, 3*time.Second)
	}
	for name, scenario := range map[string]joint{
		"sql-window-join-inner":   innerRows(in),
		"sql-window-join-left":    leftRows(in),
		"sql-window-join-right":   rightRows(in),
		"sql-window-join-full":    fullRows(in),
		"sql-window-join-anti":    antiRows(in),
		"sql-interval-join-inner": innerRows(between),
		"sql-interval-join-left":  leftRows(between),
		"sql-interval-join-right": rightRows(between),
		"sql-interval-join-full":  fullRows(between),
		"sql-temporal-join-inner": func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
			return both.AsOf().Join("rows", func(l, r tick) string { return versionRow(l, &r) })
		},
		"sql-temporal-join-left": func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
			return both.AsOf().LeftJoin("rows", versionRow)
		},
	} {
		t.Run(name, func(t *testing.T) { sameLines(t, joinOnLeat(t, pairs, scenario), onFlink(t, name)) })
	}
}

// A row of a join has key, value and time of both sides, and - for those of a side without a record.
func joinRow(l, r *tick) string { return columns(l) + " " + columns(r) }

func columns(r *tick) string {
	if r == nil {
		return "- - -"
	}
	return fmt.Sprint(r.Key, " ", r.Value, " ", r.At)
}

func versionRow(l tick, r *tick) string {
	if r == nil {
		return columns(&l) + " - -"
	}
	return fmt.Sprint(columns(&l), " ", r.Value, " ", r.At)
}

// relating says which records belong together.
type relating func(*leat.Connected[string, tick, tick]) *leat.Related[string, tick, tick]

func innerRows(by relating) joint {
	return func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
		return by(both).Join("rows", func(l, r tick) string { return joinRow(&l, &r) })
	}
}

func leftRows(by relating) joint {
	return func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
		return by(both).LeftJoin("rows", func(l tick, r *tick) string { return joinRow(&l, r) })
	}
}

func rightRows(by relating) joint {
	return func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
		return by(both).RightJoin("rows", func(l *tick, r tick) string { return joinRow(l, &r) })
	}
}

func fullRows(by relating) joint {
	return func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
		return by(both).FullJoin("rows", joinRow)
	}
}

func antiRows(by relating) joint {
	return func(both *leat.Connected[string, tick, tick]) *leat.Stream[string] {
		return by(both).AntiJoin("rows").Map(func(l tick) string { return columns(&l) })
	}
}
