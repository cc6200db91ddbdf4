package heap_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/backend/heap/heaptest"
	"leat.dev/leat/internal/keygroup"
)

// TestColdConformance runs the suite of all backends over a store that keeps a handful of rows in memory.
func TestColdConformance(t *testing.T) {
	t.Run("one", func(t *testing.T) { conformCold(t, 1, func(i int) int64 { return int64(i) * 0x9E3779B9 }) })
	t.Run("some", func(t *testing.T) { conformCold(t, 7, func(i int) string { return "key " + strconv.Itoa(i) }) })
}

func conformCold[K comparable](t *testing.T, most int, key func(int) K) {
	keys := derive[K](t)
	budget := heap.NewBudget(0)
	backendtest.Suite[K]{
		Keys: keys, Key: key,
		Open: func(from, to, max int) *backendtest.Store[K] {
			s := heap.New(heap.Config{From: from, To: to, Max: max, Budget: budget}, keys)
			b := heaptest.States(s)
			s.Cool(&records{max: max, live: map[string]record{}}, most)
			b.Cold = true
			return b
		},
	}.Run(t)
	if used := budget.UsedBytes(); used != 0 {
		t.Errorf("%d bytes of the budget are still taken after all stores were closed", used)
	}
}

// records is a cold store in memory that checks how it is used.
type records struct {
	max    int
	mu     sync.Mutex // guards what drafts share with the owner
	live   map[string]record
	places uint64
	ranks  uint64
	log    []logged // all that was ever written, for snapshots
}

type record struct {
	hash  uint64
	value []byte
	place uint64
}

// logged is a record or, without a value, that a key is gone.
type logged struct {
	rank  uint64
	hash  uint64
	key   string
	value []byte
	gone  bool
}

var errTwo = errors.New("a key has two records")

func (c *records) Get(b *heap.ColdBatch) error {
	b.Places, b.Values = b.Places[:0], b.Values[:0]
	for _, key := range b.Keys {
		r := c.live[string(key)]
		b.Places, b.Values = append(b.Places, r.place), append(b.Values, r.value)
	}
	return nil
}

func (c *records) Put(hash uint64, key, value []byte) (uint64, error) {
	if _, ok := c.live[string(key)]; ok {
		return 0, errTwo
	}
	c.places++
	c.live[string(key)] = record{hash, bytes.Clone(value), c.places}
	c.write(logged{c.rank(), hash, string(key), bytes.Clone(value), false})
	return c.places, nil
}

func (c *records) rank() uint64 { return c.ranks }

func (c *records) write(l logged) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, l)
}

func (c *records) Forget(hash, place uint64) {
	for key, r := range c.live {
		if r.hash == hash && r.place == place {
			delete(c.live, key)
			return
		}
	}
	panic("what is forgotten is not there")
}

func (c *records) Delete(hash uint64, key []byte, place uint64) error {
	if r, ok := c.live[string(key)]; ok != (place != 0) || r.place != place {
		return errors.New("what is deleted is not where it should be")
	}
	delete(c.live, string(key))
	c.write(logged{c.rank(), hash, string(key), nil, true})
	return nil
}

func (c *records) Follow(func(hash, from, to uint64)) {}

func (c *records) Collide(uint64) {}
func (c *records) Tend() error    { return nil }
func (c *records) Len() int       { return len(c.live) }
func (c *records) Format() string { return "records" }
func (c *records) Close() error   { return nil }

func (c *records) Restore([]backend.RecordSource) error { return errors.New("not restored from files") }

func (c *records) Seal() (heap.ColdDraft, error) {
	d := &draft{of: c, rank: c.ranks}
	c.ranks++ // what comes now is newer than the draft
	return d, nil
}

func (c *records) Adopt(d heap.ColdDraft, most int, current func(tag, hash, place uint64) bool) (bool, error) {
	z := d.(*draft)
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.released && !z.closed {
		return true, nil
	}
	for ; most > 0 && z.adopted < len(z.puts); most-- {
		p := z.puts[z.adopted]
		z.adopted++
		c.places++
		if place := c.places; current(p.tag, p.hash, place) {
			if _, ok := c.live[p.key]; ok {
				return false, errTwo
			}
			c.live[p.key] = record{p.hash, p.value, place}
		}
	}
	return z.closed && z.adopted == len(z.puts), nil
}

type draft struct {
	of       *records
	rank     uint64
	mu       sync.Mutex
	puts     []put
	adopted  int
	closed   bool
	released bool
}

type put struct {
	logged
	tag uint64
}

func (d *draft) Put(hash uint64, key, value []byte, tag uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := logged{d.rank, hash, string(key), bytes.Clone(value), false}
	d.puts = append(d.puts, put{l, tag})
	return nil
}

func (d *draft) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.puts {
		d.of.write(p.logged)
	}
	d.closed = true
	return nil
}

// Records are the newest of each key up to the draft's rank; of one rank, the draft's comes last.
func (d *draft) Records(group int, f func(hash uint64, key, value []byte) error) error {
	d.of.mu.Lock()
	log := slices.Clone(d.of.log)
	d.of.mu.Unlock()
	newest := map[string]logged{}
	for _, l := range log {
		if l.rank > d.rank || keygroup.Of(l.hash, d.of.max) != group {
			continue
		}
		if was, ok := newest[l.key]; !ok || l.rank >= was.rank {
			newest[l.key] = l
		}
	}
	for _, key := range slices.Sorted(maps.Keys(newest)) {
		if l := newest[key]; !l.gone {
			if err := f(l.hash, []byte(key), l.value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *draft) Files() []backend.RecordFile { return nil }

func (d *draft) Release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.released = true
}
