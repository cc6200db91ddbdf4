package hashlog

// What is worth rewriting: segments of which half is obsolete, and many small ones in a row. Segments can be rewritten as one only
// if they are neighbours by rank, so that what is in them keeps its place in the order.
const (
	// smallFraction of a segment's usual length is small: it is rewritten with a neighbour.
	smallFraction = 16
	// smallRun is how many small segments in a row are made one.
	smallRun = 8
	// maxJudged bounds the entries of all segments of one job, which are in memory.
	maxJudged = 4 * maxEntries
	// spareTombstones is how many tombstones are kept without a thought.
	spareTombstones = 4096
)

// survey is what of each segment of a table is not obsolete, in order of ranks.
type survey struct {
	table  *Table
	useful []int64 // records that are alive, and tombstones that are needed
	// oldest is the least rank of a tombstone that may be of an obsolete record in a segment before this one; without such
	// segments it is above all.
	oldest     []uint64
	alive      int64
	tombstones int64 // that are needed
}

// survey looks at all segments, and gives up those in which nothing is of use.
func (t *Table) survey() *survey {
	s := &survey{table: t}
	oldest := uint64(1<<64 - 1)
	for i := 0; i < len(t.held); {
		h := t.held[i]
		useful := h.alive
		if t.needsTombstones(h, oldest) {
			useful += h.tombstones
			s.tombstones += h.tombstones
		}
		if useful == 0 && !h.busy {
			t.letGo(h)
			continue
		}
		s.alive += h.alive
		s.useful, s.oldest = append(s.useful, useful), append(s.oldest, oldest)
		if h.dead() > 0 {
			oldest = min(oldest, h.purged)
		}
		i++
	}
	return s
}

// needsTombstones says whether tombstones of a segment may be of records in segments of lower ranks, where those from rank oldest
// on may be, or in what comes of a draft.
func (t *Table) needsTombstones(h *held, oldest uint64) bool {
	return h.tombstones > 0 && (h.seg.rank >= oldest || t.draftWithin(0, h.seg.rank))
}

// draftWithin says whether segments of ranks between two, or of nearly these, may come of a draft.
func (t *Table) draftWithin(low, high uint64) bool {
	for _, d := range t.drafts {
		if d.rank>>partBits >= low>>partBits && d.rank>>partBits <= high>>partBits {
			return true
		}
	}
	return false
}

// choose finds neighbours to be rewritten as one: those from first up to, without, end. It finds none if they are equal.
func (s *survey) choose() (first, end int) {
	if worst, ok := s.worst(); ok {
		return s.around(worst)
	}
	limit := s.table.log.options.SegmentBytes
	for _, fraction := range [...]int64{1024, 128, smallFraction, 2} {
		if first, end := s.smallOnes(limit / fraction); first != end {
			return first, end
		}
	}
	return s.keeper()
}

// worst is the segment with the least of use, if that is no more than half.
func (s *survey) worst() (worst int, ok bool) {
	least := 0.5
	for i, h := range s.table.held {
		if h.busy {
			continue
		}
		if share := float64(s.useful[i]) / float64(h.records+h.tombstones); share <= least {
			worst, least, ok = i, share, true
		}
	}
	return worst, ok
}

// bytes is about how long what is of use in a segment is.
func (s *survey) bytes(i int) int64 {
	h := s.table.held[i]
	return int64(float64(h.seg.Bytes()) * float64(s.useful[i]) / float64(h.records+h.tombstones))
}

// around has the neighbours of a segment join it that should be rewritten too, or are small.
func (s *survey) around(i int) (first, end int) {
	first, end = i, i+1
	held, limit := s.table.held, s.table.log.options.SegmentBytes
	bytes, entries := s.bytes(i), held[i].records+held[i].tombstones
	joins := func(n, neighbour int) bool {
		if n < 0 || n >= len(held) || !s.together(min(n, neighbour)) {
			return false
		}
		count := held[n].records + held[n].tombstones
		if 2*s.useful[n] > count && held[n].seg.Bytes() > limit/smallFraction {
			return false
		}
		if bytes+s.bytes(n) > limit || entries+count > maxJudged {
			return false
		}
		bytes, entries = bytes+s.bytes(n), entries+count
		return true
	}
	for joins(first-1, first) {
		first--
	}
	for joins(end, end-1) {
		end++
	}
	return first, end
}

// together says whether a segment and the next one can be rewritten as one.
func (s *survey) together(i int) bool {
	a, b := s.table.held[i], s.table.held[i+1]
	return !a.busy && !b.busy && !s.table.draftWithin(a.seg.rank, b.seg.rank)
}

// smallOnes finds many segments in a row that have no more than so many bytes. The longest of them has no more than half of the
// bytes of all: so what is in it is rewritten a few times at most until it has its usual length.
func (s *survey) smallOnes(size int64) (first, end int) {
	held, limit := s.table.held, s.table.log.options.SegmentBytes
	for i := 0; i < len(held); i = max(end, i+1) {
		var bytes, longest, entries int64
		for end = i; end < len(held) && !held[end].busy && held[end].seg.Bytes() <= size; end++ {
			count := held[end].records + held[end].tombstones
			if end > i && !s.together(end-1) || bytes+s.bytes(end) > limit || entries+count > maxJudged {
				break
			}
			bytes, entries, longest = bytes+s.bytes(end), entries+count, max(longest, s.bytes(end))
		}
		if end-i >= smallRun && 2*longest <= bytes {
			return i, end
		}
	}
	return 0, 0
}

// keeper is a segment that keeps tombstones from being given up, if there are many: once its obsolete records are gone, those
// that were written before are not needed for it any more. Of several it is the one that was rewritten longest ago.
func (s *survey) keeper() (first, end int) {
	if s.tombstones <= s.alive/2+spareTombstones {
		return 0, 0
	}
	newest := uint64(0)
	for i, h := range s.table.held {
		if s.useful[i] > h.alive {
			newest = h.seg.rank
		}
	}
	longest := newest + 1
	for i, h := range s.table.held {
		if !h.busy && h.dead() > 0 && h.seg.rank < newest && h.purged < longest {
			first, end, longest = i, i+1, h.purged
		}
	}
	return first, end
}
