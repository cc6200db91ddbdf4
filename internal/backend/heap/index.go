package heap

import "unsafe"

// Index finds rows by hash: open addressing with linear probing, for one key group. The low bits of a hash say where
// to look, for the high ones are alike within a group. Several rows may have the same hash.
type Index struct {
	slots []slot
	mask  uint64
	n     int
	space *Space
}

// slot is one place of an index. It holds the whole hash, so that a mismatch costs no look at the key, and none is
// needed at all where equal hashes are equal keys. Any hash may occur: ref is the row + 1, and 0 is empty.
type slot struct {
	hash uint64
	ref  uint32
	_    uint32
}

const (
	slotBytes = 16
	minSlots  = 8
)

// vacant is the table of every empty index: a probe needs no test for it.
var vacant = make([]slot, 1)

// NewIndex makes an empty index.
func NewIndex(s *Space) Index { return Index{slots: vacant, space: s} }

// Len is the number of rows.
func (x *Index) Len() int { return x.n }

// Find returns the first row with a hash: the row, where equal hashes are equal keys.
func (x *Index) Find(hash uint64) (row uint32, ok bool) {
	for i := hash & x.mask; ; i = (i + 1) & x.mask {
		s := &x.slots[i]
		if s.ref == 0 {
			return 0, false
		}
		if s.hash == hash {
			return s.ref - 1, true
		}
	}
}

// Seek goes through the rows with a hash: from place at, which is the hash itself to begin with, to the next such row.
// Next is the place to go on from.
func (x *Index) Seek(hash, at uint64) (row uint32, next uint64, ok bool) {
	for i := at & x.mask; ; i = (i + 1) & x.mask {
		s := &x.slots[i]
		if s.ref == 0 {
			return 0, 0, false
		}
		if s.hash == hash {
			return s.ref - 1, i + 1, true
		}
	}
}

// Line is the address of the place where a hash would be, for [prefetch.Lines]: asking for those of a whole batch first
// lets the cache misses overlap.
func (x *Index) Line(hash uint64) uintptr { return uintptr(unsafe.Pointer(&x.slots[hash&x.mask])) }

// Insert adds a row, which must not be there.
func (x *Index) Insert(hash uint64, row uint32) {
	if 4*(x.n+1) > 3*len(x.slots) {
		x.grow()
	}
	x.n++
	x.put(slot{hash: hash, ref: row + 1})
}

func (x *Index) put(s slot) {
	i := s.hash & x.mask
	for x.slots[i].ref != 0 {
		i = (i + 1) & x.mask
	}
	x.slots[i] = s
}

func (x *Index) grow() {
	old := x.slots
	size := max(minSlots, 2*len(old))
	x.space.take(int64(size) * slotBytes)
	x.slots = make([]slot, size)
	x.mask = uint64(size - 1)
	for _, s := range old {
		if s.ref != 0 {
			x.put(s)
		}
	}
	x.giveSlots(old)
}

func (x *Index) giveSlots(s []slot) {
	if len(s) >= minSlots {
		x.space.give(int64(len(s)) * slotBytes)
	}
}

// Delete removes a row, and says whether it was there.
func (x *Index) Delete(hash uint64, row uint32) bool {
	i := hash & x.mask
	for ; x.slots[i].ref != row+1 || x.slots[i].hash != hash; i = (i + 1) & x.mask {
		if x.slots[i].ref == 0 {
			return false
		}
	}
	x.n--
	x.close(i)
	return true
}

// close empties slot i and moves what follows back over it, so that no probe needs tombstones.
func (x *Index) close(i uint64) {
	for j := (i + 1) & x.mask; x.slots[j].ref != 0; j = (j + 1) & x.mask {
		home := x.slots[j].hash & x.mask
		if (j-home)&x.mask >= (j-i)&x.mask { // i lies between its home and j: it may move there
			x.slots[i] = x.slots[j]
			i = j
		}
	}
	x.slots[i] = slot{}
}

// Drop empties the index and gives its memory back.
func (x *Index) Drop() {
	x.giveSlots(x.slots)
	*x = NewIndex(x.space)
}
