package checkpoint

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/store"
)

// Records are files of records: all of an operator's that have one layout, of all its subtasks. What is in them is not in segment
// files.
type Records struct {
	backend.Layout
	Files []RecordFile `json:"files"`
}

// RecordFile is a file of records. Snapshots that follow one another name the same files, each with the key groups for which it counts.
type RecordFile struct {
	File
	// Record is the file's own name, whatever it is called in a store.
	Record string `json:"record"`
}

// recordName is where a subtask's file of records goes in a store.
func recordName(job string, epoch, checkpoint int64, operator string, subtask int, record string) string {
	return fmt.Sprintf("%s%010d/%010d/%s-%d-%s", dataFolder(job), epoch, checkpoint, url.PathEscape(operator), subtask, record)
}

// AllFiles are all of an operator's files, whatever they have.
func (o *Operator) AllFiles() []File {
	all := slices.Clone(o.Files)
	for _, r := range o.Records {
		for _, f := range r.Files {
			all = append(all, f.File)
		}
	}
	return all
}

// addRecords adds a subtask's.
func (o *Operator) addRecords(more []Records) {
	for _, r := range more {
		i := slices.IndexFunc(o.Records, func(have Records) bool { return have.Equal(r.Layout) })
		if i < 0 {
			o.Records = append(o.Records, r)
			continue
		}
		o.Records[i].Files = append(o.Records[i].Files, r.Files...)
	}
}

func (m *Manifest) sortRecords(o *Operator) {
	slices.SortFunc(o.Records, func(a, b Records) int {
		return cmp.Or(strings.Compare(a.Format, b.Format), slices.Compare(a.States, b.States))
	})
	for _, r := range o.Records {
		slices.SortFunc(r.Files, func(a, b RecordFile) int {
			return cmp.Or(cmp.Compare(m.writer(a.File), m.writer(b.File)), strings.Compare(a.Name, b.Name), cmp.Compare(a.From, b.From))
		})
	}
}

// hasRecords says whether any operator has files of records.
func (m *Manifest) hasRecords() bool {
	return slices.ContainsFunc(m.Operators, func(o Operator) bool { return len(o.Records) > 0 })
}

// opened are files of records that are open.
type opened struct {
	sources []backend.RecordSource
	pieces  []store.Piece
}

func (o *opened) close() (err error) {
	for _, p := range o.pieces {
		err = errors.Join(err, p.Close())
	}
	return err
}

// openRecords opens those of a layout's files that count for any key group of a range.
func (s *Snapshot) openRecords(ctx context.Context, r Records, from, to int) (_ *opened, err error) {
	o := &opened{}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	for _, f := range r.Files {
		if f.To <= from || f.From >= to {
			continue
		}
		p, err := s.open(ctx, f.File)
		if err != nil {
			return nil, err
		}
		o.pieces = append(o.pieces, p)
		if p.Size() != f.Bytes {
			return nil, inFile(f.File, fmt.Errorf("%w: it has %d bytes, and had %d when it was written", ErrDamaged, p.Size(), f.Bytes))
		}
		path := ""
		if at, ok := p.(store.Pathed); ok {
			path = at.Path()
		}
		o.sources = append(o.sources, backend.RecordSource{Name: f.Record, From: f.From, To: f.To, Bytes: f.Bytes, ReaderAt: p, Path: path})
	}
	return o, nil
}

// records reads files of records: as they are, if they are adopted, and otherwise entry by entry.
func (s *Snapshot) records(ctx context.Context, operator string, r Records, from, to int, adopt backend.Adopt, f func(string, int, backend.Reader) error) error {
	if adopt != nil {
		if done, err := s.adopt(ctx, operator, r, from, to, adopt); done || err != nil {
			return err
		}
	}
	o, err := s.openRecords(ctx, r, from, to)
	if err != nil || len(o.sources) == 0 {
		return err
	}
	err = readRecords(r.Layout, o.sources, from, to, f)
	return errors.Join(err, o.close())
}

func (s *Snapshot) adopt(ctx context.Context, operator string, r Records, from, to int, adopt backend.Adopt) (done bool, err error) {
	of := s.operator(operator)
	states := make([]backend.State, len(r.States))
	for i, name := range r.States {
		at := slices.IndexFunc(of.States, func(was backend.State) bool { return was.Name == name })
		if at < 0 {
			return false, fmt.Errorf("%w: the manifest does not list the state %s", ErrDamaged, name)
		}
		states[i] = of.States[at]
		if states[i].Name, _ = s.state(operator, name); states[i].Name == "" {
			return false, nil // left behind
		}
	}
	var o *opened
	done, err = adopt(r.Format, states, func() ([]backend.RecordSource, error) {
		if o, err = s.openRecords(ctx, r, from, to); err != nil {
			return nil, err
		}
		return o.sources, nil
	})
	if o != nil {
		err = errors.Join(err, o.close())
	}
	return done, err
}

// readRecords calls f for each state in each key group of a range.
func readRecords(l backend.Layout, sources []backend.RecordSource, from, to int, f func(state string, group int, r backend.Reader) error) error {
	in, err := backend.OpenRecords(l.Format, sources)
	if err != nil {
		return err
	}
	for group := from; group < to && err == nil; group++ {
		err = readGroup(in, l, sources, group, f)
	}
	return errors.Join(err, in.Close())
}

