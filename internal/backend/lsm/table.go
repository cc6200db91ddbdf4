package lsm

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"

	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/keygroup"
)

// Table is an engine as the cold store of a heap store.
type Table struct {
	home          *Home
	driver        Driver
	from, to, max int
	account       func(bytes int64)
	folder        *folder
	engine        Engine
	restored      map[string]string // names in snapshots of files that came with a restore, by the engine's names
	live          int64             // records that are not out of date
	counted       int64             // bytes that account was told of

	layers  []*layer // held back, oldest first; the last one takes writes
	written int64    // bytes put into it since the end of the last batch

	wanted []wanted // of the batch that is read
	keys   [][]byte
	memory arena // of keys and values of the batch
	batch  *heap.ColdBatch
	found  func(i int, value []byte)

	open   atomic.Int64 // drafts in the queue
	mu     sync.Mutex   // guards all below
	queue  []*draft     // open, in the order of their barriers: the first one has the turn, without any the owner has it
	closed bool
	lastly sync.Once // ends the engine
	ended  error
}

var _ heap.Cold = (*Table)(nil)

// wanted is a key that the engine is asked for.
type wanted struct {
	prefix uint64 // the first bytes of the key, which most often decide
	key    []byte
	at     int // in the batch
}

// here is the place of all records: the key alone says where one is.
const here = 1

// Follow has nothing to tell: places do not change.
func (t *Table) Follow(func(hash, from, to uint64)) {}

// Collide has nothing to note: whole keys are compared.
func (t *Table) Collide(uint64) {}

// Format is the name of the engine's format.
func (t *Table) Format() string { return t.driver.Format() }

// Len is about how many records there are: after a restore the engine has no more than an estimate, and then it is never 0.
func (t *Table) Len() int {
	if t.restored != nil {
		return int(max(t.live, 1))
	}
	return int(t.live)
}

// Get reads the records of a batch of keys: what is held back of them, and the rest from the engine.
func (t *Table) Get(b *heap.ColdBatch) error {
	t.batch, t.wanted = b, t.wanted[:0]
	t.memory.reset()
	b.Places, b.Values = slices.Grow(b.Places[:0], len(b.Keys)), slices.Grow(b.Values[:0], len(b.Keys))
	for i, key := range b.Keys {
		b.Places, b.Values = append(b.Places, 0), append(b.Values, nil)
		if w := t.held(b.Hashes[i], key); w == nil {
			t.want(i, b.Hashes[i], key)
		} else if !w.Delete {
			t.keep(i, w.Value)
		}
	}
	if len(t.wanted) == 0 {
		return nil
	}
	slices.SortFunc(t.wanted, func(a, b wanted) int { return cmp.Or(cmp.Compare(a.prefix, b.prefix), bytes.Compare(a.key, b.key)) })
	t.keys = t.keys[:0]
	for _, w := range t.wanted {
		t.keys = append(t.keys, w.key)
	}
	return t.engine.Get(t.keys, t.found)
}

// held is the newest write of a key that is held back, or nil.
func (t *Table) held(hash uint64, key []byte) *Write {
	for _, l := range slices.Backward(t.layers) {
		if w := l.find(hash, key); w != nil {
			return w
		}
	}
	return nil
}

func (t *Table) want(i int, hash uint64, key []byte) {
	k := appendKey(t.memory.take(groupBytes + len(key))[:0], t.group(hash), key)
	var prefix [8]byte
	copy(prefix[:], k)
	t.wanted = append(t.wanted, wanted{binary.BigEndian.Uint64(prefix[:]), k, i})
}

// keep gives the batch a value, which lies elsewhere for a moment.
func (t *Table) keep(i int, value []byte) {
	v := t.memory.take(len(value))
	copy(v, value)
	t.batch.Places[i], t.batch.Values[i] = here, v
}

func (t *Table) group(hash uint64) int { return keygroup.Of(hash, t.max) }

// Put writes a record.
func (t *Table) Put(hash uint64, key, value []byte) (uint64, error) {
	t.live++
	return here, t.write(hash, key, value, false)
}

// Forget has nothing to do but to count: the next record of the key takes the place of the one before.
func (t *Table) Forget(uint64, uint64) { t.live-- }

// Delete says that a key is gone.
func (t *Table) Delete(hash uint64, key []byte, place uint64) error {
	if place != 0 {
		t.live--
	}
	return t.write(hash, key, nil, true)
}

// turnBytes is how much is held back at most, when no draft is open, before the end of the batch.
const turnBytes = 1 << 20

func (t *Table) write(hash uint64, key, value []byte, gone bool) error {
	l := t.layers[len(t.layers)-1]
	l.add(hash, t.group(hash), key, value, gone)
	t.written += int64(len(key)+len(value)) + groupBytes + writeBytes
	if t.written < turnBytes {
		return nil
	}
	return t.Tend()
}

// tendBytes is how much of what was held back goes to the engine with each batch, beside as much as has come.
const tendBytes = 256 << 10

// Tend hands writes that are held back to the engine, unless a draft is open. It works off what has gathered by the way, so that no
// batch waits for all of it.
func (t *Table) Tend() error {
	most := t.written + tendBytes
	t.written = 0
	if t.open.Load() == 0 {
		if err := t.drain(most); err != nil {
			return err
		}
	}
	t.report()
	return nil
}

// drain applies so many bytes of what is held back. It is the owner's turn.
func (t *Table) drain(most int64) error {
	for most > 0 {
		l := t.layers[0]
		did, all, err := l.apply(t.engine, most)
		if err != nil {
			return err
		}
		if !all {
			return nil
		}
		if len(t.layers) == 1 {
			l.reset()
			return nil
		}
		t.layers = slices.Delete(t.layers, 0, 1)
		most -= did
	}
	return nil
}

// report tells how much memory the table takes up.
func (t *Table) report() {
	bytes := t.engine.MemoryBytes()
	for _, l := range t.layers {
		bytes += l.bytes()
	}
	if bytes != t.counted {
		t.account(bytes - t.counted)
		t.counted = bytes
	}
}

// Close gives the table up. Drafts that are open can be closed nevertheless.
func (t *Table) Close() error {
	t.account(-t.counted)
	t.counted = 0
	t.mu.Lock()
	t.closed = true
	last := len(t.queue) == 0
	t.mu.Unlock()
	if !last {
		return nil // the last draft ends the engine
	}
	return t.end()
}

// end closes the engine, as nothing more is written. The folder stays until all snapshots are released.
func (t *Table) end() error {
	t.lastly.Do(func() {
		if t.engine != nil {
			t.home.forget(t)
			t.ended = t.engine.Close()
		}
		t.folder.release()
	})
	return t.ended
}
