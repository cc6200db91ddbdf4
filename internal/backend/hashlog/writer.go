package hashlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// maxEntries bounds the records of a segment, by what is held of each until the footer is written.
const maxEntries = 1 << 18

// writer writes a segment: a buffer that reads look at too, then the file.
//
//	file                              buffer
//	┌────────┬────────┬───┬────────┬ ─ ─ ─ ─ ─ ─ ─ ─ ─ ┐
//	│ header │ record │ … │ record │ record │ record    │
//	└────────┴────────┴───┴────────┴ ─ ─ ─ ─ ─ ─ ─ ─ ─ ┘
//	                               ▲ flushed           ▲ end
//
// A record lies wholly in one of them.
type writer struct {
	seg     *Segment
	buffer  []byte
	flushed int64
	entries []entry
	dead    int64 // tombstones
	lengths sizes
	likely  int64         // covers most records in the file
	head    [maxHead]byte // of the record that is being written
}

// newWriter begins a segment; the caller has its one reference.
func (l *Log) newWriter(c *TableConfig, f *failure, rank uint64) (*writer, error) {
	name, path := l.nextName()
	file, err := l.fs.Create(path)
	if err != nil {
		return nil, fmt.Errorf("begin a segment: %w", err)
	}
	s := &Segment{
		log: l, name: name, path: path, rank: rank, from: c.From, to: c.To, file: file, failure: f,
		salt: crc32.Checksum([]byte(name), castagnoli), records: headerBytes,
	}
	s.refs.Store(1)
	l.count.segments.Add(1)
	w := &writer{seg: s, buffer: l.takeBuffer(), entries: l.takeEntries()}
	w.buffer = appendHeader(w.buffer, s.salt)
	return w, nil
}

// end is where the next record begins.
func (w *writer) end() int64 { return w.flushed + int64(len(w.buffer)) }

// full says that the segment is to be ended before a record of so many bytes is written.
func (w *writer) full(limit, record int64) bool {
	return len(w.entries) >= maxEntries || len(w.entries) > 0 && w.end()+record > limit
}

// recordBytes is how long a record is, filled up; an error if it is too long.
func recordBytes(key, value []byte) (int64, error) {
	n := int64(len(key)) + int64(len(value))
	if n > MaxRecordBytes {
		return 0, &TooLongError{n}
	}
	return padded(maxHead + n), nil
}

// add writes a record; at is where it is in the segment.
func (w *writer) add(hash uint64, key, value []byte, flags where) (at where, err error) {
	offset := w.end()
	at = whereOf(offset, flags)
	head := header(&w.head, key, value, flags)
	n := padded(int64(len(head) + len(key) + len(value)))
	if int64(len(w.buffer))+n > int64(cap(w.buffer)) {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	if n > int64(cap(w.buffer)) {
		err = w.writeLong(head, key, value, stamp(w.seg.salt, offset))
	} else {
		w.buffer = appendRecord(w.buffer, head, key, value, stamp(w.seg.salt, offset))
	}
	if err != nil {
		return 0, err
	}
	w.entries = append(w.entries, entry{hash, uint64(at)})
	w.lengths.add(n)
	if flags&tombstone != 0 {
		w.dead++
	}
	return at, nil
}

var filler [alignment]byte

func appendRecord(to, head, key, value []byte, mark uint32) []byte {
	begin := len(to)
	to = append(append(append(to, head...), key...), value...)
	sum := crc32.Checksum(to[begin+4:], castagnoli) ^ mark
	binary.LittleEndian.PutUint32(to[begin:], sum)
	return append(to, filler[:padded(int64(len(to)-begin))-int64(len(to)-begin)]...)
}

// writeLong writes a record that is longer than the buffer, which is empty.
func (w *writer) writeLong(head, key, value []byte, mark uint32) error {
	sum := crc32.Checksum(head[4:], castagnoli)
	sum = crc32.Update(crc32.Update(sum, castagnoli, key), castagnoli, value)
	binary.LittleEndian.PutUint32(head, sum^mark)
	n := int64(len(head) + len(key) + len(value))
	for _, part := range [...][]byte{head, key, value, filler[:padded(n)-n]} {
		if err := w.write(part); err != nil {
			return err
		}
	}
	return nil
}

// flush empties the buffer.
func (w *writer) flush() error {
	if err := w.write(w.buffer); err != nil {
		return err
	}
	w.buffer = w.buffer[:0]
	w.likely = w.lengths.most()
	return nil
}

func (w *writer) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := w.seg.write(b); err != nil {
		return fmt.Errorf("write segment %s: %w", w.seg.path, err)
	}
	w.flushed += int64(len(b))
	return nil
}

// close ends the records. The footer is written by finish, which may run elsewhere; the writer is not used afterwards.
func (w *writer) close(max int) (*Segment, error) {
	if err := w.flush(); err != nil {
		return nil, err
	}
	s, l := w.seg, w.seg.log
	s.records, s.entries, s.tombstones = w.flushed, int64(len(w.entries)), w.dead
	s.readBytes = w.lengths.most()
	s.footer = &pending{entries: w.entries, trailer: trailer{
		rank: s.rank, records: s.records, entries: uint32(s.entries), tombstones: uint32(w.dead), readBytes: uint32(s.readBytes),
		max: uint32(max), from: uint32(s.from), to: uint32(s.to), salt: s.salt,
	}}
	l.giveBuffer(w.buffer)
	w.buffer, w.entries = nil, nil
	return s, nil
}

// abort gives up what was written.
func (w *writer) abort() {
	l := w.seg.log
	l.giveBuffer(w.buffer)
	l.giveEntries(w.entries)
	w.buffer, w.entries = nil, nil
	w.seg.Release()
}
