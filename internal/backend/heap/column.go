package heap

import (
	"iter"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	chunkRows  = 256 // rows of a full chunk
	chunkShift = 8
	firstRows  = 8 // rows of a column's first chunk to begin with: a small state stays small
)

// chunk is up to 256 rows of a column: the unit of copy-on-write and of writing.
type chunk[V any] struct {
	present [chunkRows / 64]uint64
	vals    []V
	epoch   uint64        // of the last write; the owner may write where it is the present one
	done    atomic.Uint64 // no snapshot up to that of this epoch reads the chunk any more; the writer sets it
	changes changes
	// Only where values hold references:
	own   [chunkRows / 64]uint64 // rows whose value shares no memory with old
	old   *chunk[V]              // the frozen chunk that this one was copied from
	until uint64                 // old is in use while a snapshot of this epoch or an older one is in flight
	log   *sideLog               // values that were saved before their memory was changed; under Family.guard
}

func (k *chunk[V]) has(lo int) bool { return k.present[lo>>6]&(1<<(lo&63)) != 0 }

// Family makes the columns of one state: they share recycled chunks and a way to encode values.
type Family[V any] struct {
	space   *Space
	saved   *uint64 // the epoch since which changes are remembered: the space's, or that of a cold store
	encode  func([]byte, *V) ([]byte, error)
	refs    bool
	bare    bool      // values keep nothing else from being collected
	image   int       // bytes of a value whose memory is its encoding; 0 of others
	empty   *chunk[V] // stands where a column has no chunk, so that reading needs no test for it
	pool    []*chunk[V]
	retired []retired[V]
	taken   int // full chunks taken since the last Trim
	// guard keeps the writer of a snapshot from encoding values while the owner changes what they refer to.
	// The writer holds it for one chunk; the owner for one value.
	guard sync.Mutex
}

// retired is a chunk that snapshots up to that of epoch until may read.
type retired[V any] struct {
	chunk *chunk[V]
	until uint64
	rows  int
}

// NewFamily makes a family. Encode is how Frozen.Encode encodes values; it may be nil where that is not used. Refs
// says that values hold references to memory that Ref may change: slices, maps, pointers.
func NewFamily[V any](s *Space, encode func([]byte, *V) ([]byte, error), refs bool) *Family[V] {
	return &Family[V]{space: s, saved: &s.saved, encode: encode, refs: refs, empty: new(chunk[V])}
}

// Bare says that values keep nothing else from being collected, as references would: then chunks that go out of use are not cleared
// until they are wanted again, when they have to be looked at anyway.
func (f *Family[V]) Bare() { f.bare = true }

// Column makes an empty column.
func (f *Family[V]) Column() Column[V] { return Column[V]{fam: f} }

func (f *Family[V]) bytes(rows int) int64 {
	var v V
	return int64(unsafe.Sizeof(chunk[V]{})) + int64(rows)*int64(unsafe.Sizeof(v))
}

// take returns an empty chunk, and whether its values are zero.
func (f *Family[V]) take(rows int) (k *chunk[V], zero bool) {
	if rows == chunkRows {
		f.taken++
		if k, zero := f.spare(); k != nil {
			return k, zero
		}
	}
	f.space.take(f.bytes(rows))
	return &chunk[V]{vals: make([]V, rows)}, true
}

// retire takes a chunk out of use for the owner; snapshots may go on reading it.
func (f *Family[V]) retire(k *chunk[V]) {
	f.retired = append(f.retired, retired[V]{k, f.space.newest, len(k.vals)})
	f.space.spareMore(f.bytes(len(k.vals)))
}

