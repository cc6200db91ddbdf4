package general

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// TestAgainstModel draws windows, triggers, evictors, modes, aggregators, records (out of order and late among them),
// watermarks, the wall clock, snapshots while the operator goes on and in the middle of firing, restores and other parallelisms,
// and compares with the model.
func TestAgainstModel(t *testing.T) {
	for _, kind := range []string{"tumbling", "sliding", "cumulating", "session", "clock", "clock session", "count", "global", "gaps", "spans"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { newRun(t, kind).steps() })
		})
	}
}

// run is one drawn history.
type run struct {
	*rapid.T
	settings
	kind  string
	c     cluster
	m     *model
	wm    int64
	now   int64
	seq   int
	saved *saved // written, or being written
	then  *model // as it was at that snapshot
	at    int64
}

func newRun(t *rapid.T, kind string) *run {
	r := &run{T: t, wm: flow.NoTime, kind: kind}
	r.drawWindows()
	custom := r.drawTrigger()
	r.drawEvictor()
	name := rapid.SampledFrom([]string{"count", "values", "tally", "ends"}).Draw(t, "aggregator")
	c, result, err := aggregators[name](r.settings, r.parallelism())
	r.check(err)
	r.c = c
	r.m = newModel(r.settings, custom, result, func(key string) int { _, g := c.owner(key); return g })
	return r
}

func (r *run) int(least, most int, what string) int {
	return rapid.IntRange(least, most).Draw(r.T, what)
}

func (r *run) duration(least, most int, what string) time.Duration {
	return time.Duration(r.int(least, most, what))
}

func (r *run) drawWindows() {
	switch r.kind {
	case "tumbling":
		r.windows = window.Tumbling(r.duration(1, 24, "size")).Offset(r.duration(-30, 30, "offset"))
	case "sliding":
		r.windows = window.Sliding(r.duration(1, 24, "size"), r.duration(1, 30, "slide"))
	case "cumulating":
		step := r.duration(1, 8, "step")
		r.windows = window.Cumulating(step*r.duration(1, 4, "steps"), step).Offset(r.duration(-10, 10, "offset"))
	case "session":
		r.windows = window.Session(r.duration(1, 24, "gap"))
	case "clock":
		r.windows = window.Sliding(r.duration(1, 24, "size"), r.duration(1, 30, "slide")).ProcessingTime()
	case "clock session":
		r.windows = window.Session(r.duration(1, 24, "gap")).ProcessingTime()
	case "count":
		r.windows = window.SlidingCount(r.int(1, 7, "count"), r.int(1, 9, "every"))
	case "global":
		r.windows = window.Global()
	case "gaps":
		r.by = window.SessionBy(func(r rec) time.Duration { return time.Duration(r.V+2) * 5 })
	case "spans":
		r.by = window.Custom(func(r rec, at time.Time) iter.Seq[window.Span] {
			return func(yield func(window.Span) bool) {
				for i := range r.V {
					if !yield(window.Span{Start: at.Add(-time.Duration(i)), End: at.Truncate(7).Add(7 * time.Duration(i+1))}) {
						return
					}
				}
			}
		})
	}
	if !strings.Contains("count global clock session", r.kind) || r.kind == "session" {
		r.lateness = time.Duration(rapid.SampledFrom([]int{0, 1, 7, 30}).Draw(r.T, "lateness"))
	}
}

// drawTrigger draws a trigger, and returns the name of one by record.
func (r *run) drawTrigger() (custom string) {
	if r.kind == "count" {
		return ""
	}
	if custom = rapid.SampledFrom([]string{"", "", "sum", "delta", "goodbye", "ends"}).Draw(r.T, "custom"); custom == "ends" && r.kind == "global" {
		custom = ""
	}
	r.mode = window.Mode(r.int(0, 2, "mode"))
	switch custom {
	case "sum":
		r.triggerBy = atSum(5)
	case "delta":
		r.triggerBy = window.Delta(1, func(a, b rec) float64 { return math.Abs(float64(a.V - b.V)) })
	case "goodbye":
		r.triggerBy = onZero
	case "ends":
		r.triggerBy = func(c *window.Control) func(rec) window.Action {
			return func(rec) window.Action { c.FireAt(c.Span().End); return window.Continue }
		}
	default:
		r.drawPlain()
	}
	return custom
}

func (r *run) drawPlain() {
	f := window.OnTime()
	switch kind := r.int(0, 2, "trigger"); {
	case kind == 1 || r.kind == "global":
		f = r.part("at")
	case kind == 0:
		if rapid.Bool().Draw(r.T, "early") {
			f = f.Early(r.part("early"))
		}
		if r.lateness > 0 && rapid.Bool().Draw(r.T, "late") {
			f = f.Late(r.part("late"))
		}
		f = r.purging(f)
	}
	r.trigger = &f
}

// part draws a trigger that may be given to another one.
func (r *run) part(what string) window.Trigger {
	f := window.AtCount(r.int(1, 5, what+" count"))
	if rapid.Bool().Draw(r.T, what+" interval") {
		f = window.Every(r.duration(1, 15, what+" every"))
		if strings.HasPrefix(r.kind, "clock") || rapid.Bool().Draw(r.T, what+" clock") {
			f = f.ProcessingTime()
		}
	}
	return r.purging(f)
}

func (r *run) purging(f window.Trigger) window.Trigger {
	if r.mode != window.Retracting && r.int(0, 3, "purging") == 0 {
		return f.Purging()
	}
	return f
}

