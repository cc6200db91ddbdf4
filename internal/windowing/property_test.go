package windowing

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// TestAgainstModel draws windows, aggregators, records (out of order and late among them), watermarks, snapshots while
// the operator goes on and in the middle of firing, restores and other parallelisms, and compares with the model.
func TestAgainstModel(t *testing.T) {
	names := []string{"count", "max", "top", "values", "collect", "ends", "histogram", "distinct", "tally", "sketches"}
	for _, kind := range []string{"tumbling", "sliding", "cumulating", "days", "session"} {
		for _, name := range names {
			if name == "sketches" && kind != "sliding" && kind != "session" {
				continue // they are slow, and here is what puts windows together in two ways
			}
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) { newRun(t, kind, name).steps() })
			})
		}
	}
}

// run is one drawn history.
type run struct {
	*rapid.T
	settings
	c     cluster
	m     *model
	wm    int64
	scale int64 // times are drawn in multiples of it
	seq   int
	saved *saved // written, or being written
	then  *model // as it was at that snapshot
	at    int64
}

func newRun(t *rapid.T, kind, name string) *run {
	r := &run{T: t, wm: flow.NoTime, scale: 1}
	if kind == "days" {
		r.scale = int64(time.Hour)
	}
	lateness := r.scale * rapid.SampledFrom([]int64{0, 0, 1, 7, 30}).Draw(t, "lateness")
	r.settings = settings{drawWindows(t, kind), time.Duration(lateness), 8}
	var result func([]event) string
	r.c, result = aggregators[name](t, r.settings, r.parallelism())
	r.m = newModel(r.settings, result, func(key string) int { _, g := r.c.owner(key); return g })
	return r
}

func drawWindows(t *rapid.T, kind string) window.Assigner {
	size := time.Duration(rapid.IntRange(1, 24).Draw(t, "size"))
	offset := time.Duration(rapid.IntRange(-30, 30).Draw(t, "offset"))
	switch kind {
	case "cumulating":
		return window.Cumulating(size*time.Duration(rapid.IntRange(1, 5).Draw(t, "steps")), size).Offset(offset)
	case "days":
		return window.Days(rapid.IntRange(1, 3).Draw(t, "days"), drawZone(t))
	case "tumbling":
		return window.Tumbling(size).Offset(offset)
	case "sliding":
		return window.Sliding(size, time.Duration(rapid.IntRange(1, 30).Draw(t, "slide"))).Offset(offset)
	}
	return window.Session(size)
}

// drawZone is a time zone whose clock is changed near the times that are drawn.
func drawZone(t *rapid.T) *time.Location {
	name := rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"}).Draw(t, "zone")
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// firstDay is a day before clocks are put forward in Europe.
var firstDay = time.Date(2026, time.March, 28, 0, 0, 0, 0, time.UTC).UnixNano()

func (r *run) parallelism() int { return rapid.IntRange(1, 3).Draw(r.T, "parallelism") }

func (r *run) steps() {
	r.Repeat(map[string]func(*rapid.T){
		"records":   func(*rapid.T) { r.records() },
		"records2":  func(*rapid.T) { r.records() },
		"watermark": func(*rapid.T) { r.watermark() },
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
	switch {
	case r.wm != flow.NoTime:
		return r.wm
	case r.scale > 1:
		return firstDay
	}
	return 0
}

func (r *run) records() {
	var events []event
	for range rapid.IntRange(1, 12).Draw(r.T, "records") {
		at := r.base() + r.scale*int64(rapid.IntRange(-40, 40).Draw(r.T, "at"))
		key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(r.T, "key")
		r.seq++
		events = append(events, event{key, at, rec{int64(rapid.IntRange(-1, 4).Draw(r.T, "v")), r.seq}})
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

func (r *run) nextWatermark() int64 {
	return r.base() + r.scale*int64(rapid.IntRange(0, 40).Draw(r.T, "ahead"))
}

func (r *run) watermark() {
	r.advanceAll(r.nextWatermark())
	r.compare()
}

func (r *run) advanceAll(wm int64) {
	r.wm = wm
	for !r.c.advance(-1, wm, rapid.SampledFrom([]int{1, 3, math.MaxInt}).Draw(r.T, "limit")) {
	}
	r.m.advance(wm, r.groups, func(int) bool { return true })
}

// uneven moves the watermark of one subtask only: after a restore its key groups are further than others.
func (r *run) uneven() {
	subtask, wm := rapid.IntRange(0, r.c.subtasks()-1).Draw(r.T, "subtask"), r.nextWatermark()
	for !r.c.advance(subtask, wm, 2) {
	}
	r.m.advance(wm, r.groups, func(g int) bool { return g*r.c.subtasks()/r.groups == subtask })
	r.compare()
}

func (r *run) snapshot() {
	if r.saved != nil {
		r.check(r.saved.wait())
	}
	r.saved, r.then, r.at = r.c.snapshot(), r.m.clone(), r.wm
}

// restore goes back to the last snapshot.
func (r *run) restore() {
	if r.saved == nil {
		return
	}
	r.check(r.saved.wait())
	r.check(r.c.restore(r.saved, r.parallelism()))
	r.m, r.wm = r.then.clone(), r.at
}

// restoreWhileFiring takes a snapshot in the middle of firing, lets the operator go on, and goes back to the snapshot:
// what had fired then fires no more, and what had not still does.
func (r *run) restoreWhileFiring() {
	wm := r.nextWatermark()
	for range rapid.IntRange(1, 4).Draw(r.T, "calls") {
		r.c.advance(-1, wm, rapid.IntRange(1, 3).Draw(r.T, "limit"))
	}
	fired := r.c.panes()
	s := r.c.snapshot()
	for !r.c.advance(-1, wm, 5) {
	}
	r.check(s.wait())
	r.check(r.c.restore(s, r.parallelism()))
	r.advanceAll(wm)
	r.comparePanes(append(fired, r.c.panes()...))
}

func (r *run) compare() { r.comparePanes(r.c.panes()) }

func (r *run) comparePanes(got []pane) {
	got, want := sortedPanes(got), sortedPanes(r.m.out)
	r.m.out = nil
	if !slices.Equal(got, want) {
		r.Fatalf("%v, lateness %v, watermark %d:\ngot  %v\nwant %v", window.SpecOf(r.windows), r.lateness, r.wm, got, want)
	}
}
