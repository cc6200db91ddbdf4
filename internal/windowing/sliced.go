package windowing

import (
	"unsafe"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/prefetch"
	"leat.dev/leat/window"
)

// sliced is the operator of windows that are the same for all keys.
type sliced[K comparable, A any] struct {
	*base[K, A]
	shelf  shelf[K, A]
	panes  shelf[K, uint32] // by the end of a window: how many panes a key had, where that is not what it would seem
	groups []group
	folds  folds[K, A]
	rows   []uint32 // of the records at hand
	found  []*Entry[K, A]
	accs   []*A      // in them
	lines  []uintptr // of memory that they will need

	fired  int64 // windows that end by then have fired, in all groups
	firing bool  // a window fires: the one that ends at
	end    int64 // this time,
	at     int   // and its next group is this one,
	row    int   // or its next row, while it fires in the order of rows
}

// group is how far the folds of a key group are: they are made of the slices from lo to hi.
type group struct{ lo, hi int64 }

func newSliced[K comparable, A any](b *base[K, A]) *sliced[K, A] {
	o := &sliced[K, A]{
		base: b, fired: flow.NoTime, groups: make([]group, b.To-b.From),
		shelf: newShelf[K](b.space, b.encode, b.refs),
		panes: newShelf[K](b.space, encodeCount, false),
	}
	for i := range o.groups {
		o.groups[i] = group{flow.NoTime, flow.NoTime}
	}
	if o.shelf.log = b.pairing != nil && b.spans.lateness == 0; o.shelf.log && b.pairing.Bare {
		o.shelf.family.Bare()
	}
	switch {
	case o.shelf.log:
		o.folds = newPairs(o)
	case b.spans.whole():
		o.folds = single[K, A]{o}
	case b.Grows && b.Subtract == nil:
		o.folds = newAnew(o)
	case b.spans.spec.Kind == window.Cumulative:
		o.folds = newRunning(o)
	case b.Subtract != nil:
		o.folds = newTotals(o)
	default:
		o.folds = newStacks(o)
	}
	return o
}

// receive takes each run of records of one slice in turn.
func (o *sliced[K, A]) receive(keys []K, hashes []uint64, times []int64, in intake[A]) error {
	for lo, n := 0, len(times); lo < n; {
		at := times[lo]
		if err := o.check(at); err != nil {
			return err
		}
		start, end := o.spans.sliceOf(at)
		hi := lo + 1
		for hi < n && times[hi] >= start && times[hi] < end {
			hi++
		}
		o.receiveRun(keys[lo:hi], hashes[lo:hi], in, lo, start)
		lo = hi
	}
	return nil
}

// receiveRun takes records of a batch from one on, which are all in the slice that begins at start.
func (o *sliced[K, A]) receiveRun(keys []K, hashes []uint64, in intake[A], from int, start int64) {
	first, last, ok := o.spans.ends(start)
	if !ok {
		return // between windows that slide by more than their size
	}
	if !due(first, max(o.wm, o.top)) {
		o.addRun(o.shelf.open(start), keys, hashes, in, from)
		return
	}
	for i, hash := range hashes {
		switch {
		case o.tooOld(last, o.reach(hash), in, from+i):
			o.tooLate(in, from+i)
		case o.shelf.log: // some of its windows have fired, and none of these is kept
			o.appendRun(o.shelf.open(start), keys[i:i+1], hashes[i:i+1], in, from+i)
		default:
			o.addLate(keys[i], hash, in, from+i, start, first, last)
		}
	}
}

// findRecords is how many records are added at a time: enough for their cache misses to overlap, and few enough that what was
// prefetched is still near.
const findRecords = 128

// addRun adds records: first all rows are looked for and then all accumulators changed, so that cache misses overlap.
func (o *sliced[K, A]) addRun(s *slice[K, A], keys []K, hashes []uint64, in intake[A], from int) {
	if o.shelf.log {
		o.appendRun(s, keys, hashes, in, from)
		return
	}
	for lo := 0; lo < len(keys); lo += findRecords {
		hi := min(lo+findRecords, len(keys))
		o.prefetch(s, hashes[lo:hi])
		o.rows = s.allAt(o.rows[:0], hashes[lo:hi], keys[lo:hi])
		o.found = s.rows.RefAll(o.rows, o.found[:0])
		o.accs = o.accs[:0]
		for _, e := range o.found {
			o.accs = append(o.accs, &e.Acc)
		}
		in.addAll(from+lo, o.accs)
	}
}

// allAt appends the rows of keys, which are added where they are new.
func (s *slice[K, A]) allAt(to []uint32, hashes []uint64, keys []K) []uint32 {
	row := uint32(0)
	for i, hash := range hashes {
		if i == 0 || hash != hashes[i-1] || keys[i] != keys[i-1] {
			row, _ = s.at(hash, keys[i])
		}
		to = append(to, row)
	}
	return to
}

