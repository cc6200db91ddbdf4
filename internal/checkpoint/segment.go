// Package checkpoint has the making of snapshots: the segment files and the manifest that a snapshot consists of, the
// coordinator that has all subtasks take part in one, and what a restore reads.
package checkpoint

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

// A segment file has the canonical entries of one subtask of one operator:
//
//	"leatseg1" | frame | frame | … | index (JSON) | length of index u32 | CRC-32C of index u32 | "leatseg1"
//	frame:  length of payload u32 | CRC-32C of payload u32 | payload
//	payload: entries: uvarint length, key | uvarint length, item | uvarint length, value
//
// A section is the frames of one state in one key group, one after another; the index says where each begins.
const magic = "leatseg1"

// frameBytes is about how large a frame's payload is; one entry is never split.
const frameBytes = backend.FrameBytes

// headBytes is the size of a frame's head.
const headBytes = 8

// maxFrameBytes bounds what a reader is ready to believe.
const maxFrameBytes = 1 << 31

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// section says where the entries of one state in one key group are.
type section struct {
	State   string `json:"state"`
	Group   int    `json:"group"`
	Offset  int64  `json:"offset"`
	Bytes   int64  `json:"bytes"`
	Entries int64  `json:"entries"`
}

// segmentWriter writes a segment; it is a backend.Writer.
type segmentWriter struct {
	out      io.Writer
	written  int64
	payload  []byte
	sections []section
}

func newSegmentWriter(out io.Writer) (*segmentWriter, error) {
	w := &segmentWriter{out: out, payload: make([]byte, 0, frameBytes+frameBytes/16)}
	return w, w.write([]byte(magic))
}

func (w *segmentWriter) write(b []byte) error {
	n, err := w.out.Write(b)
	w.written += int64(n)
	return err
}

// Begin starts a section.
func (w *segmentWriter) Begin(state string, group int) error {
	if err := w.endSection(); err != nil {
		return err
	}
	w.sections = append(w.sections, section{State: state, Group: group, Offset: w.written})
	return nil
}

// Entry writes an entry.
func (w *segmentWriter) Entry(key, item, value []byte) error {
	if len(w.sections) == 0 {
		return errors.New("an entry before the first Begin")
	}
	to := w.payload
	for _, part := range [...][]byte{key, item, value} {
		to = binary.AppendUvarint(to, uint64(len(part)))
		to = append(to, part...)
	}
	return w.Took(to, 1)
}

// Lend lends the payload at hand; see [backend.Framer].
func (w *segmentWriter) Lend() []byte { return w.payload }

// Took takes it back.
func (w *segmentWriter) Took(lent []byte, entries int) error {
	if len(w.sections) == 0 {
		return errors.New("an entry before the first Begin")
	}
	w.payload = lent
	w.sections[len(w.sections)-1].Entries += int64(entries)
	if len(lent) >= frameBytes {
		return w.flush()
	}
	return nil
}

func (w *segmentWriter) flush() error {
	if len(w.payload) == 0 {
		return nil
	}
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:4], uint32(len(w.payload)))
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(w.payload, castagnoli))
	if err := w.write(head[:]); err != nil {
		return err
	}
	failpoint.Hit(failpoint.SegmentHalf)
	err := w.write(w.payload)
	w.payload = w.payload[:0]
	return err
}

// endSection closes the section at hand; one without entries is left out.
func (w *segmentWriter) endSection() error {
	if err := w.flush(); err != nil || len(w.sections) == 0 {
		return err
	}
	last := &w.sections[len(w.sections)-1]
	last.Bytes = w.written - last.Offset
	if last.Entries == 0 {
		w.sections = w.sections[:len(w.sections)-1]
	}
	return nil
}

// finish writes the index.
func (w *segmentWriter) finish() error {
	if err := w.endSection(); err != nil {
		return err
	}
	index, err := json.Marshal(w.sections)
	if err != nil {
		return err
	}
	tail := binary.LittleEndian.AppendUint32(index, uint32(len(index)))
	tail = binary.LittleEndian.AppendUint32(tail, crc32.Checksum(index[:len(index):len(index)], castagnoli))
	return w.write(append(tail, magic...))
}

// ErrDamaged says that a file of a snapshot is not there, or does not read as it was written.
var ErrDamaged = errors.New("the file is damaged")

const tailBytes = 8 + len(magic)

