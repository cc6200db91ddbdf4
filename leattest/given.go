package leattest

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"sync"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/graph"
)

// Given takes the place of what a source reads. See [Records].
type Given struct {
	source string
	count  int
	// replace puts the records in the place of the node's source, paced by a feed, until undo is called.
	replace func(n *graph.Node, f *feed) (undo func(), err error)
}

// Records takes the place of what the source of that name reads. The records come in this order, from one split; no
// record at all is a source that has nothing to read.
func Records[T any](source string, records ...T) Given {
	return Given{source, len(records), func(n *graph.Node, f *feed) (func(), error) {
		at, ok := n.Source.(*connector.Source[T])
		if !ok {
			return nil, fmt.Errorf("source %s has records of type %s, and is given %v", n.Name, n.Out, reflect.TypeFor[T]())
		}
		old := *at
		*at = func() connector.Input[T] { return &givenInput[T]{records, f} }
		return func() { *at = old }, nil
	}}
}

// feed says how far the reader of given records may go, and knows how far it is. The test and the reader share it.
type feed struct {
	source string
	count  int

	mu      sync.Mutex // guards all below
	limit   int        // records that may be read; one more than count lets the reader come to its end
	at      int        // records read; -1 before the split is open
	nudges  int        // how often the reader was let go round
	changed chan struct{}
}

func newFeed(g Given) *feed {
	return &feed{source: g.source, count: g.count, at: -1, changed: make(chan struct{})}
}

// set changes the feed and tells everybody who waits.
func (f *feed) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *feed) allow(limit int) { f.set(func() { f.limit = limit }) }

// nudge lets a reader that waits return to its subtask once, so that the subtask hears what it is asked for.
func (f *feed) nudge() { f.set(func() { f.nudges++ }) }

// look returns how far the reader is and may go, and a channel that is closed when either changes.
func (f *feed) look() (at, limit int, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at, f.limit, f.changed
}

func (f *feed) nudged() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.nudges
}

// reached waits until the reader has read all that it may; false says that the attempt has ended before.
func (f *feed) reached(done <-chan struct{}) bool {
	for {
		at, limit, changed := f.look()
		if at >= min(limit, f.count) {
			return true
		}
		select {
		case <-changed:
		case <-done:
			return false
		}
	}
}

// givenInput is one split of given records.
type givenInput[T any] struct {
	records []T
	feed    *feed
}

func (in *givenInput[T]) Splits(context.Context) ([]connector.Split, error) {
	return []connector.Split{{Name: "given"}}, nil
}

func (in *givenInput[T]) Open(_ context.Context, _ connector.Split, position []byte) (connector.Reader[T], error) {
	var at uint64
	if position != nil {
		if err := connector.DecodePosition(position, &at); err != nil {
			return nil, err
		}
	}
	in.feed.set(func() { in.feed.at = int(at) })
	return &givenReader[T]{records: in.records, feed: in.feed, at: int(at)}, nil
}

// givenReader reads as far as its feed says, and waits there. It says that it is prompt all the same, and so is read by
// the subtask's own loop, which does nothing else meanwhile: where it stands is then known exactly, and it never shows
// as a source that has nothing more just now, which would move the watermark.
type givenReader[T any] struct {
	records []T
	feed    *feed
	at      int
	size    int // of a batch
	nudges  int // seen
}

func (*givenReader[T]) Prompt() {}

func (r *givenReader[T]) Read(ctx context.Context, into *connector.Batch[T]) error {
	r.size = max(r.size, into.Max)
	into.Max = r.size
	for {
		_, limit, changed := r.feed.look()
		if n := r.feed.nudged(); n > r.nudges {
			r.nudges, into.Max = n, 0
			return nil
		}
		if r.at < min(limit, len(r.records)) {
			r.take(into, limit)
			return nil
		}
		if limit > len(r.records) {
			return io.EOF
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take reads what may be read. A batch is full by then, whatever its size: only one with room would mean that there is
// nothing more just now.
func (r *givenReader[T]) take(into *connector.Batch[T], limit int) {
	to := min(limit, len(r.records), r.at+into.Room())
	into.Values = append(into.Values, r.records[r.at:to]...)
	into.Max = len(into.Values)
	r.at = to
	r.feed.set(func() { r.feed.at = to })
}

func (r *givenReader[T]) Position() []byte { return connector.EncodePosition(uint64(r.at)) }

func (r *givenReader[T]) Close() error { return nil }
