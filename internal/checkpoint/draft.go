package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/store"
)

// Draft is a savepoint that is written from outside a job. One goroutine uses it, and ends with Commit or Discard.
type Draft struct {
	Target *Target
	// Manifest is what the savepoint is to say. Files are added by Segment.
	Manifest *Manifest
}

// Create begins a savepoint in a folder, which must be empty or not there. What the manifest says of format, files and
// place is set here; of the rest it is the caller's.
func Create(ctx context.Context, place string, m Manifest) (*Draft, error) {
	s, err := store.Locate(place)
	if err != nil {
		return nil, err
	}
	names, err := s.List(ctx, "")
	if err != nil {
		return nil, err
	}
	if len(names) > 0 {
		return nil, fmt.Errorf("savepoint to %s: the folder is not empty: name one that is not there yet", place)
	}
	if err := s.Put(ctx, incomplete, nil); err != nil {
		return nil, fmt.Errorf("savepoint to %s: %w", place, err)
	}
	m.Format, m.ID = FormatVersion, newID()
	m.Sequence, m.Epoch, m.Place, m.Claimed, m.After = 0, 0, "", false, nil
	if m.Taken.IsZero() {
		m.Taken = time.Now().UTC()
	}
	return &Draft{Target: &Target{Place: place, ID: m.ID, Store: s}, Manifest: &m}, nil
}

// Segment is a segment file that is being written. Groups are begun in any order, each with its states.
type Segment struct {
	backend.Writer
	w    *segmentWriter
	out  store.Writer
	file File
	of   *Operator
}

// Segment begins a file with keyed state of an operator, which the manifest must have, for key groups from and up to to. Files of
// an operator are told apart by their numbers.
func (d *Draft) Segment(ctx context.Context, operator string, number, from, to int) (*Segment, error) {
	o := d.Manifest.operator(operator)
	if o == nil {
		return nil, fmt.Errorf("savepoint to %s: it has no operator %q", d.Target.Place, operator)
	}
	name := d.Target.segment(operator, number)
	out, err := d.Target.Store.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	w, err := newSegmentWriter(out)
	if err != nil {
		return nil, errors.Join(err, out.Abort())
	}
	return &Segment{Writer: w, w: w, out: out, file: File{Name: name, From: from, To: to}, of: o}, nil
}

// Close completes the file and names it in the manifest.
func (s *Segment) Close() error {
	if err := s.w.finish(); err != nil {
		return errors.Join(err, s.out.Abort())
	}
	if err := s.out.Close(); err != nil {
		return err
	}
	s.file.Bytes = s.w.written
	s.of.Files = append(s.of.Files, s.file)
	return nil
}

// Abort gives the file up.
func (s *Segment) Abort() error { return s.out.Abort() }

// Commit makes the savepoint complete.
func (d *Draft) Commit(ctx context.Context) error { return d.Target.complete(ctx, d.Manifest) }

// Discard removes what was written.
func (d *Draft) Discard(ctx context.Context) error { return d.Target.Discard(ctx) }
