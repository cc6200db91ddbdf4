package heap

import (
	"fmt"
	"math"

	"leat.dev/leat/internal/backend"
)

// A place is where the state of one key lies: the key group, counted within the store, in the high half and the row
// in the low half. Three rows stand for none; they lie beyond every column, so that a read needs no test for them.
const (
	unknownRow = math.MaxUint32     // Begin found no row; by now there may be one
	noRow      = math.MaxUint32 - 1 // the key has no row
	outsideRow = math.MaxUint32 - 2 // no key is at hand
	maxRows    = math.MaxUint32 - 2*chunkRows
)

func placeOf(g int, row uint32) uint64 { return uint64(g)<<32 | uint64(row) }

// core is the part of a store that does not depend on the type of keys: the cursor, and what states need of the store.
type core struct {
	place  uint64 // of the key at hand
	space  *Space
	cold   bool             // rows go to a cold store
	added  func(keyedState) // hears of each state; nil: nobody does
	owner  rowOwner
	groups int // key groups
	states []keyedState
	names  map[string]int
	loose  []uint64 // places that may have lost their last state: looked at in End
	queues [2]queue
	time   int64     // of the timer that fires
	firing *schedule // its state

	times   *Times // of states with a TTL
	expires []sweeper
	byWall  bool  // some go by processing time
	expired int64 // values that were freed as their time was up

	lineage             lineage
	freed               []deletions // keys, by group
	keyBytes, itemBytes []byte      // scratch
}

// rowOwner is the part of a store that knows keys.
type rowOwner interface {
	findRow()                    // makes the place of the key at hand known
	createRow()                  // gives the key at hand a row
	selectRow(g int, row uint32) // makes the key of a row the one at hand
	live(g int, row uint32) bool // says whether a row belongs to a key
	// appendKey appends the canonical bytes of a row's key.
	appendKey(to []byte, g int, row uint32) []byte
}

// keyedState is one named state as the store sees it: columns by key group.
type keyedState interface {
	describe() backend.State
	// has says whether a row has state, which keeps it from being freed.
	has(g int, row uint32) bool
	// lines adds the addresses of what the records of these places will read first, for prefetching.
	lines(to []uintptr, places []uint64) []uintptr
	// freeze freezes the columns.
	freeze(t *Ticket) frozenState
	// expect prepares for entries that a snapshot describes so.
	expect(was backend.State) error
	// restore adds an entry of a snapshot.
	restore(g int, row uint32, item, value []byte) error
	// look calls f for the entries of a row, or for that of an item, as freeze would have them.
	look(g int, row uint32, item []byte, f func(backend.Held) error) error
	// reclaim frees what was cleared since the last call, or a bounded part of it.
	reclaim()
}

// known makes the place of the key at hand known, and says whether it has a row.
func (c *core) known() (g int, row uint32, ok bool) {
	if uint32(c.place) == unknownRow {
		c.owner.findRow()
	}
	return int(c.place >> 32), uint32(c.place), uint32(c.place) < outsideRow
}

// ensure returns the row of the key at hand, a new one if it has none.
func (c *core) ensure() (g int, row uint32) {
	if uint32(c.place) >= outsideRow {
		c.owner.createRow()
	}
	return int(c.place >> 32), uint32(c.place)
}

// loosen notes that the row may have lost its last state.
func (c *core) loosen(g int, row uint32) { c.loose = append(c.loose, placeOf(g, row)) }

func (c *core) add(s keyedState) {
	name := s.describe().Name
	if _, twice := c.names[name]; twice {
		panic(fmt.Sprintf("state %q is declared twice", name)) // the planner has refused it before
	}
	c.names[name] = len(c.states)
	c.states = append(c.states, s)
	if c.added != nil {
		c.added(s)
	}
}

// hasState says whether any state is present in a row.
func (c *core) hasState(g int, row uint32) bool {
	for _, s := range c.states {
		if s.has(g, row) {
			return true
		}
	}
	return false
}

// columns makes one column a key group.
func columns[V any](c *core, f *Family[V]) []Column[V] {
	cols := make([]Column[V], c.groups)
	for g := range cols {
		cols[g] = f.Column()
	}
	return cols
}

// rowAlloc hands out rows. Freed rows come first, the last one freed before the others: it is likely in the cache.
type rowAlloc struct {
	next uint32
	free []uint32
}

func (a *rowAlloc) take() uint32 {
	if n := len(a.free); n > 0 {
		row := a.free[n-1]
		a.free = a.free[:n-1]
		return row
	}
	if a.next >= maxRows {
		panic(Refusal{Err: fmt.Errorf("a key group holds more than %d keys or entries: raise the maximum parallelism", maxRows)})
	}
	a.next++
	return a.next - 1
}

func (a *rowAlloc) release(row uint32) { a.free = append(a.free, row) }
