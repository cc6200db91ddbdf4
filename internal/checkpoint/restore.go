package checkpoint

import (
	"context"
	"errors"
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
	// Match is what Compare has found out for the job that is restored: the methods then speak of the operators and states of
	// that job. Nil: of those of the snapshot.
	Match *Match
}

// Keyed calls f for each state of an operator in each key group of a range, but for those in files of records that adopt takes over;
// nil takes none.
func (s *Snapshot) Keyed(ctx context.Context, operator string, from, to int, adopt backend.Adopt, f func(state string, group int, r backend.Reader) error) error {
	o := s.operator(operator)
	if o == nil {
		return nil
	}
	wanted := func(state string, group int, r backend.Reader) error {
		if s.Match != nil && !o.lists(state) {
			return fmt.Errorf("%w: the manifest does not list this state", ErrDamaged)
		}
		if now, ok := s.state(operator, state); ok {
			return f(now, group, r)
		}
		return nil // left behind
	}
	for _, r := range o.Records {
		if err := s.records(ctx, operator, r, from, to, adopt, wanted); err != nil {
			return fmt.Errorf("operator %s: %w", operator, err)
		}
	}
	for _, files := range ranges(o.Files) {
		if files[0].To <= from || files[0].From >= to {
			continue
		}
		if err := s.files(ctx, files, from, to, wanted); err != nil {
			return fmt.Errorf("operator %s: %w", operator, err)
		}
	}
	return nil
}

// files reads files with the same key groups: a chain, or one and no more.
func (s *Snapshot) files(ctx context.Context, files []File, from, to int, f func(state string, group int, r backend.Reader) error) error {
	if s.Manifest.Format >= FormatChained {
		return s.chain(ctx, files, from, to, f)
	}
	for _, file := range files {
		if err := s.file(ctx, file, from, to, f); err != nil {
			return err
		}
	}
	return nil
}

// chain reads a chain. All its files are open at a time.
func (s *Snapshot) chain(ctx context.Context, files []File, from, to int, f func(state string, group int, r backend.Reader) error) (err error) {
	pieces := map[string]store.Piece{}
	defer func() {
		for _, p := range pieces {
			err = errors.Join(err, p.Close())
		}
	}()
	open := func(file File) (store.Piece, error) {
		if p, ok := pieces[file.Name]; ok {
			return p, nil
		}
		p, err := s.open(ctx, file)
		if err == nil {
			pieces[file.Name] = p
		}
		return p, err
	}
	l, err := layOut(s.Manifest, files, func(file File) ([]section, error) {
		p, err := open(file)
		if err != nil {
			return nil, err
		}
		sections, err := readIndex(p)
		return sections, inFile(file, err)
	})
	if err != nil {
		return err
	}
	for _, at := range l.order {
		if at.group < from || at.group >= to {
			continue
		}
		r := newMergeReader(l.layers[at], open)
		if err := f(at.state, at.group, r); err != nil {
			if !r.failed {
				err = inFile(r.file(), err)
			}
			return fmt.Errorf("state %s, key group %d: %w", at.state, at.group, err)
		}
	}
	return nil
}

// inFile says which file an error is of.
func inFile(file File, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", file.Name, err)
}

// open opens a file. One that is not there is damage. The store's errors name it.
func (s *Snapshot) open(ctx context.Context, file File) (store.Piece, error) {
	p, err := s.Store.Open(ctx, file.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return p, err
}

func (s *Snapshot) file(ctx context.Context, file File, from, to int, f func(state string, group int, r backend.Reader) error) error {
	p, err := s.open(ctx, file)
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
	o := s.operator(operator)
	if o == nil {
		return nil
	}
	var all [][]byte
	for _, c := range o.Committables {
		all = append(all, c.Data)
	}
	return all
}

// States are an operator's states as the snapshot describes them, by the names that they have in the job.
func (s *Snapshot) States(operator string) map[string]backend.State {
	o := s.operator(operator)
	if o == nil {
		return nil
	}
	all := map[string]backend.State{}
	for _, was := range o.States {
		if now, ok := s.state(operator, was.Name); ok {
			all[now] = was
		}
	}
	return all
}

// Entries are the entries of all subtasks of an operator without keys. Those of lists have the lists' names in the job;
// positions of sources and marks of event time belong to no state that has a name of its author's.
func (s *Snapshot) Entries(operator string) []backend.Entry {
	o := s.operator(operator)
	if o == nil {
		return nil
	}
	if s.Match == nil {
		return o.Entries
	}
	var all []backend.Entry
	for _, e := range o.Entries {
		if o.lists(e.State) {
			now, ok := s.state(operator, e.State)
			if !ok {
				continue // left behind
			}
			e.State = now
		}
		all = append(all, e)
	}
	return all
}

// lists says whether an operator has a state of a name.
func (o *Operator) lists(state string) bool {
	return slices.ContainsFunc(o.States, func(s backend.State) bool { return s.Name == state })
}

// Passed is the time by which what has a TTL is expired, in a state of an operator: the watermark that had been worked through, or
// when the snapshot was taken.
func (s *Snapshot) Passed(operator string, of backend.State) int64 {
	if of.TTL != nil && of.TTL.Time == backend.ProcessingTime {
		return s.Manifest.Taken.UnixNano()
	}
	return backend.Passed(s.Floors(operator))
}

// Floors are the watermarks of an operator's key groups.
func (s *Snapshot) Floors(operator string) []backend.Floor {
	if o := s.operator(operator); o != nil {
		return o.Floors
	}
	return nil
}
