package main

import (
	"fmt"
	"iter"
	"slices"
	"sync"

	"leat.dev/leat"
)

// A block puts an operator behind a stream, and says what the oracle makes of its records. Blocks that stand here have no state.
type block func(b *builder, s stream) stream

// next is what follows a stream.
func (s stream) next(to *leat.Stream[Rec], ordered bool, model func([]timed) []timed) stream {
	return stream{to, sync.OnceValue(func() []timed { return model(s.all()) }), ordered}
}

func mapped(b *builder, s stream) stream {
	tag := b.name("map")
	f := func(r Rec) Rec { r.N = r.N*3 + 1; return r.tagged(tag) }
	return s.next(s.Map(f, b.options()...), s.ordered, func(all []timed) []timed {
		return each(all, func(r Rec) []Rec { return []Rec{f(r)} })
	})
}

func filtered(b *builder, s stream) stream {
	keep := func(r Rec) bool { return (r.ID+r.N)%4 != 0 }
	return s.next(s.Filter(keep, b.options()...), s.ordered, func(all []timed) []timed {
		return slices.DeleteFunc(slices.Clone(all), func(r timed) bool { return !keep(r.Rec) })
	})
}

func twins(r Rec) []Rec {
	var all []Rec
	for i := range r.N % 3 {
		twin, prev := r.tagged(fmt.Sprint("twin-", i)), r.alone()
		twin.Prev = &prev
		all = append(all, twin)
	}
	return all
}

func doubled(b *builder, s stream) stream {
	b.name("flat-map")
	f := func(r Rec) iter.Seq[Rec] { return slices.Values(twins(r)) }
	return s.next(s.FlatMap(f, b.options()...), s.ordered, func(all []timed) []timed { return each(all, twins) })
}

func parse(r Rec) (Rec, error) {
	if r.N%7 == 3 {
		return r, fmt.Errorf("%d-%d", r.ID, r.N)
	}
	return r.tagged("parsed"), nil
}

// parsed sends some records to a sink for rejects.
func parsed(b *builder, s stream) stream {
	const bad leat.Output[leat.Rejected] = "bad"
	out := s.TryMap(b.name("try-map"), parse, append(b.options(), leat.Rejects(bad))...)
	rejects := out.Side(bad).Map(func(r leat.Rejected) Rec { return Rec{Tags: []string{r.Err}} })
	b.open = append(b.open, s.next(rejects, false, func(all []timed) []timed {
		return each(all, func(r Rec) []Rec {
			if _, err := parse(r); err != nil {
				return []Rec{{Tags: []string{err.Error()}}}
			}
			return nil
		})
	}))
	return s.next(out, s.ordered, func(all []timed) []timed {
		return each(all, func(r Rec) []Rec {
			if r, err := parse(r); err == nil {
				return []Rec{r}
			}
			return nil
		})
	})
}

func rebalanced(b *builder, s stream) stream {
	b.name("rebalance")
	f := func(r Rec) Rec { return r.tagged("rebalanced") }
	return s.next(s.Rebalance().Map(f), false, func(all []timed) []timed {
		return each(all, func(r Rec) []Rec { return []Rec{f(r)} })
	})
}

// divided sends odd records to a side output, which becomes a stream of its own.
func divided(b *builder, s stream) stream {
	const odd leat.Output[Rec] = "odd"
	out := s.Process(b.name("divide"), func(op *leat.Unkeyed[Rec]) func(Rec) error {
		toOdd := op.Side(odd)
		return func(r Rec) error {
			if r.ID%2 == 1 {
				toOdd(r)
			} else {
				op.Emit(r.tagged("even"))
			}
			return nil
		}
	}, b.options()...)
	b.open = append(b.open, s.next(out.Side(odd), s.ordered, func(all []timed) []timed {
		return slices.DeleteFunc(slices.Clone(all), func(r timed) bool { return r.ID%2 == 0 })
	}))
	return s.next(out, s.ordered, func(all []timed) []timed {
		return each(all, func(r Rec) []Rec {
			if r.ID%2 == 1 {
				return nil
			}
			return []Rec{r.tagged("even")}
		})
	})
}

// beside puts blocks behind one stream, side by side.
func beside(blocks ...block) block {
	return func(b *builder, s stream) stream {
		last := len(blocks) - 1
		for _, block := range blocks[:last] {
			b.open = append(b.open, block(b, s))
		}
		return blocks[last](b, s)
	}
}

// united brings two streams together.
func united(b *builder, s stream) stream {
	b.name("union")
	other := b.other(s)
	return stream{s.Union(other.Stream), sync.OnceValue(func() []timed { return slices.Concat(s.all(), other.all()) }), false}
}
