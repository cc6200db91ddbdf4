package hashlog

import (
	"encoding/binary"
	"hash/crc32"
)

// The layout of a segment; docs/format/hashlog.md draws it.
const (
	magic        = "leathlg1"
	headerBytes  = 16
	entryBytes   = 12
	blockEntries = 1024
	blockBytes   = blockEntries * entryBytes
	indexBytes   = 12 // of each block
	trailerBytes = 64

	// maxOffset bounds where a record begins, by the bits that an entry has for it.
	maxOffset = 1<<30*alignment - alignment
)

// appendHeader begins a segment.
func appendHeader(to []byte, salt uint32) []byte {
	to = append(to, magic...)
	to = binary.LittleEndian.AppendUint32(to, salt)
	return binary.LittleEndian.AppendUint32(to, crc32.Checksum(to[len(to)-headerBytes+4:], castagnoli))
}

// entry is what a footer says of a record. What at means beyond where, in the low 32 bits, is its user's.
type entry struct {
	hash, at uint64
}

func (e entry) where() where { return where(e.at) }

// trailer is the end of a segment.
type trailer struct {
	rank       uint64
	records    int64  // bytes from the file's beginning to the end of the records
	entries    uint32 // records and tombstones
	tombstones uint32
	readBytes  uint32 // covers most records
	max        uint32 // key groups of the job
	from, to   uint32 // key groups of the table that wrote it
	salt       uint32
	index      uint32 // checksum of the index
}

// blocks is how many blocks so many entries fill.
func blocks(entries int64) int64 { return (entries + blockEntries - 1) / blockEntries }

// footerBytes is how long all is that follows the records.
func footerBytes(entries int64) int64 {
	return entries*entryBytes + blocks(entries)*indexBytes + trailerBytes
}

// indexAt is where in the file the index begins.
func (t *trailer) indexAt() int64 { return t.records + int64(t.entries)*entryBytes }

// bytes is how long the file is.
func (t *trailer) bytes() int64 { return t.records + footerBytes(int64(t.entries)) }

func (t *trailer) append(to []byte) []byte {
	begin := len(to)
	to = binary.LittleEndian.AppendUint64(to, t.rank)
	to = binary.LittleEndian.AppendUint64(to, uint64(t.records))
	for _, v := range [...]uint32{t.entries, t.tombstones, t.readBytes, t.max, t.from, t.to, t.salt, t.index, 0} {
		to = binary.LittleEndian.AppendUint32(to, v)
	}
	to = binary.LittleEndian.AppendUint32(to, crc32.Checksum(to[begin:], castagnoli))
	return append(to, magic...)
}

// parseTrailer reads a trailer; a reason says why it is none.
func parseTrailer(b []byte) (t trailer, reason string) {
	const checked = trailerBytes - len(magic) - 4
	switch {
	case len(b) != trailerBytes || string(b[trailerBytes-len(magic):]) != magic:
		return t, "it does not end as a segment does"
	case binary.LittleEndian.Uint32(b[checked:]) != crc32.Checksum(b[:checked], castagnoli):
		return t, "the checksum of its last part is wrong"
	}
	t = trailerOf(b)
	if t.rank >= 1<<63 || t.records < headerBytes || t.records > maxOffset+2*MaxRecordBytes || t.records%alignment != 0 || t.tombstones > t.entries || t.from > t.to || t.to > t.max {
		return t, "its last part contradicts itself"
	}
	return t, ""
}

// trailerOf reads the fields of a trailer.
func trailerOf(b []byte) (t trailer) {
	t.rank, t.records = binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:]))
	for i, v := range [...]*uint32{&t.entries, &t.tombstones, &t.readBytes, &t.max, &t.from, &t.to, &t.salt, &t.index} {
		*v = binary.LittleEndian.Uint32(b[16+4*i:])
	}
	return t
}

// appendBlocks encodes the entries of whole blocks, or of the last ones, and says in the index where each block begins in the
// order of hashes.
func appendBlocks(to, index []byte, entries []entry) ([]byte, []byte) {
	for len(entries) > 0 {
		block := entries[:min(blockEntries, len(entries))]
		entries = entries[len(block):]
		begin := len(to)
		for _, e := range block {
			to = binary.LittleEndian.AppendUint64(to, e.hash)
			to = binary.LittleEndian.AppendUint32(to, uint32(e.at))
		}
		index = binary.LittleEndian.AppendUint64(index, block[0].hash)
		index = binary.LittleEndian.AppendUint32(index, crc32.Checksum(to[begin:], castagnoli))
	}
	return to, index
}

// entryAt reads an entry of a block.
func entryAt(block []byte, i int) entry {
	b := block[i*entryBytes:]
	return entry{binary.LittleEndian.Uint64(b), uint64(binary.LittleEndian.Uint32(b[8:]))}
}
