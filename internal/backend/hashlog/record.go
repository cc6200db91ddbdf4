package hashlog

import (
	"encoding/binary"
	"hash/crc32"
)

// MaxRecordBytes bounds a key and its value together.
const MaxRecordBytes = 1 << 30

const (
	alignment = 8 // records begin at multiples of it
	// maxHead is the longest head of a record: the checksum and two lengths.
	maxHead = 4 + 2*binary.MaxVarintLen32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// where is the place of a record in its segment and what the footer says of it beside:
//
//	│ offset in the file / 8, 30 bits │ shared │ tombstone │
type where uint32

const (
	tombstone where = 1 << iota
	shared          // another key may have the same hash: only the key tells them apart
	flagBits  = 2
	flagMask  = 1<<flagBits - 1
)

func whereOf(offset int64, flags where) where { return where(offset/alignment)<<flagBits | flags }

func (w where) offset() int64 { return int64(w>>flagBits) * alignment }

// stamp is mixed into a record's checksum, so that bytes that were valid elsewhere, in another place or segment, are not here.
func stamp(salt uint32, offset int64) uint32 { return salt ^ uint32(offset/alignment)*0x9e3779b1 }

// record is one that was read: key and value lie in the memory that it was read into.
type record struct {
	key, value []byte
	tombstone  bool
	length     int64 // in the file, without what fills it up
}

// header encodes all of a record before its key, but for the checksum, which takes the first 4 bytes.
func header(to *[maxHead]byte, key, value []byte, flags where) []byte {
	n := 4 + binary.PutUvarint(to[4:], uint64(len(key))<<1|uint64(flags&tombstone))
	if flags&tombstone == 0 {
		n += binary.PutUvarint(to[n:], uint64(len(value)))
	}
	return to[:n]
}

// padded is a length filled up to the next record's beginning.
func padded(n int64) int64 { return (n + alignment - 1) &^ (alignment - 1) }

// parsed is what the head of a record says.
type parsed struct {
	key, value int64 // lengths
	head       int
	tombstone  bool
}

func (p parsed) bytes() int64 { return int64(p.head) + p.key + p.value }

// parseHead reads the lengths of a record, of which b has the beginning; false: they can't be, or b is too short.
func parseHead(b []byte) (p parsed, ok bool) {
	if len(b) < 4 {
		return p, false
	}
	keyAndMark, n := binary.Uvarint(b[4:])
	if n <= 0 || keyAndMark>>1 > MaxRecordBytes {
		return p, false
	}
	p.head, p.key, p.tombstone = 4+n, int64(keyAndMark>>1), keyAndMark&1 != 0
	if p.tombstone {
		return p, true
	}
	value, n := binary.Uvarint(b[p.head:])
	if n <= 0 || p.key+int64(min(value, MaxRecordBytes+1)) > MaxRecordBytes {
		return p, false
	}
	p.head, p.value = p.head+n, int64(value)
	return p, true
}

// open checks a record that lies in b, which may be longer, and takes it apart.
func (p parsed) open(b []byte, mark uint32) (r record, ok bool) {
	end := p.bytes()
	if int64(len(b)) < end || binary.LittleEndian.Uint32(b) != crc32.Checksum(b[4:end], castagnoli)^mark {
		return r, false
	}
	keyEnd := int64(p.head) + p.key
	return record{key: b[p.head:keyEnd:keyEnd], value: b[keyEnd:end:end], tombstone: p.tombstone, length: end}, true
}

// sizes counts records by length, to know how much to read at once: 16 classes for each power of two.
type sizes struct {
	classes [32 * 16]uint32
	longest int64
	count   uint32
}

func classOf(n int64) int {
	shift := 0
	for v := n; v >= 32; v >>= 1 {
		shift++
	}
	return shift<<4 + int(n>>shift)
}

// endOf is the longest length in a class.
func endOf(class int) int64 {
	if class < 32 {
		return int64(class)
	}
	shift := class>>4 - 1
	return int64(class&15+16+1)<<shift - 1
}

func (s *sizes) add(n int64) {
	s.classes[classOf(n)]++
	s.count++
	s.longest = max(s.longest, n)
}

// maxFirstRead bounds what is read before the length of a record is known: beyond, a second read costs little beside it.
const maxFirstRead = 16 << 10

// most is a length that 19 of 20 records don't exceed, as far as maxFirstRead.
func (s *sizes) most() int64 {
	left := s.count / 20
	for class := len(s.classes) - 1; class > 0; class-- {
		if n := s.classes[class]; n > left {
			return min(endOf(class)&^(alignment-1), s.longest, maxFirstRead)
		} else {
			left -= n
		}
	}
	return min(s.longest, maxFirstRead)
}
