// Package checkpoint has the making of snapshots: the segment files and the manifest that a snapshot consists of, the
// coordinator that has all subtasks take part in one, and what a restore reads.
package checkpoint

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

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
//
// A file of a chain has "leatseg2" at both ends. Its sections may be differences: their entries have a byte in front that says
// what becomes of those that older files have. A whole section without entries is kept in it, as it hides what is older.
const (
	magic        = "leatseg1"
	chainedMagic = "leatseg2"
)

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
	// Difference says that there are older sections of the state and group, which it changes.
	Difference bool `json:"difference,omitempty"`
}

// Op is what an entry of a difference does.
type Op byte

// The operations. An entry of a whole section puts.
const (
	OpPut    Op = iota // takes the place of all that older files have of its key and item
	OpDelete           // there is nothing of its key and item any more
	OpForget           // nor anything else of its key
	opsEnd
)

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
	return w.Took(appendEntry(w.payload, key, item, value), 1)
}

func appendEntry(to, key, item, value []byte) []byte {
	for _, part := range [...][]byte{key, item, value} {
		to = binary.AppendUvarint(to, uint64(len(part)))
		to = append(to, part...)
	}
	return to
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
	return w.index(magic)
}

func (w *segmentWriter) index(magic string) error {
	index, err := json.Marshal(w.sections)
	if err != nil {
		return err
	}
	tail := binary.LittleEndian.AppendUint32(index, uint32(len(index)))
	tail = binary.LittleEndian.AppendUint32(tail, crc32.Checksum(index[:len(index):len(index)], castagnoli))
	return w.write(append(tail, magic...))
}

// ErrDamaged says that a file of a snapshot is not there, or does not read as it was written.
var ErrDamaged = backend.ErrDamaged

const tailBytes = 8 + len(magic)

func isMagic(b []byte) bool { return string(b) == magic || string(b) == chainedMagic }

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
	if !isMagic(tail[8:]) || n > size-int64(tailBytes+len(magic)) {
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
