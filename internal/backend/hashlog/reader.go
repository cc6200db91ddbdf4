package hashlog

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"leat.dev/leat/internal/keygroup"
)

// SegmentInfo says what a segment has.
type SegmentInfo struct {
	Rank          uint64
	Records       int64 // without tombstones
	Tombstones    int64
	From, To, Max int // key groups of the table that wrote it
}

// SegmentReader reads a segment, wherever it is. Its methods may be called from any goroutine.
type SegmentReader struct {
	from    io.ReaderAt
	name    string
	trailer trailer
	firsts  []uint64 // the first hash of each block of entries
	sums    []uint32 // checksums of the blocks
	hash    func(key []byte) uint64
}

// ReadSegment begins to read a segment of so many bytes; errors name it. It reads the end of the file only. A *DamageError says
// that the file is not what a log wrote.
func ReadSegment(from io.ReaderAt, bytes int64, name string) (*SegmentReader, error) {
	s := &SegmentReader{from: from, name: name, hash: keygroup.HashBytes}
	if bytes < headerBytes+trailerBytes {
		return nil, s.damage(0, "it is shorter than any segment")
	}
	end, err := s.read(bytes-trailerBytes, trailerBytes)
	if err != nil {
		return nil, err
	}
	t, reason := parseTrailer(end)
	if reason == "" && t.bytes() != bytes {
		reason = fmt.Sprintf("the file has %d bytes, and says that it has %d", bytes, t.bytes())
	}
	if reason != "" {
		return nil, s.damage(bytes-trailerBytes, reason)
	}
	s.trailer = t
	return s, s.readIndex()
}

func (s *SegmentReader) readIndex() error {
	n := blocks(int64(s.trailer.entries))
	b, err := s.read(s.trailer.indexAt(), n*indexBytes)
	if err != nil {
		return err
	}
	if crc32.Checksum(b, castagnoli) != s.trailer.index {
		return s.damage(s.trailer.indexAt(), "the checksum of its index is wrong")
	}
	s.firsts, s.sums = make([]uint64, n), make([]uint32, n)
	for i := range s.firsts {
		s.firsts[i] = binary.LittleEndian.Uint64(b[i*indexBytes:])
		s.sums[i] = binary.LittleEndian.Uint32(b[i*indexBytes+8:])
	}
	return nil
}

// Info says what the segment has.
func (s *SegmentReader) Info() SegmentInfo {
	t := &s.trailer
	return SegmentInfo{
		Rank: t.rank, Records: int64(t.entries) - int64(t.tombstones), Tombstones: int64(t.tombstones),
		From: int(t.from), To: int(t.to), Max: int(t.max),
	}
}

func (s *SegmentReader) damage(offset int64, what string) error {
	return &DamageError{File: s.name, Offset: offset, What: what}
}

// read reads bytes of the file into new memory.
func (s *SegmentReader) read(at, bytes int64) ([]byte, error) {
	b := make([]byte, bytes)
	return b, s.readInto(b, at)
}

func (s *SegmentReader) readInto(b []byte, at int64) error {
	n, err := s.from.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return s.damage(at, "the file ends early")
	}
	return fmt.Errorf("read segment %s at byte %d: %w", s.name, at, err)
}

// readBlock reads the entries of a block into memory that it makes larger if need be.
func (s *SegmentReader) readBlock(i int, memory []byte) ([]byte, error) {
	count := min(blockEntries, int(s.trailer.entries)-i*blockEntries)
	memory = slices.Grow(memory[:0], blockBytes)[:count*entryBytes]
	at := s.trailer.records + int64(i)*blockBytes
	if err := s.readInto(memory, at); err != nil {
		return nil, err
	}
	if crc32.Checksum(memory, castagnoli) != s.sums[i] {
		return nil, s.damage(at, "the checksum of a part of its footer is wrong")
	}
	return memory, nil
}

// record reads a record into memory that it makes larger if need be, and returns.
func (s *SegmentReader) record(w where, memory []byte) (record, []byte, error) {
	at := w.offset()
	have := min(max(int64(s.trailer.readBytes), maxHead), s.trailer.records-at)
	if at < headerBytes || have < alignment {
		return record{}, memory, s.damage(at, "the footer has a record where none can be")
	}
	memory = slices.Grow(memory[:0], int(have))[:have]
	if err := s.readInto(memory, at); err != nil {
		return record{}, memory, err
	}
	p, ok := parseHead(memory)
	n := p.bytes()
	if !ok || n > s.trailer.records-at || p.tombstone != (w&tombstone != 0) {
		return record{}, memory, s.damage(at, "no record begins here")
	}
	if n > have {
		memory = slices.Grow(memory, int(n-have))[:n]
		if err := s.readInto(memory[have:], at+have); err != nil {
			return record{}, memory, err
		}
	}
	r, ok := p.open(memory, stamp(s.trailer.salt, at))
	if !ok {
		return record{}, memory, s.damage(at, "the record's checksum is wrong")
	}
	return r, memory, nil
}