func readGroup(in backend.Records, l backend.Layout, sources []backend.RecordSource, group int, f func(string, int, backend.Reader) error) error {
	if !slices.ContainsFunc(sources, func(s backend.RecordSource) bool { return s.From <= group && group < s.To }) {
		return nil
	}
	entries := make([]recordEntries, len(l.States))
	err := in.Group(group, func(_ uint64, key, record []byte) error {
		return eachEntry(record, func(state int, item, value []byte) error {
			if state >= len(entries) {
				return fmt.Errorf("%w: a record of more states than the manifest has", ErrDamaged)
			}
			entries[state].add(key, item, value)
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("key group %d: %w", group, err)
	}
	for i, state := range l.States {
		if len(entries[i].bytes) == 0 {
			continue
		}
		if err := f(state, group, &entries[i]); err != nil {
			return fmt.Errorf("state %s, key group %d: %w", state, group, err)
		}
	}
	return nil
}

// eachEntry takes a record apart: for each state a length and entries, each an item and a value behind their lengths.
func eachEntry(record []byte, f func(state int, item, value []byte) error) error {
	for state := 0; len(record) > 0; state++ {
		entries, rest, ok := cut(record)
		if !ok {
			return errRecord
		}
		record = rest
		for len(entries) > 0 {
			item, rest, ok := cut(entries)
			if !ok {
				return errRecord
			}
			value, rest, ok := cut(rest)
			if !ok {
				return errRecord
			}
			entries = rest
			if err := f(state, item, value); err != nil {
				return err
			}
		}
	}
	return nil
}

var errRecord = fmt.Errorf("%w: a record's parts are longer than the record", ErrDamaged)

// recordEntries are the entries of one state in one key group, one after another as in a segment file; it is a backend.Reader.
type recordEntries struct {
	bytes []byte
	n     int
}

func (e *recordEntries) add(key, item, value []byte) {
	e.n++
	for _, part := range [...][]byte{key, item, value} {
		e.bytes = binary.AppendUvarint(e.bytes, uint64(len(part)))
		e.bytes = append(e.bytes, part...)
	}
}

// Entries is how many there are.
func (e *recordEntries) Entries() int { return e.n }

// Next reads an entry.
func (e *recordEntries) Next() (key, item, value []byte, err error) {
	if len(e.bytes) == 0 {
		return nil, nil, nil, io.EOF
	}
	key, e.bytes, _ = cut(e.bytes)
	item, e.bytes, _ = cut(e.bytes)
	value, e.bytes, _ = cut(e.bytes)
	return key, item, value, nil
}

// recordsOf reads the entries of one state in one key group.
func (s *Snapshot) recordsOf(ctx context.Context, r Records, state string, group int) (*recordEntries, error) {
	o, err := s.openRecords(ctx, r, group, group+1)
	if err != nil {
		return nil, err
	}
	found := &recordEntries{}
	err = readRecords(r.Layout, o.sources, group, group+1, func(name string, _ int, in backend.Reader) error {
		if name == state {
			found = in.(*recordEntries)
		}
		return nil
	})
	return found, errors.Join(err, o.close())
}

// recordContents counts what files of records have, which takes reading them.
func (s *Snapshot) recordContents(ctx context.Context, r *Records) ([]Content, error) {
	var all []Content
	groups := s.Manifest.MaxParallelism
	o, err := s.openRecords(ctx, *r, 0, groups)
	if err != nil || len(o.sources) == 0 {
		return nil, err
	}
	err = readRecords(r.Layout, o.sources, 0, groups, func(state string, group int, in backend.Reader) error {
		e := in.(*recordEntries)
		all = append(all, Content{State: state, Group: group, Entries: int64(e.n), Bytes: int64(len(e.bytes)), records: r})
		return nil
	})
	return all, errors.Join(err, o.close())
}

// readRecord calls f for what a record has of a state for one key.
func (p *Points) readRecord(ctx context.Context, r Records, state string, hash uint64, key []byte, f func(backend.Held) error) error {
	group := keygroup.Of(hash, p.snapshot.Manifest.MaxParallelism)
	at := slices.Index(r.States, state)
	if at < 0 {
		return nil
	}
	o, err := p.snapshot.openRecords(ctx, r, group, group+1)
	if err != nil || len(o.sources) == 0 {
		return err
	}
	in, err := backend.OpenRecords(r.Format, o.sources)
	if err == nil {
		err = in.Find(hash, key, func(record []byte) error {
			return eachEntry(record, func(state int, item, value []byte) error {
				if state != at {
					return nil
				}
				return f(backend.Held{Item: slices.Clone(item), Value: slices.Clone(value)})
			})
		})
		err = errors.Join(err, in.Close())
	}
	return errors.Join(err, o.close())
}

// VerifyRecords reads files of records from their first byte to their last, and calls found for whatever is not as it was written, and
// entry for every entry; an error of its is damage too. The error is one of the store, or of a context that is done.
func (s *Snapshot) VerifyRecords(ctx context.Context, r Records, entry func(state string, group int, key, item, value []byte) error, found func(*Damage)) error {
	o, err := s.openRecords(ctx, r, 0, s.Manifest.MaxParallelism)
	if err != nil {
		return damageOnly(err, found)
	}
	err = readRecords(r.Layout, o.sources, 0, s.Manifest.MaxParallelism, func(state string, group int, in backend.Reader) error {
		for ctx.Err() == nil {
			key, item, value, err := in.Next()
			if err == io.EOF {
				return nil
			}
			if err == nil {
				err = entry(state, group, key, item, value)
			}
			if err != nil {
				return fmt.Errorf("%w: %w", ErrDamaged, err)
			}
		}
		return context.Cause(ctx)
	})
	return errors.Join(damageOnly(err, found), o.close())
}

// damageOnly tells of damage, and returns other errors.
func damageOnly(err error, found func(*Damage)) error {
	if errors.Is(err, ErrDamaged) && !errors.Is(err, store.ErrUnavailable) {
		found(&Damage{"files of records", -1, err})
		return nil
	}
	return err
}
