package checkpoint

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/store"
)

// Section says where the entries of one state in one key group lie in a segment file.
type Section struct {
	State      string
	Group      int
	Offset     int64
	Bytes      int64
	Entries    int64
	Difference bool // to an older section
}

// Content is what a snapshot has of one state in one key group.
type Content struct {
	State string
	Group int
	// Entries is how many there are, and Bytes what they take in files. Where differences lie in several files (Differs), there
	// may be fewer.
	Entries, Bytes int64
	Differs        bool
	layers         layers
	records        *Records // that have it; nil: layers have
}

// Contents lists what an operator has, key groups of one file, or of one chain of files, together.
func (s *Snapshot) Contents(ctx context.Context, o *Operator) ([]Content, error) {
	files := slices.Clone(o.Files)
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.From, b.From) })
	of := ranges(files)
	if s.Manifest.Format < FormatChained {
		of = slices.Collect(slices.Chunk(files, 1))
	}
	var all []Content
	for _, files := range of {
		l, err := layOut(s.Manifest, files, func(f File) ([]section, error) { return s.index(ctx, f) })
		if err != nil {
			return nil, err
		}
		for _, at := range l.order {
			x := l.layers[at]
			all = append(all, Content{State: at.state, Group: at.group, Entries: x.entries(), Bytes: x.bytes(), Differs: len(x) > 1, layers: x})
		}
	}
	for i := range o.Records {
		more, err := s.recordContents(ctx, &o.Records[i])
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// index reads the index of a segment file.
func (s *Snapshot) index(ctx context.Context, file File) ([]section, error) {
	p, err := s.open(ctx, file)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	sections, err := readIndex(p)
	return sections, inFile(file, err)
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
func (s *Snapshot) Verify(ctx context.Context, file File, entry func(sec Section, op Op, key, item, value []byte) error, found func(*Damage)) error {
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
	} else if err != nil || !isMagic(head) {
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
func verifySection(p store.Piece, file File, sec section, entry func(Section, Op, []byte, []byte, []byte) error, found func(*Damage)) error {
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
		op, key, item, value, err := r.next()
		if err == io.EOF {
			return nil
		}
		if errors.Is(err, store.ErrUnavailable) {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
		if err == nil {
			err = entry(where, op, key, item, value)
		}
		if err != nil {
			found(&Damage{file.Name, frame, fmt.Errorf("state %s, key group %d: %w", sec.State, sec.Group, err)})
			return nil
		}
	}
}

// Reading is entries that are being read.
type Reading struct {
	backend.Reader
	merge  *mergeReader // nil: it reads records
	pieces map[string]store.Piece
	err    error // of records
}

// File is the name of the file that is read.
func (r *Reading) File() string {
	if r.merge == nil {
		return "files of records"
	}
	return r.merge.file().Name
}

// Failed says that Next has returned an error, which names the file.
func (r *Reading) Failed() bool { return r.err != nil || r.merge != nil && r.merge.failed }

// failing is a reader of nothing.
type failing struct{ err error }

func (f failing) Next() (key, item, value []byte, err error) { return nil, nil, nil, f.err }

// Close closes the files.
func (r *Reading) Close() (err error) {
	for _, p := range r.pieces {
		err = errors.Join(err, p.Close())
	}
	return err
}

// Read reads what a snapshot has of one state in one key group.
func (s *Snapshot) Read(ctx context.Context, c Content) *Reading {
	if c.records != nil {
		entries, err := s.recordsOf(ctx, *c.records, c.State, c.Group)
		if err != nil {
			return &Reading{Reader: failing{err}, err: err}
		}
		return &Reading{Reader: entries}
	}
	r := &Reading{pieces: map[string]store.Piece{}}
	r.merge = newMergeReader(c.layers, func(f File) (store.Piece, error) {
		p, err := s.open(ctx, f)
		if err == nil {
			r.pieces[f.Name] = p
		}
		return p, err
	})
	r.Reader = r.merge
	return r
}

// ReadSection is Read of what one section of a file has.
func (s *Snapshot) ReadSection(ctx context.Context, file File, sec Section) *Reading {
	return s.Read(ctx, Content{layers: layers{{file, section(sec)}}})
}
