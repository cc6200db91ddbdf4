package checkpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/store"
)

// Section says where the entries of one state in one key group lie in a segment file.
type Section struct {
	State   string
	Group   int
	Offset  int64
	Bytes   int64
	Entries int64
}

// Index reads the index of one of the snapshot's segment files: its sections, in the order in which they lie in it.
func (s *Snapshot) Index(ctx context.Context, file File) ([]Section, error) {
	p, err := s.Store.Open(ctx, file.Name)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	sections, err := readIndex(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	all := make([]Section, len(sections))
	for i, sec := range sections {
		all[i] = Section(sec)
	}
	return all, nil
}

// Damage is what is wrong with a file of a snapshot.
type Damage struct {
	File   string
	Offset int64 // of the frame, or of what else is wrong; -1 if it is the file as a whole
	Err    error
}

func (d *Damage) Error() string {
	if d.Offset < 0 {
		return fmt.Sprintf("%s: %v", d.File, d.Err)
	}
	return fmt.Sprintf("%s: at byte %d: %v", d.File, d.Offset, d.Err)
}

// Unwrap gives what is wrong.
func (d *Damage) Unwrap() error { return d.Err }

// Verify reads a segment file from its first byte to its last, and calls found for whatever is not as it was written: its
// size, what it begins and ends with, its index, bytes that belong to no section, frames whose checksum differs. Entry is
// called for every entry of every frame that is whole; an error of its is damage too, and ends the section. The error is one of the store, or of
// a context that is done.
func (s *Snapshot) Verify(ctx context.Context, file File, entry func(sec Section, key, item, value []byte) error, found func(*Damage)) error {
	p, err := s.Store.Open(ctx, file.Name)
	if errors.Is(err, store.ErrNotFound) {
		found(&Damage{file.Name, -1, errors.New("the file is missing")})
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	if p.Size() != file.Bytes {
		found(&Damage{file.Name, -1, fmt.Errorf("it has %d bytes, and had %d when it was written", p.Size(), file.Bytes)})
	}
	head := make([]byte, len(magic))
	if _, err := p.ReadAt(head, 0); errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("%s: %w", file.Name, err)
	} else if err != nil || string(head) != magic {
		found(&Damage{file.Name, 0, fmt.Errorf("%w: it does not begin as a segment does", ErrDamaged)})
	}
	sections, err := readIndex(p)
	if errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("%s: %w", file.Name, err)
	}
	if err != nil {
		found(&Damage{file.Name, max(0, p.Size()-int64(tailBytes)), err})
		return nil
	}
	next := int64(len(magic))
	for _, sec := range sections {
		if err := ctx.Err(); err != nil {
			return err
		}
		if sec.Offset != next {
			found(&Damage{file.Name, next, fmt.Errorf("%w: bytes up to %d belong to no section, or to two", ErrDamaged, sec.Offset)})
		}
		next = sec.Offset + sec.Bytes
		if err := verifySection(p, file, sec, entry, found); err != nil {
			return err
		}
	}
	if index := indexOffset(p); index != next {
		found(&Damage{file.Name, next, fmt.Errorf("%w: bytes up to its index, at %d, belong to no section", ErrDamaged, index)})
	}
	return nil
}

// indexOffset is where the index of a segment begins, whose end has been read before.
func indexOffset(p store.Piece) int64 {
	var length [4]byte
	end := p.Size() - int64(tailBytes)
	if _, err := p.ReadAt(length[:], end); err != nil {
		return end
	}
	return end - int64(binary.LittleEndian.Uint32(length[:]))
}

// counted says how far a reader has come.
type counted struct {
	io.Reader
	at int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.at += int64(n)
	return n, err
}

// verifySection checks a section. Its error is one of the store.
func verifySection(p store.Piece, file File, sec section, entry func(Section, []byte, []byte, []byte) error, found func(*Damage)) error {
	r, err := newSectionReader(p, sec)
	if err != nil {
		found(&Damage{file.Name, sec.Offset, err})
		return nil
	}
	from := &counted{r.from, sec.Offset}
	r.from = from
	where := Section(sec)
	frame := sec.Offset
	for {
		if len(r.rest) == 0 {
			frame = from.at
		}
		key, item, value, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if errors.Is(err, store.ErrUnavailable) {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
		if err == nil {
			err = entry(where, key, item, value)
		}
		if err != nil {
			found(&Damage{file.Name, frame, fmt.Errorf("state %s, key group %d: %w", sec.State, sec.Group, err)})
			return nil
		}
	}
}

// Reading is a section that is being read.
type Reading struct {
	backend.Reader
	io.Closer
}

// Read opens one section of a segment file.
func (s *Snapshot) Read(ctx context.Context, file File, sec Section) (*Reading, error) {
	p, err := s.Store.Open(ctx, file.Name)
	if err != nil {
		return nil, err
	}
	r, err := newSectionReader(p, section(sec))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", file.Name, err), p.Close())
	}
	return &Reading{r, p}, nil
}