// prefetch asks for the index slots of hashes, then for the rows that they name.
func (o *sliced[K, A]) prefetch(s *slice[K, A], hashes []uint64) {
	x := &s.index
	if len(x.slots) <= prefetchSlots {
		return
	}
	o.lines = o.lines[:0]
	for _, hash := range hashes {
		o.lines = append(o.lines, uintptr(unsafe.Pointer(&x.slots[hash&x.mask])))
	}
	prefetch.Lines(o.lines)
	o.lines = o.lines[:0]
	for _, hash := range hashes {
		if slot := uint32(x.slots[hash&x.mask]); slot != 0 {
			o.lines = s.rows.Lines(o.lines, slot-1)
		}
	}
	prefetch.Lines(o.lines)
}

// Advance fires windows in order of their ends, and each window's keys by key group.
func (o *sliced[K, A]) Advance(wm int64, limit int) (done bool) {
	o.wm = max(o.wm, wm)
	for left := limit; ; {
		if !o.firing && !o.begin() {
			o.fired = o.wm
			o.expire()
			return true
		}
		if left <= 0 {
			return false
		}
		left -= o.fire(left)
	}
}

// begin finds the next window that is due.
func (o *sliced[K, A]) begin() bool {
	end, ok := o.upcoming()
	if o.firing = ok && due(end, o.wm); o.firing {
		o.end, o.at, o.row = end, 0, 0
	}
	return o.firing
}

// upcoming is the end of the first window that has not fired.
func (o *sliced[K, A]) upcoming() (end int64, ok bool) {
	i, after := 0, o.fired
	if o.fired > flow.NoTime { // slices that were kept for late records have no window left to fire
		now, _ := o.spans.sliceOf(min(max(o.fired, o.spans.least), o.spans.most))
		i = o.shelf.place(now - o.spans.size)
	}
	if after < flow.EndTime {
		after++ // the window that ends at fired+1 has fired
	}
	for ; i < len(o.shelf.all); i++ {
		if end, ok := o.spans.endAfter(o.shelf.all[i].start, after); ok {
			return end, true
		}
	}
	return 0, false
}

// next is when the window that fires, or the first one that has not fired, is due.
func (o *sliced[K, A]) next() (wm int64, ok bool) {
	if o.firing {
		return o.end - 1, true
	}
	end, ok := o.upcoming()
	return end - 1, ok
}

// fire goes on with the window that fires, and returns how much work that was: panes, and rows that were merged.
func (o *sliced[K, A]) fire(limit int) (work int) {
	start := o.spans.startOf(o.end)
	if whole := o.whole(start); whole != nil {
		work = o.fireRows(whole, start, limit)
	}
	for ; o.at < len(o.groups) && work < limit; o.at++ {
		if o.floors[o.at] < o.end-1 { // otherwise it has fired before the restore
			work += o.folds.fire(o.at, start, o.end)
		}
	}
	if o.at == len(o.groups) {
		o.firing, o.fired = false, o.end-1
		o.expire()
	}
	return max(work, 1)
}

// whole is the slice of a window whose panes may fire in the order of its rows, as they lie: it is alone in its window, no group of it
// has fired, and it is dropped when the window has fired.
func (o *sliced[K, A]) whole(start int64) *slice[K, A] {
	if !o.spans.whole() || o.shelf.log || o.spans.lateness > 0 || o.at > 0 || o.top >= o.end-1 {
		return nil
	}
	return o.shelf.get(start)
}

// fireRows fires the next rows of a window, and all groups with the last one. A snapshot leaves out those that have fired.
func (o *sliced[K, A]) fireRows(s *slice[K, A], start int64, limit int) (work int) {
	for o.row < s.n && work < limit {
		run := s.rows.Run(uint32(o.row), uint32(o.row+min(s.n-o.row, limit-work)))
		o.emit(start, o.end, run, window.PaneOnTime, 0)
		o.row += len(run)
		work += len(run)
	}
	if o.row == s.n {
		o.at = len(o.groups)
	}
	return work
}

// onTime emits panes on time, which are rows of a slice.
func (o *sliced[K, A]) onTime(start, end int64, panes []Entry[K, A]) {
	if o.spans.lateness > 0 {
		o.emitShown(start, end, panes)
	} else {
		o.emit(start, end, panes, window.PaneOnTime, 0)
	}
}

// expire drops the slices that no window needs any more.
func (o *sliced[K, A]) expire() {
	horizon := o.spans.horizon(o.fired)
	n := 0
	for n < len(o.shelf.all) {
		if _, last, ok := o.spans.ends(o.shelf.all[n].start); ok && last-1 > horizon {
			break
		}
		n++
	}
	if n > 0 {
		o.shelf.drop(o.shelf.all[n-1].start + 1)
	}
	if len(o.panes.all) > 0 && horizon > flow.NoTime {
		o.panes.drop(saturated(horizon, 2)) // ends whose last nanosecond is not after the horizon
	}
}

// progress is how far firing has come in a group: the windows that end by then have fired.
func (o *sliced[K, A]) progress(group int) int64 {
	if o.firing && group < o.at {
		return max(o.floors[group], o.end-1)
	}
	return max(o.floors[group], o.fired)
}

// Floor is how far firing has come in a group. In the middle of firing that is less than the watermark for groups
// whose turn is yet to come: after a restore they go on from there.
func (o *sliced[K, A]) Floor(group int) int64 { return o.progress(group - o.From) }
