package heap

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
