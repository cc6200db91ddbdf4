// Package runtime has the loop of a subtask: it takes batches and signals from its inputs, aligns barriers, merges
// watermarks, and drives a chain of operators. It knows nothing of where it runs or what the operators do.
package runtime

import (
	"context"

	"leat.dev/leat/internal/backend"
)

// An operator has whichever of these facets it needs; the loop finds them when the chain is built. All are called from
// the subtask's goroutine unless said otherwise.

// Opener is called once, before the first record and after all state was restored.
type Opener interface {
	Open(ctx context.Context) error
}

// Closer is called once at the end of each attempt, whatever its end, if the operator was opened.
type Closer interface{ Close() error }

// Stateful has keyed state.
type Stateful interface{ State() []backend.Keyed }

// Floored knows how far event time has come for each of its key groups: in the middle of a firing some are ahead.
type Floored interface {
	// Floors are the key groups' watermarks; those without one of their own have the watermark given.
	Floors(from, to int, watermark int64) []backend.Floor
	// RestoreFloor says how far it had come when the snapshot was taken that the operator begins from.
	RestoreFloor(f backend.Floor)
}

// Listed has state without keys.
type Listed interface {
	Entries() ([]backend.Entry, error)
	RestoreEntries(all []backend.Entry) error
}

// Described has state without keys whose values have schemas.
type Described interface {
	// Expect is called before RestoreEntries, with the states as the snapshot describes them, by the names that they have
	// now. An error says what can't be read.
	Expect(was map[string]backend.State) error
}

// Flusher writes to the outside world: everything is durable when Flush returns.
type Flusher interface {
	Flush(ctx context.Context) error
}

// Committing is an exactly-once sink. Prepare is called at a barrier, before Committables are captured; Complete when a
// checkpoint is durable: it commits everything up to that one.
type Committing interface {
	Prepare(ctx context.Context, checkpoint int64) error
	Committables() []backend.Committable
	Complete(ctx context.Context, checkpoint int64) error
}

// Firing is the head of a task with timers or windows. Advance fires what is due, about limit callbacks at most, and
// reports whether all is done; it then has sent the watermark on. Between two calls state may be snapshotted.
type Firing interface {
	Advance(watermark int64, limit int) (done bool)
}

// Ticking is an operator with something to do as processing time goes on.
type Ticking interface {
	// NextTick is when; ok is false for never.
	NextTick() (at int64, ok bool)
	// Tick does what is due, about limit callbacks at most, and reports whether all is done.
	Tick(now int64, limit int) (done bool)
}

// Pulling is a source: the loop asks it for more in place of an inbox.
type Pulling interface {
	// Start is called after Open; wake may be called from any goroutine when a dry source has more.
	Start(wake func()) error
	// Pull reads a batch of at most limit records and sends it on. What was read ahead may be more: the limit then holds
	// for what is read next.
	Pull(limit int) (records int, p Pulled, err error)
	// Ready says whether a source that was dry has more.
	Ready() bool
	// Finish ends the reading: with drain it moves event time to its end.
	Finish(drain bool)
}

// Pulled is what a source says after a Pull.
type Pulled uint8

// The answers.
const (
	More     Pulled = iota // there is more
	Dry                    // nothing just now
	Finished               // nothing more, ever
)
