package operator

import (
	"fmt"
	"strings"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
)

// counting is a keyed operator that counts, and has timers of both kinds.
type counting struct {
	*Keyed[string]
	*notes
	keys       *keygroup.Keys[string]
	port       *KeyedPort[string, int]
	event      *heap.Timer
	processing *heap.Timer
}

func count(t *testing.T) *counting {
	t.Helper()
	env := newEnv()
	keys, err := keygroup.Derive[string](nil)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := codec.Derive[int](nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{Keyed: NewKeyed(env, heap.New(heap.Config{To: 128, Max: 128}, keys)), notes: &notes{}, keys: keys}
	out := newOut[string](env, c.notes, "")
	c.Outs[""] = out
	total := heap.AddValue(c.Store, "total", numbers)
	ring := func(what string) func(int64) error {
		return func(at int64) error {
			c.SetAt(at)
			out.Emit(fmt.Sprintf("%s:%s=%d wm%s", what, c.Store.Key(), total.Get(), seconds(c.WatermarkNow())), c.At())
			if what == "event" && total.Get() == 13 {
				return errBroken
			}
			return nil
		}
	}
	c.event = c.Store.AddTimer("event", heap.Event, ring("event"))
	c.processing = c.Store.AddTimer("processing", heap.Processing, ring("processing"))
	c.port = NewKeyedPort(c.Keyed, func(v int) error {
		if v < 0 {
			return errBroken
		}
		total.Set(total.Get() + v)
		c.event.At(c.At())
		c.processing.At(second(100 + v).UnixNano())
		return nil
	})
	return c
}

// give delivers records of words: KEY=NUMBER, at as many seconds as the number.
func (c *counting) give(script string) {
	b := &flow.Keyed[string, int]{}
	for word := range strings.FieldsSeq(script) {
		key, text, _ := strings.Cut(word, "=")
		var v int
		fmt.Sscan(text, &v)
		b.Keys, b.Values, b.Times = append(b.Keys, key), append(b.Values, v), append(b.Times, second(v).UnixNano())
		b.Hashes = append(b.Hashes, c.keys.Hash(key))
	}
	c.port.Deliver(b)
}

func TestKeyedTimers(t *testing.T) {
	c := count(t)
	c.give("a=1 b=2 a=3")
	if _, ok := c.NextTick(); ok {
		t.Error("a tick before there are timers")
	}
	c.HasTimers()
	if at, ok := c.NextTick(); !ok || at != second(102).UnixNano() {
		t.Errorf("next tick %s, %v", seconds(at), ok)
	}
	if !c.Advance(second(1).UnixNano(), 10) {
		t.Error("not done")
	}
	if c.Advance(second(5).UnixNano(), 1) {
		t.Error("two timers fired, but the limit is one")
	}
	c.Flush()
	check(t, "the first", c.taken(), "wm1 0[event:b=2 wm5@2]")
	if !c.Advance(second(5).UnixNano(), 10) {
		t.Error("not done")
	}
	check(t, "the watermark comes behind what it made fire", c.taken(), "0[event:a=4 wm5@3] wm5")
	c.Tick(second(102).UnixNano(), 10)
	c.Flush()
	check(t, "processing time", c.taken(), "0[processing:b=2 wm5@102]")
	if !c.Advance(flow.EndTime, 10) {
		t.Error("not done")
	}
	check(t, "the end", c.taken(), "0[processing:a=4 wm5@103] wmend")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestKeyedFailuresNameTheKey(t *testing.T) {
	c := count(t)
	c.HasTimers()
	if err := failure(func() { c.give("a=1 b=-1") }); err != errBroken {
		t.Errorf("got %v", err)
	}
	if operator, at := c.Env.Site.At.Locate(); operator != "op" || at != "key b, record -1 at 2026-03-01T11:59:59Z" {
		t.Errorf("located at %s, %s", operator, at)
	}
	c = count(t)
	c.HasTimers()
	c.give("c=13")
	if err := failure(func() { c.Advance(second(20).UnixNano(), 1) }); err != errBroken {
		t.Errorf("got %v", err)
	}
	if _, at := c.Env.Site.At.Locate(); at != "timer event of key c, set to 2026-03-01T12:00:13Z" {
		t.Errorf("located at %s", at)
	}
}

// windows is windows whose key groups have come to different times.
type windows struct {
	backend.Keyed
	floors map[int]int64
	left   int
}

func (w *windows) Advance(int64, int) bool {
	w.left--
	return w.left <= 0
}

func (w *windows) Floor(g int) int64               { return w.floors[g] }
func (w *windows) RestoreFloor(g int, floor int64) { w.floors[g] = floor }
func (w *windows) LateCount() int64                { return 7 }
func (w *windows) Close()                          {}

func TestKeyedFloors(t *testing.T) {
	c := count(t)
	if got := fmt.Sprint(c.Floors(3, 9, 5)); got != "[{3 9 5 false <nil>}]" {
		t.Errorf("without windows: %s", got)
	}
	c.RestoreFloor(backend.Floor{From: 0, To: 128, Watermark: 1})
	w := &windows{floors: map[int]int64{}}
	c.SetWindows(w)
	c.RestoreFloor(backend.Floor{From: 3, To: 6, Watermark: 1})
	c.RestoreFloor(backend.Floor{From: 6, To: 7, Watermark: 2})
	c.RestoreFloor(backend.Floor{From: 7, To: 9, Watermark: 1})
	if got := fmt.Sprint(c.Floors(3, 9, 5)); got != "[{3 6 1 false <nil>} {6 7 2 false <nil>} {7 9 1 false <nil>}]" {
		t.Errorf("with windows: %s", got)
	}
	if n := len(c.State()); n != 2 {
		t.Errorf("%d parts of state, not the store and the windows", n)
	}
}

// Windows fire before timers of the same time, and the watermark waits for both.
func TestWindowsBeforeTimers(t *testing.T) {
	c := count(t)
	c.HasTimers()
	c.SetWindows(&windows{left: 2})
	c.give("a=1")
	if c.Advance(second(1).UnixNano(), 10) {
		t.Error("done")
	}
	c.Flush()
	check(t, "windows are left", c.taken(), "")
	if !c.Advance(second(1).UnixNano(), 10) {
		t.Error("not done")
	}
	check(t, "all", c.taken(), "0[event:a=1 wm1@1] wm1")
	if n := c.Env.Metrics.Late.Load(); n != 7 {
		t.Errorf("%d late records, not 7", n)
	}
}

func TestKeyedIdle(t *testing.T) {
	c := count(t)
	c.Idle(true)
	check(t, "signals", c.taken(), "idle=true")
}
