package heap

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/metrics"
)

// Budget bounds the bytes of state in one process; subtasks share it.
type Budget struct {
	// Below tells the numbers of the cold stores; nil: there are none. It is set before the first store is made.
	Below func() *metrics.Disk

	limit int64
	used  atomic.Int64

	found  atomic.Int64 // keys of batches whose rows were in memory
	sought atomic.Int64 // keys that were looked for in cold stores
	rows   int          // that a store keeps in memory, whatever the limit; 0: as many as there is room for
	below  ColdOpener   // where stores go with what there is no room for; nil: nowhere
	yields atomic.Int64 // bytes of used that such stores have in memory, and can do without
	stores atomic.Int64 // such stores
	spare  atomic.Int64 // bytes of used that they have for the sake of snapshots only
}

// NewBudget makes a budget of so many bytes; 0 is no bound.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// NewBudgetOver makes a budget beyond which keyed stores go to cold stores.
func NewBudgetOver(limit int64, below ColdOpener) *Budget { return &Budget{limit: limit, below: below} }

// NewBudgetOfRows is NewBudgetOver without a bound but that stores keep about so many rows in memory.
func NewBudgetOfRows(rows int, below ColdOpener) *Budget { return &Budget{rows: rows, below: below} }

// Numbers are those of the state that shares the budget.
func (b *Budget) Numbers() metrics.State {
	n := metrics.State{Used: b.used.Load(), Limit: b.limit, Copies: b.spare.Load()}
	if b.Below != nil {
		n.Disk = b.Below()
		n.Disk.Found, n.Disk.Sought = b.found.Load(), b.sought.Load()
	}
	return n
}

// UsedBytes is how much of the budget is in use, and LimitBytes how much there is (0: no bound).
func (b *Budget) UsedBytes() int64 { return b.used.Load() }

// LimitBytes is the size of the budget; 0 is no bound.
func (b *Budget) LimitBytes() int64 { return b.limit }

// Refusal is how a failing state access leaves the user's callback.
type Refusal = backend.Refusal

// A BudgetError says that state would outgrow its budget.
type BudgetError struct{ LimitBytes int64 }

func (e *BudgetError) Error() string {
	return fmt.Sprintf("state needs more than the memory budget of %d MB (BudgetBytes of state.Heap or state.Disk; "+
		"by default a part of the memory that the process may use): raise it, or keep less per key", e.LimitBytes>>20)
}

// Space is what the tables of one subtask's state share: the epoch, the snapshots in flight, and the account of bytes.
type Space struct {
	now    uint64    // the epoch of the live state
	flight []*Ticket // snapshots that are not released, oldest first
	newest uint64    // epoch of the newest of them, 0 without
	saved  uint64    // epoch of the newest snapshot that is known to be complete, see Saved
	budget *Budget
	used   int64
	yields bool  // to others: what is beyond the budget goes to a cold store
	spare  int64 // bytes of used that are there for the sake of snapshots only: chunks that they read, and chunks in reserve
	owed   []debt
}

// debt is memory that goes back once no snapshot in flight is as old as until.
type debt struct {
	until uint64
	bytes int64
}

// NewSpace makes a space whose tables count against b; nil is no bound.
func NewSpace(b *Budget) *Space {
	if b == nil {
		b = NewBudget(0)
	}
	return &Space{now: 1, budget: b}
}

// Close gives all bytes back to the budget. Tables of the space are not used afterwards.
func (s *Space) Close() {
	s.spareMore(-s.spare)
	s.give(s.used)
}

// spareMore counts bytes that are there for the sake of snapshots only, or are no more.
func (s *Space) spareMore(n int64) {
	s.spare += n
	if s.yields {
		s.budget.spare.Add(n)
	}
}

// take counts n bytes, and refuses what the budget does not have.
func (s *Space) take(n int64) {
	b := s.budget
	s.used += n
	used := b.used.Add(n)
	if s.yields {
		b.yields.Add(n)
		return
	}
	if b.limit > 0 && used > b.limit && used-b.yields.Load() > b.limit {
		panic(Refusal{Err: &BudgetError{LimitBytes: b.limit}})
	}
}

func (s *Space) give(n int64) {
	s.used -= n
	s.budget.used.Add(-n)
	if s.yields {
		s.budget.yields.Add(-n)
	}
}

// change is take or give.
func (s *Space) change(n int64) {
	if n >= 0 {
		s.take(n)
	} else {
		s.give(-n)
	}
}

// owe gives n bytes back when the snapshots now in flight are released.
func (s *Space) owe(n int64) {
	if last := len(s.owed) - 1; last >= 0 && s.owed[last].until == s.newest {
		s.owed[last].bytes += n
		return
	}
	s.owed = append(s.owed, debt{s.newest, n})
}

// Ticket is one snapshot in flight.
type Ticket struct {
	epoch    uint64
	before   []*Ticket // in flight when this one began; the writer drops them as they are released
	released atomic.Bool
}

// Freeze begins a snapshot: what columns freeze with its ticket before the next write stays as it is until the ticket
// is released.
func (s *Space) Freeze() *Ticket {
	s.settle()
	t := &Ticket{epoch: s.now, before: slices.Clone(s.flight)}
	s.flight = append(s.flight, t)
	s.newest = t.epoch
	s.now++
	return t
}

// Release ends the snapshot. What was frozen for it is not read afterwards. It may be called from any goroutine.
func (t *Ticket) Release() { t.released.Store(true) }

// Saved says that a snapshot is complete: what did not change since needs no writing again. The owner calls it, with snapshots in
// the order in which they began; one that failed is left out.
func (s *Space) Saved(t *Ticket) { s.saved = max(s.saved, t.epoch) }

// first says that no older snapshot is in flight; once true it stays so. Only the writer calls it.
func (t *Ticket) first() bool {
	for len(t.before) > 0 {
		if !t.before[0].released.Load() {
			return false
		}
		t.before = t.before[1:]
	}
	return true
}

// settle drops the tickets that were released.
func (s *Space) settle() {
	if len(s.flight) == 0 {
		return
	}
	s.flight = slices.DeleteFunc(s.flight, func(t *Ticket) bool { return t.released.Load() })
	s.newest = 0
	if n := len(s.flight); n > 0 {
		s.newest = s.flight[n-1].epoch
	}
	oldest := s.oldest()
	for len(s.owed) > 0 && s.owed[0].until < oldest {
		s.give(s.owed[0].bytes)
		s.owed = s.owed[1:]
	}
}

// oldest is the epoch of the oldest snapshot in flight. It is as of the last settle.
func (s *Space) oldest() uint64 {
	if len(s.flight) == 0 {
		return math.MaxUint64
	}
	return s.flight[0].epoch
}

// needs says whether a snapshot in flight still reads what was last written in the given epoch, and what the writers
// are done with up to the snapshot of epoch done.
func (s *Space) needs(epoch, done uint64) bool {
	s.settle()
	return s.newest >= epoch && s.newest > done
}
