package windowing

import (
	"slices"

	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
)

// Entry is a key, its hash, and what its records have come to.
type Entry[K comparable, A any] struct {
	Hash uint64
	Key  K
	Acc  A
}

// slice is the keys that have records in a piece of time, in dense rows.
type slice[K comparable, A any] struct {
	start int64
	rows  heap.Column[Entry[K, A]]
	index index
	n     int

	order groupOrder
	folds []fold[A] // by row, where the slice is in the front of stacks
	tags  tags      // of a log
}

// find is the row of a key.
func (s *slice[K, A]) find(hash uint64, key K) (row uint32, ok bool) {
	x := &s.index
	for i := hash & x.mask; x.slots[i] != 0; i = (i + 1) & x.mask {
		if slot := x.slots[i]; slot>>32 == hash&(1<<32-1) {
			row = uint32(slot) - 1
			if e := s.rows.Peek(row); e.Hash == hash && e.Key == key {
				return row, true
			}
		}
	}
	return 0, false
}

// at is the row of a key, which is added if it is new.
func (s *slice[K, A]) at(hash uint64, key K) (row uint32, fresh bool) {
	x := &s.index
	i := hash & x.mask
	for ; x.slots[i] != 0; i = (i + 1) & x.mask {
		if slot := x.slots[i]; slot>>32 == hash&(1<<32-1) {
			row = uint32(slot) - 1
			if e := s.rows.Peek(row); e.Hash == hash && e.Key == key {
				return row, false
			}
		}
	}
	row = uint32(s.n)
	e := s.rows.Ref(row)
	e.Hash, e.Key = hash, key
	x.insertAt(i, hash, row)
	s.n++
	return row, true
}

// groupOrder is the rows of a table by key group: a counting sort.
type groupOrder struct {
	rows []uint32
	ends []uint32 // by group, from the first of the subtask's on
}

// of returns the rows of a group.
func (o *groupOrder) of(group int) []uint32 {
	from := uint32(0)
	if group > 0 {
		from = o.ends[group-1]
	}
	return o.rows[from:o.ends[group]]
}

// sort orders n rows among groups, given the group of each row; absent rows have a negative one.
func (o *groupOrder) sort(n, groups int, group func(row uint32) int) {
	o.begin(groups)
	for row := range uint32(n) {
		if g := group(row); g >= 0 {
			o.ends[g+1]++
		}
	}
	o.place(groups)
	for row := range uint32(n) {
		if g := group(row); g >= 0 {
			o.put(g, row)
		}
	}
	o.ends = o.ends[:groups]
}

// sortRows orders some rows among groups.
func (o *groupOrder) sortRows(rows []uint32, groups int, group func(row uint32) int) {
	o.begin(groups)
	for _, row := range rows {
		o.ends[group(row)+1]++
	}
	o.place(groups)
	for _, row := range rows {
		o.put(group(row), row)
	}
	o.ends = o.ends[:groups]
}

// begin makes ready to count how many rows each group has, each at the end of the group before it.
func (o *groupOrder) begin(groups int) {
	o.ends = slices.Grow(o.ends[:0], groups+1)[:groups+1]
	clear(o.ends)
}

// place makes places of the counts.
func (o *groupOrder) place(groups int) {
	for g := range groups {
		o.ends[g+1] += o.ends[g]
	}
	present := int(o.ends[groups])
	o.rows = slices.Grow(o.rows[:0], present)[:present]
}

// put puts a row to its group, whose place moves on to its end: that is the beginning of the next.
func (o *groupOrder) put(group int, row uint32) {
	o.rows[o.ends[group]] = row
	o.ends[group]++
}

// shelf keeps a subtask's slices in order of time, and the memory of dropped ones for the next.
type shelf[K comparable, A any] struct {
	all    []*slice[K, A]
	last   *slice[K, A] // found last
	family *heap.Family[Entry[K, A]]
	spare  [][]uint64 // empty slots of dropped slices
	tags   [][]tag    // memory of dropped logs
	hint   int        // rows of the slice dropped last: the next will have about as many
	log    bool       // slices are logs, without an index; see [Pairing]
}

// spareCount bounds how many dropped slices leave their index or their tags behind: windows open and drop slices in turn.
const spareCount = 4

func newShelf[K comparable, A any](space *heap.Space, encode func([]byte, *A) ([]byte, error), refs bool) shelf[K, A] {
	encodeEntry := func(to []byte, e *Entry[K, A]) ([]byte, error) { return encode(to, &e.Acc) }
	h := shelf[K, A]{family: heap.NewFamily(space, encodeEntry, refs)}
	if !flow.HoldsPointers[Entry[K, A]]() {
		h.family.Bare()
	}
	return h
}

// place is where the first slice is that does not begin before a time.
func (h *shelf[K, A]) place(start int64) int {
	lo, hi := 0, len(h.all)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); h.all[mid].start < start {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// between are the slices from start to end.
func (h *shelf[K, A]) between(start, end int64) []*slice[K, A] {
	if start >= end {
		return nil
	}
	return h.all[h.place(start):h.place(end)]
}

// get is the slice with a start, or nil.
func (h *shelf[K, A]) get(start int64) *slice[K, A] {
	if h.last != nil && h.last.start == start {
		return h.last
	}
	if i := h.place(start); i < len(h.all) && h.all[i].start == start {
		h.last = h.all[i]
		return h.last
	}
	return nil
}

// open is the slice with a start, which is added if it is new.
func (h *shelf[K, A]) open(start int64) *slice[K, A] {
	if s := h.get(start); s != nil {
		return s
	}
	s := &slice[K, A]{start: start, rows: h.family.Column(), index: newIndex()}
	if h.hint > 0 && !h.log {
		s.index.use(h.slots(slotsFor(h.hint)))
	}
	if last := len(h.tags) - 1; last >= 0 {
		s.tags.all, h.tags = h.tags[last], h.tags[:last]
	}
	h.all = slices.Insert(h.all, h.place(start), s)
	h.last = s
	return s
}

func (h *shelf[K, A]) slots(size int) []uint64 {
	for i, s := range h.spare {
		if len(s) == size {
			h.spare = slices.Delete(h.spare, i, i+1)
			return s
		}
	}
	return make([]uint64, size)
}

// drop lets go of the slices that begin before a time.
func (h *shelf[K, A]) drop(before int64) {
	n := h.place(before)
	for _, s := range h.all[:n] {
		h.release(s)
	}
	h.all = slices.Delete(h.all, 0, n)
}

func (h *shelf[K, A]) release(s *slice[K, A]) {
	s.rows.Drop()
	h.hint = s.n
	if len(s.index.slots) >= minSlots {
		clear(s.index.slots)
		if len(h.spare) == spareCount {
			h.spare = slices.Delete(h.spare, 0, 1)
		}
		h.spare = append(h.spare, s.index.slots)
	}
	if h.log && len(h.tags) < spareCount {
		h.tags = append(h.tags, s.tags.all[:0])
	}
	if h.last == s {
		h.last = nil
	}
}

// sorted is a slice's rows by key group.
func (b *base[K, A]) sorted(s *slice[K, A]) *groupOrder {
	if len(s.order.rows) != s.n {
		s.order.sort(s.n, b.To-b.From, func(row uint32) int { return keygroup.Of(s.rows.Peek(row).Hash, b.Max) - b.From })
	}
	return &s.order
}