// readIndex reads a segment's index.
func readIndex(p store.Piece) ([]section, error) {
	size := p.Size()
	if size < int64(tailBytes+len(magic)) {
		return nil, fmt.Errorf("%w: %d bytes are too few", ErrDamaged, size)
	}
	tail := make([]byte, tailBytes)
	if _, err := p.ReadAt(tail, size-int64(tailBytes)); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	if string(tail[8:]) != magic || n > size-int64(tailBytes+len(magic)) {
		return nil, fmt.Errorf("%w: it does not end as a segment does", ErrDamaged)
	}
	index := make([]byte, n)
	if _, err := p.ReadAt(index, size-int64(tailBytes)-n); err != nil {
		return nil, err
	}
	if crc32.Checksum(index, castagnoli) != binary.LittleEndian.Uint32(tail[4:]) {
		return nil, fmt.Errorf("%w: the checksum of its index differs", ErrDamaged)
	}
	var sections []section
	if err := json.Unmarshal(index, &sections); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return sections, nil
}

// sectionReader reads the entries of a section; it is a backend.Reader.
type sectionReader struct {
	from    io.Reader
	bytes   int64 // of frames that are not read
	payload []byte
	rest    []byte
	entries int   // in all, as far as the section's size allows
	left    int64 // entries
}

func newSectionReader(p store.Piece, s section) (*sectionReader, error) {
	if s.Offset < int64(len(magic)) || s.Bytes < 0 || s.Offset > p.Size() || s.Bytes > p.Size()-s.Offset {
		return nil, fmt.Errorf("%w: section %s of key group %d lies outside of it", ErrDamaged, s.State, s.Group)
	}
	from := bufio.NewReaderSize(io.NewSectionReader(p, s.Offset, s.Bytes), readBytes)
	most := max(min(s.Entries, s.Bytes/leastEntry), 0)
	return &sectionReader{from: from, bytes: s.Bytes, entries: int(most), left: s.Entries}, nil
}

// readBytes is how much of a section is read at once.
const readBytes = 128 << 10

// Entries is how many entries the section should have.
func (r *sectionReader) Entries() int { return r.entries }

// leastEntry is the size of an entry of nothing: three lengths.
const leastEntry = 3

// Next reads an entry.
func (r *sectionReader) Next() (key, item, value []byte, err error) {
	if len(r.rest) == 0 {
		if err := r.frame(); err != nil {
			return nil, nil, nil, err
		}
	}
	rest, ok1, ok2, ok3 := r.rest, false, false, false
	key, rest, ok1 = cut(rest)
	item, rest, ok2 = cut(rest)
	value, rest, ok3 = cut(rest)
	if !ok1 || !ok2 || !ok3 {
		return nil, nil, nil, fmt.Errorf("%w: an entry is longer than its frame", ErrDamaged)
	}
	r.rest = rest
	r.left--
	return key, item, value, nil
}

// cut takes bytes behind their length off b.
func cut(b []byte) (part, rest []byte, ok bool) {
	if len(b) > 0 && b[0] < 1<<7 && int(b[0]) < len(b) { // which most are
		n := 1 + int(b[0])
		return b[1:n:n], b[n:], true
	}
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, false
	}
	end := used + int(n)
	return b[used:end:end], b[end:], true
}

func (r *sectionReader) frame() error {
	var head [headBytes]byte
	switch _, err := io.ReadFull(r.from, head[:]); {
	case err == io.EOF && r.left == 0:
		return io.EOF
	case err == io.EOF:
		return fmt.Errorf("%w: a section has %+d entries against its index", ErrDamaged, -r.left)
	case errors.Is(err, store.ErrUnavailable):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	n := int64(binary.LittleEndian.Uint32(head[:4]))
	if n == 0 || n > maxFrameBytes {
		return fmt.Errorf("%w: a frame of %d bytes", ErrDamaged, n)
	}
	r.bytes -= headBytes
	there := min(n, r.bytes) // no memory for what can't be there
	r.bytes -= there
	r.payload = slices.Grow(r.payload[:0], int(there))[:there]
	if got, err := io.ReadFull(r.from, r.payload); errors.Is(err, store.ErrUnavailable) {
		return err
	} else if err != nil || there < n {
		return fmt.Errorf("%w: a frame ends after %d of %d bytes", ErrDamaged, got, n)
	}
	if crc32.Checksum(r.payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return fmt.Errorf("%w: the checksum of a frame differs", ErrDamaged)
	}
	r.rest = r.payload
	return nil
}
