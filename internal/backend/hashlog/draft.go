package hashlog

import (
	"fmt"
	"sync"
)

// Draft writes what was changed in memory and not written when its barrier came: records of that moment, which are written
// later, while the table goes on. One goroutine calls Put, Close and Abort; the owner adopts meanwhile or afterwards.
type Draft struct {
	log       *Log
	config    TableConfig
	limit     int64
	rank      uint64
	failure   *failure // of what is not adopted: it does not end the table
	colliding *hashSet

	writer   *writer
	written  []written
	segments []*Segment // complete

	mu     sync.Mutex // guards all below
	ready  []drafted  // complete, and not taken by the owner
	over   bool       // nothing more will be ready
	gone   bool       // aborted
	orphan bool       // its table is closed: nobody adopts it, but a snapshot may want it

	adopting *adoption // the owner's
}

// written is a record that waits to be adopted.
type written struct {
	hash, tag uint64
	where     where
}

// drafted is a segment with its records; it has a reference of its own.
type drafted struct {
	seg     *Segment
	records []written
}

// Rank is that of the draft's segments.
func (d *Draft) Rank() uint64 { return d.rank }

// Put writes a key's record. The owner knows it by the tag, when it is adopted. After an error the draft is to be aborted.
func (d *Draft) Put(hash uint64, key, value []byte, tag uint64) error {
	n, err := recordBytes(key, value)
	if err != nil {
		return err
	}
	if err := d.makeRoom(n); err != nil {
		return err
	}
	at, err := d.writer.add(hash, key, value, d.colliding.mark(hash))
	if err == nil {
		d.written = append(d.written, written{hash, tag, at})
	}
	return err
}

// makeRoom has a writer that a record of so many bytes fits in.
func (d *Draft) makeRoom(bytes int64) (err error) {
	if d.writer != nil && d.writer.full(d.limit, bytes) {
		if err := d.endSegment(); err != nil {
			return err
		}
	}
	if d.writer == nil {
		if d.isGone() {
			return errAborted
		}
		d.writer, err = d.log.newWriter(&d.config, d.failure, d.rank+uint64(len(d.segments)))
	}
	return err
}

func (d *Draft) isGone() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gone
}

// endSegment completes a segment. A footer that can't be written is an error of the draft, as the table has not seen it.
func (d *Draft) endSegment() error {
	if len(d.segments) == 1<<partBits {
		return errFull
	}
	seg, err := d.writer.close(d.config.Max)
	if err != nil {
		return err
	}
	d.writer = nil
	d.segments = append(d.segments, seg)
	records := d.written
	d.written = nil
	if err := seg.finish(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.orphan {
		seg.Retain()
		d.ready = append(d.ready, drafted{seg, records})
	}
	return nil
}

// Close ends the draft and gives its segments, maybe none; they are the caller's to release. After an error the draft is to be
// aborted.
func (d *Draft) Close() ([]*Segment, error) {
	if d.isGone() {
		return nil, errAborted
	}
	if d.writer != nil {
		if err := d.endSegment(); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	segments := d.segments
	d.segments = nil
	return segments, nil
}

// Abort gives the draft up: nothing more of it is adopted. What was adopted stays. It does nothing to a draft that was aborted before.
func (d *Draft) Abort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return
	}
	d.gone, d.over = true, true
	d.releaseReady()
	if d.writer != nil {
		d.writer.abort()
		d.writer = nil
	}
	for _, seg := range d.segments {
		seg.Release()
	}
	d.segments, d.written = nil, nil
}

// leave has nobody adopt the draft. It can be written and closed nevertheless.
func (d *Draft) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.orphan = true
	d.releaseReady()
}

func (d *Draft) releaseReady() {
	for _, r := range d.ready {
		r.seg.Release()
	}
	d.ready = nil
}

