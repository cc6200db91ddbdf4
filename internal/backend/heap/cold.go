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
	// Put writes the record of a key that has none, and returns its place, which is not 0 and less than 2^37.
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
	// Format names how the files of its snapshots are read, see backend.RegisterRecords.
	Format() string
	// Restore gives a store that is empty the records of a snapshot, as far as they are of its key groups.
	Restore(sources []backend.RecordSource) error
	// Close gives the store up. Drafts that are being written can be closed nevertheless.
	Close() error
}

// ColdOpener makes the cold store of a store in memory, for key groups from up to, without, to. Account is told on the goroutine that
// owns the store how many bytes more it takes up in memory, or less.
type ColdOpener func(from, to, max int, account func(bytes int64)) (Cold, error)

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
	// Files are the files that have all records of the snapshot, after Close and until Release.
	Files() []backend.RecordFile
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
	// shed gives back the memory of a key group in which no row has the state, as far as it is free by now.
	shed(g int)
	// refers says whether what it holds refers to memory that is not counted.
	refers() bool
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

// coldRow is what a store with a cold one knows of a row, in a word:
//
//	1 bit     it is hollow
//	26 bits   since: the epoch in which the row began, or got its present content from the cold store, or went there: a draft of an
//	          earlier epoch has nothing to say about it
//	37 bits   place of its record; 0: none
type coldRow uint64

const (
	coldPlaceBits = 37
	coldSinceBits = 26
	coldSinceMax  = 1<<coldSinceBits - 1
	coldHollow    = 1 << (coldPlaceBits + coldSinceBits)
)

// errEpochs ends the attempt after as many snapshots as a row can tell apart: two years with one a second.
var errEpochs = errors.New("an attempt can't take more than 67 million snapshots: start the job again")

func coldRowOf(place, since uint64) coldRow {
	if since > coldSinceMax {
		panic(Refusal{Err: errEpochs})
	}
	return coldRow(since<<coldPlaceBits | place)
}

func (r coldRow) place() uint64 { return uint64(r) & (1<<coldPlaceBits - 1) }
func (r coldRow) since() uint64 { return uint64(r) >> coldPlaceBits & coldSinceMax }
func (r coldRow) hollow() bool  { return r&coldHollow != 0 }

// moved is the row with its record at another place.
func (r coldRow) moved(to uint64) coldRow { return r&^(1<<coldPlaceBits-1) | coldRow(to) }

// coldCore is the part of a store with a cold one that does not depend on the type of keys.
type coldCore struct {
	table  Cold
	room   room
	refers bool  // a state's values refer to memory that is not counted
	hollow []int // rows that have only timers, by key group
	points []pointState
	fam    *Family[coldRow]
	rows   []Column[coldRow]
	batch  ColdBatch
	ends   []int // of the batch's keys in bytes
	bytes  []byte
	which  []int // records of the batch at hand whose keys are looked for
	record []byte
	hands  []clockHand     // by key group
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
	c.rows[g].Set(row, coldRowOf(place, now))
}

// upToDate says whether a row's record has what the row has.
func (c *coldCore) upToDate(g int, row uint32, r coldRow) bool {
	return r.place() != 0 && !c.changed(g, row, c.saved)
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
