package windowing

import (
	"encoding/binary"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// encodeCount is how numbers of panes are written.
func encodeCount(to []byte, n *uint32) ([]byte, error) {
	return binary.AppendUvarint(to, uint64(*n)), nil
}

// part is what one slice has of a key.
type part[K comparable, A any] struct {
	s   *slice[K, A]
	row uint32
}

func (p part[K, A]) acc() *A { return &p.s.rows.Peek(p.row).acc }

// addLate takes record i of a batch, which is in the slice that begins at start: at least one window with this slice,
// of those that end from first to last, has fired, and at least one is kept.
func (o *sliced[K, T, A, V]) addLate(in *flow.Keyed[K, T], i int, start, first, last int64) {
	hash := in.Hashes[i]
	reach := o.reach(hash)
	s := o.shelf.open(start)
	row, fresh := s.at(hash, in.Keys[i])
	o.add(&s.rows.Ref(row).acc, in, i)
	if g := o.group(hash); o.groups[g].covers(start) && !due(last, reach) {
		o.folds.late(g, s, row, fresh, func(acc *A) { o.add(acc, in, i) })
	}
	first, last, ok := o.spans.kept(first, last, reach)
	if !ok {
		return
	}
	r := refiring[K, T, A, V]{sliced: o, key: in.Keys[i], hash: hash, fresh: fresh}
	r.gather(start, first, last)
	r.fire(first, last)
}

// refiring fires windows of one key again, because of a late record.
type refiring[K comparable, T, A, V any] struct {
	*sliced[K, T, A, V]
	key   K
	hash  uint64
	fresh bool // the key had no record in the record's slice before
	parts []part[K, A]
	own   int // the part that the record is in
	lefts []A // parts from one to the own, which is not among them
}

// gather finds the key in the slices of the windows that end from first to last.
func (r *refiring[K, T, A, V]) gather(start, first, last int64) {
	for _, s := range r.shelf.between(r.spans.startOf(first), last) {
		if row, ok := s.find(r.hash, r.key); ok {
			if s.start == start {
				r.own = len(r.parts)
			}
			r.parts = append(r.parts, part[K, A]{s, row})
		}
	}
	r.lefts = make([]A, r.own)
	for i := r.own - 1; i >= 0; i-- {
		r.Parts.Merge(&r.lefts[i], *r.parts[i].acc())
		if i+1 < r.own {
			r.Parts.Merge(&r.lefts[i], r.lefts[i+1])
		}
	}
}

// fire emits the windows in order of their ends: what is left of the record's slice shrinks, what is right of it grows.
func (r *refiring[K, T, A, V]) fire(first, last int64) {
	var right A
	from, to := 0, r.own+1
	for end := first; end <= last; end += r.spans.slide {
		start := r.spans.startOf(end)
		for r.parts[from].s.start < start {
			from++
		}
		for ; to < len(r.parts) && r.parts[to].s.start < end; to++ {
			r.Parts.Merge(&right, *r.parts[to].acc())
		}
		r.blank()
		if from < r.own {
			r.Parts.Merge(&r.tmp, r.lefts[from])
		}
		r.Parts.Merge(&r.tmp, *r.parts[r.own].acc())
		if to > r.own+1 {
			r.Parts.Merge(&r.tmp, right)
		}
		had := !r.fresh || to-from > 1
		index := r.count(end, had)
		r.Emit(r.key, r.hash, start, end, r.Parts.Result(&r.tmp), window.PaneLate, index)
	}
}

// count is how many panes of a window the key had, one if it had records when the window fired; and counts one more.
func (r *refiring[K, T, A, V]) count(end int64, had bool) int {
	counts := r.panes.open(end)
	row, first := counts.at(r.hash, r.key)
	n := &counts.rows.Ref(row).acc
	if first && had {
		*n = 1
	}
	*n++
	return int(*n) - 1
}