// take gives the next complete segment; over: there will be none.
func (d *Draft) take() (next drafted, ok, over bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ready) == 0 {
		return next, false, d.over
	}
	next = d.ready[0]
	d.ready = d.ready[1:]
	return next, true, false
}

// done says that the owner waits for nothing of the draft.
func (d *Draft) done() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over && len(d.ready) == 0 && d.adopting == nil
}

// adoption is a segment of a draft while the owner goes through its records.
type adoption struct {
	held *held
	left []written
}

// Seal is called at a barrier: it ends the tail, and begins the draft of that barrier, whose rank is above all that was written
// before and below all that comes after. A draft that is not needed is aborted.
func (t *Table) Seal() (*Draft, error) {
	if err := t.failure.get(); err != nil {
		return nil, err
	}
	if t.tail != nil {
		if err := t.endTail(); err != nil {
			return nil, t.failure.set(err)
		}
	}
	d := &Draft{
		log: t.log, config: t.config, limit: t.log.options.SegmentBytes, rank: t.nextRank(),
		failure: &failure{}, colliding: t.colliding,
	}
	t.pruneDrafts()
	t.drafts = append(t.drafts, d)
	t.report()
	return d, nil
}

// Segments is what a restore needs beside the draft of the barrier: it is called right after Seal. Each is retained for the
// caller.
func (t *Table) Segments() []*Segment {
	segments := make([]*Segment, 0, len(t.held))
	for _, h := range t.held {
		if h.tail == nil {
			h.seg.Retain()
			segments = append(segments, h.seg)
		}
	}
	return segments
}

// Adopt takes the records of a draft into the table: it is called between batches until done, also while the draft is still
// being written; when nothing is ready it returns at once. It goes through as many records as most, and asks for each whether
// the row that the tag stands for is as it was written; if so the row is clean, and its record is at that place. A record that is
// not current is obsolete.
func (t *Table) Adopt(d *Draft, most int, current func(tag, hash uint64, at Place) bool) (done bool, err error) {
	if err := t.failure.get(); err != nil {
		return false, err
	}
	for most > 0 {
		if d.adopting == nil {
			next, ok, over := d.take()
			if !ok {
				if over {
					t.pruneDrafts()
				}
				return over, nil
			}
			if next.seg.join(t.failure) != nil {
				next.seg.Release() // it can't be in a snapshot: its rows stay as they are
				continue
			}
			if err := t.adopt(d, next); err != nil {
				return false, t.failure.set(err)
			}
		}
		most -= t.adoptSome(d, most, current)
	}
	return false, nil
}

func (t *Table) adopt(d *Draft, next drafted) error {
	h, err := t.hold(next.seg)
	if err != nil {
		next.seg.Release()
		return fmt.Errorf("adopt segment %s: %w", next.seg.path, err)
	}
	h.busy = true
	h.records = int64(len(next.records))
	t.dead += h.records
	d.adopting = &adoption{h, next.records}
	return nil
}

// adoptSome adopts as many records as most, and returns how many.
func (t *Table) adoptSome(d *Draft, most int, current func(tag, hash uint64, at Place) bool) int {
	a := d.adopting
	some := a.left[:min(most, len(a.left))]
	a.left = a.left[len(some):]
	alive := int64(0)
	for _, r := range some {
		at := a.held.place(r.where)
		if current(r.tag, r.hash, at) {
			t.index.insert(r.hash, at)
			alive++
		}
	}
	a.held.alive += alive
	t.dead -= alive
	t.report()
	if len(a.left) == 0 {
		a.held.busy = false
		d.adopting = nil
		t.stale = true
	}
	t.account()
	return len(some) + 1
}

// pruneDrafts forgets drafts that nothing more comes of.
func (t *Table) pruneDrafts() {
	kept := t.drafts[:0]
	for _, d := range t.drafts {
		if !d.done() {
			kept = append(kept, d)
		}
	}
	clear(t.drafts[len(kept):])
	t.drafts = kept
}
