package checkpoint

import (
	"context"
	"fmt"
	"slices"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/store"
)

// Snapshot is a complete snapshot in a store, for restoring from. Its methods may be called from any goroutine.
type Snapshot struct {
	Manifest *Manifest
	Store    store.Store // has the files
	Place    string      // of Store, as a user would name it; "": the job's own
	// Dropped are the states ("operator/state") that are left behind.
	Dropped []string
}

// Keyed calls f for each state of an operator in each key group of a range.
func (s *Snapshot) Keyed(ctx context.Context, operator string, from, to int, f func(state string, group int, r backend.Reader) error) error {
	o := s.Manifest.operator(operator)
	if o == nil {
		return nil
	}
	wanted := func(state string, group int, r backend.Reader) error {
		if slices.Contains(s.Dropped, operator+"/"+state) {
			return nil
		}
		return f(state, group, r)
	}
	for _, file := range o.Files {
		if file.To <= from || file.From >= to {
			continue
		}
		if err := s.file(ctx, file, from, to, wanted); err != nil {
			return fmt.Errorf("operator %s: %w", operator, err)
		}
	}
	return nil
}

func (s *Snapshot) file(ctx context.Context, file File, from, to int, f func(state string, group int, r backend.Reader) error) error {
	p, err := s.Store.Open(ctx, file.Name)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := readSections(p, from, to, f); err != nil {
		return fmt.Errorf("%s: %w", file.Name, err)
	}
	return nil
}

// readSections calls f for each section of a segment whose key group is in a range.
func readSections(p store.Piece, from, to int, f func(state string, group int, r backend.Reader) error) error {
	sections, err := readIndex(p)
	if err != nil {
		return err
	}
	for _, sec := range sections {
		if sec.Group < from || sec.Group >= to {
			continue
		}
		r, err := newSectionReader(p, sec)
		if err != nil {
			return err
		}
		if err := f(sec.State, sec.Group, r); err != nil {
			return fmt.Errorf("state %s, key group %d: %w", sec.State, sec.Group, err)
		}
	}
	return nil
}

// Committables are what an operator's subtasks had prepared and may not have committed, in the order of checkpoints.
func (s *Snapshot) Committables(operator string) [][]byte {
	o := s.Manifest.operator(operator)
	if o == nil {
		return nil
	}
	var all [][]byte
	for _, c := range o.Committables {
		all = append(all, c.Data)
	}
	return all
}

// Entries are the entries of all subtasks of an operator without keys.
func (s *Snapshot) Entries(operator string) []backend.Entry {
	if o := s.Manifest.operator(operator); o != nil {
		return o.Entries
	}
	return nil
}

// Floors are the watermarks of an operator's key groups.
func (s *Snapshot) Floors(operator string) []backend.Floor {
	if o := s.Manifest.operator(operator); o != nil {
		return o.Floors
	}
	return nil
}
