package heap

import (
	"errors"
	"fmt"
	"io"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
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
	for n := 0; ; n++ {
		key, item, value, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = s.restoreEntry(s.states[i], group, key, item, value)
		}
		if err != nil {
			return fmt.Errorf("state %q, key group %d, entry %d: %w", state, group, n, err)
		}
	}
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

func (s *Store[K]) restoreEntry(st keyedState, group int, key, item, value []byte) error {
	k, err := s.keys.Decode(key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	hash := s.keys.Hash(k)
	if of := keygroup.Of(hash, s.cfg.Max); of != group {
		return fmt.Errorf("key %v belongs to key group %d of %d", k, of, s.cfg.Max)
	}
	g := group - s.cfg.From
	row := s.lookup(g, k, hash)
	if row == noRow {
		row = s.insert(g, k, hash)
	}
	if err := st.restore(g, row, item, value); err != nil {
		return fmt.Errorf("key %v: %w", k, err)
	}
	return nil
}
