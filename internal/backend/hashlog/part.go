package hashlog

// A slot has, of one record, bits of its hash and its place; 0 is an empty slot.
//
//	│ 27 bits of the hash, those below its key group's │ 37 bits: place │
const (
	placeBits = 37
	hashBits  = 27
	placeMask = 1<<placeBits - 1
	hashMask  = 1<<hashBits - 1
)

// Place says where a record is, in the address space of its table; 0 is nowhere.
type Place uint64

func makeSlot(bits uint64, at Place) uint64 { return bits<<placeBits | uint64(at) }

func bitsOf(slot uint64) uint64 { return slot >> placeBits }

func placeOf(slot uint64) Place { return Place(slot & placeMask) }

// part is a table of slots: open addressing with linear probing, and the slots are in the order of their hash bits. So a slot's
// place follows from these bits alone, a larger table is made in one pass from the first slot to the last, and a probe ends at
// the first slot that is greater.
//
//	home = fraction of the part's range of hashes × homes
//
//	│ 3 │   │ 7 │ 7 │ 8 │   │ 12 │ … │ 98 │ 99 │ 99 ┊ 99 │   ┊     behind the last home there is some room to spare
type part struct {
	slots  []uint64
	homes  int
	used   int
	depth  uint8 // the part has the hash bits that begin with so many bits in common
	mapped bool
}

const (
	firstHomes = 8
	spareHomes = 8 // behind the last home, to begin with
	// maxHomes is when a part is split in two, so that making it larger takes no longer than some hundred microseconds.
	maxHomes = 1 << 17
	// longRun is how many slots are in a row without an empty one only where hashes are spread badly.
	longRun = 8192
	// maxDepth leaves hash bits to tell slots apart; parts of this depth grow without end.
	maxDepth = 12
)

func (p *part) home(bits uint64) int {
	return int(bits << p.depth & hashMask * uint64(p.homes) >> hashBits)
}

// find is the first slot with these hash bits, or where it would be.
func (p *part) find(bits uint64) int {
	i := p.home(bits)
	for i < len(p.slots) && p.slots[i] != 0 && bitsOf(p.slots[i]) < bits {
		i++
	}
	return i
}

// is says whether slot i has these hash bits.
func (p *part) is(i int, bits uint64) bool {
	return i < len(p.slots) && p.slots[i] != 0 && bitsOf(p.slots[i]) == bits
}

// seek is the slot of this record; false: there is none.
func (p *part) seek(bits uint64, at Place) (int, bool) {
	want := makeSlot(bits, at)
	for i := p.find(bits); p.is(i, bits); i++ {
		if p.slots[i] == want {
			return i, true
		}
	}
	return 0, false
}

// insert puts a slot behind those that are not greater, and those up to the next empty one move on; long: that was many more
// slots than it is where hashes are spread well. False: there is no room.
func (p *part) insert(slot uint64) (long, ok bool) {
	i := p.find(bitsOf(slot))
	for p.is(i, bitsOf(slot)) {
		i++
	}
	end := i
	for end < len(p.slots) && p.slots[end] != 0 {
		end++
	}
	if end == len(p.slots) {
		return false, false
	}
	copy(p.slots[i+1:end+1], p.slots[i:end])
	p.slots[i] = slot
	p.used++
	return end-p.home(bitsOf(slot)) > longRun, true
}

// remove empties slot i, and those behind it that are not at home move back.
func (p *part) remove(i int) {
	end := i + 1
	for end < len(p.slots) && p.slots[end] != 0 && p.home(bitsOf(p.slots[end])) < end {
		end++
	}
	copy(p.slots[i:end-1], p.slots[i+1:end])
	p.slots[end-1] = 0
	p.used--
}

// full says that another slot would make probes long: nine of ten homes are taken.
func (p *part) full() bool { return 10*(p.used+1) > 9*p.homes }

// sparse says that a smaller table would do.
func (p *part) sparse() bool { return p.homes > 4*firstHomes && 2*p.used < p.homes }

// larger is how many homes a part gets that is full: few more, because what is empty is memory of every key group.
func larger(homes int) int { return homes + homes/16 + firstHomes }

// homesFor is how many homes so many slots need, with some room to grow.
func homesFor(used int) int { return used*8/7 + firstHomes }

// build makes a part of slots that are in order; empty ones among them are skipped.
func build(depth uint8, homes int, slots []uint64) part {
	for spare := spareHomes + homes/1024; ; spare *= 2 {
		p := part{homes: homes, depth: depth}
		p.slots, p.mapped = allocate(homes + spare)
		if p.fill(slots) {
			return p
		}
		p.drop()
	}
}

func (p *part) fill(slots []uint64) bool {
	next := 0
	for _, s := range slots {
		if s == 0 {
			continue
		}
		i := max(next, p.home(bitsOf(s)))
		if i >= len(p.slots) {
			return false
		}
		p.slots[i] = s
		p.used++
		next = i + 1
	}
	return true
}

// drop gives the memory back.
func (p *part) drop() {
	if p.mapped {
		free(p.slots)
	}
	*p = part{}
}

func (p *part) bytes() int64 { return int64(len(p.slots)) * 8 }
