package heap

import (
	"iter"
	"math/bits"
	"reflect"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// List is a list of V a key, as a chain of blocks of 4 to 64 rows in one column of values:
//
//	head of a key ─▶ first block ─▶ … ─▶ last full block      and, in the head itself, the block being filled
//
// Appending reads nothing but the head.
type List[V any] struct {
	core   *core
	info   backend.State
	reads  backend.Reading[V]
	encode func([]byte, *V) ([]byte, error)

	headFam  *Family[listHead]
	blockFam *Family[listBlock]
	valFam   *Family[V]
	groups   []listGroup[V]
	lease    *lease // nil without a TTL
	clears   int    // lists cleared so far: an iteration then ends
	graves   []listGrave
	grown    int // blocks filled since the last reclaim
}

type listGroup[V any] struct {
	heads  Column[listHead]
	blocks Column[listBlock]
	vals   Column[V]
	ids    rowAlloc // of blocks
	runs   runAlloc // of values
}

// listHead is a key's list. Blocks are numbered from 1; 0 is none.
type listHead struct {
	first, last uint32    // the chain of full blocks
	full        uint32    // values in it
	tail        listBlock // the block being filled; its size is 0 before the first value
}

// listBlock is a run of rows of the values' column, and the block that follows.
type listBlock struct {
	base, next  uint32
	count, size uint8
}

// listGrave is the chain of a list that was cleared.
type listGrave struct {
	group int
	first uint32
}

const (
	// reclaimBlocks is how many blocks are freed at the end of each batch beside those that make up for new ones.
	reclaimBlocks = 64

	minBlock = 4
	maxBlock = 64
	// entryBytes is about how long an entry of a list in a snapshot gets: long lists have several.
	entryBytes = 64 << 10
)

// AddList adds a state of a list of V a key. Was are the names that it had before.
func AddList[V any, K comparable](s *Store[K], name string, c codec.Codec[V], was ...string) *List[V] {
	info := backend.State{Name: name, Was: was, Kind: backend.List, Type: reflect.TypeFor[V]().String()}
	l := newList(&s.core, info, c)
	s.add(l)
	return l
}

func newList[V any](core *core, info backend.State, c codec.Codec[V]) *List[V] {
	info.Value, info.Reads, info.Values = c.Schema(), backend.ReadsValues(c), backend.BoxedBy(c)
	l := &List[V]{
		core:     core,
		info:     info,
		reads:    backend.Reading[V]{Codec: c},
		encode:   encoder(c),
		headFam:  NewFamily[listHead](core.space, nil, false),
		blockFam: NewFamily[listBlock](core.space, nil, false),
		valFam:   NewFamily[V](core.space, nil, false),
		groups:   make([]listGroup[V], core.groups),
	}
	for i := range l.groups {
		l.groups[i].heads, l.groups[i].blocks, l.groups[i].vals = l.headFam.Column(), l.blockFam.Column(), l.valFam.Column()
	}
	return l
}

// Append appends values.
func (l *List[V]) Append(values ...V) {
	if len(values) == 0 {
		return
	}
	g, row := l.core.ensure()
	group := &l.groups[g]
	h := group.heads.Ref(row)
	for _, v := range values {
		if h.tail.count == h.tail.size {
			group.grow(h)
			l.grown++
		}
		group.append(h, v)
	}
}

func (l *listGroup[V]) append(h *listHead, v V) {
	l.vals.Set(h.tail.base+uint32(h.tail.count), v)
	h.tail.count++
}

// grow links the full tail to the chain and begins a block twice as large.
func (l *listGroup[V]) grow(h *listHead) {
	size := uint8(minBlock)
	if h.tail.size > 0 {
		size = min(2*h.tail.size, maxBlock)
		id := l.ids.take() + 1
		l.blocks.Set(id-1, h.tail)
		if h.last == 0 {
			h.first = id
		} else {
			l.blocks.Ref(h.last - 1).next = id
		}
		h.last = id
		h.full += uint32(h.tail.count)
	}
	h.tail = listBlock{base: l.runs.take(size), size: size}
}

func (l *List[V]) head() (group *listGroup[V], h *listHead) {
	g, row, ok := l.core.known()
	if !ok {
		return nil, nil
	}
	return &l.groups[g], l.groups[g].heads.Peek(row)
}

// Len is the length of the list.
func (l *List[V]) Len() int {
	_, h := l.head()
	if h == nil {
		return 0
	}
	return int(h.full) + int(h.tail.count)
}

// All goes through the list in order. Values that are appended meanwhile are not seen; clearing a list ends it.
func (l *List[V]) All() iter.Seq[V] {
	return func(yield func(V) bool) {
		group, h := l.head()
		if h == nil {
			return
		}
		clears, tail, next, left := l.clears, h.tail, h.first, h.full
		for left > 0 {
			b := *group.blocks.Peek(next - 1)
			if !l.each(group, b, clears, yield) {
				return
			}
			next, left = b.next, left-uint32(b.count)
		}
		l.each(group, tail, clears, yield)
	}
}

func (l *List[V]) each(group *listGroup[V], b listBlock, clears int, yield func(V) bool) bool {
	for i := range uint32(b.count) {
		if !yield(*group.vals.Peek(b.base + i)) || l.clears != clears {
			return false
		}
	}
	return true
}

// Clear forgets the list. The values of a long one are freed bit by bit.
func (l *List[V]) Clear() {
	g, row, ok := l.core.known()
	if !ok {
		return
	}
	group := &l.groups[g]
	h := group.heads.Peek(row)
	if h == nil {
		return
	}
	l.clears++
	l.core.loosen(g, row)
	l.forget(g, row, h)
}

// forget takes a row's list away.
func (l *List[V]) forget(g int, row uint32, h *listHead) {
	group := &l.groups[g]
	group.free(h.tail)
	if h.first != 0 {
		l.graves = append(l.graves, listGrave{g, h.first})
	}
	group.heads.Delete(row)
}

// free frees a block's values.
func (l *listGroup[V]) free(b listBlock) {
	for i := range uint32(b.count) {
		l.vals.Delete(b.base + i)
	}
	l.runs.release(b.base, b.size)
}

// reclaim frees values of lists that were cleared: at least as many as may have been appended since the last call, so
// that they don't pile up.
func (l *List[V]) reclaim() {
	for n := l.grown + reclaimBlocks; n > 0 && len(l.graves) > 0; n-- {
		last := len(l.graves) - 1
		grave := &l.graves[last]
		group := &l.groups[grave.group]
		b := *group.blocks.Peek(grave.first - 1)
		group.free(b)
		group.blocks.Delete(grave.first - 1)
		group.ids.release(grave.first - 1)
		if grave.first = b.next; grave.first == 0 {
			l.graves = l.graves[:last]
		}
	}
	l.grown = 0
}

func (l *List[V]) describe() backend.State    { return l.info }
func (l *List[V]) has(g int, row uint32) bool { return l.groups[g].heads.Has(row) }

func (l *List[V]) lines(to []uintptr, places []uint64) []uintptr {
	for _, p := range places {
		to = l.groups[p>>32].heads.Lines(to, uint32(p))
	}
	return to
}

// runAlloc hands out runs of rows, of the sizes that blocks have.
type runAlloc struct {
	rows rowAlloc
	free [8][]uint32 // by the logarithm of the size
}

func (a *runAlloc) take(size uint8) uint32 {
	free := &a.free[bits.Len8(size)-1]
	if n := len(*free); n > 0 {
		base := (*free)[n-1]
		*free = (*free)[:n-1]
		return base
	}
	base := a.rows.take()
	a.rows.next += uint32(size) - 1
	return base
}

func (a *runAlloc) release(base uint32, size uint8) {
	free := &a.free[bits.Len8(size)-1]
	*free = append(*free, base)
}
