package windowing

import "leat.dev/leat/window"

// running is for windows that begin together and end a step apart: what a window has is what the one before it had, and
// the slices since.
type running[K comparable, A any] struct {
	o      *sliced[K, A]
	tables []table[K, sum[A]] // by group
	starts []int64            // of the windows that a group's sums are of
}

type sum[A any] struct {
	acc   A
	stale bool // a late record came: it is to be made anew, so that slices are merged in order of time
}

func newRunning[K comparable, A any](o *sliced[K, A]) *running[K, A] {
	f := &running[K, A]{o, make([]table[K, sum[A]], len(o.groups)), make([]int64, len(o.groups))}
	for i := range f.tables {
		f.tables[i] = newTable[K, sum[A]]()
	}
	return f
}

func (f *running[K, A]) fire(group int, start, end int64) (work int) {
	g, t := &f.o.groups[group], &f.tables[group]
	if start != f.starts[group] || g.hi < start {
		t.reset()
		f.starts[group], g.lo, g.hi = start, start, start
	}
	for _, s := range f.o.shelf.between(g.hi, end) {
		rows := f.o.sorted(s).of(group)
		for _, row := range rows {
			e := s.rows.Peek(row)
			f.o.Merge(&t.at(e.hash, e.key).acc, e.acc)
		}
		work += len(rows)
	}
	for i := range t.rows {
		c := &t.rows[i]
		if c.v.stale {
			f.remake(c, start, end)
		}
		f.o.emitPane(c.key, c.hash, start, end, f.o.shown(&c.v.acc), window.PaneOnTime, 0)
	}
	g.hi = end
	return work + len(t.rows)
}

// late has the sum of a record's key made anew.
func (f *running[K, A]) late(group int, s *slice[K, A], row uint32, _ bool, _ func(*A)) {
	e := s.rows.Peek(row)
	f.tables[group].at(e.hash, e.key).stale = true
}

// remake makes one key's sum anew from the slices of a window.
func (f *running[K, A]) remake(c *cell[K, sum[A]], start, end int64) {
	c.v = sum[A]{}
	for _, s := range f.o.shelf.between(start, end) {
		if row, ok := s.find(c.hash, c.key); ok {
			f.o.Merge(&c.v.acc, s.rows.Peek(row).acc)
		}
	}
}