// spare returns a full chunk that nobody uses any more, and whether its values are zero, or nil. Those that snapshots have given up
// are made ready one by one as they are wanted: there may be as many as the state has, which all at once would be a pause.
func (f *Family[V]) spare() (k *chunk[V], zero bool) {
	for oldest := f.space.oldest(); len(f.retired) > 0 && f.retired[0].until < oldest; {
		if k := f.unretire(); f.reset(k) {
			return k, false
		}
	}
	n := len(f.pool)
	if n == 0 {
		return nil, false
	}
	k = f.pool[n-1]
	f.pool[n-1] = nil
	f.pool = f.pool[:n-1]
	f.space.spareMore(-f.bytes(chunkRows))
	return k, !f.bare
}

func (f *Family[V]) unretire() *chunk[V] {
	k := f.retired[0].chunk
	f.space.spareMore(-f.bytes(f.retired[0].rows))
	f.retired[0].chunk = nil
	f.retired = f.retired[1:]
	return k
}

// reset makes the head of a chunk that is not in use as if it were new. A small one is given up.
func (f *Family[V]) reset(k *chunk[V]) bool {
	if k.log != nil {
		f.space.give(int64(cap(k.log.buf)))
	}
	if len(k.vals) < chunkRows {
		f.space.give(f.bytes(len(k.vals)))
		return false
	}
	k.present, k.own, k.epoch, k.old, k.until, k.log, k.changes = [4]uint64{}, [4]uint64{}, 0, nil, 0, nil, changes{}
	k.done.Store(0)
	return true
}

// reuse puts a chunk that is not in use into the pool.
func (f *Family[V]) reuse(k *chunk[V]) {
	if f.reset(k) {
		if !f.bare {
			clear(k.vals) // it may be long until it is wanted
		}
		f.pool = append(f.pool, k)
		f.space.spareMore(f.bytes(chunkRows))
	}
}

// Trim gives memory back: as many chunks stay in reserve as were taken since the last Trim. It is called once a
// snapshot.
func (f *Family[V]) Trim() {
	f.space.settle()
	for len(f.pool) > f.taken {
		last := len(f.pool) - 1
		f.pool[last] = nil
		f.pool = f.pool[:last]
		f.space.spareMore(-f.bytes(chunkRows))
		f.space.give(f.bytes(chunkRows))
	}
	oldest, free := f.space.oldest(), 0
	for free < len(f.retired) && f.retired[free].until < oldest {
		free++
	}
	for ; free > f.taken-len(f.pool); free-- {
		f.space.give(f.bytes(f.retired[0].rows))
		if k := f.unretire(); f.refs && k.log != nil { // no look at it otherwise: that is a cache miss
			f.space.give(int64(cap(k.log.buf)))
		}
	}
	f.taken = 0
}

// giveBack gives up the chunks in reserve.
func (f *Family[V]) giveBack() {
	f.taken = 0
	f.Trim()
}

// Column is one state's values in one key group, by row. A row's value is present or absent; absent differs from zero.
type Column[V any] struct {
	chunks []*chunk[V]
	fam    *Family[V]
	// data is where each chunk's values begin, so that a row can be prefetched without waiting for the chunk's head.
	data []uintptr
}

// at is the chunk of a row, which may be the empty one.
func (c *Column[V]) at(row uint32) *chunk[V] {
	if hi := int(row >> chunkShift); hi < len(c.chunks) {
		return c.chunks[hi]
	}
	return c.fam.empty
}

// Get returns a row's value and whether it is present.
func (c *Column[V]) Get(row uint32) (v V, ok bool) {
	lo := int(row & (chunkRows - 1))
	if k := c.at(row); k.has(lo) {
		return k.vals[lo], true
	}
	return v, false
}

// Peek returns a row's value for reading until the next write to the column, or nil.
func (c *Column[V]) Peek(row uint32) *V {
	lo := int(row & (chunkRows - 1))
	if k := c.at(row); k.has(lo) {
		return &k.vals[lo]
	}
	return nil
}

// Has says whether a row's value is present.
func (c *Column[V]) Has(row uint32) bool { return c.at(row).has(int(row & (chunkRows - 1))) }

