package heap

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/invariants"
	"leat.dev/leat/internal/keygroup"
)

// frozenState is one state as it was when a snapshot began.
type frozenState interface {
	// persist writes the entries of one key group.
	persist(g int, w *entries) error
}

// errReleased ends the writing of a snapshot that was released meanwhile.
var errReleased = errors.New("the snapshot was released before it was written")

// snapshot is a store as it was at one barrier.
type snapshot struct {
	ticket *Ticket
	keys   frozenKeys
	states []frozenState
	names  []string
	from   int

	stop atomic.Bool // Release was called
	// mu guards writing: Release leaves giving the ticket back to a Persist that is under way.
	mu      sync.Mutex
	writing bool
}

// frozenKeys has the keys of the rows.
type frozenKeys interface {
	append(to []byte, g int, row uint32) []byte
	done(g int)
	groups() int
}

// Snapshot freezes the state as it is. It is called between batches.
func (s *Store[K]) Snapshot() backend.Snapshot {
	if invariants.Enabled && s.batchKeys != nil {
		panic("a snapshot in the middle of a batch")
	}
	t := s.space.Freeze()
	z := &snapshot{ticket: t, from: s.cfg.From, keys: &keyReader[K]{s.keys, s.keyFam.FreezeAll(s.keyCols, t)}}
	s.keyFam.Trim()
	for _, st := range s.states {
		z.states = append(z.states, st.freeze(t))
		z.names = append(z.names, st.describe().Name)
	}
	return z
}

// Persist writes all entries.
func (z *snapshot) Persist(w backend.Writer) error {
	if !z.start() {
		return errReleased
	}
	defer z.finish()
	for i, st := range z.states {
		for g := range z.keys.groups() {
			e := &entries{w: w, state: z.names[i], g: g, z: z}
			if err := st.persist(g, e); err != nil {
				return fmt.Errorf("state %q, key group %d: %w", e.state, g+z.from, err)
			}
		}
		z.states[i] = nil // its tables are garbage from here
	}
	for g := range z.keys.groups() {
		z.keys.done(g)
	}
	return nil
}

func (z *snapshot) start() bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.stop.Load() {
		return false
	}
	z.writing = true
	return true
}

func (z *snapshot) finish() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.writing = false
	if z.stop.Load() {
		z.ticket.Release()
	}
}

// Release ends the snapshot. A Persist that is under way ends with an error.
func (z *snapshot) Release() {
	z.mu.Lock()
	defer z.mu.Unlock()
	if !z.stop.Swap(true) && !z.writing {
		z.ticket.Release()
	}
}

// entries writes the entries of one state and key group; without entries the group is not begun.
type entries struct {
	w     backend.Writer
	state string
	g     int
	z     *snapshot
	begun bool
	key   []byte
}

// put writes one entry of the key of a row.
func (e *entries) put(row uint32, item, value []byte) error {
	if e.z.stop.Load() {
		return errReleased
	}
	if !e.begun {
		e.begun = true
		if err := e.w.Begin(e.state, e.g+e.z.from); err != nil {
			return err
		}
	}
	e.key = e.z.keys.append(e.key[:0], e.g, row)
	return e.w.Entry(e.key, item, value)
}

type keyReader[K comparable] struct {
	keys *keygroup.Keys[K]
	cols []Frozen[K]
}

func (r *keyReader[K]) append(to []byte, g int, row uint32) []byte {
	return r.keys.Append(to, *r.cols[g].At(row))
}

func (r *keyReader[K]) done(g int)  { r.cols[g].DoneAll() }
func (r *keyReader[K]) groups() int { return len(r.cols) }
