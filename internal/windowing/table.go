package windowing

// table holds what is derived for the keys of one key group: values in dense rows, in no order. It is no state.
type table[K comparable, V any] struct {
	index index
	rows  []Entry[K, V]
}

func newTable[K comparable, V any]() table[K, V] { return table[K, V]{index: newIndex()} }

// find is the row of a key, or -1.
func (t *table[K, V]) find(hash uint64, key K) int {
	x := &t.index
	for i := hash & x.mask; x.slots[i] != 0; i = (i + 1) & x.mask {
		if s := x.slots[i]; s>>32 == hash&(1<<32-1) {
			if e := &t.rows[uint32(s)-1]; e.Hash == hash && e.Key == key {
				return int(uint32(s) - 1)
			}
		}
	}
	return -1
}

// at is the value of a key, zero if it is new, until the next key is added.
func (t *table[K, V]) at(hash uint64, key K) *V {
	row := t.row(hash, key)
	return &t.rows[row].Acc
}

// row is the row of a key, which is added if it is new.
func (t *table[K, V]) row(hash uint64, key K) int {
	row := t.find(hash, key)
	if row < 0 {
		row = len(t.rows)
		t.index.insert(hash, uint32(row))
		t.rows = append(t.rows, Entry[K, V]{Hash: hash, Key: key})
	}
	return row
}

// remove takes out a row; the last one gets its number.
func (t *table[K, V]) remove(row int) {
	last := len(t.rows) - 1
	t.index.remove(t.rows[row].Hash, uint32(row))
	if row != last {
		t.index.move(t.rows[last].Hash, uint32(last), uint32(row))
		t.rows[row] = t.rows[last]
	}
	t.rows[last] = Entry[K, V]{}
	t.rows = t.rows[:last]
}

// reset takes all rows out and keeps the memory.
func (t *table[K, V]) reset() {
	if len(t.rows) > 0 {
		clear(t.index.slots)
		clear(t.rows)
	}
	t.index.n, t.rows = 0, t.rows[:0]
}
