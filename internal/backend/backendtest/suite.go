// Package backendtest is the suite that every backend of keyed state passes: random operations on all kinds of state
// against a plain model, snapshots that are written while the state goes on changing, and restores into other ranges
// of key groups.
package backendtest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
)

// Suite is a backend under test, with keys of type K.
type Suite[K comparable] struct {
	// Open makes an empty store for the key groups from up to, without, to.
	Open func(from, to, max int) *Store[K]
	// Key is the i-th key.
	Key func(i int) K
	// Keys are the keys' hashes and bytes.
	Keys *keygroup.Keys[K]
}

// Store is a store with one state of each kind, by these names: value, shared, list, map, ordered, reducing,
// aggregating, timer, timers. Timers call Fired.
type Store[K comparable] struct {
	backend.Keyed
	Cursor[K]

	Value   Value[int64]
	Shared  Shared
	List    List
	Map     Map[string]
	Ordered Ordered
	Sum     Sum[int64] // of ints
	Recent  Sum[int64] // keeps all added values in a slice that it changes in place: its result is their sum
	Timer   interface {
		At(at int64)
		Stop()
	}
	Timers interface {
		At(item string, at int64)
		Stop(item string)
	}
	// Fire fires timers in event time.
	Fire  func(upTo int64, limit int) (more bool, err error)
	Fired func(item string, at int64) error // the timer's item is ""

	// TTL are the same states with a TTL, in the order of TTLs, but for timers.
	TTL []Expiring
	// Times sets the times that they go by: that of the record at hand, the watermark, processing time.
	Times func(at, passed, wall int64)
	// Cold says that some rows are not in memory: what has expired of those need not be freed.
	Cold  bool
	Close func()
}

// Cursor is how an operator walks through a store.
type Cursor[K comparable] interface {
	Begin(keys []K, hashes []uint64)
	Select(i int)
	SelectKey(key K, hash uint64)
	End()
	Key() K
	EachKey(f func(K) error) error
}

// Value is one V a key.
type Value[V any] interface {
	Lookup() (V, bool)
	Get() V
	Set(V)
	Clear()
}

// Shared is a value that holds references.
type Shared interface {
	Value[[]int64]
	Ref() *[]int64
}

// List is a list a key.
type List interface {
	Append(...string)
	All() func(yield func(string) bool)
	Len() int
	Clear()
}

// Map is a map a key.
type Map[A any] interface {
	Lookup(A) (int64, bool)
	Set(A, int64)
	Delete(A) bool
	All() func(yield func(A, int64) bool)
	Clear()
}

// Ordered is an ordered map a key.
type Ordered interface {
	Map[int64]
	First() (int64, int64, bool)
	Last() (int64, int64, bool)
	Range(from, to int64) func(yield func(int64, int64) bool)
	DeleteRange(from, to int64)
}

// Sum is a running sum.
type Sum[V any] interface {
	Add(V)
	Lookup() (V, bool)
	Clear()
}

// Run runs the suite.
func (s Suite[K]) Run(t *testing.T) {
	for seed, size := range []struct {
		name                      string
		keys, max, batches, steps int
	}{
		{"few keys", 5, 2, 300, 8},
		{"some keys", 200, 8, 80, 16},
		{"many keys", 2000, 2, 50, 64}, // several chunks a column
		{"few of many keys", 600, 4, 100, 6},
	} {
		t.Run(size.name, func(t *testing.T) {
			r := &run[K]{
				t: t, suite: s, rnd: rand.New(rand.NewPCG(uint64(seed), uint64(size.keys))), keys: size.keys, max: size.max,
				model: map[K]*state{},
			}
			r.split(1)
			for range size.batches {
				r.step(size.steps)
			}
			r.finish()
		})
	}
}

// run is one run against the model.
type run[K comparable] struct {
	t     *testing.T
	suite Suite[K]
	rnd   *rand.Rand
	keys  int
	max   int

	stores   []*Store[K] // each with an equal share of the key groups
	model    map[K]*state
	now      int64
	times    times
	exact    bool // what is expired has been freed
	flight   []*flight
	restored int

	checkpoint  int64
	base        *flight // the newest that is known to be complete
	differences int     // sections that were written as such
}

// step is a batch, and sometimes a snapshot, timers, or a restore.
func (r *run[K]) step(records int) {
	r.pass(20)
	r.batch(records)
	switch r.rnd.IntN(12) {
	case 0, 1:
		r.snapshot()
	case 2, 3:
		r.land()
	case 4, 5:
		r.fire()
	case 6:
		r.each()
	case 7:
		r.outside()
		r.look()
	case 8:
		if r.rnd.IntN(4) == 0 {
			r.rescale()
		}
	}
}

func (r *run[K]) finish() {
	r.rescale()
	r.each()
	r.look()
	r.allFreed()
	if r.differences == 0 && r.restored > 0 {
		r.t.Log("no state was written as a difference")
	}
	for _, s := range r.stores {
		s.Close()
	}
}

