package heap_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
)

func TestTimersFireInOrder(t *testing.T) {
	s := newStore[string](t, nil)
	var got []int64
	timer := s.AddTimer("timer", heap.Event, func(at int64) error {
		if name, due, ok := s.Firing(); name != "timer" || due != at || !ok {
			t.Errorf("timer %s of %d fires, not one of %d", name, due, at)
		}
		got = append(got, at)
		return nil
	})
	items := heap.AddTimers(s.Store, "timers", heap.Event, codec.Struct[string](), func(item string, at int64) error {
		got = append(got, at)
		return nil
	})
	other := s.AddTimer("processing", heap.Processing, func(at int64) error { t.Error("another clock"); return nil })
	s.at("a")
	timer.At(30)
	timer.At(10) // earlier
	items.At("x", 5)
	items.At("x", 20) // later
	items.At("y", 7)
	items.Stop("y")
	other.At(1)
	s.at("b")
	timer.At(15)
	timer.At(40)
	if at, ok := timer.Time(); at != 40 || !ok {
		t.Errorf("the timer is at %d, %v", at, ok)
	}
	s.End()
	if at, ok := s.NextTimer(heap.Event); at != 10 || !ok {
		t.Errorf("next timer at %d, %v", at, ok)
	}
	if more, err := s.Fire(heap.Event, 35, 1); !more || err != nil {
		t.Errorf("more is %v, error %v", more, err)
	}
	if more, err := s.Fire(heap.Event, 35, 10); more || err != nil {
		t.Errorf("more is %v, error %v", more, err)
	}
	if !slices.Equal(got, []int64{10, 20}) {
		t.Errorf("fired at %v", got)
	}
	if at, ok := s.NextTimer(heap.Event); at != 40 || !ok {
		t.Errorf("next timer at %d, %v", at, ok)
	}
}

func TestTimerErrorEndsFiring(t *testing.T) {
	s := newStore[string](t, nil)
	broken := errors.New("broken")
	timer := s.AddTimer("timer", heap.Event, func(at int64) error { return broken })
	s.at("a")
	timer.At(math.MinInt64)
	s.at("b")
	timer.At(math.MaxInt64)
	s.End()
	if _, err := s.Fire(heap.Event, 0, 10); err != broken {
		t.Errorf("error %v", err)
	}
	if _, ok := s.NextTimer(heap.Event); !ok {
		t.Error("the timer at the end of time is lost")
	}
	if _, err := s.Fire(heap.Event, math.MaxInt64, 10); err != broken {
		t.Error("the timer at the end of time is not due at the end")
	}
}

// At the end of input a timer that sets itself again fires once more, not for ever.
func TestDrain(t *testing.T) {
	s := newStore[string](t, nil)
	var fired []string
	var again, moved *heap.Timer
	again = s.AddTimer("again", heap.Event, func(at int64) error {
		fired = append(fired, "again "+s.Key())
		again.At(at + 1)
		moved.At(at + 1000)
		return nil
	})
	moved = s.AddTimer("moved", heap.Event, func(int64) error {
		fired = append(fired, "moved "+s.Key())
		return nil
	})
	s.at("a")
	again.At(1)
	moved.At(2) // is set, and moves
	s.at("b")
	again.At(3) // sets moved for the first time: too late
	s.End()
	s.Drain()
	for more := true; more; {
		more, _ = s.Fire(heap.Event, math.MaxInt64, 1)
		if len(fired) > 5 {
			break
		}
	}
	if want := []string{"again a", "again b", "moved a"}; !slices.Equal(fired, want) {
		t.Errorf("fired %v, want %v", fired, want)
	}
	if at, ok := s.NextTimer(heap.Event); ok {
		t.Errorf("a timer is left at %d", at)
	}
}

// A queue does not grow with how often timers are moved.
func TestQueueIsBounded(t *testing.T) {
	b := heap.NewBudget(0)
	s := newStore[int64](t, b)
	timer := s.AddTimer("timer", heap.Event, func(int64) error { return nil })
	round := func(n int64) {
		for k := range int64(1000) {
			s.at(k)
			timer.At(1<<40 - n) // earlier each time
			timer.At(1 << 41)
		}
		s.End()
	}
	for n := range int64(10) {
		round(n)
	}
	before := b.UsedBytes()
	for n := range int64(100) {
		round(10 + n)
	}
	if used := b.UsedBytes(); used > before+64<<10 {
		t.Errorf("%d bytes after many moves, %d after a few", used, before)
	}
	fired := 0
	timers := heap.AddTimers(s.Store, "items", heap.Processing, codec.Struct[int64](), func(int64, int64) error {
		fired++
		return nil
	})
	for k := range int64(5000) { // other keys each time
		s.at(k)
		timers.At(k, k)
		timers.Stop(k - 1)
		s.End()
	}
	if _, err := s.Fire(heap.Processing, 1<<50, 1<<20); err != nil || fired != 5000 {
		t.Errorf("%d timers fired, error %v", fired, err)
	}
}
