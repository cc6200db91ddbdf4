package operator

import (
	"fmt"
	"testing"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
)

// remembering is a keyed operator with a value that lives for ten seconds, which says what it sees before it writes.
func remembering(t *testing.T, of string) (k *Keyed[string], give func(at int) string, wall *clock.Manual) {
	t.Helper()
	keys, err := keygroup.Derive[string](nil)
	if err != nil {
		t.Fatal(err)
	}
	env := newEnv()
	wall = clock.NewManual(start)
	env.Clock = wall
	store := heap.New(heap.Config{To: 128, Max: 128}, keys)
	k = NewKeyed(env, store)
	k.Outs[""] = newOut[string](env, &notes{}, "")
	v := heap.AddValueTTL(store, "v", backend.TTL{After: 10 * time.Second, Time: of}, codec.Struct[int]())
	seen := 0
	port := NewKeyedPort(k, func(n int) error {
		seen = v.Get()
		v.Set(n)
		return nil
	})
	give = func(at int) string {
		b := &flow.Keyed[string, int]{Keys: []string{"k"}, Hashes: []uint64{keys.Hash("k")}}
		b.Values, b.Times = []int{at}, []int64{second(at).UnixNano()}
		port.Deliver(b)
		return fmt.Sprint(seen)
	}
	return k, give, wall
}

// rowsOf is how many keys have a row.
func rowsOf(k *Keyed[string]) (n int) {
	_ = k.Store.EachKey(func(string) error { n++; return nil })
	return n
}

func TestTTLInEventTime(t *testing.T) {
	k, give, _ := remembering(t, backend.EventTime)
	check(t, "nothing yet", give(1), "0")
	check(t, "on time", give(10), "1")
	check(t, "too late", give(20), "0")
	check(t, "out of order, on time", give(15), "20")
	k.Advance(second(29).UnixNano(), 10)
	if n := rowsOf(k); n != 1 {
		t.Errorf("%d rows before the value has expired", n)
	}
	check(t, "a late record", give(3), "15")
	k.Advance(second(38).UnixNano(), 10)
	if n := rowsOf(k); n != 1 {
		t.Errorf("%d rows: what a late record wrote lives from the watermark on", n)
	}
	k.Advance(second(40).UnixNano(), 10) // a sweep comes by every 1.25 s at most
	if n := rowsOf(k); n != 0 || k.Env.Metrics.Expired.Load() != 1 {
		t.Errorf("%d rows when the value has expired, %d counted", n, k.Env.Metrics.Expired.Load())
	}
	check(t, "a record as late as that", give(12), "0")
	k.Advance(flow.EndTime, 10)
	if n := rowsOf(k); n != 1 {
		t.Errorf("%d rows at the end of input, which is no time", n)
	}
}

func TestTTLInProcessingTime(t *testing.T) {
	_, give, wall := remembering(t, backend.ProcessingTime)
	check(t, "nothing yet", give(1), "0")
	wall.Advance(10*time.Second - 1)
	check(t, "on time", give(100), "1")
	wall.Advance(10 * time.Second)
	check(t, "too late", give(2), "0")
}

// After a restore, what had expired by the snapshot's watermark has.
func TestTTLFloors(t *testing.T) {
	before := second(30).UnixNano()
	for what, f := range map[string]struct {
		floor backend.Floor
		want  string
	}{
		"none":             {backend.Floor{To: 128, Watermark: flow.NoTime}, "5"},
		"expired":          {backend.Floor{To: 128, Watermark: second(15).UnixNano()}, "0"},
		"not yet":          {backend.Floor{To: 128, Watermark: second(15).UnixNano() - 1}, "5"},
		"still firing":     {backend.Floor{To: 128, Watermark: second(30).UnixNano(), Firing: true}, "5"},
		"the end":          {backend.Floor{To: 128, Watermark: flow.EndTime, Before: &before}, "0"},
		"the end, no time": {backend.Floor{To: 128, Watermark: flow.EndTime}, "5"},
	} {
		k, give, _ := remembering(t, backend.EventTime)
		give(5)
		k.RestoreFloor(f.floor)
		check(t, what, give(6), f.want)
	}
}
