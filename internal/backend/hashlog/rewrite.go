package hashlog

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// job rewrites some segments as one. The owner and the background take turns:
//
//	background   reads the footers
//	owner        says which records are alive, some at a time
//	background   copies these to a new segment, at the pace that is allowed
//	owner        moves their slots, some at a time, and gives up the old segments
//
// A record that becomes obsolete meanwhile has no slot to be moved: its copy is obsolete from birth.
type job struct {
	log     *Log
	config  TableConfig
	victims []*victim
	purged  uint64 // a tombstone of a lower rank is of no record in the new segment

	turn func(most int) (did int, err error) // the owner's
	at   int                                 // how far it has come: in victims[at],
	next int                                 // in its entries or moves
	held *held                               // the new segment

	mu        sync.Mutex // guards all below; who works on the job has the rest
	idle      bool       // it is the owner's turn
	cancelled bool       // the owner wants no more of it

	err        error
	output     *Segment // nil: nothing is left
	tombstones int64    // in it
	debt       int64    // bytes that were not waited for
}

// victim is a segment that is rewritten.
type victim struct {
	held       *held
	seg        *Segment
	tombstones bool    // they are needed
	entries    []entry // of the table's key groups
	moves      []entry // what was copied, in order of hashes; at: from where, to where
}

// kept marks, in an entry's at, that it is copied.
const kept = 1 << 32

// Rewrite gives back the room of obsolete records: it is called between batches, and looks at no more slots than most. More
// says that there is something to do at once; otherwise a call now and then goes on when the background has done its part.
// After an error the segments are as they were; a *DamageError says that one can't be read any more.
func (t *Table) Rewrite(most int) (more bool, err error) {
	if err := t.failure.get(); err != nil {
		return false, err
	}
	t.report()
	if t.job == nil && t.stale {
		t.beginJob()
	}
	for most > 0 && t.job != nil {
		if !t.job.isIdle() {
			return false, nil
		}
		if err := t.job.err; err != nil {
			t.giveUpJob()
			return false, fmt.Errorf("rewrite segments: %w", err)
		}
		did, err := t.job.turn(most)
		if err != nil {
			return false, t.failure.set(err)
		}
		most -= did
	}
	if t.job != nil {
		return t.job.isIdle(), nil
	}
	return t.stale, nil
}

// beginJob starts a job if there are segments that are worth one.
func (t *Table) beginJob() {
	t.stale = false
	t.pruneDrafts()
	s := t.survey()
	first, end := s.choose()
	if first == end {
		return
	}
	j := &job{log: t.log, config: t.config, purged: t.clock()}
	for _, h := range t.held[first:end] {
		keep := t.needsTombstones(h, s.oldest[first]) // what is in the other victims, obsolete, goes with them
		h.busy = true
		h.seg.Retain()
		j.victims = append(j.victims, &victim{held: h, seg: h.seg, tombstones: keep})
	}
	t.job = j
	j.turn = func(most int) (int, error) { return t.judge(j, most), nil }
	t.log.background(func() { j.work(j.readFooters) })
}

// clock is the rank that a tombstone would have that is written at this moment.
func (t *Table) clock() uint64 {
	if t.tail != nil {
		return t.tail.seg.rank
	}
	return (t.sequence + 1) << partBits
}

func (j *job) isIdle() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.idle
}

// work does a part of the background's, and gives the job back to the owner.
func (j *job) work(part func() error) {
	err := errAborted
	if !j.isCancelled() {
		err = part()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.idle, j.err = true, err
	if j.cancelled {
		j.release()
	}
}

func (j *job) isCancelled() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cancelled
}

// cancel ends the job; its segments are released by whoever has it.
func (j *job) cancel() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cancelled = true
	if j.idle {
		j.release()
	}
}

func (j *job) release() {
	for _, v := range j.victims {
		v.seg.Release()
	}
	if j.output != nil {
		j.output.Release()
	}
	j.victims, j.output = nil, nil
}

