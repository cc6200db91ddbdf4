package windowing

import (
	"math/bits"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// Pairing makes an operator one that brings two sides together, for accumulators that are records of both. Where windows are the
// same for all keys and nothing comes late, slices are then logs: a record is appended without a look at what its key has, and
// is a row of its own. When a window fires, the keys of the side with fewer rows are put into a table, and the rows of the other
// are looked up in it. So of two unequal sides the larger one costs little; hash joins of databases do it so too.
//
// A snapshot of a log has several entries of one key and slice.
type Pairing[A any] struct {
	// Sides says of which sides an accumulator has records, and Receives of which one the records are that come just now.
	Sides    func(acc *A) Sides
	Receives func() Sides
	// Alone is the sides whose records are emitted when the other has none for their key.
	Alone Sides
	// Bare says that an accumulator of one record keeps nothing else from being collected.
	Bare bool
}

// Sides are any of the two sides.
type Sides uint8

// The sides.
const (
	First Sides = 1 << iota
	Second
)

// tag is what is to be known of a log's row before it is worth a look: the hash of its key, without the lowest bits, and its
// sides in their place.
type tag uint64

const sidesBits = 2

func tagOf(hash uint64, sides Sides) tag { return tag(hash>>sidesBits<<sidesBits | uint64(sides)) }

func (t tag) has(s Sides) bool { return Sides(t)&s != 0 }

// tags are those of a log's rows, and how many rows each side has.
type tags struct {
	all           []tag
	first, second int
}

// add adds rows of the same sides.
func (t *tags) add(sides Sides, hashes ...uint64) {
	for _, hash := range hashes {
		t.all = append(t.all, tagOf(hash, sides))
	}
	t.first += len(hashes) * int(sides&First)
	t.second += len(hashes) * int(sides&Second) >> 1
}

// pairs puts windows of logs together. What is done for a whole window goes through tags in the order in which they lie. Most
// rows have no partner where sides are unequal, and are not even sorted.
type pairs[K comparable, A any] struct {
	o      *sliced[K, A]
	table  table[K, A]
	end    int64 // of the window whose slices are sorted
	few    Sides // the side with fewer rows there
	filter filter
	rows   []uint32
}

func newPairs[K comparable, A any](o *sliced[K, A]) *pairs[K, A] {
	return &pairs[K, A]{o: o, table: newTable[K, A](), end: flow.NoTime}
}

func (f *pairs[K, A]) fire(group int, start, end int64) (work int) {
	parts := f.o.shelf.between(start, end)
	if f.end != end {
		f.end = end
		f.sort(parts)
	}
	work = f.gather(parts, group)
	f.look(parts, group, start, end)
	f.o.emit(start, end, f.table.rows, window.PaneOnTime, 0)
	work += len(f.table.rows)
	f.table.reset()
	return work
}

// sort orders the rows of a window by key group, but for those that certainly come to nothing.
func (f *pairs[K, A]) sort(parts []*slice[K, A]) {
	first, second := 0, 0
	for _, s := range parts {
		first += s.tags.first
		second += s.tags.second
	}
	f.few = First
	if first > second {
		f.few = Second
	}
	all := f.o.pairing.Alone&^f.few != 0
	if !all {
		f.filter.reset(min(first, second))
		for _, s := range parts {
			f.filter.addAll(s.tags.all, f.few)
		}
	}
	for _, s := range parts {
		f.rows = f.rows[:0]
		for row, t := range s.tags.all {
			if all || t.has(f.few) || f.filter.has(t) {
				f.rows = append(f.rows, uint32(row))
			}
		}
		s.order.sortRows(f.rows, len(f.o.groups), func(row uint32) int { return f.o.group(uint64(s.tags.all[row])) })
	}
}

// gather puts the rows that have records of the side with fewer into the table.
func (f *pairs[K, A]) gather(parts []*slice[K, A], group int) (work int) {
	for _, s := range parts {
		rows := s.order.of(group)
		for _, row := range rows {
			if s.tags.all[row].has(f.few) {
				e := s.rows.Peek(row)
				f.o.Merge(f.table.at(e.Hash, e.Key), e.Acc)
			}
		}
		work += len(rows)
	}
	return work
}

// look takes the other rows to their keys in the table. Those without are alone.
func (f *pairs[K, A]) look(parts []*slice[K, A], group int, start, end int64) {
	alone := f.o.pairing.Alone&^f.few != 0
	for _, s := range parts {
		for _, row := range s.order.of(group) {
			if s.tags.all[row].has(f.few) {
				continue
			}
			e := s.rows.Peek(row)
			if at := f.table.find(e.Hash, e.Key); at >= 0 {
				f.o.Merge(&f.table.rows[at].Acc, e.Acc)
			} else if alone {
				f.o.emit(start, end, s.rows.Run(row, row+1), window.PaneOnTime, 0)
			}
		}
	}
}

func (*pairs[K, A]) late(int, *slice[K, A], uint32, bool, func(*A)) {}

// filter says of most keys that are not among some that they are not: a bit for each hash, of those that have a part of it in common.
type filter struct{ words []uint64 }

// bitsPerKey is how many bits a filter has for each of its keys: of others, one in so many is taken for one of them.
const bitsPerKey = 8

// reset empties the filter, and makes it large enough for n keys.
func (f *filter) reset(n int) {
	size := 1 << bits.Len(uint(n*bitsPerKey/64))
	if cap(f.words) < size {
		f.words = make([]uint64, size)
		return
	}
	f.words = f.words[:size]
	clear(f.words)
}

// addAll adds the rows that have records of a side.
func (f *filter) addAll(all []tag, side Sides) {
	for _, t := range all {
		if t.has(side) {
			word, bit := f.place(t)
			f.words[word] |= bit
		}
	}
}

func (f *filter) has(t tag) bool {
	word, bit := f.place(t)
	return f.words[word]&bit != 0
}

func (f *filter) place(t tag) (word int, bit uint64) {
	at := t >> sidesBits
	return int(at>>6) & (len(f.words) - 1), 1 << (at & 63)
}

// appendRun adds records to a log, each as a row of its own.
func (o *sliced[K, A]) appendRun(s *slice[K, A], keys []K, hashes []uint64, in intake[A], from int) {
	for len(keys) > 0 {
		rows := s.rows.Extend(uint32(s.n), len(keys))
		o.accs = o.accs[:0]
		for i := range rows {
			e := &rows[i]
			e.Hash, e.Key = hashes[i], keys[i]
			o.accs = append(o.accs, &e.Acc)
		}
		in.addAll(from, o.accs)
		n := len(rows)
		s.tags.add(o.pairing.Receives(), hashes[:n]...)
		s.n += n
		keys, hashes, from = keys[n:], hashes[n:], from+n
	}
}
