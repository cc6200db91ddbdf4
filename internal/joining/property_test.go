package joining

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// TestAgainstModel draws records of both sides (out of order and late among them), watermarks, lateness, snapshots
// while the join goes on and in the middle of firing, restores and other parallelisms, and compares with the model.
func TestAgainstModel(t *testing.T) {
	kinds := map[string][]string{
		"tumbling":   {"inner", "left", "right", "full", "anti", "group"},
		"sliding":    {"inner", "full", "anti", "group"},
		"cumulating": {"full", "group"},
		"session":    {"inner", "left", "right", "full", "anti", "group"},
		"within":     {"inner", "left", "right", "full", "anti"},
		"asof":       {"inner", "left", "anti"},
	}
	for by, all := range kinds {
		for _, kind := range all {
			t.Run(by+"/"+kind, func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) { newRun(t, by, kind).steps() })
			})
		}
	}
}

// run is one drawn history.
type run struct {
	*rapid.T
	c     *cluster
	m     *model
	wm    int64
	id    int
	saved *saved
	then  savedModel
	late  int64 // records that were late when the cluster was started last
}

// savedModel is the model as it was at a snapshot, and what of the next step had come out by then.
type savedModel struct {
	*model
	wm   int64
	had  []string
	upTo int64
}

func newRun(t *rapid.T, by, kind string) *run {
	s := settings{by: by, kind: kind, groups: 8}
	s.lateness.First = drawLateness(t, "lateness of the first")
	if by != "asof" {
		s.lateness.Second = drawLateness(t, "lateness of the second")
	}
	size := time.Duration(rapid.IntRange(1, 20).Draw(t, "size"))
	switch by {
	case "tumbling":
		s.windows = window.Tumbling(size)
	case "sliding":
		s.windows = window.Sliding(size, time.Duration(rapid.IntRange(1, 20).Draw(t, "slide")))
	case "cumulating":
		s.windows = window.Cumulating(3*size, size)
	case "session":
		s.windows = window.Session(size)
	case "within":
		s.from = int64(rapid.IntRange(-15, 15).Draw(t, "from"))
		s.to = s.from + int64(rapid.IntRange(0, 20).Draw(t, "length"))
	}
	if s.windows != nil {
		s.by = "window"
	}
	r := &run{T: t, wm: flow.NoTime, c: newCluster(t, s, r3(t))}
	r.m = newModel(s, r.c.groupOf)
	return r
}

func drawLateness(t *rapid.T, name string) time.Duration {
	return time.Duration(rapid.SampledFrom([]int{0, 0, 3, 12, 30}).Draw(t, name))
}

func r3(t *rapid.T) int { return rapid.IntRange(1, 3).Draw(t, "parallelism") }

func (r *run) steps() {
	for range rapid.IntRange(1, 25).Draw(r.T, "steps") {
		switch rapid.IntRange(0, 11).Draw(r.T, "step") {
		case 0, 1, 2, 3, 4:
			r.records()
		case 5, 6, 7:
			r.advance(rapid.IntRange(0, 25).Draw(r.T, "ahead"))
		case 8:
			r.one()
		case 9:
			r.save(r.c.snapshot(false), savedModel{model: r.m.clone(), wm: r.wm})
		case 10:
			r.restore()
		}
		r.compare()
	}
	r.advanceTo(flow.EndTime, func() {})
	r.compare()
	if problem := r.c.check(); problem != "" {
		r.Fatal(problem)
	}
}

// base is a time near which things happen.
func (r *run) base() int64 {
	if r.wm == flow.NoTime {
		return 100
	}
	return r.wm
}

func (r *run) records() {
	for range rapid.IntRange(1, 8).Draw(r.T, "records") {
		r.id++
		e := event{
			second: rapid.Bool().Draw(r.T, "second"), key: rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(r.T, "key"),
			at: r.base() + int64(rapid.IntRange(-30, 25).Draw(r.T, "at")), id: r.id,
		}
		r.m.receive(e)
		r.c.receive(e)
	}
}

// advance moves the watermark, and may take a snapshot in the middle of firing.
func (r *run) advance(by int) {
	to := r.base() + int64(by)
	before := r.m.clone()
	cut := rapid.IntRange(0, 6).Draw(r.T, "snapshot after")
	r.advanceTo(to, func() {
		if cut--; cut == 0 {
			r.save(r.c.snapshot(true), savedModel{model: before, wm: r.wm, had: slices.Clone(r.c.out), upTo: to})
		}
	})
}

func (r *run) advanceTo(to int64, between func()) {
	r.c.advance(to, rapid.IntRange(1, 3).Draw(r.T, "limit"), between)
	r.wm = to
	for g := range r.m.reach {
		r.m.advance(g, to)
	}
}

// one moves the watermark of one subtask only, so that key groups come differently far.
func (r *run) one() {
	i := rapid.IntRange(0, len(r.c.subtasks)-1).Draw(r.T, "subtask")
	s, to := r.c.subtasks[i], r.base()+int64(rapid.IntRange(0, 15).Draw(r.T, "ahead"))
	if to < s.wm {
		return
	}
	s.wm = to
	for !s.core.Advance(to, 2) {
	}
	for g := range r.m.reach {
		if r.c.subtaskOf(g) == i {
			r.m.advance(g, to)
		}
	}
}

func (r *run) save(s *saved, m savedModel) { r.saved, r.then = s, m }

func (r *run) restore() {
	if r.saved == nil {
		return
	}
	if err := r.saved.wait(); err != nil {
		r.Fatal(err)
	}
	r.c.restore(r.saved, r3(r.T))
	r.m, r.wm = r.then.model.clone(), r.then.wm
	r.late = r.m.count
	if r.then.upTo == 0 {
		return
	}
	r.advanceTo(r.then.upTo, func() {})
	r.c.out = append(r.c.out, r.then.had...)
}

func (r *run) compare() {
	out, late := r.c.taken()
	slices.Sort(r.m.out)
	slices.Sort(r.m.late)
	if !slices.Equal(out, r.m.out) {
		r.Fatalf("%+v\ngot  %q\nwant %q", r.c.settings, out, r.m.out)
	}
	if !slices.Equal(late, r.m.late) || r.c.lateCount() != r.m.count-r.late {
		r.Fatalf("%+v\nlate: got  %q, counted %d\nwant %q, %d", r.c.settings, late, r.c.lateCount(), r.m.late, r.m.count-r.late)
	}
	r.m.out, r.m.late = nil, nil
}
