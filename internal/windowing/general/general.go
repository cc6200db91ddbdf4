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
	Config[K, T, A, V]
	assigner
	steps
	store *heap.Store[K]
	refs  bool // accumulators hold references

	windows *heap.Map[Window, open[A]]
	counted *heap.Value[int64]              // records of a key so far, of count windows
	records *heap.Map[Window, []stamped[T]] // with evictors
	emitted *heap.Map[Window, []emitted[A]] // in retracting mode: the panes that stand
	ends    *heap.Timers[Window]            // when a window ends, and then when it is dropped
	firings *heap.Timers[Window]            // when it fires between, by its own clock
	ticks   *heap.Timers[Window]            // when it fires between, by the wall clock
	control control[K, T]

	wm, before int64   // the watermark, and the last one that was not the end of time
	floors     []int64 // restored, by key group from From on
	top        int64   // the highest of them
	lates      int64

	holding []Window   // scratch: the windows of a record
	touched []touching // scratch: the sessions that a record touches
	tmp     A          // where accumulators are merged for a pane
}

// open is a window that has not been dropped.
type open[A any] struct {
	Acc        A
	Start, End int64  // of count windows and the window without end: the earliest record's time, and a nanosecond after the latest's
	New        uint32 // records since the last pane
	Panes      uint32
	Held       bool // there is content: it was not purged, or something came since
	Ended      bool // its end has come: what comes now is late
}

// stamped is a record of a window with an evictor.
type stamped[T any] struct {
	At     int64
	Record T
}

// emitted is a pane that has been emitted and not taken back.
type emitted[A any] struct {
	Acc        A
	Start, End int64
	Index      uint32
	Timing     uint8
}

// The names of the operator's states.
const (
	windowsState = "windows"
	countsState  = "window-counts"
	recordsState = "window-records"
	emittedState = "window-emitted"
	endsState    = "window-ends"
	firingsState = "window-firings"
	ticksState   = "window-ticks"
	keptPrefix   = "trigger-" // and the name that the trigger has given
)

// New makes an operator. Its errors are those of planning: what was asked for makes no sense.
func New[K comparable, T, A, V any](c Config[K, T, A, V]) (*Operator[K, T, A, V], error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	o := &Operator[K, T, A, V]{
		Config: c, assigner: newAssigner(c.Windows), steps: newSteps(c.Windows, c.Trigger, c.TriggerBy != nil, c.Mode),
		store: heap.New(heap.Config{From: c.From, To: c.To, Max: c.Max, Budget: c.Budget}, c.Keys),
		refs:  codec.HoldsReferences[A](),
		wm:    flow.NoTime, before: flow.NoTime, top: flow.NoTime, floors: make([]int64, c.To-c.From),
	}
	for i := range o.floors {
		o.floors[i] = flow.NoTime
	}
	if err := o.addStates(); err != nil {
		return nil, err
	}
	if c.TriggerBy != nil {
		if err := o.construct(); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// States lists the state, in the order in which it is restored.
func (o *Operator[K, T, A, V]) States() []backend.State { return o.store.States() }

// Snapshot freezes the state as it is.
func (o *Operator[K, T, A, V]) Snapshot() backend.Snapshot { return o.store.Snapshot() }

// Restore reads one state of one key group.
func (o *Operator[K, T, A, V]) Restore(was backend.State, state string, group int, r backend.Reader) error {
	return o.store.Restore(was, state, group, r)
}

// Floor is how far event time has come for a key group: windows that are due and have not fired have a timer that says so.
func (o *Operator[K, T, A, V]) Floor(group int) int64 { return max(o.wm, o.floors[group-o.From]) }

// RestoreFloor gives a key group the floor that it had in the snapshot.
func (o *Operator[K, T, A, V]) RestoreFloor(group int, wm int64) {
	o.floors[group-o.From] = wm
	o.top = max(o.top, wm)
}

// LateCount is the number of records that came too late.
func (o *Operator[K, T, A, V]) LateCount() int64 { return o.lates }

// Close gives the memory back to the budget.
func (o *Operator[K, T, A, V]) Close() { o.store.Close() }

// reach is how far event time has come for the key at hand. Nothing is late by the wall clock.
func (o *Operator[K, T, A, V]) reach() int64 {
	switch {
	case o.spec.Processing:
		return flow.NoTime
	case o.wm >= o.top:
		return o.wm
	}
	return max(o.wm, o.floors[o.store.Group()-o.From])
}

// Advance moves the watermark and fires what is due, limit timers at a time; at the end of input also what the wall clock
// would make due.
func (o *Operator[K, T, A, V]) Advance(wm int64, limit int) (done bool) {
	o.wm = max(o.wm, wm)
	if wm != flow.EndTime {
		o.before = o.wm
	}
	if !o.fireDue(heap.Event, o.wm, limit) {
		return false
	}
	return wm != flow.EndTime || o.fireDue(heap.Processing, flow.EndTime, limit)
}

// NextTick is when the wall clock makes something due.
func (o *Operator[K, T, A, V]) NextTick() (at int64, ok bool) {
	return o.store.NextTimer(heap.Processing)
}

// Tick fires what the wall clock has made due, limit timers at a time.
func (o *Operator[K, T, A, V]) Tick(now int64, limit int) (done bool) {
	return o.fireDue(heap.Processing, now, limit)
}

func (o *Operator[K, T, A, V]) fireDue(d heap.Domain, upTo int64, limit int) (done bool) {
	more, err := o.store.Fire(d, upTo, limit)
	flow.Check(err)
	return !more
}