func (r *run) drawEvictor() {
	switch r.int(0, 4, "evict") {
	case 0:
		r.evict = window.KeepLast(r.int(1, 70, "last"))
	case 1:
		r.evict = window.KeepFor(r.duration(0, 30, "for"))
	}
	if r.int(0, 3, "evict by") == 0 {
		r.evictBy = func(r, newest rec) bool { return r.V == newest.V }
	}
}

func (r *run) parallelism() int { return r.int(1, 3, "parallelism") }

func (r *run) steps() {
	r.Repeat(map[string]func(*rapid.T){
		"records":   func(*rapid.T) { r.records() },
		"records2":  func(*rapid.T) { r.records() },
		"watermark": func(*rapid.T) { r.advanceAll(r.nextWatermark()); r.compare() },
		"clock":     func(*rapid.T) { r.tick() },
		"uneven":    func(*rapid.T) { r.uneven() },
		"snapshot":  func(*rapid.T) { r.snapshot() },
		"restore":   func(*rapid.T) { r.restore() },
		"firing":    func(*rapid.T) { r.restoreWhileFiring() },
	})
	r.advanceAll(flow.EndTime)
	r.compare()
	if r.saved != nil {
		r.check(r.saved.wait())
	}
}

func (r *run) check(err error) {
	if err != nil {
		r.Fatal(err)
	}
}

// base is a time near which things happen.
func (r *run) base() int64 {
	if r.wm == flow.NoTime {
		return 0
	}
	return r.wm
}

func (r *run) records() {
	var events []event
	for range r.int(1, 12, "records") {
		at := r.base() + int64(r.int(-40, 40, "at"))
		key := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(r.T, "key")
		r.seq++
		events = append(events, event{key, at, rec{int64(r.int(-1, 4, "v")), r.seq}})
	}
	late, err := r.c.receive(events)
	r.check(err)
	for _, e := range events {
		r.m.receive(e)
	}
	want := r.m.late
	r.m.late = nil
	if got, want := bySeq(late), bySeq(want); got != want {
		r.Fatalf("late records %s, want %s", got, want)
	}
	r.compare()
}

func bySeq(events []event) string {
	slices.SortFunc(events, func(a, b event) int { return a.rec.Seq - b.rec.Seq })
	return fmt.Sprint(events)
}

func (r *run) nextWatermark() int64 { return r.base() + int64(r.int(0, 40, "ahead")) }

func (r *run) advanceAll(wm int64) {
	r.wm = wm
	for !r.c.advance(-1, wm, rapid.SampledFrom([]int{1, 3, math.MaxInt}).Draw(r.T, "limit")) {
	}
	r.m.advance(wm, func(int) bool { return true })
}

func (r *run) tick() {
	r.now += int64(r.int(0, 25, "clock"))
	r.c.tick(r.now)
	r.m.tick(r.now)
	r.compare()
}

// uneven moves the watermark of one subtask only: after a restore its key groups are further than others.
func (r *run) uneven() {
	subtask, wm := r.int(0, r.c.subtasks()-1, "subtask"), r.nextWatermark()
	for !r.c.advance(subtask, wm, 2) {
	}
	r.m.advance(wm, func(g int) bool { return g*r.c.subtasks()/groups == subtask })
	r.compare()
}

func (r *run) snapshot() {
	if r.saved != nil {
		r.check(r.saved.wait())
	}
	r.saved, r.then, r.at = r.c.snapshot(), r.m.clone(), r.wm
}

// restore goes back to the last snapshot. The clock does not go back: what it has made due since then fires.
func (r *run) restore() {
	if r.saved == nil {
		return
	}
	r.check(r.saved.wait())
	r.check(r.c.restore(r.saved, r.parallelism()))
	r.m, r.wm = r.then.clone(), r.at
	r.c.tick(r.now)
	r.m.tick(r.now)
	r.compare()
}

// restoreWhileFiring takes a snapshot in the middle of firing, lets the operator go on, and goes back to the snapshot:
// what had fired then fires no more, and what had not still does.
func (r *run) restoreWhileFiring() {
	wm := r.nextWatermark()
	for _, at := range r.m.wms {
		wm = max(wm, at)
	}
	for range r.int(1, 4, "calls") {
		r.c.advance(-1, wm, r.int(1, 3, "limit"))
	}
	fired := r.c.panes()
	s := r.c.snapshot()
	for !r.c.advance(-1, wm, 5) {
	}
	r.check(s.wait())
	r.check(r.c.restore(s, r.parallelism()))
	r.m.advance(wm, func(int) bool { return true })
	r.m = r.m.restored()
	r.advanceAll(wm)
	r.comparePanes(append(fired, r.c.panes()...))
}

func (r *run) compare() { r.comparePanes(r.c.panes()) }

func (r *run) comparePanes(got []pane) {
	got, want := sorted(got), sorted(r.m.out)
	r.m.out = nil
	if !slices.Equal(got, want) {
		r.Fatalf("%v, trigger %v, lateness %v, watermark %d, clock %d:\ngot  %v\nwant %v", r.m.spec, r.m.firing, r.lateness, r.wm, r.now, got, want)
	}
}

// sorted puts panes into one order. Those of a window tell their order by their index.
func sorted(all []pane) []pane {
	slices.SortStableFunc(all, func(a, b pane) int {
		return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.index, b.index),
			cmp.Compare(a.at, b.at), strings.Compare(a.v, b.v), cmp.Compare(a.timing, b.timing), fewer(a.retract, b.retract))
	})
	return all
}

func fewer(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
