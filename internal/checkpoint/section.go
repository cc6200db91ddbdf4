package checkpoint

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"leat.dev/leat/internal/store"
)

// sectionReader reads the entries of a section; it is a backend.Reader.
type sectionReader struct {
	from    io.Reader
	bytes   int64 // of frames that are not read
	payload []byte
	rest    []byte
	entries int   // in all, as far as the section's size allows
	left    int64 // entries
	differs bool  // it is a difference
}

func newSectionReader(p store.Piece, s section) (*sectionReader, error) {
	if s.Offset < int64(len(magic)) || s.Bytes < 0 || s.Offset > p.Size() || s.Bytes > p.Size()-s.Offset {
		return nil, fmt.Errorf("%w: section %s of key group %d lies outside of it", ErrDamaged, s.State, s.Group)
	}
	from := bufio.NewReaderSize(io.NewSectionReader(p, s.Offset, s.Bytes), readBytes)
	most := max(min(s.Entries, s.Bytes/leastEntry), 0)
	return &sectionReader{from: from, bytes: s.Bytes, entries: int(most), left: s.Entries, differs: s.Difference}, nil
}

// readBytes is how much of a section is read at once.
const readBytes = 128 << 10

// Entries is how many entries the section should have.
func (r *sectionReader) Entries() int { return r.entries }

// leastEntry is the size of an entry of nothing: three lengths.
const leastEntry = 3

// Next reads an entry; of a difference, the next one that puts.
func (r *sectionReader) Next() (key, item, value []byte, err error) {
	for op := opsEnd; op != OpPut; {
		if op, key, item, value, err = r.next(); err != nil {
			return nil, nil, nil, err
		}
	}
	return key, item, value, nil
}

// next reads an entry, whatever it does.
func (r *sectionReader) next() (op Op, key, item, value []byte, err error) {
	if len(r.rest) == 0 {
		if err := r.frame(); err != nil {
			return 0, nil, nil, nil, err
		}
	}
	rest, ok1, ok2, ok3 := r.rest, false, false, false
	if r.differs {
		if op, rest = Op(rest[0]), rest[1:]; op >= opsEnd {
			return 0, nil, nil, nil, fmt.Errorf("%w: an entry with the operation %d", ErrDamaged, op)
		}
	}
	key, rest, ok1 = cut(rest)
	item, rest, ok2 = cut(rest)
	value, rest, ok3 = cut(rest)
	if !ok1 || !ok2 || !ok3 {
		return 0, nil, nil, nil, fmt.Errorf("%w: an entry is longer than its frame", ErrDamaged)
	}
	r.rest = rest
	r.left--
	return op, key, item, value, nil
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
