package windowing

import (
	"leat.dev/leat/agg"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// Partial is what some records of one key and one slice come to.
type Partial[K comparable, A any] struct {
	Key K
	Acc A
}

// PartialKey is the key of a partial.
func PartialKey[K comparable, A any](p Partial[K, A]) K { return p.Key }

// OfPartials is an aggregator of what another's records have come to.
func OfPartials[K comparable, T, A, V any](p agg.Parts[T, A, V]) agg.Parts[Partial[K, A], A, V] {
	return agg.Parts[Partial[K, A], A, V]{
		Add:   func(acc *A, v Partial[K, A]) { p.Merge(acc, v.Acc) },
		Merge: p.Merge, Subtract: p.Subtract, Result: p.Result, Grows: p.Grows,
	}
}

// Partials gathers records into partials, before they go to the subtask that has their key. The zero value of each
// accumulator is its beginning.
type Partials[K comparable, T, A any] struct {
	spans    spans
	add      func(*A, T)
	addAt    func(*A, T, int64)
	slices   []*partialSlice[K, A]
	spare    []*partialSlice[K, A]
	from, to int64 // of the slice found last, which is the first of slices
	n        int
	added    int
}

type partialSlice[K comparable, A any] struct {
	start int64
	table table[K, A]
}

// NewPartials gathers for aligned windows; spec and parts are those that [New] has accepted.
func NewPartials[K comparable, T, A, V any](spec window.Spec, parts agg.Parts[T, A, V]) *Partials[K, T, A] {
	return &Partials[K, T, A]{spans: newSpans(spec, 0), add: parts.Add, addAt: parts.AddAt}
}

// Len is the number of partials.
func (p *Partials[K, T, A]) Len() int { return p.n }

// Run is how many records, from the first on, are in the slice of the first one; an error says what is wrong with its time. Behind
// says whether a window with that slice may have fired at a watermark. What such a record does depends on what came before it; what
// others do does not.
func (p *Partials[K, T, A]) Run(times []int64, wm int64) (n int, behind bool, err error) {
	if err := p.spans.check(times[0]); err != nil {
		return 0, false, err
	}
	start, end := p.spans.sliceOf(times[0])
	for n = 1; n < len(times) && times[n] >= start && times[n] < end; n++ {
	}
	first, _, ok := p.spans.ends(start)
	return n, ok && due(first, wm), nil
}

// Add adds a run of records.
func (p *Partials[K, T, A]) Add(keys []K, hashes []uint64, values []T, times []int64) {
	if at := times[0]; p.n == 0 || at < p.from || at >= p.to {
		p.open(at)
	}
	t := &p.slices[0].table
	had, row := len(t.rows), 0
	for p.added = range values {
		i := p.added
		if i == 0 || hashes[i] != hashes[i-1] || keys[i] != keys[i-1] {
			row = t.row(hashes[i], keys[i])
		}
		if acc := &t.rows[row].Acc; p.add != nil {
			p.add(acc, values[i])
		} else {
			p.addAt(acc, values[i], times[i])
		}
	}
	p.added = 0
	p.n += len(t.rows) - had
}

// Added is how many records of a run Add has added so far.
func (p *Partials[K, T, A]) Added() int { return p.added }

// open brings the slice of a time to the front.
func (p *Partials[K, T, A]) open(at int64) {
	p.from, p.to = p.spans.sliceOf(at)
	for i, s := range p.slices {
		if s.start == p.from {
			p.slices[0], p.slices[i] = s, p.slices[0]
			return
		}
	}
	s := &partialSlice[K, A]{table: newTable[K, A]()}
	if n := len(p.spare); n > 0 {
		s, p.spare = p.spare[n-1], p.spare[:n-1]
	}
	s.start = p.from
	p.slices = append(p.slices, s)
	last := len(p.slices) - 1
	p.slices[0], p.slices[last] = p.slices[last], p.slices[0]
}

// Drain hands all partials to a batch, and starts anew: their time is the beginning of their slice.
func (p *Partials[K, T, A]) Drain(to *flow.Batch[Partial[K, A]]) {
	for _, s := range p.slices {
		for i := range s.table.rows {
			e := &s.table.rows[i]
			to.Values = append(to.Values, Partial[K, A]{e.Key, e.Acc})
			to.Times = append(to.Times, s.start)
		}
		s.table.reset()
		p.spare = append(p.spare, s)
	}
	clear(p.slices)
	p.slices, p.n = p.slices[:0], 0
}