// Touch loads a row's value, so that cache misses overlap. The result means nothing.
func (c *Column[V]) Touch(row uint32) byte {
	k, lo := c.at(row), int(row&(chunkRows-1))
	if lo < len(k.vals) && unsafe.Sizeof(k.vals[0]) > 0 {
		return *(*byte)(unsafe.Pointer(&k.vals[lo])) // one byte brings the cache line, whatever V is
	}
	return 0
}

// Lines adds where a row's value and the head of its chunk lie, for [prefetch.Lines]. The addresses are only good for
// that: the row may have no value.
func (c *Column[V]) Lines(to []uintptr, row uint32) []uintptr {
	hi := int(row >> chunkShift)
	if hi >= len(c.chunks) || hi >= len(c.data) {
		return to
	}
	var v V
	at := c.data[hi] + uintptr(row&(chunkRows-1))*unsafe.Sizeof(v)
	return append(to, at, uintptr(unsafe.Pointer(c.chunks[hi])))
}

// Set makes a row's value present. What the value refers to is not changed any more by anybody, except through Ref.
func (c *Column[V]) Set(row uint32, v V) {
	k, lo := c.writable(row), int(row&(chunkRows-1))
	k.present[lo>>6] |= 1 << (lo & 63)
	k.changes.now[lo>>6] |= 1 << (lo & 63)
	k.vals[lo] = v
}

// Ref makes a row's value present, zero if it was not, and returns it for changing in place, what it refers to
// included, until the next use of the column or the next snapshot.
func (c *Column[V]) Ref(row uint32) *V {
	k, lo := c.writable(row), int(row&(chunkRows-1))
	k.present[lo>>6] |= 1 << (lo & 63)
	k.changes.now[lo>>6] |= 1 << (lo & 63)
	if c.fam.refs && k.own[lo>>6]&(1<<(lo&63)) == 0 {
		c.fam.detach(k, lo)
	}
	return &k.vals[lo]
}

// RefAll is Ref of rows that are present.
func (c *Column[V]) RefAll(rows []uint32, to []*V) []*V {
	now, refs := c.fam.space.now, c.fam.refs
	for i, row := range rows {
		if i > 0 && row == rows[i-1] {
			to = append(to, to[len(to)-1])
			continue
		}
		k, lo := c.chunks[row>>chunkShift], row&(chunkRows-1)
		if refs || k.epoch != now {
			to = append(to, c.Ref(row))
			continue
		}
		k.changes.now[lo>>6] |= 1 << (lo & 63)
		to = append(to, &k.vals[lo])
	}
	return to
}

// Run is the values of rows that are present, from one on and without to, as many as lie together: at least one.
func (c *Column[V]) Run(from, to uint32) []V {
	k, lo := c.at(from), int(from&(chunkRows-1))
	return k.vals[lo:min(lo+int(to-from), len(k.vals))]
}

// Extend makes at most n rows present that were not, from one on, as many as lie together: at least one. Their values are zero,
// for changing in place as those of Ref are.
func (c *Column[V]) Extend(from uint32, n int) []V {
	k, lo := c.writable(from), int(from&(chunkRows-1))
	hi := min(lo+n, len(k.vals))
	mark(&k.present, lo, hi)
	mark(&k.changes.now, lo, hi)
	if c.fam.refs {
		mark(&k.own, lo, hi)
	}
	return k.vals[lo:hi]
}

// mark adds the rows from lo to hi, without, to a set.
func mark(set *[chunkRows / 64]uint64, lo, hi int) {
	for w := lo >> 6; w<<6 < hi; w++ {
		rows := uint64(math.MaxUint64)
		if from := lo - w<<6; from > 0 {
			rows <<= from
		}
		if over := (w+1)<<6 - hi; over > 0 {
			rows &= math.MaxUint64 >> over
		}
		set[w] |= rows
	}
}

// adjust is Ref of a row that is present, for what no snapshot writes: the row does not count as changed.
func (c *Column[V]) adjust(row uint32) *V { return &c.writable(row).vals[row&(chunkRows-1)] }

