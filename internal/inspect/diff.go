package inspect

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
)

// Change is how a state differs between two snapshots.
type Change struct {
	Path                           string
	Kind                           backend.Kind
	Added, Removed, Changed, Equal int64
	// Note says what differs beside entries: a state that only one has, or another schema.
	Note string
}

// Same says whether nothing differs.
func (c *Change) Same() bool { return c.Added+c.Removed+c.Changed == 0 && c.Note == "" }

// Difference is an entry that differs: rows of its state's table, as they were and as they are.
type Difference struct {
	Path    string
	Was, Is [][]any
	Columns []Column
}

// Diff compares two snapshots state by state, one key group after another, and calls differs, which may be nil, for every entry
// that differs. Path limits it to one state. Snapshots with another number of key groups compare as well.
func Diff(ctx context.Context, a, b *Snapshot, path string, differs func(Difference) error) ([]Change, error) {
	pairs, err := pairUp(ctx, a, b, path)
	if err != nil {
		return nil, err
	}
	var all []Change
	for _, p := range pairs {
		c, err := p.compare(ctx, a, b, differs)
		if err != nil {
			return nil, fmt.Errorf("state %s: %w", p.path, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// pair is one state in two snapshots; one of them may lack it.
type pair struct {
	path string
	a, b *State
}

func pairUp(ctx context.Context, a, b *Snapshot, path string) ([]pair, error) {
	left, err := a.States(ctx)
	if err != nil {
		return nil, err
	}
	right, err := b.States(ctx)
	if err != nil {
		return nil, err
	}
	byPath := map[string]*pair{}
	for i := range left {
		byPath[left[i].Path()] = &pair{path: left[i].Path(), a: &left[i]}
	}
	for i := range right {
		p := byPath[right[i].Path()]
		if p == nil {
			p = &pair{path: right[i].Path()}
			byPath[p.path] = p
		}
		p.b = &right[i]
	}
	var all []pair
	for _, p := range byPath {
		if path == "" || p.path == path || strings.HasPrefix(p.path, path+"/") {
			all = append(all, *p)
		}
	}
	if path != "" && len(all) == 0 {
		_, err := a.Find(ctx, path)
		return nil, err
	}
	slices.SortFunc(all, func(x, y pair) int { return strings.Compare(x.path, y.path) })
	return all, nil
}

func (p *pair) compare(ctx context.Context, a, b *Snapshot, differs func(Difference) error) (Change, error) {
	c := Change{Path: p.path}
	left, right, err := p.tables(a, b)
	if err != nil {
		return c, err
	}
	switch {
	case p.a == nil:
		c.Kind, c.Note = p.b.Kind, "only in the second"
	case p.b == nil:
		c.Kind, c.Note = p.a.Kind, "only in the first"
	default:
		c.Kind, c.Note = p.b.Kind, p.note()
	}
	d := differ{change: &c, left: left, right: right, differs: differs}
	d.decoded = p.a != nil && p.b != nil && (p.a.Value.Fingerprint != p.b.Value.Fingerprint ||
		p.a.Item.Fingerprint != p.b.Item.Fingerprint || (p.a.TTL == nil) != (p.b.TTL == nil))
	if left != nil && !left.State.Keyed() || right != nil && !right.State.Keyed() {
		return c, d.unkeyed()
	}
	buckets := min(a.Manifest.MaxParallelism, b.Manifest.MaxParallelism)
	for i := range buckets {
		if err := d.bucket(ctx, i, buckets); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (p *pair) tables(a, b *Snapshot) (left, right *Table, err error) {
	if p.a != nil {
		if left, err = a.Table(p.a); err != nil {
			return nil, nil, err
		}
	}
	if p.b != nil {
		right, err = b.Table(p.b)
	}
	return left, right, err
}

// note says what of the two descriptions differs.
func (p *pair) note() string {
	var notes []string
	if p.a.Kind != p.b.Kind || p.a.Time != p.b.Time {
		notes = append(notes, fmt.Sprintf("was a %s, is a %s", kindOf(p.a), kindOf(p.b)))
	}
	if p.a.Key != p.b.Key {
		notes = append(notes, fmt.Sprintf("keys were %s, are %s", p.a.Key, p.b.Key))
	}
	if p.a.Value.Fingerprint != p.b.Value.Fingerprint || p.a.Item.Fingerprint != p.b.Item.Fingerprint {
		notes = append(notes, "another schema")
	}
	if was, is := ttlText(p.a), ttlText(p.b); was != is {
		notes = append(notes, fmt.Sprintf("had %s, has %s", was, is))
	}
	return strings.Join(notes, ", ")
}

func ttlText(s *State) string {
	if s.TTL == nil {
		return "no TTL"
	}
	return s.TTL.String()
}

func kindOf(s *State) string { return strings.TrimSpace(s.Time + " " + string(s.Kind)) }

// differ compares one state.
type differ struct {
	change      *Change
	left, right *Table
	decoded     bool // the schemas differ: what values look like is compared, not their bytes
	differs     func(Difference) error
}

// held is an entry that is held for comparing.
type held struct{ key, item, value []byte }

// order is that of keys and items, by their bytes.
func (h *held) order(other *held) int {
	return cmp.Or(bytes.Compare(h.key, other.key), bytes.Compare(h.item, other.item))
}

// bucket compares what lies in one of so many equal parts of all hashes; key groups are such parts too.
func (d *differ) bucket(ctx context.Context, i, buckets int) error {
	was, err := gather(ctx, d.left, i, buckets)
	if err != nil {
		return err
	}
	is, err := gather(ctx, d.right, i, buckets)
	if err != nil {
		return err
	}
	return d.merge(was, is)
}

// gather holds the entries of one bucket, in order of their keys and items.
func gather(ctx context.Context, t *Table, i, buckets int) ([]held, error) {
	if t == nil {
		return nil, nil
	}
	max := t.snap.Manifest.MaxParallelism
	from, to := i*max/buckets, ((i+1)*max+buckets-1)/buckets
	var all []held
	err := t.snap.entries(ctx, t.State, from, to, func(_ int, e entry) error {
		if max != buckets && keygroup.OfBytes(e.key, buckets) != i {
			return nil
		}
		all = append(all, hold(e))
		return nil
	})
	slices.SortStableFunc(all, func(x, y held) int { return x.order(&y) })
	if t.State.Kind == backend.List {
		all = joinLists(all)
	}
	return all, err
}

// hold copies an entry.
func hold(e entry) held {
	text := append(append(append(make([]byte, 0, len(e.key)+len(e.item)+len(e.value)), e.key...), e.item...), e.value...)
	k, i := len(e.key), len(e.key)+len(e.item)
	return held{text[:k:k], text[k:i:i], text[i:len(text):len(text)]}
}

// joinLists makes one entry of those of one key.
func joinLists(all []held) []held {
	var joined []held
	for _, h := range all {
		if n := len(joined); n > 0 && bytes.Equal(joined[n-1].key, h.key) {
			joined[n-1].value = append(joined[n-1].value, h.value...)
			continue
		}
		joined = append(joined, h)
	}
	return joined
}

// merge compares two runs of entries that are in order.
func (d *differ) merge(was, is []held) error {
	for len(was) > 0 || len(is) > 0 {
		var w, i *held
		order := 0
		switch {
		case len(was) == 0:
			order = 1
		case len(is) == 0:
			order = -1
		default:
			order = was[0].order(&is[0])
		}
		if order <= 0 {
			w, was = &was[0], was[1:]
		}
		if order >= 0 {
			i, is = &is[0], is[1:]
		}
		if err := d.compare(w, i); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) compare(was, is *held) error {
	c := d.change
	switch {
	case was == nil:
		c.Added++
	case is == nil:
		c.Removed++
	case bytes.Equal(was.value, is.value) && !d.decoded:
		c.Equal++
		return nil
	case d.decoded && d.alike(was, is):
		c.Equal++
		return nil
	default:
		c.Changed++
	}
	if d.differs == nil {
		return nil
	}
	e := Difference{Path: c.Path}
	var err error
	if was != nil {
		if e.Was, err = d.left.of(*was); err != nil {
			return err
		}
		e.Columns = d.left.Columns
	}
	if is != nil {
		if e.Is, err = d.right.of(*is); err != nil {
			return err
		}
		e.Columns = d.right.Columns
	}
	return d.differs(e)
}

// alike says whether entries of two schemas look the same. When something was written counts if both sides know.
func (d *differ) alike(was, is *held) bool {
	left, err1 := d.left.of(*was)
	right, err2 := d.right.of(*is)
	columns := min(len(d.left.Columns), len(d.right.Columns))
	return err1 == nil && err2 == nil && slices.EqualFunc(left, right, func(x, y []any) bool {
		return bytes.Equal(d.left.JSON(nil, x[:columns]), d.right.JSON(nil, y[:columns]))
	})
}

// of is the rows of one entry.
func (t *Table) of(h held) (rows [][]any, err error) {
	t.last, t.index = nil, 0
	err = t.entry(entry(h), func(row []any) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// unkeyed compares the entries of operators without keys.
func (d *differ) unkeyed() error {
	gather := func(t *Table) map[string][]byte {
		all := map[string][]byte{}
		if t == nil {
			return all
		}
		for _, e := range t.snap.operator(t.State.Operator).Entries {
			if e.State == t.State.Name {
				all[e.Key] = e.Value
			}
		}
		return all
	}
	was, is := gather(d.left), gather(d.right)
	for _, key := range sortedKeys(was, is) {
		w, inWas := was[key]
		i, inIs := is[key]
		if err := d.unkeyedEntry(key, w, i, inWas, inIs); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) unkeyedEntry(key string, was, is []byte, inWas, inIs bool) error {
	c := d.change
	switch {
	case inWas && inIs && bytes.Equal(was, is):
		c.Equal++
		return nil
	case inWas && inIs:
		c.Changed++
	case inIs:
		c.Added++
	default:
		c.Removed++
	}
	if d.differs == nil {
		return nil
	}
	e := Difference{Path: c.Path}
	if inWas {
		row, err := d.left.entryRow(backend.Entry{State: d.left.State.Name, Key: key, Value: was})
		if err != nil {
			return err
		}
		e.Was, e.Columns = [][]any{row}, d.left.Columns
	}
	if inIs {
		row, err := d.right.entryRow(backend.Entry{State: d.right.State.Name, Key: key, Value: is})
		if err != nil {
			return err
		}
		e.Is, e.Columns = [][]any{row}, d.right.Columns
	}
	return d.differs(e)
}

func sortedKeys(sets ...map[string][]byte) []string {
	seen := map[string]bool{}
	var all []string
	for _, set := range sets {
		for k := range set {
			if !seen[k] {
				seen[k] = true
				all = append(all, k)
			}
		}
	}
	slices.Sort(all)
	return all
}
