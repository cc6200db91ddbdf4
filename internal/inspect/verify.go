package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/keygroup"
)

// Verdict is what verifying has found.
type Verdict struct {
	Files, Entries, Bytes int64
	Damage                []*checkpoint.Damage
	// Unread are schemas that only a codec of its own understands: that frames are whole was checked, and no more of them.
	Unread []string
}

// maxDamage bounds what is listed; each of a thousand bad frames says the same.
const maxDamage = 1000

// Verify reads all files of a snapshot and checks them: sizes, checksums, that every entry can be decoded by its schema, that keys
// are in their key groups and no entry is there twice, and that every key group is in one file. The manifest was checked
// when the snapshot was opened.
func (s *Snapshot) Verify(ctx context.Context) (*Verdict, error) {
	v := &Verdict{}
	for i := range s.Manifest.Operators {
		o := &s.Manifest.Operators[i]
		check := &checker{snap: s, verdict: v, operator: o, tables: map[string]*Table{}, seen: map[place]string{}}
		if err := check.all(ctx); err != nil {
			return nil, fmt.Errorf("operator %s: %w", o.Name, err)
		}
	}
	slices.Sort(v.Unread)
	v.Unread = slices.Compact(v.Unread)
	return v, nil
}

// checker checks one operator.
type checker struct {
	snap     *Snapshot
	verdict  *Verdict
	operator *checkpoint.Operator
	tables   map[string]*Table
	seen     map[place]string // in which file
	// Of the section at hand:
	at     checkpoint.Section
	file   string
	hashes map[uint64]struct{}
	twice  map[uint64]struct{} // hashes that more than one entry has
}

// place is where a section is: of each checkpoint there may be one.
type place struct {
	state      string
	group      int
	checkpoint int64
}

func (c *checker) found(d *checkpoint.Damage) {
	if len(c.verdict.Damage) < maxDamage {
		c.verdict.Damage = append(c.verdict.Damage, d)
	}
}

func (c *checker) note(file string, offset int64, format string, args ...any) {
	c.found(&checkpoint.Damage{File: file, Offset: offset, Err: fmt.Errorf(format, args...)})
}

func (c *checker) all(ctx context.Context) error {
	for _, described := range c.operator.States {
		state := &State{State: described, Operator: c.operator.Name, Key: c.operator.Key, keySchema: c.operator.KeySchema}
		if err := c.schema(state); err != nil {
			c.note("manifest", -1, "%w", err)
		}
	}
	c.entries()
	c.covered()
	found := len(c.verdict.Damage)
	for _, f := range c.operator.Files {
		c.verdict.Files++
		c.verdict.Bytes += f.Bytes
		if err := c.files(ctx, f); err != nil {
			return err
		}
	}
	for _, r := range c.operator.Records {
		if err := c.records(ctx, r); err != nil {
			return err
		}
	}
	if found < len(c.verdict.Damage) {
		return nil
	}
	_, err := c.snap.contentsOf(ctx, c.operator)
	if errors.Is(err, checkpoint.ErrDamaged) {
		c.note("manifest", -1, "%w", err)
		return nil
	}
	return err
}

// schema makes what reads a state.
func (c *checker) schema(state *State) error {
	t, err := c.snap.Table(state)
	if err != nil {
		return err
	}
	c.tables[state.Name] = t
	for _, column := range t.Columns {
		if column.Kind == "value" && !column.Known {
			c.verdict.Unread = append(c.verdict.Unread, state.Path()+" ("+column.Name+")")
		}
	}
	return nil
}

// entries checks what stands in the manifest.
func (c *checker) entries() {
	for _, e := range c.operator.Entries {
		c.verdict.Entries++
		t := c.tables[e.State]
		if t == nil {
			t = &Table{State: &State{State: backend.State{Name: e.State, Kind: backend.Kind(e.State)}, Operator: c.operator.Name}, snap: c.snap}
			t.unkeyed()
		}
		if t.State.Keyed() {
			c.note("manifest", -1, "state %s has an entry without a key", t.State.Path())
		} else if _, err := t.entryRow(e); err != nil {
			c.note("manifest", -1, "state %s, %s: %w", t.State.Path(), e.Key, err)
		}
	}
}

// covered checks that the files together have all key groups.
func (c *checker) covered() {
	if len(c.operator.Files) == 0 {
		return
	}
	has := make([]bool, c.snap.Manifest.MaxParallelism)
	for _, f := range c.operator.Files {
		if f.From < 0 || f.To > len(has) || f.From > f.To {
			c.note(f.Name, -1, "it has the key groups %d to %d, of %d that there are", f.From, f.To, len(has))
			continue
		}
		for g := f.From; g < f.To; g++ {
			has[g] = true
		}
	}
	if g := slices.Index(has, false); g >= 0 {
		c.note("manifest", -1, "operator %s: key group %d is in no file", c.operator.Name, g)
	}
}

