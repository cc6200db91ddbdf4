package heap

import (
	"encoding/binary"
	"errors"
	"fmt"

	"leat.dev/leat/internal/backend"
)

// Cold is a store on disk below a store in memory: one record a key, which has all that the key's point states hold (all states but
// timers). The goroutine that owns the store uses it.
//
//	hot      a row in memory, and no record, or one that is out of date
//	warm     a row in memory, and a record that has the same
//	hollow   a row in memory that has only timers: the record has the rest
//	cold     a record, and no row
type Cold interface {
	// Follow has the store told of each record that gets another place.
	Follow(moved func(hash, from, to uint64))
	// Get reads the records of a batch of keys.
	Get(b *ColdBatch) error
	// Put writes the record of a key that has none, and returns its place, which is not 0.
	Put(hash uint64, key, value []byte) (place uint64, err error)
	// Forget says that a record is out of date.
	Forget(hash, place uint64)
	// Delete says that a key is gone. Place is 0 if it has no record, but may have had one.
	Delete(hash uint64, key []byte, place uint64) error
	// Collide says that two keys have this hash.
	Collide(hash uint64)
	// Seal begins a snapshot: the records so far, and those that are put into the draft.
	Seal() (ColdDraft, error)
	// Adopt takes over at most so many records of a draft, in place of those that their keys had before. Current says whether a row is
	// as the record has it, which is its record from then on.
	// Each draft is adopted to its end, unless it was released before it was closed: otherwise records that are out of date stay on disk.
	Adopt(d ColdDraft, most int, current func(tag, hash, place uint64) bool) (done bool, err error)
	// Tend does a bounded part of what is to be done beside, such as getting rid of records that are out of date.
	Tend() error
	// Len is the number of records that are not out of date.
	Len() int
}

// ColdBatch is keys whose records are wanted, and the records.
type ColdBatch struct {
	Keys   [][]byte
	Hashes []uint64
	Places []uint64 // 0: there is no record
	Values [][]byte // until the batch's next use
}

// ColdDraft is the part of a snapshot on disk that is written by another goroutine than the owner's.
type ColdDraft interface {
	// Put writes a record. The tag comes back when it is adopted.
	Put(hash uint64, key, value []byte, tag uint64) error
	// Close makes the snapshot complete and durable.
	Close() error
	// Records goes through what the snapshot has in a key group, each key once. It may follow Close.
	Records(group int, f func(hash uint64, key, value []byte) error) error
	// Release gives up the snapshot's files, and the draft if Close has not succeeded. It is called once, when nothing else is called.
	Release()
}

// pointState is a state that goes with its key to the cold store.
type pointState interface {
	keyedState
	// follow has changes remembered since the epoch that saved says.
	follow(saved *uint64)
	// changed says whether a row has changed since a snapshot of the epoch.
	changed(g int, row uint32, since uint64) bool
	// save appends what a row has: entries, each as uvarint length, item | uvarint length, value.
	save(to []byte, g int, row uint32) ([]byte, error)
	// fill adds an entry that save has written.
	fill(g int, row uint32, item, value []byte) error
	// settle says that a row that was just filled has not changed.
	settle(g int, row uint32)
	// drop empties a row, which has not become free by that.
	drop(g int, row uint32)
}

// pointOf is a state as one that goes to the cold store; not ok for timers, which stay to ring.
func pointOf(s keyedState) (p pointState, ok bool) {
	if kind := s.describe().Kind; kind == backend.Timer || kind == backend.Timers {
		return nil, false
	}
	p, ok = s.(pointState)
	return p, ok
}

// frozenPoint is a pointState as it was when a snapshot began.
type frozenPoint interface {
	changed(g, chunk int, since uint64) [chunkRows / 64]uint64
	save(to []byte, g int, row uint32) ([]byte, error)
	done(g, chunk int)
}

// errRecord says that a record of the cold store is not one of these states.
var errRecord = errors.New("corrupt record of a key's states: a length is larger than what is left")

// saveRow appends a row's record: for each point state, in their order, uvarint length | entries.
func saveRow(to []byte, states int, save func(to []byte, state int) ([]byte, error)) (_ []byte, err error) {
	for i := range states {
		to = append(to, 0)
		at := len(to)
		if to, err = save(to, i); err != nil {
			return to, err
		}
		to = framed(to, at)
	}
	return to, nil
}

