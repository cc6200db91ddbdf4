package heap

import (
	"math/rand/v2"
	"testing"

	"leat.dev/leat/internal/backend"
)

// plainClock has the times of rows in a map.
type plainClock struct {
	set  map[uint32]int64
	rang []int64
}

func (c *plainClock) timeAt(_ int, row uint32) (int64, bool) { at, ok := c.set[row]; return at, ok }
func (c *plainClock) describe() backend.State                { return backend.State{} }

func (c *plainClock) ring(_ int, row uint32, at int64) error {
	delete(c.set, row)
	c.rang = append(c.rang, at)
	return nil
}

// Timers are set, moved and stopped many times more often than they fire: alarms come in order of their times, none is
// lost, and stale ones don't pile up.
func TestQueue(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	q := &queue{space: NewSpace(nil)}
	c := &plainClock{set: map[uint32]int64{}}
	s := q.add(c, 1)
	now := int64(0)
	for step := range 200_000 {
		row := rnd.Uint32N(9000)
		_, set := c.set[row]
		switch {
		case set && rnd.IntN(4) == 0:
			delete(c.set, row)
			s.unset()
		default:
			at := now + 1 + rnd.Int64N(1_000_000) - int64(step)%500_000
			at = max(at, now+1)
			c.set[row] = at
			s.moved(0, row, at, !set)
		}
		if step%1000 == 0 {
			now += 2000
			fireAll(t, q, c, now)
		}
	}
	if q.set != len(c.set) {
		t.Errorf("%d timers are set, want %d", q.set, len(c.set))
	}
	if all := q.heap.n + q.old.n; all > 4*q.set+2*minCompact {
		t.Errorf("%d alarms for %d timers", all, q.set)
	}
	fireAll(t, q, c, 1<<40)
	if len(c.set) > 0 || q.set != 0 {
		t.Errorf("%d timers have not fired", len(c.set))
	}
	if _, ok := q.first(); ok || q.heap.n+q.old.n > 0 {
		t.Error("alarms are left")
	}
}

// fireAll fires what is due, and compares.
func fireAll(t *testing.T, q *queue, c *plainClock, now int64) {
	t.Helper()
	last := int64(0)
	for {
		a, ok := q.first()
		if !ok || a.at > now {
			break
		}
		if at := c.set[a.row]; at != a.at || a.at < last {
			t.Fatalf("row %d fires at %d, after %d; it is set to %d", a.row, a.at, last, at)
		}
		last = a.at
		if err := q.fire(a); err != nil {
			t.Fatal(err)
		}
	}
	for row, at := range c.set {
		if at <= now {
			t.Fatalf("row %d has not fired at %d", row, at)
		}
	}
}