// records checks files of records.
func (c *checker) records(ctx context.Context, r checkpoint.Records) error {
	for _, f := range r.Files {
		c.verdict.Files++
		c.verdict.Bytes += f.Bytes
	}
	return c.snap.VerifyRecords(ctx, r, func(state string, group int, key, item, value []byte) error {
		c.verdict.Entries++
		_, err := c.decode(state, group, entry{key, item, value})
		return err
	}, c.found)
}

// decode checks an entry by itself.
func (c *checker) decode(state string, group int, e entry) (*Table, error) {
	t := c.tables[state]
	if t == nil {
		return nil, fmt.Errorf("the manifest has no state of this name")
	}
	if g := keygroup.OfBytes(e.key, c.snap.Manifest.MaxParallelism); g != group {
		return nil, fmt.Errorf("a key is here that belongs to key group %d", g)
	}
	return t, t.entry(e, func([]any) error { return nil })
}

func (c *checker) files(ctx context.Context, f checkpoint.File) error {
	c.file, c.at = f.Name, checkpoint.Section{}
	err := c.snap.Snapshot.Verify(ctx, f, func(sec checkpoint.Section, op checkpoint.Op, key, item, value []byte) error {
		if sec != c.at {
			c.confirm(ctx, f)
			c.begin(f, sec)
		}
		return c.entry(sec, op, entry{key, item, value})
	}, c.found)
	if err != nil {
		return err
	}
	c.confirm(ctx, f)
	return nil
}

// begin begins a section.
func (c *checker) begin(f checkpoint.File, sec checkpoint.Section) {
	c.at, c.hashes, c.twice = sec, map[uint64]struct{}{}, map[uint64]struct{}{}
	if sec.Group < f.From || sec.Group >= f.To {
		c.note(f.Name, sec.Offset, "state %s: key group %d is none of the file's, %d to %d", sec.State, sec.Group, f.From, f.To)
	}
	at := place{sec.State, sec.Group, f.Checkpoint}
	if other, ok := c.seen[at]; ok {
		c.note(f.Name, sec.Offset, "state %s, key group %d: it is in %s too", sec.State, sec.Group, other)
	}
	c.seen[at] = f.Name
}

func (c *checker) entry(sec checkpoint.Section, op checkpoint.Op, e entry) error {
	c.verdict.Entries++
	t := c.tables[sec.State]
	if t == nil {
		return fmt.Errorf("the manifest has no state of this name")
	}
	if g := keygroup.OfBytes(e.key, c.snap.Manifest.MaxParallelism); g != sec.Group {
		return fmt.Errorf("a key is here that belongs to key group %d", g)
	}
	if op != checkpoint.OpPut {
		return nil
	}
	if t.State.Kind != backend.List {
		hash := hashOf(e)
		if _, ok := c.hashes[hash]; ok {
			c.twice[hash] = struct{}{}
		}
		c.hashes[hash] = struct{}{}
	}
	return t.entry(e, func([]any) error { return nil })
}

func hashOf(e entry) uint64 { return keygroup.HashBytes(e.key) ^ 31*keygroup.HashBytes(e.item) }

// confirm reads a section once more in which two entries have one hash, to see whether they have one key and item too.
func (c *checker) confirm(ctx context.Context, f checkpoint.File) {
	twice := c.twice
	c.twice = nil
	if len(twice) == 0 {
		return
	}
	seen := map[uint64][]held{}
	_ = c.snap.each(ctx, c.snap.ReadSection(ctx, f, c.at), c.at.State, c.at.Group, func(_ int, e entry) error {
		hash := hashOf(e)
		if _, ok := twice[hash]; !ok {
			return nil
		}
		for _, other := range seen[hash] {
			if bytes.Equal(other.key, e.key) && bytes.Equal(other.item, e.item) {
				c.note(f.Name, c.at.Offset, "state %s, key group %d: an entry of key %x is there twice", c.at.State, c.at.Group, e.key)
			}
		}
		seen[hash] = append(seen[hash], hold(e))
		return nil
	}) // an error was found when the section was read before
}

// String lists the damage.
func (v *Verdict) String() string {
	var b strings.Builder
	for _, d := range v.Damage {
		fmt.Fprintln(&b, d)
	}
	return b.String()
}
