package lsm

import "bytes"

// arena is memory that bytes are copied to, and that is given back as a whole.
type arena struct {
	last  []byte   // takes what comes
	full  [][]byte // chunks before it, and what is longer than a chunk
	bytes int64    // of all
}

const chunkBytes = 64 << 10

// take returns so many bytes of it.
func (a *arena) take(n int) []byte {
	if n > chunkBytes {
		b := make([]byte, n)
		a.full = append(a.full, b)
		a.bytes += int64(n)
		return b
	}
	if len(a.last)+n > cap(a.last) {
		if a.last != nil {
			a.full = append(a.full, a.last)
		}
		a.last = make([]byte, 0, chunkBytes)
		a.bytes += chunkBytes
	}
	at := len(a.last)
	a.last = a.last[:at+n]
	return a.last[at : at+n : at+n]
}

// reset gives all but a chunk back.
func (a *arena) reset() {
	clear(a.full)
	a.full, a.last = a.full[:0], a.last[:0]
	a.bytes = int64(cap(a.last))
}

// batch is writes, in their order.
type batch struct {
	writes []Write
	memory arena
}

// writeBytes is about what a write takes up beside its bytes, in a layer.
const writeBytes = 80

func (b *batch) add(group int, key, value []byte, gone bool) {
	k := appendKey(b.memory.take(groupBytes + len(key))[:0], group, key)
	v := b.memory.take(len(value))
	copy(v, value)
	b.writes = append(b.writes, Write{k, v, gone})
}

func (b *batch) reset() {
	clear(b.writes)
	b.writes = b.writes[:0]
	b.memory.reset()
}

func (b *batch) bytes() int64 { return b.memory.bytes + int64(len(b.writes))*writeBytes }

// layer is writes that are held back, in their order, which can be looked up.
type layer struct {
	batch
	newest  map[uint64]int32 // by hash: a write's number + 1
	older   []int32          // by number: that of the one before with the same hash, + 1
	applied int              // so many writes are in the engine; whose turn it is has it
}

func newLayer() *layer { return &layer{newest: map[uint64]int32{}} }

func (l *layer) add(hash uint64, group int, key, value []byte, gone bool) {
	l.batch.add(group, key, value, gone)
	l.older = append(l.older, l.newest[hash])
	l.newest[hash] = int32(len(l.writes))
}

// find finds the newest write of a key; nil: there is none.
func (l *layer) find(hash uint64, key []byte) *Write {
	if len(l.writes) == 0 {
		return nil
	}
	for n := l.newest[hash]; n != 0; n = l.older[n-1] {
		if w := &l.writes[n-1]; bytes.Equal(w.Key[groupBytes:], key) {
			return w
		}
	}
	return nil
}

func (l *layer) reset() {
	l.batch.reset()
	clear(l.newest)
	l.older, l.applied = l.older[:0], 0
}

// apply does so many more bytes of the layer's writes, and says how many and whether it was all.
func (l *layer) apply(to Engine, most int64) (did int64, all bool, err error) {
	from, n := l.applied, l.applied
	for ; n < len(l.writes) && did < most; n++ {
		did += int64(len(l.writes[n].Key)+len(l.writes[n].Value)) + writeBytes
	}
	if n > from {
		if err := to.Apply(l.writes[from:n]); err != nil {
			return 0, false, err
		}
	}
	l.applied = n
	return did, n == len(l.writes), nil
}
