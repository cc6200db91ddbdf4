package heap

import "unsafe"

// Index finds rows by hash, for one key group: open addressing with linear probing, in parts that stay small.
//
//	hash:  … | 18 bits at most: which part, as many as there are doublings | 14 bits: where in the part
//
// A part that is full is split in two by the next bit of the hash, so that growing is never a pause, however many rows
// there are; parts that were split less often than others have several places in the table of parts. The high bits say
// nothing, for they are alike within a group. Several rows may have the same hash.
type Index struct {
	parts []part // a power of two
	n     int
	slots int // of all parts
	space *Space
}

// part is one place of the table of parts.
type part struct {
	slots []slot
	fill  *fill // nil as long as there is one part only
}

// fill is what the places of one part share.
type fill struct {
	n     int // rows
	depth int // bits of the hash that all rows of the part have in common
}

// slot is one place of an index. It holds the whole hash, so that a mismatch costs no look at the key, and none is
// needed at all where equal hashes are equal keys. Any hash may occur: ref is the row + 1, and 0 is empty.
type slot struct {
	hash  uint64
	ref   uint32
	flags uint32 // of rows of a store with a cold one
}

const (
	slotUsed   = 1 << iota // since the hand of the clock has come by
	slotHollow             // the row has only timers: the rest may be in the cold store
)

const (
	slotBytes = 16
	partBytes = 32
	minSlots  = 8
	partShift = 14
	partSlots = 1 << partShift // a part doubles up to here, and is split from here on
	maxDepth  = 18             // beyond, where rows of equal hashes lie, parts double without end
)

// vacant is the table of every empty index: a probe needs no test for it.
var vacant = []part{{slots: make([]slot, 1)}}

// NewIndex makes an empty index.
func NewIndex(s *Space) Index { return Index{parts: vacant, space: s} }

// Len is the number of rows.
func (x *Index) Len() int { return x.n }

// place is where in the table of parts a hash belongs.
func (x *Index) place(hash uint64) uint64 { return hash >> partShift & uint64(len(x.parts)-1) }