// Record is a record of a segment, or a tombstone. Key and value are valid until the next one.
type Record struct {
	Hash       uint64
	Key, Value []byte
	Tombstone  bool
	Offset     int64 // in the file
}

// Records gives the records and tombstones of key groups from … to-1, in order of hashes; those of one hash newest first.
func (s *SegmentReader) Records(from, to int, yield func(Record) error) error {
	c := cursor{segment: s}
	var memory []byte
	var run []entry
	flush := func() error {
		for _, e := range slices.Backward(run) {
			r, m, err := s.record(e.where(), memory)
			memory = m
			if err != nil {
				return err
			}
			if err := yield(Record{e.hash, r.key, r.value, r.tombstone, e.where().offset()}); err != nil {
				return err
			}
		}
		run = run[:0]
		return nil
	}
	err := c.each(firstHash(from, s.Info().Max), firstHash(to, s.Info().Max)-1, func(e entry) error {
		if len(run) > 0 && run[0].hash != e.hash {
			if err := flush(); err != nil {
				return err
			}
		}
		run = append(run, e)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// firstHash is the least hash of a key group; of that behind the last it is 0, and one less the greatest of all.
func firstHash(group, max int) uint64 {
	return (uint64(group)<<32 + uint64(max) - 1) / uint64(max) << 32
}

// cursor goes through the entries of a segment in order of hashes.
type cursor struct {
	segment *SegmentReader
	block   int // the one in memory, + 1
	memory  []byte
}

// each gives the entries with hashes from first to last. Ranges that follow one another read each block once.
func (c *cursor) each(first, last uint64, yield func(entry) error) error {
	s := c.segment
	begin, _ := slices.BinarySearch(s.firsts, first)
	for block := max(0, begin-1); block < len(s.firsts) && s.firsts[block] <= last; block++ {
		if err := c.load(block); err != nil {
			return err
		}
		for i := range len(c.memory) / entryBytes {
			e := entryAt(c.memory, i)
			if e.hash < first {
				continue
			}
			if e.hash > last {
				return nil
			}
			if err := yield(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *cursor) load(block int) (err error) {
	if c.block == block+1 {
		return nil
	}
	c.block = 0
	if c.memory, err = c.segment.readBlock(block, c.memory); err != nil {
		return err
	}
	c.block = block + 1
	return nil
}

// estimate is how many entries there are at most with hashes from first to last.
func (s *SegmentReader) estimate(first, last uint64) int {
	begin, _ := slices.BinarySearch(s.firsts, first)
	end, _ := slices.BinarySearchFunc(s.firsts, last, func(hash, last uint64) int {
		if hash <= last {
			return -1
		}
		return 1
	})
	return (end - max(0, begin-1)) * blockEntries
}

// all is every entry, in order of hashes.
func (s *SegmentReader) all() ([]entry, error) {
	entries := make([]entry, 0, s.trailer.entries)
	c := cursor{segment: s}
	err := c.each(0, 1<<64-1, func(e entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// Verify reads all of the segment and checks that it is what was written: every checksum, that records follow one another without
// a gap, and that the footer has each of them, in order.
func (s *SegmentReader) Verify() error {
	if err := s.verifyHeader(); err != nil {
		return err
	}
	entries, err := s.all()
	if err != nil {
		return err
	}
	if !slices.IsSortedFunc(entries, compareEntries) {
		return s.damage(s.trailer.records, "its footer is not in order")
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	next, tombstones := int64(headerBytes), uint32(0)
	var memory []byte
	for _, e := range entries {
		if e.where().offset() != next {
			return s.damage(next, "its footer lacks the record here")
		}
		var r record
		if r, memory, err = s.record(e.where(), memory); err != nil {
			return err
		}
		if s.hash(r.key) != e.hash {
			return s.damage(next, "the key has another hash than the footer says")
		}
		if r.tombstone {
			tombstones++
		}
		end := next + r.length
		next = padded(end)
		if err := s.verifyFiller(end, next); err != nil {
			return err
		}
	}
	if next != s.trailer.records || tombstones != s.trailer.tombstones {
		return s.damage(s.trailer.records, "its footer lacks records")
	}
	return nil
}

// verifyFiller checks the zeros that fill up a record, which its checksum does not cover.
func (s *SegmentReader) verifyFiller(at, end int64) error {
	b, err := s.read(at, end-at)
	if err != nil {
		return err
	}
	for _, v := range b {
		if v != 0 {
			return s.damage(at, "what fills up a record is not 0")
		}
	}
	return nil
}

func (s *SegmentReader) verifyHeader() error {
	b, err := s.read(0, headerBytes)
	if err != nil {
		return err
	}
	if string(b) != string(appendHeader(nil, s.trailer.salt)) {
		return s.damage(0, "it does not begin as a segment does")
	}
	return nil
}
