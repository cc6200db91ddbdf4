package heap_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
)

// AtMost finds what going through a sorted slice does, also where leaves have become small.
func TestAtMost(t *testing.T) {
	s := newStore[string](t, nil)
	o := heap.AddOrdered(s.Store, "o", codec.Struct[int64](), codec.Struct[int64]())
	s.at("a")
	if _, _, ok := o.AtMost(math.MaxInt64); ok {
		t.Error("an empty map has an item")
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	var model []int64
	for range 4000 {
		switch a := rnd.Int64N(3000); rnd.IntN(5) {
		case 0, 1:
			i, ok := slices.BinarySearch(model, a)
			if ok {
				model = slices.Delete(model, i, i+1)
			}
			o.Delete(a)
		default:
			if i, ok := slices.BinarySearch(model, a); !ok {
				model = slices.Insert(model, i, a)
			}
			o.Set(a, -a)
		}
		a := rnd.Int64N(3200) - 100
		i, ok := slices.BinarySearch(model, a)
		if !ok {
			i--
		}
		at, v, ok := o.AtMost(a)
		if ok != (i >= 0) || ok && (at != model[i] || v != -at) {
			t.Fatalf("at most %d: %d, %v", a, at, ok)
		}
	}
}

// Again goes on at the end of input, until the work is done.
func TestAgain(t *testing.T) {
	s := newStore[string](t, nil)
	left := 3
	var timer *heap.Timer
	timer = s.AddTimer("bit by bit", heap.Event, func(at int64) error {
		if left--; left > 0 {
			timer.Again(at)
		}
		return nil
	})
	s.at("a")
	timer.At(1)
	s.End()
	s.Drain()
	for more := true; more; {
		more, _ = s.Fire(heap.Event, math.MaxInt64, 1)
	}
	if left != 0 {
		t.Errorf("%d left", left)
	}
}
