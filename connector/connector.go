// Package connector has the contracts of sources and sinks. Each connector is a folder below this one; connectortest
// is the suite that every one of them passes.
package connector

import (
	"context"
	"time"
)

// Source says where records come from. It is a function, so that a format can be passed by name, uncalled:
//
//	job.From("payments", file.Read("payments.csv.gz").CSV[Txn])
//
// It is called once for each plan of the job and must have no side effects; files and connections are opened by
// [Input.Splits] and [Input.Open].
type Source[T any] func() Input[T]

// Input is a set of splits and a way to read one.
type Input[T any] interface {
	// Splits lists what there is to read. It is called once before the first record of an attempt, by the job's
	// coordinator. The names are unique and stable: a restored position is matched to its split by name.
	Splits(ctx context.Context) ([]Split, error)

	// Open opens a split at a position that an earlier reader of the same split returned, or at its beginning if
	// position is nil. Different splits may be opened and read at the same time, from different goroutines.
	Open(ctx context.Context, s Split, position []byte) (Reader[T], error)
}

// Split is a source's unit of reading: a file, a partition, a range.
type Split struct{ Name string }

// Reader reads one split, in order. One goroutine at a time uses it.
type Reader[T any] interface {
	// Read appends records to the batch, at most as many as into.Room() says. It may wait until there is a first
	// record, or until ctx is done, unless the reader is [Prompt]. It then takes what is there without waiting for
	// more: a batch with room left tells the engine that the source is dry just now, so that it sends on what it has.
	// A batch filled to its brim tells it nothing. io.EOF ends a bounded split; records appended by that call count.
	// Any other error fails the attempt; it should name the place (file, line, partition, offset).
	Read(ctx context.Context, into *Batch[T]) error

	// Position is where a later reader goes on so as to miss and repeat nothing: after all records that Read has
	// handed out so far. The bytes are the caller's.
	Position() []byte

	// Close releases what the reader holds.
	Close() error
}

// Prompt marks a reader whose Read never waits for the outside world: what it reads is there (a local file, a
// computation, memory). The engine calls such a reader from the subtask's own loop, and any other from a goroutine
// of its own.
type Prompt interface{ Prompt() }

// Batch is a column of values and, for sources that know them and sinks, one of event times.
type Batch[T any] struct {
	// Values are the records.
	Values []T
	// Times are the records' event times: empty, or one a value. A zero time is none. A writer is given them only if
	// it is [Timed].
	Times []time.Time
	// Rejected are pieces of input that are no record. The engine counts them and hands them to the side output that
	// the job asks for with leat.Rejects, or else fails the job with the first one.
	Rejected []Rejected
	// Max is how many values and rejects a reader may bring the batch to.
	Max int
}

// Room is how many more values or rejects the batch takes.
func (b *Batch[T]) Room() int { return b.Max - len(b.Values) - len(b.Rejected) }

// Clear empties the batch and keeps its memory; the old values are released to the garbage collector.
func (b *Batch[T]) Clear() {
	clear(b.Values)
	clear(b.Rejected)
	b.Values, b.Times, b.Rejected = b.Values[:0], b.Times[:0], b.Rejected[:0]
}

// Rejected is a piece of input that can't be read or parsed as a record.
type Rejected struct {
	// Raw is the input as it came.
	Raw []byte
	// Position is where it stands: file, line, column, field, or partition and offset.
	Position string
	// Err says what is wrong with it.
	Err string
}

// Sink says where records go. It is a function, so that a format can be passed by name, uncalled:
//
//	alerts.To("alerts", file.Write("alerts").JSONLines)
//
// It is called once for each plan of the job and must have no side effects; [Output.Open] opens files and connections.
type Sink[T any] func() Output[T]

// Output opens one writer a subtask.
type Output[T any] interface {
	// Guarantee is what the sink promises at best.
	Guarantee() Guarantee
	// Open opens the writer of one subtask.
	Open(ctx context.Context, s Subtask) (Writer[T], error)
}

// Checked is what an [Input] or [Output] may offer: the job is refused when it is planned, with this error, in place of
// failing when it starts. Check looks at settings and types only, and touches nothing outside.
type Checked interface{ Check() error }

// Printing marks an [Output] that writes to standard output: a terminal then shows no progress beside it.
type Printing interface{ Printing() }

// Guarantee is what a sink can promise.
type Guarantee uint8

// The guarantees.
const (
	// AtLeastOnce loses nothing; after a failure some records are written again.
	AtLeastOnce Guarantee = iota
	// ExactlyOnce makes each record visible once.
	ExactlyOnce
)

// String is the guarantee in words: "at least once" or "exactly once".
func (g Guarantee) String() string {
	if g == ExactlyOnce {
		return "exactly once"
	}
	return "at least once"
}

// Subtask says who writes.
type Subtask struct {
	// Job and Operator are the names of the job and of the sink.
	Job, Operator string
	// Index is which subtask this is, from 0; Count is how many there are.
	Index, Count int
	// ExactlyOnce says that the job has asked for it: the writer's Prepare is called at each checkpoint, and not Flush.
	ExactlyOnce bool
	// Restored says that the attempt goes on from a snapshot: what the sink has made visible before is part of the job's
	// output, and stays.
	Restored bool
	// Attempt grows from attempt to attempt of a job that has a store, in all processes that run it, one after another. A
	// process that was halted and does not know that another one has taken the job over has an earlier number than that:
	// so what later attempts have prepared can be told from what is left over.
	Attempt int64
}

// Transactional is an output that can promise exactly-once: its writers are [Committer]s.
type Transactional interface {
	// Recover is called once before the writers of an attempt are opened, with everything that the snapshot from which
	// the attempt begins has prepared and may not have committed, by all subtasks, in the order of checkpoints; with
	// nothing if the attempt begins anew. It commits all of that, and removes what earlier attempts of this sink have
	// prepared or written besides. It is called again, with the same, if the process ends before the first checkpoint.
	Recover(ctx context.Context, s Subtask, committables [][]byte) error
}

// Committer is a writer that can promise exactly-once, by two phases.
type Committer interface {
	// Prepare makes durable all that was written since the last Prepare, without making it visible, and returns what it
	// takes to make it visible, by any process; nil if nothing was written. The bytes become part of the checkpoint.
	Prepare(ctx context.Context, checkpoint int64) (committable []byte, err error)
	// Commit makes visible what a Prepare returned. It is called when the checkpoint is durable, in the order of
	// checkpoints. It may be called again for what has been committed, also by a later process, and does nothing then.
	Commit(ctx context.Context, committable []byte) error
}

// Scheduled is what a [Writer] may offer that has something to do as time goes by, also while no records come.
type Scheduled interface {
	// NextTick is when there is something to do, by the engine's clock; ok is false for not as things are. It is asked
	// between batches and should cost next to nothing.
	NextTick() (at time.Time, ok bool)
	// Tick does what is due by now. It is called when NextTick has come, between two calls of the writer's other methods.
	Tick(ctx context.Context, now time.Time) error
}

// Timed marks a writer that wants the event times of what it writes.
type Timed interface{ Timed() }

// Writer writes what one subtask has. One goroutine uses it.
type Writer[T any] interface {
	// Write takes a batch. The batch and its columns are the engine's again after the call; the values may be kept.
	Write(ctx context.Context, b *Batch[T]) error
	// Flush makes all that was written durable: before each snapshot and at the end of input.
	Flush(ctx context.Context) error
	// Close ends the writer after the last Flush, or after a failure.
	Close() error
}
