package heap

import (
	"iter"
	"math"
	"math/bits"
)

// Frozen is a column as it was when a snapshot began. The writer of the snapshot reads it, while the owner of the
// column goes on.
type Frozen[V any] struct {
	chunks []*chunk[V]
	fam    *Family[V]
	ticket *Ticket
}

// Freeze returns the column as it is, for as long as the ticket is not released.
func (c *Column[V]) Freeze(t *Ticket) Frozen[V] {
	return c.fam.FreezeAll([]Column[V]{*c}, t)[0]
}

// FreezeAll freezes columns of the family: one copy of all their tables, and no look at a chunk.
func (f *Family[V]) FreezeAll(cols []Column[V], t *Ticket) []Frozen[V] {
	n := 0
	for i := range cols {
		n += len(cols[i].chunks)
	}
	all := make([]*chunk[V], 0, n)
	out := make([]Frozen[V], len(cols))
	for i := range cols {
		from := len(all)
		all = append(all, cols[i].chunks...)
		out[i] = Frozen[V]{all[from:len(all):len(all)], f, t}
	}
	return out
}

// Chunks is the number of chunks.
func (z *Frozen[V]) Chunks() int { return len(z.chunks) }

// At returns a row's value for reading, or nil where it is absent. What the value refers to may change if the family
// holds references: Encode reads such values.
func (z *Frozen[V]) At(row uint32) *V {
	hi, lo := int(row>>chunkShift), int(row&(chunkRows-1))
	if hi < len(z.chunks) && z.chunks[hi].has(lo) {
		return &z.chunks[hi].vals[lo]
	}
	return nil
}

// Rows goes through the rows of a chunk that are present, with their values as At gives them.
func (z *Frozen[V]) Rows(chunk int) iter.Seq2[uint32, *V] { return z.rows(chunk, everyRow) }

// everyRow are all rows of a chunk.
var everyRow = [chunkRows / 64]uint64{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}

// rows is Rows of some of them.
func (z *Frozen[V]) rows(chunk int, of [chunkRows / 64]uint64) iter.Seq2[uint32, *V] {
	return func(yield func(uint32, *V) bool) {
		k := z.chunks[chunk]
		for w, set := range k.present {
			for set &= of[w]; set != 0; set &= set - 1 {
				lo := w<<6 | bits.TrailingZeros64(set)
				if !yield(uint32(chunk<<chunkShift|lo), &k.vals[lo]) {
					return
				}
			}
		}
	}
}

// Changed are the rows of a chunk that changed after a snapshot: those of its epoch and before are as they were then. Rows that were
// deleted are among them. With 0, they are all that were ever present.
func (z *Frozen[V]) Changed(chunk int, since uint64) [chunkRows / 64]uint64 {
	k := z.chunks[chunk]
	return k.changes.since(k.epoch, since)
}

// Done says that the writer has read a chunk for the last time: the owner then need not copy it.
func (z *Frozen[V]) Done(chunk int) {
	if k := z.chunks[chunk]; k != z.fam.empty && z.ticket.first() {
		k.done.Store(z.ticket.epoch)
	}
}

// DoneAll is Done for all chunks.
func (z *Frozen[V]) DoneAll() {
	for i := range z.chunks {
		z.Done(i)
	}
}

// Scratch is a writer's memory for encoding, kept from chunk to chunk.
type Scratch struct {
	buf  []byte
	ends []int
}

// Encode encodes the values of a chunk with the family's codec, also those whose memory the owner has changed since.
// The slice given to f is valid until f returns; f is called outside of any lock and may take its time.
func (z *Frozen[V]) Encode(chunk int, s *Scratch, f func(row uint32, value []byte) error) (err error) {
	return z.encode(chunk, everyRow, s, f)
}

// encode is Encode of some rows.
func (z *Frozen[V]) encode(chunk int, of [chunkRows / 64]uint64, s *Scratch, f func(row uint32, value []byte) error) (err error) {
	if z.fam.refs {
		return z.encodeGuarded(chunk, of, s, f)
	}
	for row, v := range z.rows(chunk, of) {
		if s.buf, err = z.fam.encode(s.buf[:0], v); err != nil {
			return err
		}
		if err := f(row, s.buf); err != nil {
			return err
		}
	}
	return nil
}

func (z *Frozen[V]) encodeGuarded(chunk int, of [chunkRows / 64]uint64, s *Scratch, f func(uint32, []byte) error) error {
	if err := z.encodeChunk(chunk, of, s); err != nil {
		return err
	}
	from, i := 0, 0
	for row := range z.rows(chunk, of) {
		if err := f(row, s.buf[from:s.ends[i]]); err != nil {
			return err
		}
		from = s.ends[i]
		i++
	}
	return nil
}

// encodeChunk encodes a chunk's values into the scratch, and keeps the owner from changing what they refer to.
func (z *Frozen[V]) encodeChunk(chunk int, of [chunkRows / 64]uint64, s *Scratch) (err error) {
	z.fam.guard.Lock()
	defer z.fam.guard.Unlock()
	s.buf, s.ends = s.buf[:0], s.ends[:0]
	k := z.chunks[chunk]
	for row, v := range z.rows(chunk, of) {
		if saved, ok, serr := k.log.find(int(row & (chunkRows - 1))); ok {
			s.buf, err = append(s.buf, saved...), serr
		} else {
			s.buf, err = z.fam.encode(s.buf, v)
		}
		if err != nil {
			return err
		}
		s.ends = append(s.ends, len(s.buf))
	}
	return nil
}

// sideLog has the encodings of a frozen chunk's values whose memory the owner was about to change.
type sideLog struct {
	buf   []byte
	spans map[int]span
}

type span struct {
	from, to int
	err      error
}

func (l *sideLog) find(lo int) (value []byte, ok bool, err error) {
	if l == nil {
		return nil, false, nil
	}
	s, ok := l.spans[lo]
	return l.buf[s.from:s.to], ok, s.err
}

// detach makes sure that changing the memory of a row's value changes no frozen value: where frozen chunks may share
// it and are not written yet, their value is encoded first. That is done once a row and snapshot.
func (f *Family[V]) detach(k *chunk[V], lo int) {
	k.own[lo>>6] |= 1 << (lo & 63)
	if k.old == nil {
		return
	}
	f.space.settle()
	oldest := f.space.oldest()
	for old, until := k.old, k.until; old != nil && until >= oldest; old, until = old.old, old.until {
		f.save(old, until, lo)
	}
}

// save encodes one value of a frozen chunk into its side log. An error is the snapshot's, not the owner's.
func (f *Family[V]) save(k *chunk[V], until uint64, lo int) {
	if !k.has(lo) || k.done.Load() >= until {
		return
	}
	f.guard.Lock()
	defer f.guard.Unlock()
	if _, ok, _ := k.log.find(lo); ok {
		return
	}
	if k.log == nil {
		k.log = &sideLog{spans: map[int]span{}}
	}
	from, before := len(k.log.buf), cap(k.log.buf)
	buf, err := f.encode(k.log.buf, &k.vals[lo])
	if err != nil {
		buf = k.log.buf[:from]
	}
	k.log.buf = buf
	k.log.spans[lo] = span{from, len(buf), err}
	f.space.take(int64(cap(buf) - before))
}
