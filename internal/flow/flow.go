// Package flow has what moves along a job's graph inside one process: batches of records, and the signals that keep
// their place among them. Operators know these types and nothing of who hosts them.
package flow

import (
	"fmt"
	"math"
	"reflect"
	"time"
	"unsafe"
)

// Event times and watermarks are nanoseconds since 1970 in UTC, so that a column of them holds no pointers.
const (
	// NoTime is the event time of a record that has none, and the watermark before the first one.
	NoTime int64 = math.MinInt64
	// EndTime is the watermark after the last record: every timer and window is due.
	EndTime int64 = math.MaxInt64
)

// Batch is records on their way, as columns of one length.
//
// The sender owns a batch and its columns: a receiver reads them until its Receive returns and changes nothing, for
// other receivers read them too. Values may be kept; nobody mutates what they refer to.
type Batch[T any] struct {
	Values []T
	Times  []int64
	// Split is the source's split that the batch comes from, counted within the subtask; 0 elsewhere.
	Split int
}

// Len is the number of records.
func (b *Batch[T]) Len() int { return len(b.Values) }

// Poison overwrites the batch's columns, under -tags invariants: whoever still reads a recycled batch then reads
// nonsense, and tests fail.
func (b *Batch[T]) Poison() {
	poison(b.Values)
	poison(b.Times)
}

// poison overwrites a column with bytes that no record has by chance, or with zeros where it holds pointers.
func poison[T any](column []T) {
	if holdsPointers(reflect.TypeFor[T](), nil) || len(column) == 0 {
		clear(column)
		return
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&column[0])), uintptr(len(column))*unsafe.Sizeof(column[0]))
	for i := range bytes {
		bytes[i] = 0xDB
	}
}

// Reset empties the batch and keeps its memory. Values are cleared only where the caller says that they hold pointers.
func (b *Batch[T]) Reset(pointers bool) {
	if pointers {
		clear(b.Values)
	}
	b.Values, b.Times = b.Values[:0], b.Times[:0]
}

// Keyed is a batch as a keyed edge brings it: each record's key and the hash of the key's canonical bytes, worked out
// once by the sender.
type Keyed[K comparable, T any] struct {
	Batch[T]
	Keys   []K
	Hashes []uint64
}

// Poison overwrites the batch's columns, under -tags invariants.
func (b *Keyed[K, T]) Poison() {
	b.Batch.Poison()
	poison(b.Keys)
	poison(b.Hashes)
}

// Reset empties the batch and keeps its memory.
func (b *Keyed[K, T]) Reset(pointers bool) {
	b.Batch.Reset(pointers)
	if pointers {
		clear(b.Keys)
	}
	b.Keys, b.Hashes = b.Keys[:0], b.Hashes[:0]
}

// Signals are what a link carries besides records. They keep their place: everything sent before is received before.
type Signals interface {
	// Watermark says that no record with a smaller or equal event time follows, late ones aside. It never goes back.
	Watermark(at int64)
	// Idle says that the sender has nothing just now and holds no watermark back, or has again (false).
	Idle(idle bool)
}

// Receiver is one end of a link of a chain. All its methods are called from the subtask's goroutine.
type Receiver[T any] interface {
	Receive(b *Batch[T])
	Signals
}

// Show is a record of a batch in words, for error messages.
func Show[T any](b *Batch[T], i int) string {
	if b == nil || i >= len(b.Values) {
		return "no record"
	}
	text := fmt.Sprintf("%+v", b.Values[i])
	if len(text) > shownBytes {
		text = text[:shownBytes] + "…"
	}
	if at := b.Times[i]; at != NoTime {
		return fmt.Sprintf("record %s at %s", text, time.Unix(0, at).UTC().Format(time.RFC3339Nano))
	}
	return "record " + text
}

// shownBytes bounds how much of a record an error message shows.
const shownBytes = 1000
