// Package windowing has the window operators: records of a keyed stream in, panes out.
//
// There are two. [New] chooses by the windows, and puts either on the wall clock where they follow that:
//
//	tumbling, sliding, cumulating, days ─▶ sliced    a record enters exactly one slice; a window is put together of slices
//	sessions                            ─▶ sessions  each key has its own open sessions, which merge when they touch
//	in processing time                  ─▶ Clocked   one of them, with the time of arrival for event time
//
// # Slices
//
// A slice is the largest piece of time that every window holds whole or not at all: the greatest common divisor of size
// and slide long. It is one table for all keys of a subtask, so a record costs one probe however many windows it is in,
// and a slice whose last window is over is dropped whole. No key has a timer.
//
//	time     ──┬───────┬───────┬───────┬───────┬──▶
//	slices     │ k1 k2 │ k2    │ k1 k3 │ k1    │        the state: (slice, key) → accumulator
//	windows    └────── w1 ─────────────┘       │
//	                   └────── w2 ─────────────┘
//
// When a window fires, its keys are gone through by key group. So how far firing has come is one number, and for each
// key group a watermark: "the windows that end by then have fired". That is what a snapshot keeps ([Operator].Floor), also
// in the middle of firing, and why a restore at any parallelism fires nothing twice. A window that is one slice and is not
// kept for late records fires in the order of its rows, which need not be sorted then; a snapshot in the middle leaves out
// the rows that have fired. What windows keep in order not to merge all their slices anew ([folds]) is derived from the
// slices, and never written.
package windowing

import (
	"fmt"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/window"
)

// Config is what a window operator is made of.
type Config[K comparable, T, A, V any] struct {
	// From and To are the key groups of this subtask (To excluded), and Max is how many the job has.
	From, To, Max int
	// Budget bounds the state; nil is no bound.
	Budget *heap.Budget
	Keys   *keygroup.Keys[K]
	Acc    codec.Codec[A] // of accumulators

	Windows window.Assigner
	// Now is the wall clock, in nanoseconds, which windows in processing time follow.
	Now func() int64
	// Lateness is how long a window is kept after the watermark has passed its end.
	Lateness time.Duration
	// LatenessOf is less for some records: such a one comes too late when the last of its windows has ended so long before.
	// Otherwise it is in all windows that are kept. Nil: Lateness is for all.
	LatenessOf func(v T) time.Duration
	Parts      agg.Parts[T, A, V]
	// Fired is told of a session's accumulator that has been emitted and is kept: what it says of itself from then on is part
	// of it. Nil: nobody wants to know.
	Fired func(acc *A)

	// Pairing says that accumulators are records of two sides, which are brought together; nil of others.
	Pairing *Pairing[A]

	Emit Emit[K, A]
	// Late receives records that come too late; nil leaves it at counting them.
	Late func(key K, v T, at int64)
}

// Emit receives panes of one window, and makes their results: panes come in order of their ends where they are on time. Start and end
// are in nanoseconds; index is how many panes this window and key had before. The entries are valid until it returns. It changes
// nothing there, but what accumulators refer to may be kept.
type Emit[K comparable, A any] func(start, end int64, panes []Entry[K, A], timing window.Timing, index int)

// Operator is a window operator's part in one subtask, whose goroutine calls all methods.
type Operator[K comparable, T any] interface {
	part
	// Receive takes records in. An error fails the job: records without event time belong to no window. It is not
	// called while an Advance is under way.
	Receive(b *flow.Keyed[K, T]) error
}

// part is what all operators do, whatever the type of their records.
type part interface {
	// Advance moves the watermark and fires what is due, limit panes or some more at a time: it is called again, with
	// the same watermark, until it is done. Snapshots may be taken in between.
	Advance(wm int64, limit int) (done bool)

	// States lists the state, in the order in which it is restored.
	States() []backend.State
	// Snapshot freezes the state as it is. What fired before does not fire again after a restore, provided that the
	// key groups' floors are restored with it.
	Snapshot(r backend.Request) backend.Snapshot
	// Restore reads one state of one key group, as the snapshot describes it. The state of a group is restored before the
	// first record.
	Restore(was backend.State, state string, group int, r backend.Reader) error

	// Floor is how far event time has come for a key group (one of the job's, not counted from From): windows that end
	// by then have fired, and records are judged late by it.
	Floor(group int) int64
	// RestoreFloor gives a key group the floor that it had in the snapshot.
	RestoreFloor(group int, wm int64)

	// LateCount is the number of records that came too late.
	LateCount() int64
	// Close gives the memory back to the budget. The operator is not used afterwards.
	Close()

	// next is the least watermark that may fire something, if there is any; it may turn out to fire nothing.
	next() (wm int64, ok bool)
}

// New makes an operator. Its errors are those of planning: windows, lateness or aggregator make no sense.
func New[K comparable, T, A, V any](c Config[K, T, A, V]) (Operator[K, T], error) {
	spec := window.SpecOf(c.Windows)
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if spec.Kind > window.Calendar {
		return nil, fmt.Errorf("%v are neither slices nor sessions", spec)
	}
	if err := c.Parts.Validate(); err != nil {
		return nil, err
	}
	if c.Lateness < 0 {
		return nil, fmt.Errorf("%v: the allowed lateness is %v; it must not be negative", spec, c.Lateness)
	}
	if spec.Processing && c.Lateness > 0 {
		return nil, fmt.Errorf("%v: nothing is late by the wall clock: leave AllowLateness out", spec)
	}
	if c.From < 0 || c.To < c.From || c.Max < c.To {
		return nil, fmt.Errorf("key groups %d to %d of %d", c.From, c.To, c.Max)
	}
	b := newBase(c, spec)
	o := &typed[K, T, A]{addOne: c.Parts.Add, addAt: c.Parts.AddAt, latenessOf: c.LatenessOf, lateTo: c.Late}
	if spec.Kind == window.Sessions {
		o.core = newSessions(b)
	} else {
		o.core = newSliced(b)
	}
	if spec.Processing {
		return newClocked[K, T](o, c.Now), nil
	}
	return o, nil
}
