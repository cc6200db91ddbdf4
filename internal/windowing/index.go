package windowing

// index finds rows by hash: open addressing with linear probing over slots of eight bytes, which hold the low half of
// the hash and the row. That is enough to grow without a look at the rows; who finds a row compares the key.
type index struct {
	slots []uint64 // low half of the hash << 32 | row + 1; 0 is empty
	mask  uint64
	n     int
}

// vacant is the table of every empty index: a probe needs no test for it.
var vacant = make([]uint64, 1)

func newIndex() index { return index{slots: vacant} }

const minSlots = 8

// slotsFor is the number of slots for n rows: at most three in four are taken.
func slotsFor(n int) int {
	size := minSlots
	for 4*n > 3*size {
		size *= 2
	}
	return size
}

// use makes an empty index of slots, which are empty and as many as a power of two.
func (x *index) use(slots []uint64) { *x = index{slots: slots, mask: uint64(len(slots) - 1)} }

func packed(hash uint64, row uint32) uint64 { return hash<<32 | uint64(row+1) }

// full says that the next row needs a larger table.
func (x *index) full() bool { return 4*(x.n+1) > 3*len(x.slots) }

// insert adds a row.
func (x *index) insert(hash uint64, row uint32) {
	if x.full() {
		x.grow(make([]uint64, max(minSlots, 2*len(x.slots))))
	}
	x.n++
	x.put(packed(hash, row))
}

// insertAt adds a row for which a probe has come to this empty slot.
func (x *index) insertAt(i, hash uint64, row uint32) {
	if x.full() {
		x.insert(hash, row)
		return
	}
	x.n++
	x.slots[i] = packed(hash, row)
}

func (x *index) put(slot uint64) {
	i := slot >> 32 & x.mask
	for x.slots[i] != 0 {
		i = (i + 1) & x.mask
	}
	x.slots[i] = slot
}

func (x *index) grow(slots []uint64) {
	old, n := x.slots, x.n
	x.use(slots)
	x.n = n
	for _, s := range old {
		if s != 0 {
			x.put(s)
		}
	}
}

// place is where a row is, which must be there.
func (x *index) place(hash uint64, row uint32) uint64 {
	want := packed(hash, row)
	i := hash & x.mask
	for x.slots[i] != want {
		i = (i + 1) & x.mask
	}
	return i
}

// move changes a row's number.
func (x *index) move(hash uint64, from, to uint32) { x.slots[x.place(hash, from)] = packed(hash, to) }

// remove takes a row out, and moves what follows back over it, so that probes meet no tombstones.
func (x *index) remove(hash uint64, row uint32) {
	i := x.place(hash, row)
	x.n--
	for j := (i + 1) & x.mask; x.slots[j] != 0; j = (j + 1) & x.mask {
		home := x.slots[j] >> 32 & x.mask
		if (j-home)&x.mask >= (j-i)&x.mask { // i lies between its home and j: it may move there
			x.slots[i] = x.slots[j]
			i = j
		}
	}
	x.slots[i] = 0
}