// Find returns the first row with a hash: the row, where equal hashes are equal keys.
func (x *Index) Find(hash uint64) (row uint32, ok bool) {
	slots := x.parts[x.place(hash)].slots
	mask := uint64(len(slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &slots[i]
		if s.ref == 0 {
			return 0, false
		}
		if s.hash == hash {
			return s.ref - 1, true
		}
	}
}

// Use is Find for a store with a cold one: it notes that the row is used, and returns the slot's flags as well.
func (x *Index) Use(hash uint64) (row, flags uint32, ok bool) {
	slots := x.parts[x.place(hash)].slots
	mask := uint64(len(slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &slots[i]
		if s.ref == 0 {
			return 0, 0, false
		}
		if s.hash == hash {
			s.flags |= slotUsed
			return s.ref - 1, s.flags, true
		}
	}
}

// flagsOf are the flags of a row's slot, for changing them; nil if there is none.
func (x *Index) flagsOf(hash uint64, row uint32) *uint32 {
	slots := x.parts[x.place(hash)].slots
	mask := uint64(len(slots) - 1)
	for i := hash & mask; slots[i].ref != 0; i = (i + 1) & mask {
		if slots[i].hash == hash && slots[i].ref == row+1 {
			return &slots[i].flags
		}
	}
	return nil
}

// Seek goes through the rows with a hash: from place at, which is the hash itself to begin with, to the next such row.
// Next is the place to go on from.
func (x *Index) Seek(hash, at uint64) (row uint32, next uint64, ok bool) {
	slots := x.parts[x.place(hash)].slots
	mask := uint64(len(slots) - 1)
	for i := at & mask; ; i = (i + 1) & mask {
		s := &slots[i]
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
func (x *Index) Line(hash uint64) uintptr {
	slots := x.parts[x.place(hash)].slots
	return uintptr(unsafe.Pointer(&slots[hash&uint64(len(slots)-1)]))
}

// Insert adds a row, which must not be there.
func (x *Index) Insert(hash uint64, row uint32) {
	p := &x.parts[x.place(hash)]
	for x.full(p) {
		x.grow(hash)
		p = &x.parts[x.place(hash)]
	}
	x.n++
	if p.fill != nil {
		p.fill.n++
	}
	put(p.slots, slot{hash: hash, ref: row + 1})
}

// full says that a part has no room for another row.
func (x *Index) full(p *part) bool {
	n := x.n
	if p.fill != nil {
		n = p.fill.n
	}
	return 4*(n+1) > 3*len(p.slots)
}

func put(slots []slot, s slot) {
	mask := uint64(len(slots) - 1)
	i := s.hash & mask
	for slots[i].ref != 0 {
		i = (i + 1) & mask
	}
	slots[i] = s
}

// grow makes room in the part of a hash.
func (x *Index) grow(hash uint64) {
	p := &x.parts[x.place(hash)]
	switch {
	case len(p.slots) < partSlots || p.fill != nil && p.fill.depth >= maxDepth:
		x.double(p)
	default:
		x.split(hash)
	}
}

// double gives a part twice the slots: the only one, or one whose hashes tell its rows apart no further, which has one
// place in the table.
func (x *Index) double(p *part) {
	old := p.slots
	slots := x.allocate(max(minSlots, 2*len(old)))
	for _, s := range old {
		if s.ref != 0 {
			put(slots, s)
		}
	}
	if len(old) < minSlots {
		x.setParts([]part{{slots: slots}}) // it was vacant
		return
	}
	p.slots = slots
	x.giveSlots(len(old))
}

// split moves about half of a part's rows to a new part.
func (x *Index) split(hash uint64) {
	at := int(x.place(hash))
	old := x.parts[at]
	if old.fill == nil {
		old.fill = &fill{n: x.n}
		x.parts[at].fill = old.fill
	}
	if 1<<old.fill.depth == len(x.parts) {
		x.setParts(append(append(make([]part, 0, 2*len(x.parts)), x.parts...), x.parts...))
	}
	bit := 1 << old.fill.depth
	old.fill.depth++
	fresh := part{x.allocate(partSlots), &fill{depth: old.fill.depth}}
	for i := at&(bit-1) | bit; i < len(x.parts); i += 2 * bit {
		x.parts[i] = fresh
	}
	for i := range old.slots {
		// What takes the place of a row that is moved away comes from behind, and is looked at as well.
		for s := old.slots[i]; s.ref != 0 && s.hash>>partShift&uint64(bit) != 0; s = old.slots[i] {
			put(fresh.slots, s)
			fresh.fill.n++
			vacate(old.slots, uint64(i))
		}
	}
	old.fill.n -= fresh.fill.n
}

// setParts replaces the table of parts, all of whose slots are accounted for.
func (x *Index) setParts(parts []part) {
	x.space.take(int64(len(parts)) * partBytes)
	x.giveParts()
	x.parts = parts
}

func (x *Index) allocate(slots int) []slot {
	x.space.take(int64(slots) * slotBytes)
	x.slots += slots
	return make([]slot, slots)
}

func (x *Index) giveSlots(n int) {
	x.slots -= n
	x.space.give(int64(n) * slotBytes)
}

func (x *Index) giveParts() {
	if x.slots > 0 && &x.parts[0] != &vacant[0] {
		x.space.give(int64(len(x.parts)) * partBytes)
	}
}

// Reserve makes room for so many rows in an index that is empty, where their hashes are spread well.
func (x *Index) Reserve(rows int) {
	if x.slots > 0 || rows == 0 {
		return
	}
	slots, depth := minSlots, 0
	for ; 4*(rows+1) > 3*slots && slots < partSlots; slots *= 2 {
	}
	for ; 4*rows > 3*(slots-slots/16)<<depth && depth < maxDepth; depth++ {
	}
	parts := make([]part, 1<<depth)
	for i := range parts {
		parts[i].slots = x.allocate(slots)
		if depth > 0 {
			parts[i].fill = &fill{depth: depth}
		}
	}
	x.setParts(parts)
}

// Delete removes a row, and says whether it was there.
func (x *Index) Delete(hash uint64, row uint32) bool {
	p := &x.parts[x.place(hash)]
	mask := uint64(len(p.slots) - 1)
	i := hash & mask
	for ; p.slots[i].ref != row+1 || p.slots[i].hash != hash; i = (i + 1) & mask {
		if p.slots[i].ref == 0 {
			return false
		}
	}
	x.n--
	if p.fill != nil {
		p.fill.n--
	}
	vacate(p.slots, i)
	return true
}

// vacate empties slot i and moves what follows back over it, so that no probe needs tombstones.
func vacate(slots []slot, i uint64) {
	mask := uint64(len(slots) - 1)
	for j := (i + 1) & mask; slots[j].ref != 0; j = (j + 1) & mask {
		home := slots[j].hash & mask
		if (j-home)&mask >= (j-i)&mask { // i lies between its home and j: it may move there
			slots[i] = slots[j]
			i = j
		}
	}
	slots[i] = slot{}
}

// Drop empties the index and gives its memory back.
func (x *Index) Drop() {
	x.giveParts()
	x.giveSlots(x.slots)
	*x = NewIndex(x.space)
}
