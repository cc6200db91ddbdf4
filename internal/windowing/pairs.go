package windowing

import (
	"slices"

	"leat.dev/leat/window"
)

// Pairing makes an operator one that brings two sides together, for accumulators that are records of both. Where windows are the
// same for all keys and nothing comes late, slices are then logs: a record is appended without a look at what its key has, and
// is a row of its own. When a window fires, the keys of the side with fewer rows are put into a table, and the rows of the other
// are looked up in it. So of two unequal sides the larger one costs little; hash joins of databases do it so too.
//
// A snapshot of a log has several entries of one key and slice.
type Pairing[A any] struct {
	// Sides says of which sides an accumulator has records.
	Sides func(acc *A) Sides
	// Alone is the sides whose records are emitted when the other has none for their key.
	Alone Sides
}

// Sides are any of the two sides.
type Sides uint8

// The sides.
const (
	First Sides = 1 << iota
	Second
)

// pairs puts windows of logs together.
type pairs[K comparable, A any] struct {
	o     *sliced[K, A]
	table table[K, A]
}

func newPairs[K comparable, A any](o *sliced[K, A]) *pairs[K, A] {
	return &pairs[K, A]{o, newTable[K, A]()}
}

func (f *pairs[K, A]) fire(group int, start, end int64) (work int) {
	parts := f.o.shelf.between(start, end)
	few, work := f.fewer(parts, group)
	f.gather(parts, group, few)
	f.look(parts, group, few, start, end)
	for i := range f.table.rows {
		c := &f.table.rows[i]
		f.o.emitPane(c.key, c.hash, start, end, &c.v, window.PaneOnTime, 0)
	}
	work += len(f.table.rows)
	f.table.reset()
	return work
}

// fewer is the side with fewer rows.
func (f *pairs[K, A]) fewer(parts []*slice[K, A], group int) (few Sides, rows int) {
	first, second := 0, 0
	for _, s := range parts {
		all := f.sides(s)
		for _, row := range f.o.sorted(s).of(group) {
			sides := all[row]
			first += int(sides & First)
			second += int(sides&Second) >> 1
			rows++
		}
	}
	if first <= second {
		return First, rows
	}
	return Second, rows
}

// sides are those of a slice's rows, worked out once: a byte a row is read sooner than a record.
func (f *pairs[K, A]) sides(s *slice[K, A]) []Sides {
	if len(s.sides) != s.n {
		s.sides = slices.Grow(s.sides[:0], s.n)
		for row := range uint32(s.n) {
			s.sides = append(s.sides, f.o.pairing.Sides(&s.rows.Peek(row).acc))
		}
	}
	return s.sides
}

// gather puts the rows that have records of a side into the table.
func (f *pairs[K, A]) gather(parts []*slice[K, A], group int, few Sides) {
	for _, s := range parts {
		all := f.sides(s)
		for _, row := range f.o.sorted(s).of(group) {
			if all[row]&few != 0 {
				e := s.rows.Peek(row)
				f.o.Merge(f.table.at(e.hash, e.key), e.acc)
			}
		}
	}
}

// look takes the other rows to their keys in the table. Those without are alone.
func (f *pairs[K, A]) look(parts []*slice[K, A], group int, few Sides, start, end int64) {
	alone := f.o.pairing.Alone&^few != 0
	for _, s := range parts {
		all := f.sides(s)
		for _, row := range f.o.sorted(s).of(group) {
			if all[row]&few != 0 {
				continue
			}
			e := s.rows.Peek(row)
			if at := f.table.find(e.hash, e.key); at >= 0 {
				f.o.Merge(&f.table.rows[at].v, e.acc)
			} else if alone {
				f.o.emitPane(e.key, e.hash, start, end, &e.acc, window.PaneOnTime, 0)
			}
		}
	}
}

func (*pairs[K, A]) late(int, *slice[K, A], uint32, bool, func(*A)) {}

// append adds rows of their own for records.
func (s *slice[K, A]) append(to []uint32, hashes []uint64, keys []K) []uint32 {
	for i, hash := range hashes {
		row := uint32(s.n)
		s.rows.Set(row, entry[K, A]{hash: hash, key: keys[i]})
		s.n++
		to = append(to, row)
	}
	return to
}
