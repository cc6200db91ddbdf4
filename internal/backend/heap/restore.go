package heap

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/prefetch"
)

// What is wrong with an entry of a snapshot.
var (
	errItem  = errors.New("an item, where the state has none")
	errTwice = errors.New("a second entry for the same")
	errTime  = errors.New("a time is 8 bytes")
)

// Restore reads the entries of one state in one key group, as the snapshot describes them. After an error the store is not
// used any more.
func (s *Store[K]) Restore(was backend.State, state string, group int, r backend.Reader) error {
	i, ok := s.names[state]
	if !ok {
		return fmt.Errorf("state %q, key group %d: there is no such state", state, group)
	}
	if group < s.cfg.From || group >= s.cfg.To {
		return fmt.Errorf("state %q, key group %d: this subtask has the key groups from %d to %d",
			state, group, s.cfg.From, s.cfg.To-1)
	}
	if err := s.expect(s.states[i], was); err != nil {
		return fmt.Errorf("state %q: %w", state, err)
	}
	if sized, ok := r.(backend.Sized); ok {
		s.reserve(s.states[i], group-s.cfg.From, sized.Entries())
	}
	return s.restoreAll(s.states[i], state, group, s.restamped(r, was, s.states[i].describe()))
}

// restoreBatch is how many entries are read at a time, and restoreFind for how many of them rows are looked for: the cache
// misses of so many overlap.
const (
	restoreBatch = 1024
	restoreFind  = 128
)

// batchesAhead is how many batches are read before they are needed, by a goroutine of their own: reading and decoding take
// about as long as finding the rows.
const batchesAhead = 4

// restoring is a batch of entries. Item and value lie in bytes, one after the other.
type restoring[K comparable] struct {
	keys   []K
	hashes []uint64
	bytes  []byte
	ends   []int // of each item and value
	ended  bool  // it is the last
	err    error // of the entry after these
}

func (s *Store[K]) restoreAll(st keyedState, state string, group int, r backend.Reader) error {
	x := &restorer[K]{store: s, state: st, group: group}
	var first restoring[K]
	s.readBatch(&first, group, r)
	err := x.take(&first)
	if err == nil && !first.ended {
		err = x.takeAhead(r, &first)
	}
	if err != nil {
		return fmt.Errorf("state %q, key group %d, entry %d: %w", state, group, x.n, err)
	}
	return nil
}

// restorer restores one state of one key group.
type restorer[K comparable] struct {
	store *Store[K]
	state keyedState
	group int
	n     int // entries so far
	lines []uintptr
}

// takeAhead takes the batches after the first, which are read while those before are taken.
func (x *restorer[K]) takeAhead(r backend.Reader, first *restoring[K]) (err error) {
	read, free := make(chan *restoring[K], batchesAhead), make(chan *restoring[K], batchesAhead)
	free <- first
	for range batchesAhead - 1 {
		free <- new(restoring[K])
	}
	go func() {
		defer close(read)
		for b := range free {
			x.store.readBatch(b, x.group, r)
			read <- b
			if b.ended {
				return
			}
		}
	}()
	for b := range read {
		if err == nil {
			err = x.take(b)
		}
		if b.ended || err != nil {
			break
		}
		free <- b
	}
	close(free)
	for range read { // the reader is done with its memory when it has left
	}
	return err
}

// readBatch reads entries up to the last one, or the first one that is wrong.
func (s *Store[K]) readBatch(b *restoring[K], group int, r backend.Reader) {
	b.keys, b.bytes, b.ends = b.keys[:0], b.bytes[:0], b.ends[:0]
	for b.ended = false; len(b.keys) < restoreBatch && !b.ended; {
		key, item, value, err := r.Next()
		if err != nil {
			b.fail(err)
			break
		}
		k, err := s.keys.Decode(key)
		if err != nil {
			b.fail(fmt.Errorf("key: %w", err))
			break
		}
		b.keys = append(b.keys, k)
		b.bytes = append(b.bytes, item...)
		b.ends = append(b.ends, len(b.bytes))
		b.bytes = append(b.bytes, value...)
		b.ends = append(b.ends, len(b.bytes))
	}
	b.hashes = slices.Grow(b.hashes[:0], len(b.keys))[:len(b.keys)]
	s.keys.HashAll(b.keys, b.hashes)
}

// fail ends the entries; io.EOF is no error.
func (b *restoring[K]) fail(err error) {
	b.ended = true
	if err != io.EOF {
		b.err = err
	}
}

// take gives a batch's entries to the rows of their keys.
func (x *restorer[K]) take(b *restoring[K]) error {
	from := 0
	for lo := 0; lo < len(b.keys); lo += restoreFind {
		hi := min(lo+restoreFind, len(b.keys))
		if err := x.find(b, lo, hi); err != nil {
			return err
		}
		for i := lo; i < hi; i++ {
			middle, end := b.ends[2*i], b.ends[2*i+1]
			if err := x.give(b.keys[i], b.hashes[i], b.bytes[from:middle:middle], b.bytes[middle:end:end]); err != nil {
				return fmt.Errorf("key %v: %w", b.keys[i], err)
			}
			from = end
			x.n++
		}
		if x.store.cold != nil {
			x.store.cool()
		}
	}
	return b.err
}

// find checks that entries belong to the key group, and prefetches where their rows are found.
func (x *restorer[K]) find(b *restoring[K], lo, hi int) error {
	index, groups := &x.store.index[x.group-x.store.cfg.From], x.store.cfg.Max
	x.lines = x.lines[:0]
	for i, hash := range b.hashes[lo:hi] {
		if of := keygroup.Of(hash, groups); of != x.group {
			x.n += i
			return fmt.Errorf("key %v belongs to key group %d of %d", b.keys[lo+i], of, groups)
		}
		x.lines = append(x.lines, index.Line(hash))
	}
	prefetch.Lines(x.lines)
	return nil
}

// give gives an entry to the row of its key.
func (x *restorer[K]) give(key K, hash uint64, item, value []byte) error {
	s, g := x.store, x.group-x.store.cfg.From
	row := s.lookup(g, key, hash)
	if s.cold != nil {
		row = s.restoreRow(g, row, key, hash, x.state)
	}
	if row == noRow {
		row = s.insert(g, key, hash)
	}
	return x.state.restore(g, row, item, value)
}

// reserve makes room for the entries of a state in a key group.
func (s *Store[K]) reserve(st keyedState, g, entries int) {
	if s.cold != nil {
		return // most will not stay in memory
	}
	switch m, ok := st.(interface{ reserve(g, entries int) }); {
	case ok:
		m.reserve(g, entries)
	case st.describe().OneAKey():
		s.index[g].Reserve(entries)
	}
}

// expect prepares a state for the entries of a snapshot.
func (s *Store[K]) expect(st keyedState, was backend.State) error {
	if is := st.describe(); was.Kind != is.Kind || was.Time != is.Time {
		return fmt.Errorf("its kind was %s and is %s", was.KindText(), is.KindText())
	}
	return st.expect(was)
}
