// Package clock has processing time as a parameter, so that tests can set it.
package clock

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Clock is processing time in nanoseconds since 1970, in UTC. All methods may be called from any goroutine.
type Clock interface {
	// Now is the time.
	Now() int64
	// At calls f from another goroutine once the clock has reached t, unless stop is called before.
	At(t int64, f func()) (stop func())
}

// Wall is the machine's clock.
type Wall struct{}

// Now is the machine's time.
func (Wall) Now() int64 { return time.Now().UnixNano() }

// At calls f at time t.
func (Wall) At(t int64, f func()) func() {
	timer := time.AfterFunc(time.Duration(t-time.Now().UnixNano()), f)
	return func() { timer.Stop() }
}

// Manual is a clock that stands still until it is moved.
type Manual struct {
	mu      sync.Mutex // guards all below; f is called without it
	now     int64
	waiting map[int]waiting
	next    int
}

type waiting struct {
	at int64
	f  func()
}

// NewManual returns a clock that stands at a time.
func NewManual(now time.Time) *Manual {
	return &Manual{now: now.UnixNano(), waiting: map[int]waiting{}}
}

// Now is the time that the clock was moved to.
func (m *Manual) Now() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// At calls f when the clock is moved to t or beyond; at once, in a goroutine, if it stands there already.
func (m *Manual) At(t int64, f func()) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t <= m.now {
		go f()
		return func() {}
	}
	id := m.next
	m.next++
	m.waiting[id] = waiting{t, f}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.waiting, id)
	}
}

// Advance moves the clock on and calls what is due, in order of time.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	m.now += int64(d)
	var due []waiting
	for id, w := range m.waiting {
		if w.at <= m.now {
			due = append(due, w)
			delete(m.waiting, id)
		}
	}
	m.mu.Unlock()
	slices.SortFunc(due, func(a, b waiting) int { return cmp.Compare(a.at, b.at) })
	for _, w := range due {
		w.f()
	}
}
