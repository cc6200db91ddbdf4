package hashlog

const (
	// scanBytes is about how much is read of a segment at once when much of it is wanted.
	scanBytes = 256 << 10
	// scanGap is how much is read in vain rather than to read again.
	scanGap = 16 << 10
)

// scanner reads records in the order in which they lie in a segment, many at once.
type scanner struct {
	segment *SegmentReader
	memory  []byte
	begin   int64 // of what is in memory, in the file
	bytes   int64 // read so far
}

// record reads a record; next are those that will be wanted, this one the first of them. It is valid until the next one.
func (s *scanner) record(w where, next []entry) (record, error) {
	at := w.offset()
	if at < headerBytes || at+alignment > s.segment.trailer.records {
		return record{}, s.segment.damage(at, "the footer has a record where none can be")
	}
	if !s.has(at, maxHead) {
		if err := s.fetch(at, s.reach(next)); err != nil {
			return record{}, err
		}
	}
	p, ok := parseHead(s.memory[at-s.begin:])
	n := p.bytes()
	if !ok || n > s.segment.trailer.records-at || p.tombstone != (w&tombstone != 0) {
		return record{}, s.segment.damage(at, "no record begins here")
	}
	if !s.has(at, n) {
		if err := s.fetch(at, max(at+n, s.reach(next))); err != nil {
			return record{}, err
		}
	}
	r, ok := p.open(s.memory[at-s.begin:], stamp(s.segment.trailer.salt, at))
	if !ok {
		return record{}, s.segment.damage(at, "the record's checksum is wrong")
	}
	return r, nil
}

// has says whether so many bytes from an offset on are in memory, or all that there are.
func (s *scanner) has(at, bytes int64) bool {
	end := min(at+bytes, s.segment.trailer.records)
	return at >= s.begin && end <= s.begin+int64(len(s.memory))
}

// reach is up to where it pays to read at once.
func (s *scanner) reach(next []entry) int64 {
	likely := max(int64(s.segment.trailer.readBytes), maxHead)
	begin := next[0].where().offset()
	end := begin + likely
	for _, e := range next[1:] {
		at := e.where().offset()
		if at > end+scanGap || at-begin > scanBytes {
			break
		}
		end = at + likely
	}
	return end
}

// fetch reads up to end.
func (s *scanner) fetch(at, end int64) error {
	bytes := min(end, s.segment.trailer.records) - at
	if int64(cap(s.memory)) < bytes {
		s.memory = make([]byte, bytes)
	}
	s.memory, s.begin = s.memory[:bytes], at
	s.bytes += bytes
	return s.segment.readInto(s.memory, at)
}
