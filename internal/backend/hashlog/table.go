package hashlog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"leat.dev/leat/internal/keygroup"
)

// TableConfig says what a table has.
type TableConfig struct {
	// From … To-1 are the key groups of the table, of Max.
	From, To, Max int
	// Account hears how many bytes more the table has in memory, or less (below 0): slots, and what is held of the tail. It is
	// called on the owner; nil: nobody counts.
	Account func(bytes int64)
	// Moved hears that a record that is alive has another place. Rewrite calls it; nil: nobody remembers places.
	Moved func(hash uint64, from, to Place)
}

// Table has the records of the keys of one subtask, one a key. One goroutine owns it and calls all of its methods.
type Table struct {
	log       *Log
	config    TableConfig
	index     index
	space     space
	held      []*held // in order of ranks; the tail is the last
	tail      *held   // nil: there is none
	sequence  uint64  // of the newest rank
	drafts    []*Draft
	colliding *hashSet // drafts have it too
	failure   *failure
	accounted int64
	dead      int64 // obsolete records and tombstones
	reported  struct{ records, dead int64 }
	job       *job
	stale     bool // a look for segments to be rewritten may find some
	closed    bool
}

// NewTable makes an empty table.
func (l *Log) NewTable(c TableConfig) (*Table, error) {
	if c.From < 0 || c.To <= c.From || c.Max < c.To || c.Max > keygroup.MaxMax {
		return nil, fmt.Errorf("hash log: there are no key groups %d to %d of %d", c.From, c.To, c.Max)
	}
	return &Table{log: l, config: c, index: newIndex(c.From, c.To, c.Max), failure: &failure{}, colliding: &hashSet{}}, nil
}

// Close gives up the table: its memory, and its segments as far as no snapshot retains them. Drafts that are
// being written can be closed nevertheless.
func (t *Table) Close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	if t.job != nil {
		t.job.cancel()
		t.job = nil
	}
	for _, d := range t.drafts {
		d.leave()
	}
	for _, h := range t.held {
		t.dead -= h.dead() + h.tombstones
		if h.tail != nil {
			h.tail.abort()
		} else {
			h.seg.Release()
		}
	}
	t.held, t.tail, t.drafts, t.space = nil, nil, nil, space{}
	t.index.drop()
	t.failure.set(errors.New("the table is closed"))
	t.account()
	t.report()
	return nil
}

// Len is how many records are alive.
func (t *Table) Len() int { return t.index.used }

// account reports memory that came or went.
func (t *Table) account() {
	bytes := t.index.bytes
	if t.tail != nil {
		bytes += int64(cap(t.tail.tail.buffer)) + int64(cap(t.tail.tail.entries))*16
	}
	if bytes == t.accounted {
		return
	}
	if t.config.Account != nil {
		t.config.Account(bytes - t.accounted)
	}
	t.log.count.memory.Add(bytes - t.accounted)
	t.accounted = bytes
}

// report brings the log's statistics up to date: once a batch, because all tables write to them.
func (t *Table) report() {
	records := int64(t.index.used)
	t.log.count.records.Add(records - t.reported.records)
	t.log.count.dead.Add(t.dead - t.reported.dead)
	t.reported.records, t.reported.dead = records, t.dead
}

// Put appends the record of a key that has none that is alive, and says where it is. After an error the table takes no more
// writes, and returns that error again; but a *TooLongError changes nothing.
func (t *Table) Put(hash uint64, key, value []byte) (Place, error) {
	at, err := t.append(hash, key, value, t.colliding.mark(hash))
	if err != nil {
		return 0, err
	}
	t.index.insert(hash, at)
	t.tail.records++
	t.tail.alive++
	t.account()
	return at, nil
}

// Forget says that the record at this place is obsolete: its key changed, or goes. It panics if there is none.
func (t *Table) Forget(hash uint64, at Place) {
	if !t.index.remove(hash, at) {
		panic(fmt.Sprintf("hash log: there is no record at place %#x to be forgotten", uint64(at)))
	}
	h, _ := t.space.at(at)
	h.alive--
	if 2*h.alive <= h.records && 2*h.alive+2 > h.records || h.alive == 0 {
		t.stale = true
	}
	t.dead++
	t.account()
}