// loadRow hands the entries of a record to f.
func loadRow(record []byte, f func(state int, item, value []byte) error) error {
	for state := 0; len(record) > 0; state++ {
		entries, rest, err := cutFrame(record)
		if err != nil {
			return err
		}
		for record = rest; len(entries) > 0; {
			var item, value []byte
			if item, entries, err = cutFrame(entries); err != nil {
				return err
			}
			if value, entries, err = cutFrame(entries); err != nil {
				return err
			}
			if err := f(state, item, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// cutFrame takes a length and as many bytes from the front.
func cutFrame(b []byte) (frame, rest []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, errRecord
	}
	end := used + int(n)
	return b[used:end:end], b[end:], nil
}

// framing appends what f appends with its length in front.
func framing(to []byte, f func([]byte) ([]byte, error)) ([]byte, error) {
	to = append(to, 0)
	at := len(to)
	to, err := f(to)
	if err != nil {
		return to, err
	}
	return framed(to, at), nil
}

// coldRow is what a store with a cold one knows of a row.
type coldRow struct {
	place uint64 // of the row's record; 0: none
	// since is the epoch in which the row began, or got its present content from the cold store, or went there: a draft of an earlier
	// epoch has nothing to say about it.
	since  uint64
	hollow bool
}

// coldCore is the part of a store with a cold one that does not depend on the type of keys.
type coldCore struct {
	table  Cold
	most   int // rows in memory that are not hollow
	hollow int // rows that are
	points []pointState
	fam    *Family[coldRow]
	rows   []Column[coldRow]
	batch  ColdBatch
	ends   []int // of the batch's keys in bytes
	bytes  []byte
	which  []int // records of the batch at hand whose keys are looked for
	record []byte
	hand   clockHand
	drafts []*coldSnapshot // that are not adopted, oldest first
	saved  uint64          // epoch of the newest one that is: rows that did not change since are as their records
	sealed uint64          // epoch of the newest one at all: rows that came later are in none
}

// fail ends the attempt: what the disk has lost, a restart restores.
func (c *coldCore) check(err error) {
	if err != nil {
		panic(Refusal{Err: fmt.Errorf("state on disk: %w", err)})
	}
}

// clear empties the batch.
func (c *coldCore) clear() {
	c.which, c.ends, c.bytes = c.which[:0], c.ends[:0], c.bytes[:0]
	c.batch.Hashes = c.batch.Hashes[:0]
}

// get reads the records of the keys whose bytes and hashes have been appended.
func (c *coldCore) get() error {
	b := &c.batch
	b.Keys = b.Keys[:0]
	from := 0
	for _, end := range c.ends {
		b.Keys = append(b.Keys, c.bytes[from:end:end])
		from = end
	}
	return c.table.Get(b)
}

// load fills a row from its record.
func (c *coldCore) load(g int, row uint32, place uint64, record []byte, now uint64) {
	err := loadRow(record, func(state int, item, value []byte) error {
		if state >= len(c.points) {
			return errRecord
		}
		return c.points[state].fill(g, row, item, value)
	})
	c.check(err)
	for _, p := range c.points {
		p.settle(g, row)
	}
	c.rows[g].Set(row, coldRow{place: place, since: now})
}

// upToDate says whether a row's record has what the row has.
func (c *coldCore) upToDate(g int, row uint32, r coldRow) bool {
	return r.place != 0 && !c.changed(g, row, c.saved)
}

// changed says whether a row has changed since a snapshot of the epoch.
func (c *coldCore) changed(g int, row uint32, since uint64) bool {
	for _, p := range c.points {
		if p.changed(g, row, since) {
			return true
		}
	}
	return false
}

// at is what is known of a row.
func (c *coldCore) at(g int, row uint32) coldRow {
	r, _ := c.rows[g].Get(row)
	return r
}

// empty says that a row has nothing that would go into a record.
func (c *coldCore) empty(g int, row uint32) bool {
	for _, p := range c.points {
		if p.has(g, row) {
			return false
		}
	}
	return true
}