// storeOf is the number of the store that owns a key.
func (r *run[K]) storeOf(key K) int {
	return keygroup.Subtask(keygroup.Of(r.suite.Keys.Hash(key), r.max), len(r.stores), r.max)
}

// batch sends one batch to each store.
func (r *run[K]) batch(records int) {
	keys := make([][]K, len(r.stores))
	for range records {
		key := r.suite.Key(r.rnd.IntN(r.keys))
		i := r.storeOf(key)
		keys[i] = append(keys[i], key)
	}
	for i, s := range r.stores {
		hashes := make([]uint64, len(keys[i]))
		r.suite.Keys.HashAll(keys[i], hashes)
		s.Begin(keys[i], hashes)
		for j, key := range keys[i] {
			s.Select(j)
			r.record(s, key)
		}
		s.End()
	}
}

// outside touches a key that is in no batch.
func (r *run[K]) outside() {
	key := r.suite.Key(r.rnd.IntN(r.keys))
	s := r.stores[r.storeOf(key)]
	s.SelectKey(key, r.suite.Keys.Hash(key))
	r.record(s, key)
	s.End()
}

func (r *run[K]) record(s *Store[K], key K) {
	if s.Key() != key {
		r.t.Fatalf("the key at hand is %v, want %v", s.Key(), key)
	}
	m := r.model[key]
	if m == nil {
		m = newState()
	}
	r.operate(s, m)
	delete(r.model, key)
	if !m.empty() {
		r.model[key] = m
	}
}

// each compares all keys.
func (r *run[K]) each() {
	seen, models := map[K]bool{}, 0
	for _, s := range r.stores {
		r.setTimes(s)
		err := s.EachKey(func(key K) error {
			if seen[key] {
				r.t.Errorf("key %v is seen twice", key)
			}
			seen[key] = true
			m := r.model[key]
			switch {
			case m != nil:
				models++
			case r.exact:
				r.t.Fatalf("key %v has state, want none", key)
			default: // what it has is expired
				m = newState()
			}
			compare(r.t, s, m)
			r.compareTTL(s, m)
			return nil
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if models != len(r.model) {
		r.t.Fatalf("%d keys have state, want %d", models, len(r.model))
	}
}

// fire moves time on; callbacks set timers anew now and then.
func (r *run[K]) fire() {
	r.now += r.rnd.Int64N(300)
	for _, s := range r.stores {
		last := int64(-1 << 63)
		s.Fired = func(item string, at int64) error {
			if at > r.now || at < last {
				r.t.Fatalf("a timer fires at %d, after %d, before %d", at, last, r.now)
			}
			last = at
			r.fired(s, item, at)
			return nil
		}
		for more := true; more; {
			var err error
			if more, err = s.Fire(r.now, 1+r.rnd.IntN(20)); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	for key, m := range r.model {
		if m.due(r.now) {
			r.t.Fatalf("key %v: a timer did not fire", key)
		}
	}
}

func (r *run[K]) fired(s *Store[K], item string, at int64) {
	m := r.model[s.Key()]
	if m == nil || !m.ring(item, at) {
		r.t.Fatalf("key %v: timer %q fires at %d, but it is not set", s.Key(), item, at)
	}
	switch r.rnd.IntN(3) {
	case 0: // again, maybe due at once
		again := at + r.rnd.Int64N(50)
		m.timer = &again
		s.Timer.At(again)
	case 1:
		s.Value.Set(at)
		m.value = &at
	}
	if m.empty() {
		delete(r.model, s.Key())
	}
}

// split opens n empty stores.
func (r *run[K]) split(n int) {
	r.stores = nil
	for i := range n {
		from, to := keygroup.Range(i, n, r.max)
		s := r.suite.Open(from, to, r.max)
		r.setTimes(s)
		r.stores = append(r.stores, s)
	}
}

// rescale writes a snapshot and restores it into another number of stores.
func (r *run[K]) rescale() {
	r.snapshot()
	last := r.flight[len(r.flight)-1]
	r.land()
	for _, s := range r.stores {
		s.Close()
	}
	r.base = nil
	r.split(1 + r.rnd.IntN(r.max))
	for i, s := range r.stores {
		from, to := keygroup.Range(i, len(r.stores), r.max)
		for _, name := range sortedSections(last) {
			if g := name.group; g >= from && g < to {
				if err := s.Restore(described(s, name.state), name.state, g, last.reader(name)); err != nil {
					r.t.Fatal(err)
				}
			}
		}
	}
	r.restored++
}

// described is a state as a store describes it.
func described(k backend.Keyed, name string) backend.State {
	all := k.States()
	return all[slices.IndexFunc(all, func(s backend.State) bool { return s.Name == name })]
}
