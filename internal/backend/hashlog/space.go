package hashlog

// A table's segments share an address space of 2^37 places of 8 bytes, 1 TiB. Each has a run of units of it, so that a place
// leads to its segment by one look.
//
//	units   │ a │ a │ a │ b │   │ c │ c │ …          place = first unit << unitShift + offset in the file / 8
const (
	unitShift = 19 // 4 MB: most of what a small segment wastes of the space
	unitBytes = alignment << unitShift
	maxUnits  = 1 << (placeBits - unitShift)
)

type space struct {
	units []*held
	free  int // no unit before it is free
}

// unitsFor is how many units a file of so many bytes needs.
func unitsFor(bytes int64) int { return int((bytes + unitBytes - 1) / unitBytes) }

// take finds room for a segment.
func (s *space) take(h *held, bytes int64) error {
	n := unitsFor(bytes)
	begin := s.run(n)
	if begin+n > maxUnits {
		return errFull
	}
	for begin+n > len(s.units) {
		s.units = append(s.units, nil)
	}
	h.unit, h.units = begin, n
	for i := range n {
		s.units[begin+i] = h
	}
	return nil
}

// run is the first of n free units in a row.
func (s *space) run(n int) int {
	for s.free < len(s.units) && s.units[s.free] != nil {
		s.free++
	}
	begin := s.free
	for i := s.free; i < len(s.units) && i < begin+n; i++ {
		if s.units[i] != nil {
			begin = i + 1
		}
	}
	return begin
}

// shrink gives back what a segment does not need: it has so many bytes.
func (s *space) shrink(h *held, bytes int64) {
	n := unitsFor(bytes)
	clear(s.units[h.unit+n : h.unit+h.units])
	if n < h.units {
		s.free = min(s.free, h.unit+n)
	}
	h.units = n
}

// give gives a segment's room back.
func (s *space) give(h *held) {
	clear(s.units[h.unit : h.unit+h.units])
	s.free = min(s.free, h.unit)
	h.units = 0
}

// at is the segment that a place is in, and where in its file.
func (s *space) at(p Place) (*held, int64) {
	h := s.units[p>>unitShift]
	return h, int64(p-Place(h.unit)<<unitShift) * alignment
}

// held is a segment as its table sees it. It is the owner's alone.
type held struct {
	seg         *Segment
	unit, units int
	records     int64  // of the table's key groups, without tombstones
	alive       int64  // of them
	tombstones  int64  // of the table's key groups
	purged      uint64 // a tombstone of this rank or a higher one may be of a record that is here, obsolete; one of a lower rank is of none
	busy        bool   // it is the tail, is being adopted, or is being rewritten
	tail        *writer
}

// place is where in the table's space a record of the segment is.
func (h *held) place(w where) Place {
	return Place(h.unit)<<unitShift + Place(w>>flagBits)
}

// dead is how many obsolete records it has.
func (h *held) dead() int64 { return h.records - h.alive }
