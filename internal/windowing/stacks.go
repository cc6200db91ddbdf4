package windowing

import (
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// stacks puts windows together of two parts, each of which changes by one merge a slide and key. Time is cut into
// blocks as long as a window, so that a window reaches over one boundary at most:
//
//	blocks  ├───────────────┼───────────────┤
//	window          └──front──┴─back─┘
//
// The front shrinks from window to window, so when a window first begins in a block the folds of all ends of the block
// are worked out, from right to left, and stay with the slices; the back grows, and is a running fold. This is the
// algorithm of van Herk (1992) and Gil and Werman (1993), here over the slices that a key has records in.
//
// Because blocks are fixed in time, it depends on the window alone in which order its slices are merged: a restore
// or a late record changes no bit of a floating point result.
type stacks[K comparable, A any] struct {
	o      *sliced[K, A]
	tables []table[K, stack[A]] // by group
	blocks []int64              // where the block begins that a group's fronts are of
}

// stack is the folds of one key for the next window.
type stack[A any] struct {
	front, back A
	first       int32  // the first slice of the front, counted within the block; none without a front
	row         uint32 // the key's row there
	hasBack     bool
	stale       bool // a late record came: the folds are to be made anew
}

// fold is all slices of a block from one on, for a key with a row in this slice.
type fold[A any] struct {
	acc  A
	next int32  // the next slice with the key, counted within the block, or none
	row  uint32 // the key's row there
}

const none = -1

func newStacks[K comparable, A any](o *sliced[K, A]) *stacks[K, A] {
	f := &stacks[K, A]{o, make([]table[K, stack[A]], len(o.groups)), make([]int64, len(o.groups))}
	for i := range f.tables {
		f.tables[i], f.blocks[i] = newTable[K, stack[A]](), flow.NoTime
	}
	return f
}

func (f *stacks[K, A]) fire(group int, start, end int64) (work int) {
	g, t := &f.o.groups[group], &f.tables[group]
	if block := f.o.spans.block(start); block != f.blocks[group] {
		work = f.turn(group, block, start, end)
	} else {
		work = f.pushAll(group, max(g.hi, start), end)
	}
	for i := 0; i < len(t.rows); i++ {
		e := &t.rows[i]
		if e.Acc.stale {
			f.remake(e, group, start, end)
		}
		f.o.emitOne(e.Key, e.Hash, start, end, f.value(&e.Acc), window.PaneOnTime, 0)
	}
	work += len(t.rows)
	g.lo, g.hi = start+f.o.spans.slide, end
	f.pop(group, start, g.lo)
	return work
}

// value is a key's front and back together.
func (f *stacks[K, A]) value(s *stack[A]) *A {
	switch {
	case !s.hasBack:
		return &s.front // it is replaced, never added to
	case s.first == none:
		return f.o.shown(&s.back)
	}
	return f.o.merged(&s.front, &s.back)
}

// turn makes a group's folds anew, for the first window that begins in a block.
func (f *stacks[K, A]) turn(group int, block, start, end int64) (work int) {
	t := &f.tables[group]
	t.reset()
	f.blocks[group] = block
	border := block + f.o.spans.size
	front := f.o.shelf.between(start, border)
	for i := len(front) - 1; i >= 0; i-- {
		s := front[i]
		rows := f.o.sorted(s).of(group)
		for _, row := range rows {
			e := s.rows.Peek(row)
			f.pushFront(f.stack(t, e.Hash, e.Key), s, row, &e.Acc, block)
		}
		work += len(rows)
	}
	return work + f.pushAll(group, border, end)
}

// stack is that of a key, which is added if it is new.
func (f *stacks[K, A]) stack(t *table[K, stack[A]], hash uint64, key K) *stack[A] {
	n := len(t.rows)
	s := t.at(hash, key)
	if len(t.rows) > n {
		s.first = none
	}
	return s
}

// pushFront puts a row of a slice before the front of its key.
func (f *stacks[K, A]) pushFront(k *stack[A], s *slice[K, A], row uint32, acc *A, block int64) {
	folded := s.fold(row)
	*folded = fold[A]{next: k.first, row: k.row}
	f.o.Merge(&folded.acc, *acc)
	if k.first != none {
		f.o.Merge(&folded.acc, k.front)
	}
	k.front, k.first, k.row = folded.acc, int32((s.start-block)/f.o.spans.slice), row
}

// fold is the place for the fold of a row.
func (s *slice[K, A]) fold(row uint32) *fold[A] {
	if missing := s.n - len(s.folds); missing > 0 {
		s.folds = append(s.folds, make([]fold[A], missing)...)
	}
	return &s.folds[row]
}

func (f *stacks[K, A]) pushAll(group int, start, end int64) (work int) {
	t := &f.tables[group]
	for _, s := range f.o.shelf.between(start, end) {
		rows := f.o.sorted(s).of(group)
		for _, row := range rows {
			e := s.rows.Peek(row)
			f.pushBack(f.stack(t, e.Hash, e.Key), &e.Acc)
		}
		work += len(rows)
	}
	return work
}

func (f *stacks[K, A]) pushBack(k *stack[A], acc *A) {
	f.o.Merge(&k.back, *acc)
	k.hasBack = true
}

// pop takes the slices from start to end off the fronts. Where the next window begins in another block, all folds are
// made anew, and there is nothing to do.
func (f *stacks[K, A]) pop(group int, start, end int64) {
	if f.o.spans.block(end) != f.blocks[group] {
		return
	}
	t := &f.tables[group]
	for _, s := range f.o.shelf.between(start, end) {
		for _, row := range f.o.sorted(s).of(group) {
			e := s.rows.Peek(row)
			at := t.find(e.Hash, e.Key)
			if k := &t.rows[at].Acc; !f.popFront(k, &s.folds[row], group) {
				t.remove(at)
			}
		}
	}
}

// popFront moves a key's front on to its next slice, and says whether anything of the key is left.
func (f *stacks[K, A]) popFront(k *stack[A], popped *fold[A], group int) bool {
	k.first, k.row = popped.next, popped.row
	if k.first != none {
		next := f.o.shelf.get(f.blocks[group] + int64(k.first)*f.o.spans.slice)
		k.front = next.folds[k.row].acc
		return true
	}
	var zero A
	k.front = zero
	return k.hasBack
}

func (f *stacks[K, A]) late(group int, s *slice[K, A], row uint32, _ bool, _ func(*A)) {
	e := s.rows.Peek(row)
	f.stack(&f.tables[group], e.Hash, e.Key).stale = true
}

// remake makes one key's folds anew from the slices of a window.
func (f *stacks[K, A]) remake(e *Entry[K, stack[A]], group int, start, end int64) {
	e.Acc = stack[A]{first: none}
	block := f.blocks[group]
	border := block + f.o.spans.size
	front := f.o.shelf.between(start, border)
	for i := len(front) - 1; i >= 0; i-- {
		if row, ok := front[i].find(e.Hash, e.Key); ok {
			f.pushFront(&e.Acc, front[i], row, &front[i].rows.Peek(row).Acc, block)
		}
	}
	for _, s := range f.o.shelf.between(border, end) {
		if row, ok := s.find(e.Hash, e.Key); ok {
			f.pushBack(&e.Acc, &s.rows.Peek(row).Acc)
		}
	}
}
