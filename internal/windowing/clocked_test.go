package windowing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/window"
)

// TestProcessingTime compares windows on the wall clock with windows in event time whose records have the time of their
// arrival for event time, over restores also by a machine whose clock is slow.
func TestProcessingTime(t *testing.T) {
	for _, w := range []window.Times{
		window.Tumbling(10), window.Sliding(30, 7), window.Cumulating(12, 3), window.Session(5),
	} {
		for seed := range uint64(20) {
			newTwin(t, w, seed).run()
		}
	}
}

// twin is two operators that must do the same.
type twin struct {
	*testing.T
	*rand.Rand
	windows      window.Times
	now          int64
	clock, event Operator[string, rec]
	got, want    []pane
	keys         *keygroup.Keys[string]
}

func newTwin(t *testing.T, w window.Times, seed uint64) *twin {
	keys, err := keygroup.Derive[string](nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &twin{T: t, Rand: rand.New(rand.NewPCG(seed, 1)), windows: w, now: 1000, keys: keys}
	x.clock, x.event = x.operator(w.ProcessingTime(), &x.got), x.operator(w, &x.want)
	return x
}

func (x *twin) operator(w window.Assigner, out *[]pane) Operator[string, rec] {
	acc := newCluster(x, settings{window.Tumbling(1), 0, 4}, agg.Count[rec], 1).acc
	op, err := New(Config[string, rec, int64, int64]{
		To: 4, Max: 4, Keys: x.keys, Acc: acc, Windows: w, Now: func() int64 { return x.now }, Parts: agg.Count[rec](),
		Emit: func(start, end int64, panes []Entry[string, int64], timing window.Timing, index int) {
			for _, e := range panes {
				*out = append(*out, pane{e.Key, start, end, fmt.Sprint(e.Acc), timing, index})
			}
		},
	})
	if err != nil {
		x.Fatal(err)
	}
	return op
}

func (x *twin) run() {
	clocked := x.clock.(*Clocked[string, rec])
	for range 200 {
		switch x.IntN(4) {
		case 0:
			x.now += x.Int64N(20)
			x.tick(clocked)
		case 1:
			clocked = x.restore()
		default:
			x.records()
		}
		x.compare()
	}
	x.clock.Advance(flow.EndTime, math.MaxInt)
	x.event.Advance(flow.EndTime, math.MaxInt)
	x.compare()
}

func (x *twin) tick(clocked *Clocked[string, rec]) {
	if at, ok := clocked.NextTick(); ok && at <= x.now {
		for !clocked.Tick(x.now, 1+x.IntN(3)) {
		}
	}
	for !x.event.Advance(x.now-1, math.MaxInt) {
	}
}

func (x *twin) records() {
	var b flow.Keyed[string, rec]
	for range 1 + x.IntN(5) {
		key := string(rune('a' + x.IntN(4)))
		b.Values, b.Times = append(b.Values, rec{V: 1}), append(b.Times, x.now)
		b.Keys, b.Hashes = append(b.Keys, key), append(b.Hashes, x.keys.Hash(key))
	}
	if err := x.event.Receive(&b); err != nil {
		x.Fatal(err)
	}
	for i := range b.Times { // what the records say of themselves does not count
		b.Times[i] = flow.NoTime
	}
	if err := x.clock.Receive(&b); err != nil {
		x.Fatal(err)
	}
	if b.Times[0] != flow.NoTime {
		x.Fatal("the batch was changed")
	}
}

// restore goes on with what the clocked operator has, in a process whose clock may be behind.
func (x *twin) restore() *Clocked[string, rec] {
	memory := backendtest.NewMemory()
	snap := x.clock.Snapshot(backend.Request{})
	if err := snap.Persist(memory); err != nil {
		x.Fatal(err)
	}
	snap.Release()
	old := x.clock
	x.clock = x.operator(x.windows.ProcessingTime(), &x.got)
	for g := range 4 {
		x.clock.RestoreFloor(g, old.Floor(g))
		for _, s := range x.clock.States() {
			if err := x.clock.Restore(s, s.Name, g, backendtest.Read(memory.Entries(s.Name, g)...)); err != nil {
				x.Fatal(err)
			}
		}
	}
	return x.clock.(*Clocked[string, rec])
}

func (x *twin) compare() {
	got, want := sortedPanes(x.got), sortedPanes(x.want)
	x.got, x.want = nil, nil
	if !slices.Equal(got, want) {
		x.Fatalf("%v at %d: got %v, want %v", window.SpecOf(x.windows), x.now, got, want)
	}
}

// TestSlowerClock goes on with windows of a machine whose clock was ahead.
func TestSlowerClock(t *testing.T) {
	x := newTwin(t, window.Tumbling(time.Duration(10)), 0)
	x.records()
	x.now = 1025
	x.tick(x.clock.(*Clocked[string, rec]))
	x.got, x.want = nil, nil
	clocked := x.restore()
	x.now = 1003
	x.records()
	if n := clocked.LateCount(); n != 0 {
		t.Errorf("%d records were late", n)
	}
	if at, ok := clocked.NextTick(); !ok || at != 1030 {
		t.Errorf("the next window is due at %d, %t", at, ok)
	}
}
