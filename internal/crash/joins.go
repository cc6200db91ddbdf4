package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/window"
)

// The blocks with joins. A key's records may come in any order.

// inTime is records in order of time.
func inTime(all []timed) []timed {
	return slices.SortedStableFunc(slices.Values(all), func(a, b timed) int { return cmp.Compare(a.at, b.at) })
}

// together is what becomes of two records, or of one without a partner.
func together(l, r *Rec) Rec {
	var out Rec
	for i, of := range []*Rec{l, r} {
		if of == nil {
			out.Tags = append(out.Tags, "alone")
			continue
		}
		out.ID, out.Key, out.At = out.ID*100_003+of.ID, of.Key, max(out.At, of.At)
		out.N += of.N << (20 * i)
	}
	return out
}

// leftOf has together for joins that always have a first record.
func leftOf(l Rec, r *Rec) Rec { return together(&l, r) }

// both deals two streams out by key.
func both(f func(key int64, first, second []timed) []timed) func(first, second []timed) []timed {
	return func(first, second []timed) (out []timed) {
		firsts, seconds := byKey(first, key), byKey(second, key)
		for k := range firsts {
			out = append(out, f(k, firsts[k], seconds[k])...)
		}
		for k := range seconds {
			if firsts[k] == nil {
				out = append(out, f(k, nil, seconds[k])...)
			}
		}
		return out
	}
}

// with is what follows two streams.
func (s stream) with(other stream, to *leat.Stream[Rec], model func(first, second []timed) []timed) stream {
	return s.next(to, false, func(all []timed) []timed { return model(all, other.all()) })
}

// windowJoined pairs the records of a window, or of its slides.
func windowJoined(b *builder, s stream) stream {
	other := b.source(disorder)
	slide := time.Duration(1+b.IntN(2)) * time.Second
	size := slide * time.Duration(1+b.IntN(2))
	related := s.KeyBy(key).Connect(other.KeyBy(key)).Window(window.Sliding(size, slide)).AllowLateness(time.Second, 0)
	out := related.FullJoin(b.name("window-join"), together, b.options()...)
	in := aligned(size, slide, 0)
	return s.with(other, out, both(func(_ int64, first, second []timed) (out []timed) {
		firsts, seconds := byEnd(first, in), byEnd(second, in)
		for end := range firsts {
			out = append(out, crossed(firsts[end], seconds[end], end-1)...)
		}
		for end := range seconds {
			if firsts[end] == nil {
				out = append(out, crossed(nil, seconds[end], end-1)...)
			}
		}
		return out
	}))
}

// byEnd deals records out by the ends of their windows.
func byEnd(all []timed, in spans) map[int64][]Rec {
	ends := map[int64][]Rec{}
	for _, r := range all {
		for _, span := range in(r.at) {
			ends[span[1]] = append(ends[span[1]], r.Rec)
		}
	}
	return ends
}

// crossed are the pairs of all records of both sides, and those of one side without the other.
func crossed(first, second []Rec, at int64) (out []timed) {
	for i := range first {
		for j := range second {
			out = append(out, timed{at, together(&first[i], &second[j])})
		}
		if len(second) == 0 {
			out = append(out, timed{at, together(&first[i], nil)})
		}
	}
	for j := range second {
		if len(first) == 0 {
			out = append(out, timed{at, together(nil, &second[j])})
		}
	}
	return out
}

// sessionGroups hands the sessions of two streams over to an operator with state.
func sessionGroups(b *builder, s stream) stream {
	other := b.source(disorder)
	const gap = 700 * time.Millisecond
	related := s.KeyBy(key).Connect(other.KeyBy(key)).Window(window.Session(gap))
	out := related.CoGroup(b.name("groups"), func(op *leat.Operator[int64, Rec]) func(leat.Pane[int64, agg.Both[[]Rec, []Rec]]) error {
		count := op.Value[int64]("count")
		last := op.EventTimer("last", func(time.Time) error {
			op.Emit(Rec{Key: op.Key(), At: end.UnixNano(), N: count.Get(), Tags: []string{"groups"}})
			return nil
		})
		return func(p leat.Pane[int64, agg.Both[[]Rec, []Rec]]) error {
			count.Set(count.Get() + 1)
			last.At(end)
			op.Emit(groupOf(p.Key, p.End.UnixNano(), p.Value.A, p.Value.B))
			return nil
		}
	}, b.options()...)
	return s.with(other, out, both(func(key int64, first, second []timed) []timed {
		return groups(key, first, second, gap)
	}))
}

