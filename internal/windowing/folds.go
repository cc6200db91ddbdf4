package windowing

import "leat.dev/leat/window"

// folds put windows together of slices, one key group at a time. What they keep for it is derived: a restore begins
// without, and builds it when the first window fires.
//
// Which fold depends on the windows and the aggregator:
//
//	single   a window is one slice
//	running  windows begin together, and each has all that the one before it had
//	totals   the aggregator subtracts: a running total a key, to which slices are added and from which they are taken
//	anew     accumulators grow with the records: partial merges would multiply them
//	stacks   otherwise: see there
type folds[K comparable, A any] interface {
	// fire emits the panes of a group for the window from start to end, and makes ready for the next. It returns how
	// much work that was: panes, and rows that were merged.
	fire(group int, start, end int64) int
	// late tells of a record that came into a slice that the group's folds are made of: into a row of the slice, which
	// is fresh if the key was new there. Add adds the record once more.
	late(group int, s *slice[K, A], row uint32, fresh bool, add func(*A))
}

// covers says whether a group's folds are made of a slice already.
func (g *group) covers(slice int64) bool { return slice >= g.lo && slice < g.hi }

// single is for windows of one slice: nothing is kept.
type single[K comparable, A any] struct{ o *sliced[K, A] }

func (f single[K, A]) fire(group int, start, end int64) int {
	s := f.o.shelf.get(start)
	if s == nil {
		return 0
	}
	rows := f.o.sorted(s).of(group)
	for _, row := range rows {
		e := s.rows.Peek(row)
		f.o.emit(e.key, e.hash, start, end, &e.acc)
	}
	return len(rows)
}

func (single[K, A]) late(int, *slice[K, A], uint32, bool, func(*A)) {}

// totals keeps the sum of a window's slices for each key.
type totals[K comparable, A any] struct {
	o      *sliced[K, A]
	tables []table[K, total[A]] // by group
}

type total[A any] struct {
	acc A
	in  int // slices of the window that have the key
}

func newTotals[K comparable, A any](o *sliced[K, A]) *totals[K, A] {
	f := &totals[K, A]{o, make([]table[K, total[A]], len(o.groups))}
	for i := range f.tables {
		f.tables[i] = newTable[K, total[A]]()
	}
	return f
}

func (f *totals[K, A]) fire(group int, start, end int64) (work int) {
	g, t := &f.o.groups[group], &f.tables[group]
	for _, s := range f.o.shelf.between(max(g.hi, start), end) {
		work += f.push(group, t, s)
	}
	for i := range t.rows {
		c := &t.rows[i]
		f.o.emitPane(c.key, c.hash, start, end, f.o.shown(&c.v.acc), window.PaneOnTime, 0)
	}
	work += len(t.rows)
	g.lo, g.hi = start+f.o.spans.slide, end
	for _, s := range f.o.shelf.between(start, min(g.lo, end)) {
		f.pop(group, t, s)
	}
	return work
}

func (f *totals[K, A]) push(group int, t *table[K, total[A]], s *slice[K, A]) int {
	rows := f.o.sorted(s).of(group)
	for _, row := range rows {
		e := s.rows.Peek(row)
		sum := t.at(e.hash, e.key)
		f.o.Merge(&sum.acc, e.acc)
		sum.in++
	}
	return len(rows)
}

func (f *totals[K, A]) pop(group int, t *table[K, total[A]], s *slice[K, A]) {
	for _, row := range f.o.sorted(s).of(group) {
		e := s.rows.Peek(row)
		at := t.find(e.hash, e.key)
		sum := &t.rows[at].v
		if sum.in--; sum.in == 0 {
			t.remove(at)
		} else {
			f.o.Subtract(&sum.acc, e.acc)
		}
	}
}

func (f *totals[K, A]) late(group int, s *slice[K, A], row uint32, fresh bool, add func(*A)) {
	e := s.rows.Peek(row)
	sum := f.tables[group].at(e.hash, e.key)
	add(&sum.acc)
	if fresh {
		sum.in++
	}
}

// anew merges the slices of each window from the beginning. That is no more than the size of what it emits.
type anew[K comparable, A any] struct {
	o     *sliced[K, A]
	table table[K, A]
}

func newAnew[K comparable, A any](o *sliced[K, A]) *anew[K, A] {
	return &anew[K, A]{o, newTable[K, A]()}
}

func (f *anew[K, A]) fire(group int, start, end int64) (work int) {
	t := &f.table
	for _, s := range f.o.shelf.between(start, end) {
		rows := f.o.sorted(s).of(group)
		for _, row := range rows {
			e := s.rows.Peek(row)
			f.o.Merge(t.at(e.hash, e.key), e.acc)
		}
		work += len(rows)
	}
	for i := range t.rows {
		c := &t.rows[i]
		f.o.emitPane(c.key, c.hash, start, end, &c.v, window.PaneOnTime, 0)
	}
	work += len(t.rows)
	t.reset()
	return work
}

func (f *anew[K, A]) late(int, *slice[K, A], uint32, bool, func(*A)) {}
