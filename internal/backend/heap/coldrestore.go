package heap

import (
	"slices"

	"leat.dev/leat/internal/backend"
)

// restoreRow returns the row of a key for an entry of a snapshot, or noRow for a new one. What the cold store has for the key has to
// be in memory before a point state's entry is added; a timer's entry leaves it where it is.
func (s *Store[K]) restoreRow(g int, row uint32, key K, hash uint64, st keyedState) uint32 {
	if _, ok := pointOf(st); ok {
		return s.fetchOne(g, key, hash)
	}
	if row == noRow && s.cold.table.Len() > 0 {
		row = s.insert(g, key, hash)
		s.hollowOut(g, row, hash)
	}
	return row
}

// Adopts says whether files of records can become the cold store's as they are: those of its format that have the same states.
func (s *Store[K]) Adopts(format string, states []backend.State) bool {
	c := s.cold
	return c != nil && format == c.table.Format() && slices.EqualFunc(states, c.points, func(was backend.State, p pointState) bool {
		is := p.describe()
		return was.Name == is.Name && was.Kind == is.Kind && was.Item.Fingerprint == is.Item.Fingerprint && was.Value.Fingerprint == is.Value.Fingerprint &&
			was.TTL.SameStamps(is.TTL)
	})
}

// Adopt makes files of records the cold store's.
func (s *Store[K]) Adopt(sources []backend.RecordSource) error { return s.cold.table.Restore(sources) }

var _ backend.Adopter = (*Store[string])(nil)
