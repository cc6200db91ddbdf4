package windowing

import (
	"encoding/binary"

	"leat.dev/leat/window"
)

// encodeCount is how numbers of panes are written.
func encodeCount(to []byte, n *uint32) ([]byte, error) {
	return binary.AppendUvarint(to, uint64(*n)), nil
}

// piece is what one slice has of a key.
type piece[K comparable, A any] struct {
	s   *slice[K, A]
	row uint32
}

func (p piece[K, A]) acc() *A { return &p.s.rows.Peek(p.row).Acc }

// addLate takes record i of a batch, which is in the slice that begins at start: at least one window with this slice,
// of those that end from first to last, has fired, and at least one is kept.
func (o *sliced[K, A]) addLate(key K, hash uint64, in intake[A], i int, start, first, last int64) {
	reach := o.reach(hash)
	s := o.shelf.open(start)
	row, fresh := s.at(hash, key)
	in.add(i, &s.rows.Ref(row).Acc)
	if g := o.group(hash); o.groups[g].covers(start) && !due(last, reach) {
		o.folds.late(g, s, row, fresh, func(acc *A) { in.add(i, acc) })
	}
	first, last, ok := o.spans.kept(first, last, reach)
	if !ok {
		return
	}
	r := refiring[K, A]{o: o, key: key, hash: hash, fresh: fresh}
	r.gather(start, first, last)
	r.fire(first, last)
}

// refiring fires windows of one key again, because of a late record.
type refiring[K comparable, A any] struct {
	o     *sliced[K, A]
	key   K
	hash  uint64
	fresh bool // the key had no record in the record's slice before
	parts []piece[K, A]
	own   int // the part that the record is in
	lefts []A // parts from one to the own, which is not among them
}

// gather finds the key in the slices of the windows that end from first to last.
func (r *refiring[K, A]) gather(start, first, last int64) {
	for _, s := range r.o.shelf.between(r.o.spans.startOf(first), last) {
		if row, ok := s.find(r.hash, r.key); ok {
			if s.start == start {
				r.own = len(r.parts)
			}
			r.parts = append(r.parts, piece[K, A]{s, row})
		}
	}
	r.lefts = make([]A, r.own)
	for i := r.own - 1; i >= 0; i-- {
		r.o.Merge(&r.lefts[i], *r.parts[i].acc())
		if i+1 < r.own {
			r.o.Merge(&r.lefts[i], r.lefts[i+1])
		}
	}
}

// fire emits the windows in order of their ends: what is left of the record's slice shrinks, what is right of it grows.
func (r *refiring[K, A]) fire(first, last int64) {
	var right A
	from, to := 0, r.own+1
	for end := first; end <= last; end += r.o.spans.slide {
		start := r.o.spans.startOf(end)
		for r.parts[from].s.start < start {
			from++
		}
		for ; to < len(r.parts) && r.parts[to].s.start < end; to++ {
			r.o.Merge(&right, *r.parts[to].acc())
		}
		all := r.o.blank()
		if from < r.own {
			r.o.Merge(all, r.lefts[from])
		}
		r.o.Merge(all, *r.parts[r.own].acc())
		if to > r.own+1 {
			r.o.Merge(all, right)
		}
		had := !r.fresh || to-from > 1
		index := r.count(end, had)
		r.o.emitOne(r.key, r.hash, start, end, all, window.PaneLate, index)
	}
}

// count is how many panes of a window the key had, one if it had records when the window fired; and counts one more.
func (r *refiring[K, A]) count(end int64, had bool) int {
	counts := r.o.panes.open(end)
	row, first := counts.at(r.hash, r.key)
	n := &counts.rows.Ref(row).Acc
	if first && had {
		*n = 1
	}
	*n++
	return int(*n) - 1
}
