// Package general has the window operator that can do everything: windows by count, one that never ends, sessions whose gap
// the record says, windows by a function, and, with any windows, triggers, evictors and modes. Where package
// windowing's slices and sessions can do the work, they do it for less.
//
//	record ─▶ which windows hold it? ─▶ each one's accumulator, or records ─▶ does it fire now? ─▶ panes
//	timers ─▶ a window's end, an interval, the end of its lateness ──────────▶ does it fire now? ─▶ panes
//
// A window is an entry of the key's table of windows, found by an id that it keeps: the span that it had when it was opened.
// (Sessions grow; their present span is in the entry.) Everything is in states of a [heap.Store] of the operator's
// own, so that snapshots, restore at any parallelism and schema evolution are the store's. Firing is resumable because a
// timer that has fired is unset: what a snapshot has in the middle of firing is what is left to fire.
// All of that is one [machine], which knows the types of nothing, so that the compiler makes it once: keys, records,
// accumulators and results are the business of [typed], which is small. The machine holds a window's accumulator as a pointer,
// and lists of records and panes as a [list]; what is written are the types that they have.
//
// # A window's life
//
//	        ┌── early: the trigger may fire it ──┐        ┌── late: the trigger may fire it ─┐
//	opened ─┴────────────────────────────────────┴─ ends ─┴──────────────────────────────────┴─ dropped
//	                                                │ on time: the trigger may fire it         │ and fire what is left
//
// Count windows end with their last record, and are dropped at once. The window without end never ends.
package general

import (
	"leat.dev/leat/agg"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/window"
)

// Config is what the operator is made of.
type Config[K comparable, T, A, V any] struct {
	// From and To are the key groups of this subtask (To excluded), and Max is how many the job has.
	From, To, Max int
	// Budget bounds the state; nil is no bound.
	Budget *heap.Budget
	Keys   *keygroup.Keys[K]
	Codecs *codec.Set // the job's, for accumulators, records and what triggers keep
	Clock  clock.Clock

	Windows window.Spec
	Rule    window.Rule[T] // of windows by record
	// Lateness is how long a window is kept after the watermark has passed its end, in nanoseconds.
	Lateness  int64
	Parts     agg.Parts[T, A, V]
	Trigger   window.Firing
	TriggerBy window.TriggerBy[T] // in place of Trigger; may be nil
	Triggered bool                // Trigger or TriggerBy was asked for
	Evict     window.Eviction
	EvictBy   func(record, newest T) bool // may be nil
	Mode      window.Mode

	// Emit receives the panes.
	Emit func(Pane[K, V])
	// Late receives records that come too late; nil leaves it at counting them.
	Late func(key K, v T, at int64)
}

// Pane is one result of one window and key. Times are in nanoseconds; NoTime where no record had one.
type Pane[K comparable, V any] struct {
	Key        K
	Hash       uint64
	Start, End int64
	At         int64 // the pane's own event time: the last nanosecond before End
	Value      V
	Timing     window.Timing
	Index      int  // how many panes this window and key had before
	Retract    bool // an earlier pane is taken back
}

// Operator is a window operator's part in one subtask, whose goroutine calls all methods.
type Operator[K comparable, T, A, V any] struct {
	engine
	work *work[K, T, A, V]
}

// engine is the [machine]. What has types does not name it: the compiler would make the machine's maps for each use.
type engine interface {
	// Advance moves the watermark and fires what is due, limit timers at a time; at the end of input also what the wall clock
	// would make due.
	Advance(wm int64, limit int) (done bool)
	// NextTick is when the wall clock makes something due.
	NextTick() (at int64, ok bool)
	// Tick fires what the wall clock has made due, limit timers at a time.
	Tick(now int64, limit int) (done bool)

	// States lists the state, in the order in which it is restored.
	States() []backend.State
	// Snapshot freezes the state as it is.
	Snapshot(r backend.Request) backend.Snapshot
	// Restore reads one state of one key group.
	Restore(was backend.State, state string, group int, r backend.Reader) error
	// Floor is how far event time has come for a key group: windows that are due and have not fired have a timer that says so.
	Floor(group int) int64
	// RestoreFloor gives a key group the floor that it had in the snapshot.
	RestoreFloor(group int, wm int64)

	// LateCount is the number of records that came too late.
	LateCount() int64
	// Close gives the memory back to the budget.
	Close()

	// receive takes the records of the batch in, which have these times.
	receive(times []int64) error
}

// New makes an operator. Its errors are those of planning: what was asked for makes no sense.
func New[K comparable, T, A, V any](c Config[K, T, A, V]) (*Operator[K, T, A, V], error) {
	if err := c.Parts.Validate(); err != nil {
		return nil, err
	}
	s := plan{
		From: c.From, To: c.To, Max: c.Max, Codecs: c.Codecs, Clock: c.Clock, Windows: c.Windows, Lateness: c.Lateness,
		Trigger: c.Trigger, Triggered: c.Triggered, custom: c.TriggerBy != nil,
		Evict: c.Evict, evicts: c.Evict.Kind != window.KeepAll || c.EvictBy != nil, Mode: c.Mode,
	}
	if err := s.validate(); err != nil {
		return nil, err
	}
	store := heap.New(heap.Config{From: c.From, To: c.To, Max: c.Max, Budget: c.Budget, InMemory: true}, c.Keys)
	w := &work[K, T, A, V]{Config: c, store: store, refs: codec.HoldsReferences[A]()}
	m, err := newMachine(s, w, store, store.Base())
	if err != nil {
		return nil, err
	}
	return &Operator[K, T, A, V]{m, w}, nil
}

// Receive takes records in. An error fails the job. It is not called while an Advance is under way.
func (o *Operator[K, T, A, V]) Receive(in *flow.Keyed[K, T]) error {
	o.work.in = in
	err := o.receive(in.Times)
	o.work.in = nil
	return err
}
