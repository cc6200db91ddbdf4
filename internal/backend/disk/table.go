// Package disk puts a hash log below a heap store: keyed state that memory has no room for lies on disk, one record a key.
package disk

import (
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/hashlog"
	"leat.dev/leat/internal/backend/heap"
)

// Table is a table of a hash log as the cold store of a heap store.
type Table struct {
	table *hashlog.Table
	batch hashlog.Batch
	moved func(hash, from, to uint64)

	home *Home // that waits for the table's end and that of its drafts; nil: nobody does
}

var _ heap.Cold = (*Table)(nil)

// NewTable makes an empty table for key groups From … To-1 of Max. Account hears how many bytes more it takes up in memory, or less.
func NewTable(l *hashlog.Log, from, to, max int, account func(bytes int64)) (*Table, error) {
	t := &Table{}
	var err error
	t.table, err = l.NewTable(hashlog.TableConfig{
		From: from, To: to, Max: max, Account: account,
		Moved: func(hash uint64, from, to hashlog.Place) { t.moved(hash, uint64(from), uint64(to)) },
	})
	return t, err
}

// Follow says who is told of records that move.
func (t *Table) Follow(moved func(hash, from, to uint64)) { t.moved = moved }

// Get reads the records of a batch of keys.
func (t *Table) Get(b *heap.ColdBatch) error {
	t.batch.Keys, t.batch.Hashes = b.Keys, b.Hashes
	if err := t.table.Get(&t.batch); err != nil {
		return err
	}
	b.Values, b.Places = t.batch.Values, b.Places[:0]
	for _, at := range t.batch.Places {
		b.Places = append(b.Places, uint64(at))
	}
	return nil
}

// Put writes a record.
func (t *Table) Put(hash uint64, key, value []byte) (uint64, error) {
	at, err := t.table.Put(hash, key, value)
	return uint64(at), err
}

// Forget says that a record is out of date.
func (t *Table) Forget(hash, place uint64) { t.table.Forget(hash, hashlog.Place(place)) }

// Delete says that a key is gone.
func (t *Table) Delete(hash uint64, key []byte, place uint64) error {
	return t.table.Delete(hash, key, hashlog.Place(place))
}

// Collide says that two keys have this hash.
func (t *Table) Collide(hash uint64) { t.table.Collide(hash) }

// Len is the number of records.
func (t *Table) Len() int { return t.table.Len() }

// tendSlots is how many slots of the index are looked at after each batch for the sake of rewriting.
const tendSlots = 256

// Tend does a part of the rewriting of segments with little left alive.
func (t *Table) Tend() error {
	_, err := t.table.Rewrite(tendSlots)
	return err
}

// Close gives the table up.
func (t *Table) Close() error {
	err := t.table.Close()
	t.home.leave()
	return err
}

// Format is the name of the hash log's format.
func (t *Table) Format() string { return Format }

// Restore gives the table, which is empty, the records of a snapshot.
func (t *Table) Restore(sources []backend.RecordSource) error {
	files := make([]hashlog.SegmentFile, len(sources))
	for i, s := range sources {
		files[i] = hashlog.SegmentFile{Name: s.Name, Path: s.Path, Copy: s.ReaderAt, Bytes: s.Bytes, From: s.From, To: s.To}
	}
	return t.table.Restore(files)
}

// Seal begins a snapshot.
func (t *Table) Seal() (heap.ColdDraft, error) {
	d, err := t.table.Seal()
	if err != nil {
		return nil, err
	}
	t.home.enter()
	return &draft{Draft: d, segments: t.table.Segments(), home: t.home}, nil
}

// Adopt takes over records of a draft.
func (t *Table) Adopt(d heap.ColdDraft, most int, current func(tag, hash, place uint64) bool) (done bool, err error) {
	return t.table.Adopt(d.(*draft).Draft, most, func(tag, hash uint64, at hashlog.Place) bool { return current(tag, hash, uint64(at)) })
}

// draft is a snapshot: the segments that were there at the barrier, and what is written for it.
type draft struct {
	*hashlog.Draft
	segments []*hashlog.Segment
	records  backend.Records // nil: not open yet
	closed   bool
	home     *Home
}

// Close ends the draft and makes all segments durable.
func (d *draft) Close() error {
	own, err := d.Draft.Close()
	if err != nil {
		return err
	}
	d.closed = true
	d.segments = append(d.segments, own...)
	for _, s := range d.segments {
		if err := s.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// Files are the snapshot's segments.
func (d *draft) Files() []backend.RecordFile {
	files := make([]backend.RecordFile, len(d.segments))
	for i, s := range d.segments {
		files[i] = s
	}
	return files
}

// Records goes through what the snapshot has in a key group.
func (d *draft) Records(group int, f func(hash uint64, key, value []byte) error) error {
	if d.records == nil {
		var sources []backend.RecordSource
		for _, s := range d.segments {
			from, to := s.Groups()
			sources = append(sources, backend.RecordSource{Name: s.Name(), From: from, To: to, Bytes: s.Bytes(), ReaderAt: s})
		}
		var err error
		if d.records, err = read(sources); err != nil {
			return err
		}
	}
	return d.records.Group(group, f)
}

// Release gives the segments up, and the draft if it is not complete.
func (d *draft) Release() {
	if !d.closed {
		d.Abort()
	}
	for _, s := range d.segments {
		s.Release()
	}
	d.home.leave()
}
