package hashlog

import (
	"unsafe"

	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/prefetch"
)

// index finds records by hash: slots in parts, one or more for each key group. One goroutine uses it.
type index struct {
	from, max int // the first key group, of how many
	groups    []group
	used      int
	bytes     int64
	addresses []uintptr
}

// group is the parts of a key group, in order of hashes; a power of two of them. Those of less depth occur several times.
type group struct {
	parts []*part
	depth uint8
}

// vacant is the part of every empty key group: it is full, so that it is replaced before it gets a slot.
var vacant = &part{slots: make([]uint64, 1), homes: 1}

func newIndex(from, to, max int) index {
	x := index{from: from, max: max, groups: make([]group, to-from)}
	for i := range x.groups {
		x.groups[i].parts = []*part{vacant}
	}
	return x
}

// bitsIn is the hash bits of a slot: where in its key group a hash lies. A greater hash has no lesser bits.
func bitsIn(hash uint64, max int) uint64 {
	rest := uint64(uint32((hash >> 32) * uint64(max)))
	position := rest<<32 + (hash&(1<<32-1))*uint64(max)
	if position < rest<<32 {
		position = 1<<64 - 1 // the last hashes of a group, where groups don't divide the hashes evenly
	}
	return position >> (64 - hashBits)
}

// locate finds the part of a hash.
func (x *index) locate(hash uint64) (g *group, at int, bits uint64) {
	g = &x.groups[keygroup.Of(hash, x.max)-x.from]
	bits = bitsIn(hash, x.max)
	return g, int(bits >> (hashBits - g.depth)), bits
}

func (x *index) part(hash uint64) (p *part, bits uint64) {
	g, at, bits := x.locate(hash)
	return g.parts[at], bits
}

// owns says whether a hash is in the index's key groups.
func (x *index) owns(hash uint64) bool {
	g := keygroup.Of(hash, x.max)
	return g >= x.from && g < x.from+len(x.groups)
}

// prefetch asks for the slots of hashes, so that the cache misses overlap.
func (x *index) prefetch(hashes []uint64) {
	x.addresses = x.addresses[:0]
	for _, hash := range hashes {
		p, bits := x.part(hash)
		x.addresses = append(x.addresses, uintptr(unsafe.Pointer(&p.slots[p.home(bits)])))
	}
	prefetch.Lines(x.addresses)
}

// has says whether a record has a slot.
func (x *index) has(hash uint64, at Place) bool {
	p, bits := x.part(hash)
	_, ok := p.seek(bits, at)
	return ok
}

// insert adds a slot. Its part may become larger for that, or be split.
func (x *index) insert(hash uint64, at Place) {
	p, bits := x.part(hash)
	for p.full() {
		x.grow(hash)
		p, bits = x.part(hash)
	}
	long, ok := p.insert(makeSlot(bits, at))
	for !ok {
		x.bytes -= p.bytes()
		p.widen()
		x.bytes += p.bytes()
		long, ok = p.insert(makeSlot(bits, at))
	}
	if long && p.depth < maxDepth {
		g, at, _ := x.locate(hash)
		x.split(g, at) // each of the two has its own share of homes
	}
	x.used++
}

// widen doubles the room behind the last home, which many equal hashes fill.
func (p *part) widen() {
	old := *p
	p.slots, p.mapped = allocate(2*len(old.slots) - old.homes)
	copy(p.slots, old.slots)
	old.drop()
}

// remove takes a slot away; false: there is none.
func (x *index) remove(hash uint64, at Place) bool {
	p, bits := x.part(hash)
	i, ok := p.seek(bits, at)
	if !ok {
		return false
	}
	p.remove(i)
	x.used--
	if p.sparse() {
		x.replace(p, homesFor(p.used))
	}
	return true
}

// move changes the place of a record; false: it has no slot.
func (x *index) move(hash uint64, from, to Place) bool {
	p, bits := x.part(hash)
	i, ok := p.seek(bits, from)
	if ok {
		p.slots[i] = makeSlot(bits, to)
	}
	return ok
}

// replace gives a part another number of homes.
func (x *index) replace(p *part, homes int) {
	old := *p
	*p = build(old.depth, homes, old.slots)
	x.bytes += p.bytes() - old.bytes()
	old.drop()
}

// grow makes room in the part of a hash.
func (x *index) grow(hash uint64) {
	g, at, _ := x.locate(hash)
	p := g.parts[at]
	switch {
	case p == vacant:
		fresh := build(0, firstHomes, nil)
		x.bytes += fresh.bytes()
		g.parts[0] = &fresh
	case p.homes < maxHomes || p.depth >= maxDepth:
		x.replace(p, larger(p.homes))
	default:
		x.split(g, at)
	}
}

// split makes two parts of one, by the next hash bit.
func (x *index) split(g *group, at int) {
	old := g.parts[at]
	if old.depth == g.depth {
		g.deepen()
		at *= 2
	}
	depth := old.depth + 1
	first := at >> (g.depth - old.depth) << (g.depth - old.depth)
	middle := (uint64(first)<<(hashBits-g.depth) | 1<<(hashBits-depth))
	low, high := old.divide(middle)
	places := 1 << (g.depth - depth)
	for i := range places {
		g.parts[first+i], g.parts[first+places+i] = low, high
	}
	x.bytes += low.bytes() + high.bytes() - old.bytes()
	old.drop()
}

// deepen gives every part twice as many places.
func (g *group) deepen() {
	parts := make([]*part, 0, 2*len(g.parts))
	for _, p := range g.parts {
		parts = append(parts, p, p)
	}
	g.parts = parts
	g.depth++
}

// divide makes a part of the slots with lesser hash bits than middle, and one of the others.
func (p *part) divide(middle uint64) (low, high *part) {
	end, count := 0, 0
	for ; end < len(p.slots) && (p.slots[end] == 0 || bitsOf(p.slots[end]) < middle); end++ {
		if p.slots[end] != 0 {
			count++
		}
	}
	l := build(p.depth+1, homesFor(count), p.slots[:end])
	h := build(p.depth+1, homesFor(p.used-count), p.slots[end:])
	return &l, &h
}

// drop gives all memory back.
func (x *index) drop() {
	for i := range x.groups {
		var last *part
		for _, p := range x.groups[i].parts {
			if p != last && p != vacant {
				p.drop()
			}
			last = p
		}
	}
	x.groups, x.bytes, x.used = nil, 0, 0
}