// readFooters is the background's first part.
func (j *job) readFooters() error {
	for _, v := range j.victims {
		if err := j.readFooter(v); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) readFooter(v *victim) error {
	if err := v.seg.finish(); err != nil {
		return err
	}
	r, err := v.reader()
	if err != nil {
		return err
	}
	from, to := v.seg.Groups()
	c := cursor{segment: r}
	err = c.each(firstHash(from, j.config.Max), firstHash(to, j.config.Max)-1, func(e entry) error {
		if e.where()&tombstone == 0 || v.tombstones {
			v.entries = append(v.entries, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return j.spend(footerBytes(v.seg.entries))
}

func (v *victim) reader() (*SegmentReader, error) {
	return ReadSegment(v.seg.file, v.seg.Bytes(), v.seg.path)
}

// spend counts bytes that were read or written, and from time to time waits until the bounds have room for them.
func (j *job) spend(bytes int64) error {
	j.log.count.rewritten.Add(bytes)
	if j.debt += bytes; j.debt < scanBytes {
		return nil
	}
	j.log.pace.wait(j.debt, j.log.closed)
	j.debt = 0
	if j.isCancelled() {
		return errAborted
	}
	return nil
}

// judge is the owner's first part.
func (t *Table) judge(j *job, most int) (did int) {
	for ; j.at < len(j.victims); j.at, j.next = j.at+1, 0 {
		v := j.victims[j.at]
		for ; j.next < len(v.entries); j.next++ {
			if did == most {
				return did
			}
			did++
			e := &v.entries[j.next]
			if e.where()&tombstone != 0 || t.index.has(e.hash, v.held.place(e.where())) {
				e.at |= kept
			}
		}
	}
	j.at, j.next, j.idle = 0, 0, false
	j.turn = func(most int) (int, error) { return t.moveSlots(j, most) }
	t.log.background(func() { j.work(j.copy) })
	return did + 1
}

// copy is the background's second part: it copies what is kept, and makes no segment if nothing is.
func (j *job) copy() error {
	var w *writer
	for _, v := range j.victims {
		v.entries = slices.DeleteFunc(v.entries, func(e entry) bool { return e.at&kept == 0 })
		if len(v.entries) == 0 {
			continue
		}
		if w == nil {
			var err error
			if w, err = j.log.newWriter(&j.config, &failure{}, j.victims[len(j.victims)-1].seg.rank); err != nil {
				return err
			}
		}
		if err := j.copyRecords(v, w); err != nil {
			w.abort()
			return err
		}
	}
	if w == nil {
		return nil
	}
	seg, err := w.close(j.config.Max)
	if err != nil {
		w.abort()
		return err
	}
	j.output, j.tombstones = seg, seg.tombstones
	j.log.count.rewrites.Add(1)
	if err := seg.finish(); err != nil {
		return err
	}
	return j.spend(footerBytes(seg.entries))
}

// copyRecords copies the records of one segment in the order in which they lie there, so that of two tombstones of a key, or a
// tombstone and a record, the newer one stays the later.
func (j *job) copyRecords(v *victim, w *writer) error {
	slices.SortFunc(v.entries, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	r, err := v.reader()
	if err != nil {
		return err
	}
	s := scanner{segment: r}
	for i, e := range v.entries {
		before := w.end() + s.bytes
		rec, err := s.record(e.where(), v.entries[i:])
		if err != nil {
			return err
		}
		to, err := w.add(e.hash, rec.key, rec.value, e.where()&flagMask)
		if err != nil {
			return err
		}
		if !rec.tombstone {
			v.moves = append(v.moves, entry{e.hash, uint64(e.where())<<32 | uint64(to)})
		}
		if err := j.spend(w.end() + s.bytes - before); err != nil {
			return err
		}
	}
	sortEntries(v.moves, v.entries)
	v.entries = nil
	return nil
}

// moveSlots is the owner's second part.
func (t *Table) moveSlots(j *job, most int) (did int, err error) {
	if j.output != nil {
		if err := t.holdOutput(j); err != nil {
			return 0, err
		}
	}
	for ; j.at < len(j.victims); j.at, j.next = j.at+1, 0 {
		v := j.victims[j.at]
		for ; j.next < len(v.moves); j.next++ {
			if did == most {
				return did, nil
			}
			did++
			t.moveSlot(j, v, v.moves[j.next])
		}
	}
	t.endJob(j)
	return did + 1, nil
}

func (t *Table) holdOutput(j *job) error {
	if err := j.output.join(t.failure); err != nil {
		return err
	}
	h, err := t.hold(j.output)
	if err != nil {
		return err
	}
	j.output, j.held = nil, h
	h.busy, h.purged, h.tombstones = true, j.purged, j.tombstones
	t.dead += h.tombstones
	return nil
}

func (t *Table) moveSlot(j *job, v *victim, m entry) {
	from, to := v.held.place(where(m.at>>32)), j.held.place(where(m.at))
	j.held.records++
	t.dead++ // one of the two
	if !t.index.move(m.hash, from, to) {
		return
	}
	v.held.alive--
	j.held.alive++
	if t.config.Moved != nil {
		t.config.Moved(m.hash, from, to)
	}
}

// endJob gives up the victims.
func (t *Table) endJob(j *job) {
	for _, v := range j.victims {
		t.letGo(v.held)
		v.seg.Release()
	}
	if j.held != nil {
		j.held.busy = false
	}
	t.job, t.stale = nil, true
}

// giveUpJob ends a job that failed.
func (t *Table) giveUpJob() {
	for _, v := range t.job.victims {
		v.held.busy = false
	}
	t.job.cancel()
	t.job = nil
}
