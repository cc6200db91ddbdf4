package clock

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestManualCallsInOrderOfTime(t *testing.T) {
	m := NewManual(start)
	var called []int
	for _, after := range []int{30, 10, 20, 40} {
		m.At(start.Add(time.Duration(after)*time.Second).UnixNano(), func() { called = append(called, after) })
	}
	m.Advance(9 * time.Second)
	if len(called) > 0 {
		t.Errorf("called %v too early", called)
	}
	m.Advance(21 * time.Second)
	if want := []int{10, 20, 30}; !slices.Equal(called, want) {
		t.Errorf("called %v, want %v", called, want)
	}
	if got := m.Now(); got != start.Add(30*time.Second).UnixNano() {
		t.Errorf("the clock stands at %v", time.Unix(0, got).UTC())
	}
}

func TestManualStop(t *testing.T) {
	m := NewManual(start)
	stop := m.At(start.Add(time.Second).UnixNano(), func() { t.Error("called after stop") })
	stop()
	stop()
	m.Advance(time.Minute)
}

// What is due already is called at once, from another goroutine; stop is then too late.
func TestManualInThePast(t *testing.T) {
	m := NewManual(start)
	called := make(chan struct{})
	stop := m.At(start.UnixNano(), func() { close(called) })
	<-called
	stop()
}

// A callback may set the next one.
func TestManualSetsItselfAgain(t *testing.T) {
	m := NewManual(start)
	count := 0
	var tick func()
	tick = func() {
		count++
		m.At(m.Now()+int64(time.Second), tick)
	}
	m.At(start.Add(time.Second).UnixNano(), tick)
	for range 5 {
		m.Advance(time.Second)
	}
	if count != 5 {
		t.Errorf("called %d times, not 5", count)
	}
}

func TestWall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Wall
		begin := w.Now()
		called := make(chan int64, 1)
		w.At(begin+int64(time.Hour), func() { called <- w.Now() })
		stop := w.At(begin+int64(time.Minute), func() { t.Error("called after stop") })
		stop()
		if at := <-called; at-begin != int64(time.Hour) {
			t.Errorf("called after %v", time.Duration(at-begin))
		}
	})
}