func groupOf(key, end int64, first, second []Rec) Rec {
	out := Rec{Key: key, At: end, Tags: []string{fmt.Sprint(len(first), " and ", len(second))}}
	for _, r := range first {
		out.N += r.N
	}
	for _, r := range second {
		out.ID += r.N
	}
	return out
}

// groups are the sessions of both sides of a key, and how many there are.
func groups(key int64, first, second []timed, gap time.Duration) (out []timed) {
	const side = "second"
	all := slices.Clone(first)
	for _, r := range second {
		r.Tags = []string{side}
		all = append(all, r)
	}
	for i := range all[:len(first)] {
		all[i].Tags = nil
	}
	for end, session := range sessionsOf(all, func(Rec) time.Duration { return gap }) {
		var sides [2][]Rec
		for _, r := range session {
			sides[len(r.Tags)] = append(sides[len(r.Tags)], r.Rec)
		}
		out = append(out, pane(groupOf(key, end, sides[0], sides[1])))
	}
	last := Rec{Key: key, At: end.UnixNano(), N: int64(len(out)), Tags: []string{"groups"}}
	return append(out, pane(last))
}

// intervalJoined pairs records whose times are near to each other.
func intervalJoined(b *builder, s stream) stream {
	other := b.source(disorder)
	from, to := -time.Duration(b.IntN(900))*time.Millisecond, time.Duration(1+b.IntN(900))*time.Millisecond
	out := s.KeyBy(key).Connect(other.KeyBy(key)).Within(from, to).LeftJoin(b.name("interval-join"), leftOf, b.options()...)
	return s.with(other, out, both(func(_ int64, first, second []timed) (out []timed) {
		for _, l := range first {
			partners := near(l, second, from, to)
			for _, r := range partners {
				out = append(out, timed{max(l.at, r.at), together(&l.Rec, &r.Rec)})
			}
			if len(partners) == 0 {
				out = append(out, timed{l.at + int64(to), together(&l.Rec, nil)})
			}
		}
		return out
	}))
}

// near are the records that are at least from and at most to later than another one.
func near(l timed, second []timed, from, to time.Duration) (out []timed) {
	for _, r := range second {
		if since := r.at - l.at; since >= int64(from) && since <= int64(to) {
			out = append(out, r)
		}
	}
	return out
}

// antiJoined passes on the records that have no partner.
func antiJoined(b *builder, s stream) stream {
	other := b.source(disorder)
	from, to := time.Duration(b.IntN(100))*time.Millisecond, time.Duration(500+b.IntN(500))*time.Millisecond
	related := s.KeyBy(key).Connect(other.KeyBy(key)).Within(from, to).AllowLateness(0, time.Second)
	return s.with(other, related.AntiJoin(b.name("anti-join"), b.options()...), both(func(_ int64, first, second []timed) (out []timed) {
		for _, l := range first {
			if len(near(l, second, from, to)) == 0 {
				out = append(out, timed{l.at + int64(to+time.Second), l.Rec})
			}
		}
		return out
	}))
}

// versioned brings records together with the last one of another source, which has no two of a key at one time.
func versioned(b *builder, s stream) stream {
	versions := b.source(disorder)
	rare := versions.Filter(func(r Rec) bool { return r.ID/keys%3 == 0 })
	related := s.KeyBy(key).Connect(rare.KeyBy(key)).AsOf().AllowLateness(time.Duration(b.IntN(2))*time.Second, 0)
	out := related.LeftJoin(b.name("as-of"), leftOf, b.options()...)
	return s.with(versions, out, both(func(_ int64, first, second []timed) (out []timed) {
		second = inTime(slices.DeleteFunc(slices.Clone(second), func(r timed) bool { return r.ID/keys%3 != 0 }))
		for _, l := range first {
			n, _ := slices.BinarySearchFunc(second, l.at+1, func(r timed, at int64) int { return cmp.Compare(r.at, at) })
			var version *Rec
			if n > 0 {
				version = &second[n-1].Rec
			}
			out = append(out, timed{l.at, leftOf(l.Rec, version)})
		}
		return out
	}))
}
