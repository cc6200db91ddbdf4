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
		f.o.onTime(start, end, s.rows.Run(row, row+1))
	}
	return len(rows)
}

func (single[K, A]) late(int, *slice[K, A], uint32, bool, func(*A)) {}

// totals keeps the sum of a window's slices for each key.
type totals[K comparable, A any] struct {
	o      *sliced[K, A]
	groups []total[K, A]
}

// total is the sums of a group's keys.
type total[K comparable, A any] struct {
	table[K, A]
	in []int32 // by row: slices of the window that have the key
}

func newTotals[K comparable, A any](o *sliced[K, A]) *totals[K, A] {
	f := &totals[K, A]{o, make([]total[K, A], len(o.groups))}
	for i := range f.groups {
		f.groups[i].table = newTable[K, A]()
	}
	return f
}

// row is the row of a key, which is added if it is new.
func (t *total[K, A]) row(hash uint64, key K) int {
	row := t.table.row(hash, key)
	if row == len(t.in) {
		t.in = append(t.in, 0)
	}
	return row
}

// remove takes out a row; the last one gets its number.
func (t *total[K, A]) remove(row int) {
	t.table.remove(row)
	last := len(t.in) - 1
	t.in[row] = t.in[last]
	t.in = t.in[:last]
}

func (f *totals[K, A]) fire(group int, start, end int64) (work int) {
	g, t := &f.o.groups[group], &f.groups[group]
	for _, s := range f.o.shelf.between(max(g.hi, start), end) {
		work += f.push(group, t, s)
	}
	f.o.emitShown(start, end, t.rows)
	work += len(t.rows)
	g.lo, g.hi = start+f.o.spans.slide, end
	for _, s := range f.o.shelf.between(start, min(g.lo, end)) {
		f.pop(group, t, s)
	}
	return work
}

func (f *totals[K, A]) push(group int, t *total[K, A], s *slice[K, A]) int {
	rows := f.o.sorted(s).of(group)
	for _, row := range rows {
		e := s.rows.Peek(row)
		at := t.row(e.Hash, e.Key)
		f.o.Merge(&t.rows[at].Acc, e.Acc)
		t.in[at]++
	}
	return len(rows)
}

func (f *totals[K, A]) pop(group int, t *total[K, A], s *slice[K, A]) {
	for _, row := range f.o.sorted(s).of(group) {
		e := s.rows.Peek(row)
		at := t.find(e.Hash, e.Key)
		if t.in[at]--; t.in[at] == 0 {
			t.remove(at)
		} else {
			f.o.Subtract(&t.rows[at].Acc, e.Acc)
		}
	}
}

func (f *totals[K, A]) late(group int, s *slice[K, A], row uint32, fresh bool, add func(*A)) {
	e, t := s.rows.Peek(row), &f.groups[group]
	at := t.row(e.Hash, e.Key)
	add(&t.rows[at].Acc)
	if fresh {
		t.in[at]++
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
			f.o.Merge(t.at(e.Hash, e.Key), e.Acc)
		}
		work += len(rows)
	}
	f.o.emit(start, end, t.rows, window.PaneOnTime, 0)
	work += len(t.rows)
	t.reset()
	return work
}

func (f *anew[K, A]) late(int, *slice[K, A], uint32, bool, func(*A)) {}