// Delete says that a key is gone: the record at this place is obsolete, and older ones don't come back by a restore. At is 0 if
// the key has no record that is alive, but may have had one, or have one in a draft. It is not called for keys that never had any.
func (t *Table) Delete(hash uint64, key []byte, at Place) error {
	if at != 0 {
		t.Forget(hash, at)
	}
	if len(t.held) == 0 && len(t.drafts) == 0 {
		return t.failure.get()
	}
	if _, err := t.append(hash, key, nil, t.colliding.mark(hash)|tombstone); err != nil {
		return err
	}
	t.tail.tombstones++
	t.dead++
	t.account()
	return nil
}

// Collide says that two different keys have this hash. It is called by who finds that out from rows in memory; Get finds it out
// from records. A restore tells records of such hashes apart by their keys, and all others by the hash alone. So it must be
// called before the second of the keys is written.
func (t *Table) Collide(hash uint64) {
	t.colliding.add(hash)
}

// hashSet is hashes that several keys have: nearly always none. Any goroutine may use it.
type hashSet struct {
	count  atomic.Int64
	mu     sync.RWMutex // guards hashes
	hashes map[uint64]struct{}
}

func (s *hashSet) add(hash uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hashes == nil {
		s.hashes = map[uint64]struct{}{}
	}
	s.hashes[hash] = struct{}{}
	s.count.Store(int64(len(s.hashes)))
}

// mark is how records of a hash are marked.
func (s *hashSet) mark(hash uint64) where {
	if s.count.Load() == 0 {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, ok := s.hashes[hash]; ok {
		return shared
	}
	return 0
}

// append writes a record to the tail.
func (t *Table) append(hash uint64, key, value []byte, flags where) (Place, error) {
	n, err := recordBytes(key, value)
	if err != nil {
		return 0, err
	}
	if err := t.failure.get(); err != nil {
		return 0, err
	}
	if err := t.makeRoom(n); err != nil {
		return 0, t.failure.set(err)
	}
	w, err := t.tail.tail.add(hash, key, value, flags)
	if err != nil {
		return 0, t.failure.set(err)
	}
	return t.tail.place(w), nil
}

// makeRoom has a tail that a record of so many bytes fits in.
func (t *Table) makeRoom(bytes int64) error {
	limit := t.log.options.SegmentBytes
	if t.tail != nil && t.tail.tail.full(limit, bytes) {
		if err := t.endTail(); err != nil {
			return err
		}
	}
	if t.tail != nil {
		return nil
	}
	w, err := t.log.newWriter(&t.config, t.failure, t.nextRank())
	if err != nil {
		return err
	}
	h := &held{seg: w.seg, purged: w.seg.rank, busy: true, tail: w}
	if err := t.space.take(h, max(limit, headerBytes+bytes)); err != nil {
		w.abort()
		return err
	}
	t.tail = h
	t.held = append(t.held, h)
	return nil
}

// partBits are the low bits of a rank: they number the segments of one draft.
const partBits = 16

func (t *Table) nextRank() uint64 {
	t.sequence++
	return t.sequence << partBits
}

// endTail makes a segment of the tail. Its footer is written in the background.
func (t *Table) endTail() error {
	h := t.tail
	seg, err := h.tail.close(t.config.Max)
	if err != nil {
		return err
	}
	t.tail, h.tail, h.busy = nil, nil, false
	t.space.shrink(h, seg.records)
	t.stale = true
	seg.Retain()
	t.log.background(func() {
		_ = seg.finish() // the table has the error
		seg.Release()
	})
	t.account()
	return nil
}

// hold makes a segment one of the table's, which takes over a reference to it.
func (t *Table) hold(seg *Segment) (*held, error) {
	h := &held{seg: seg, purged: seg.rank}
	if err := t.space.take(h, seg.records); err != nil {
		return nil, err
	}
	at, _ := slices.BinarySearchFunc(t.held, seg.rank, func(h *held, rank uint64) int { return cmp.Compare(h.seg.rank, rank+1) })
	t.held = slices.Insert(t.held, at, h)
	return h, nil
}

// letGo gives up a segment that nothing is alive in.
func (t *Table) letGo(h *held) {
	t.dead -= h.dead() + h.tombstones
	t.space.give(h)
	t.held = slices.DeleteFunc(t.held, func(other *held) bool { return other == h })
	h.seg.Release()
}
