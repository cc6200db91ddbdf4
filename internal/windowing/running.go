package windowing

// running is for windows that begin together and end a step apart: what a window has is what the one before it had, and
// the slices since.
type running[K comparable, A any] struct {
	o      *sliced[K, A]
	groups []runningSums[K, A]
}

// runningSums are those of a group's keys.
type runningSums[K comparable, A any] struct {
	table[K, A]
	start int64  // of the windows that they are of
	stale []bool // by row, of the first ones: a late record came, and the sum is made anew, so that slices are merged in order of time
}

func newRunning[K comparable, A any](o *sliced[K, A]) *running[K, A] {
	f := &running[K, A]{o, make([]runningSums[K, A], len(o.groups))}
	for i := range f.groups {
		f.groups[i].table = newTable[K, A]()
	}
	return f
}

func (f *running[K, A]) fire(group int, start, end int64) (work int) {
	g, t := &f.o.groups[group], &f.groups[group]
	if start != t.start || g.hi < start {
		t.reset()
		t.start, t.stale, g.lo, g.hi = start, t.stale[:0], start, start
	}
	for _, s := range f.o.shelf.between(g.hi, end) {
		rows := f.o.sorted(s).of(group)
		for _, row := range rows {
			e := s.rows.Peek(row)
			f.o.Merge(t.at(e.Hash, e.Key), e.Acc)
		}
		work += len(rows)
	}
	for row, stale := range t.stale {
		if stale {
			f.remake(&t.rows[row], start, end)
		}
	}
	t.stale = t.stale[:0]
	f.o.emitShown(start, end, t.rows)
	g.hi = end
	return work + len(t.rows)
}

// late has the sum of a record's key made anew.
func (f *running[K, A]) late(group int, s *slice[K, A], row uint32, _ bool, _ func(*A)) {
	e, t := s.rows.Peek(row), &f.groups[group]
	at := t.row(e.Hash, e.Key)
	for len(t.stale) <= at {
		t.stale = append(t.stale, false)
	}
	t.stale[at] = true
}

// remake makes one key's sum anew from the slices of a window.
func (f *running[K, A]) remake(e *Entry[K, A], start, end int64) {
	var zero A
	e.Acc = zero
	for _, s := range f.o.shelf.between(start, end) {
		if row, ok := s.find(e.Hash, e.Key); ok {
			f.o.Merge(&e.Acc, s.rows.Peek(row).Acc)
		}
	}
}
