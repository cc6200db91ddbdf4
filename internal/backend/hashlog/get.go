package hashlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Batch is what Get is asked, and its answer. It is used again and again, so that nothing is allocated.
type Batch struct {
	Keys   [][]byte // canonical bytes
	Hashes []uint64 // of each key
	Places []Place  // set by Get, for each key: where its record is; 0: it has none
	Values [][]byte // set by Get, for each key: the value, in memory of the batch: it is valid until the next Get

	reads []read
	first arena // of what most reads need
	long  arena // of records that turned out to be longer
	run   run
}

// arena is memory that is dealt out anew for each batch.
type arena struct{ memory []byte }

// maxIdleArena is up to how many bytes an arena stays that is much too large for a batch.
const maxIdleArena = 4 << 20

// reset has room for so many bytes.
func (a *arena) reset(bytes int64) {
	if size := int64(cap(a.memory)); size < bytes || size > maxIdleArena && size > 8*bytes {
		a.memory = make([]byte, 0, bytes+bytes/8)
	}
	a.memory = a.memory[:0]
}

func (a *arena) take(bytes int64) []byte {
	begin := int64(len(a.memory))
	a.memory = a.memory[:begin+bytes]
	return a.memory[begin : begin+bytes : begin+bytes]
}

// read is one read of one record.
type read struct {
	key    int // of the batch
	at     Place
	held   *held
	offset int64
	want   int64 // bytes to be read
	buffer []byte
	have   int // bytes of the buffer that were read before
	record record
	err    error
}

// errLong says that a read must be done again, with more bytes.
var errLong = errors.New("the record is longer than what was read of it")

// Get finds the records of the keys of a batch. Reads that come from memory are done one after another; when the device is slow,
// those that are left are done many at once.
func (t *Table) Get(b *Batch) error {
	if t.closed {
		return t.failure.get()
	}
	t.report()
	t.lookUp(b)
	t.log.count.reads.Add(int64(len(b.reads)))
	for memory := &b.first; len(b.reads) > 0; memory = &b.long {
		b.allot(memory)
		t.log.readers.do(&b.run, b.reads)
		t.log.count.slow.Add(b.run.given)
		if err := t.match(b); err != nil {
			return err
		}
	}
	return nil
}

// allot gives each read the memory that it needs, with what an earlier one has read.
func (b *Batch) allot(memory *arena) {
	var bytes int64
	for i := range b.reads {
		bytes += b.reads[i].want
	}
	memory.reset(bytes)
	for i := range b.reads {
		r := &b.reads[i]
		short := r.buffer
		r.buffer = memory.take(r.want)
		r.have = copy(r.buffer, short)
	}
}

// lookUp makes a read of each slot that may be of a key of the batch.
func (t *Table) lookUp(b *Batch) {
	b.Places, b.Values, b.reads = b.Places[:0], b.Values[:0], b.reads[:0]
	t.index.prefetch(b.Hashes)
	for i, hash := range b.Hashes {
		b.Places, b.Values = append(b.Places, 0), append(b.Values, nil)
		p, bits := t.index.part(hash)
		for s := p.find(bits); p.is(s, bits); s++ {
			at := placeOf(p.slots[s])
			h, offset := t.space.at(at)
			b.reads = append(b.reads, read{key: i, at: at, held: h, offset: offset, want: h.firstRead(offset)})
		}
	}
}

// firstRead is how many bytes are read of a record before its length is known.
func (h *held) firstRead(offset int64) int64 {
	w := h.tail
	switch {
	case w == nil:
		return min(max(h.seg.readBytes, maxHead), h.seg.records-offset)
	case offset >= w.flushed:
		p, _ := parseHead(w.buffer[offset-w.flushed:])
		return p.bytes()
	}
	return min(max(w.likely, maxHead), w.flushed-offset)
}

// do reads the first bytes of a record or, the second time, those that are missing. If that is all of it, it takes the record
// apart; if not, err is errLong.
func (r *read) do() {
	if r.err = r.fetch(r.buffer[r.have:], r.offset+int64(r.have)); r.err != nil {
		return
	}
	s := r.held.seg
	p, ok := parseHead(r.buffer)
	n := p.bytes()
	switch {
	case !ok || p.tombstone:
		r.err = s.damage(r.offset, "no record begins here")
		return
	case n > r.held.end()-r.offset:
		r.err = s.damage(r.offset, "the record is longer than the segment")
		return
	case n > int64(len(r.buffer)):
		r.want, r.err = n, errLong
		return
	}
	if r.record, ok = p.open(r.buffer, stamp(s.salt, r.offset)); !ok {
		r.err = s.damage(r.offset, "the record's checksum is wrong")
	}
}

// fetch reads from the file, or from what the tail has not written yet.
func (r *read) fetch(to []byte, offset int64) error {
	h := r.held
	if w := h.tail; w != nil && offset >= w.flushed {
		copy(to, w.buffer[offset-w.flushed:])
		return nil
	}
	n, err := h.seg.file.ReadAt(to, offset)
	if n == len(to) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return h.seg.damage(offset, "the file ends early")
	}
	return fmt.Errorf("read segment %s at byte %d: %w", h.seg.path, offset, err)
}

// end is where the records end.
func (h *held) end() int64 {
	if h.tail != nil {
		return h.tail.end()
	}
	return h.seg.records
}

// match finds out which records are of the keys that were asked for, and leaves the reads that must be done again.
func (t *Table) match(b *Batch) error {
	again := b.reads[:0]
	var fetched int64
	for i := range b.reads {
		r := &b.reads[i]
		fetched += int64(len(r.buffer) - r.have)
		switch {
		case r.err == errLong:
			again = append(again, *r)
		case r.err != nil:
			return r.err
		case bytes.Equal(r.record.key, b.Keys[r.key]):
			b.Places[r.key], b.Values[r.key] = r.at, r.record.value
		default:
			t.otherKey(r.record.key, b.Hashes[r.key])
		}
	}
	b.reads = again
	t.log.count.readBytes.Add(fetched)
	return nil
}

// otherKey notes that a slot led to another key than was asked for.
func (t *Table) otherKey(key []byte, hash uint64) {
	t.log.count.otherKey.Add(1)
	if t.log.hash(key) == hash {
		t.Collide(hash)
	}
}