// fresh says that a row was written to in the present epoch: no snapshot has what it has.
func (c *Column[V]) fresh(row uint32) bool {
	k, lo := c.at(row), row&(chunkRows-1)
	return k.epoch == c.fam.space.now && k.changes.now[lo>>6]&(1<<(lo&63)) != 0
}

// Delete makes a row's value absent, and says whether it was present.
func (c *Column[V]) Delete(row uint32) bool {
	if !c.Has(row) {
		return false
	}
	k, lo := c.writable(row), int(row&(chunkRows-1))
	k.present[lo>>6] &^= 1 << (lo & 63)
	k.changes.now[lo>>6] |= 1 << (lo & 63)
	var zero V
	k.vals[lo] = zero
	return true
}

// Rows goes through the rows that are present. The column may be changed meanwhile.
func (c *Column[V]) Rows() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for hi := 0; hi < len(c.chunks); hi++ {
			for w := range c.chunks[hi].present {
				for set := c.chunks[hi].present[w]; set != 0; set &= set - 1 {
					if !yield(uint32(hi<<chunkShift | w<<6 | bits.TrailingZeros64(set))) {
						return
					}
				}
			}
		}
	}
}

// writable returns the chunk of a row for writing.
func (c *Column[V]) writable(row uint32) *chunk[V] {
	k := c.at(row)
	if k.epoch == c.fam.space.now && int(row&(chunkRows-1)) < len(k.vals) {
		return k
	}
	return c.replace(int(row>>chunkShift), int(row&(chunkRows-1)))
}

// replace makes a chunk writable: as it is where no snapshot needs it, otherwise by a copy; and large enough.
func (c *Column[V]) replace(hi, lo int) *chunk[V] {
	c.extend(hi)
	f, k := c.fam, c.chunks[hi]
	needed := k != f.empty && f.space.needs(k.epoch, k.done.Load())
	if !needed && lo < len(k.vals) {
		if k.epoch != f.space.now {
			k.own = [4]uint64{}
			k.changes = k.changes.later(k.epoch, *f.saved)
		}
		k.epoch = f.space.now
		return k
	}
	n, zero := f.take(rowsFor(hi, lo, len(k.vals)))
	if copied := copy(n.vals, k.vals); !zero {
		clear(n.vals[copied:])
	}
	n.present, n.epoch, n.changes = k.present, f.space.now, k.changes
	if k.epoch != f.space.now {
		n.changes = k.changes.later(k.epoch, *f.saved)
	}
	switch {
	case needed:
		f.retire(k)
		if f.refs {
			n.old, n.until = k, f.space.newest
		}
	case k != f.empty:
		if k.epoch == f.space.now {
			n.own = k.own
		}
		n.old, n.until = k.old, k.until
		f.space.give(f.bytes(len(k.vals)))
	}
	c.chunks[hi], c.data[hi] = n, uintptr(unsafe.Pointer(unsafe.SliceData(n.vals)))
	return n
}

func (c *Column[V]) extend(hi int) {
	before := cap(c.chunks)
	for len(c.chunks) <= hi {
		c.chunks = append(c.chunks, c.fam.empty)
		c.data = append(c.data, 0)
	}
	if grown := cap(c.chunks) - before; grown > 0 {
		c.fam.space.take(int64(grown) * 16)
	}
}

// rowsFor is the size of a chunk that has row lo: only a column's first chunk may be small.
func rowsFor(hi, lo, least int) int {
	if hi > 0 {
		return chunkRows
	}
	n := max(firstRows, least)
	for n <= lo {
		n *= 2
	}
	return n
}

// Drop empties the column and gives its memory back, as soon as snapshots allow.
func (c *Column[V]) Drop() {
	f := c.fam
	for _, k := range c.chunks {
		switch {
		case k == f.empty:
		case f.space.needs(k.epoch, k.done.Load()):
			f.retire(k)
		default:
			f.reuse(k)
		}
	}
	f.space.give(int64(cap(c.chunks)) * 16)
	*c = f.Column()
}
