package heap

import (
	"errors"
	"fmt"
	"io"

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
	return s.restoreAll(s.states[i], state, group, r)
}

// restoreBatch is how many entries are read before their rows are looked for: the cache misses of so many overlap.
const restoreBatch = 128

// restoring is a batch of entries. Item and value lie in bytes, one after the other.
type restoring[K comparable] struct {
	keys   []K
	hashes []uint64
	lines  []uintptr
	bytes  []byte
	ends   []int // of each item and value
}

func (s *Store[K]) restoreAll(st keyedState, state string, group int, r backend.Reader) error {
	var b restoring[K]
	for n := 0; ; n += len(b.keys) {
		ended, err := s.readBatch(&b, group, r)
		if err != nil {
			return fmt.Errorf("state %q, key group %d, entry %d: %w", state, group, n+len(b.keys), err)
		}
		if at, err := s.restoreBatch(&b, st, group-s.cfg.From); err != nil {
			return fmt.Errorf("state %q, key group %d, entry %d: key %v: %w", state, group, n+at, b.keys[at], err)
		}
		if ended {
			return nil
		}
	}
}

// readBatch reads entries, and says whether they were the last.
func (s *Store[K]) readBatch(b *restoring[K], group int, r backend.Reader) (ended bool, err error) {
	b.keys, b.hashes, b.lines, b.bytes, b.ends = b.keys[:0], b.hashes[:0], b.lines[:0], b.bytes[:0], b.ends[:0]
	for len(b.keys) < restoreBatch {
		key, item, value, err := r.Next()
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		k, err := s.keys.Decode(key)
		if err != nil {
			return false, fmt.Errorf("key: %w", err)
		}
		hash := s.keys.Hash(k)
		if of := keygroup.Of(hash, s.cfg.Max); of != group {
			return false, fmt.Errorf("key %v belongs to key group %d of %d", k, of, s.cfg.Max)
		}
		b.keys, b.hashes, b.lines = append(b.keys, k), append(b.hashes, hash), append(b.lines, s.index[group-s.cfg.From].Line(hash))
		b.bytes = append(b.bytes, item...)
		b.ends = append(b.ends, len(b.bytes))
		b.bytes = append(b.bytes, value...)
		b.ends = append(b.ends, len(b.bytes))
	}
	return false, nil
}

// restoreBatch gives the entries to the rows of their keys; an error is that of the entry at a place.
func (s *Store[K]) restoreBatch(b *restoring[K], st keyedState, g int) (at int, err error) {
	prefetch.Lines(b.lines)
	from := 0
	for i, k := range b.keys {
		row := s.lookup(g, k, b.hashes[i])
		if row == noRow {
			row = s.insert(g, k, b.hashes[i])
		}
		middle, end := b.ends[2*i], b.ends[2*i+1]
		if err := st.restore(g, row, b.bytes[from:middle:middle], b.bytes[middle:end:end]); err != nil {
			return i, err
		}
		from = end
	}
	return 0, nil
}

// reserve makes room for the entries of a state in a key group.
func (s *Store[K]) reserve(st keyedState, g, entries int) {
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
