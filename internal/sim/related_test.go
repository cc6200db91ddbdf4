package sim

import (
	"slices"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/window"
)

// The stages whose records meet others in windows of the general operator, or in joins.

var sumsOf = agg.Fold((*sums).add, (*sums).merge)

func recordOf(p leat.Pane[uint32, sums]) Record {
	return p.Value.record(p.Key, p.Start.UnixNano(), p.End.UnixNano())
}

// complete are the panes that say that their window is complete.
func complete(p leat.Pane[uint32, sums]) bool { return p.Timing == window.PaneOnTime && !p.Retract }

// general aggregates in windows that fire early as well, or keep their records.
func (g *generator) general(in stream) []stream {
	if !in.timed {
		return g.counts(in)
	}
	size := time.Duration(1+g.random.IntN(20)) * 10 * time.Millisecond
	var w window.Assigner
	var want []Record
	record := sums.record
	switch g.random.IntN(3) {
	case 0:
		w, want = window.Sliding(2*size, size), aligned(in.want, int64(2*size), int64(size))
	case 1:
		w, want, record = window.Session(size/4), sessions(in.want, int64(size/4)), sums.session
	default:
		w, want = window.Cumulating(3*size, size), growing(in.want, int64(3*size), int64(size))
	}
	windowed := in.s.KeyBy(keyOf).Window(w)
	switch g.random.IntN(3) {
	case 0:
		windowed = windowed.Evict(window.KeepLast(1_000_000))
	case 1:
		windowed = windowed.Trigger(window.OnTime().Early(window.AtCount(2))).Mode(window.Retracting).AllowLateness(size)
	default:
		windowed = windowed.Trigger(window.Every(size / 3))
	}
	s := windowed.Aggregate(g.name("general"), sumsOf, g.own()...).Filter(complete).
		Map(func(p leat.Pane[uint32, sums]) Record {
			return record(p.Value, p.Key, p.Start.UnixNano(), p.End.UnixNano())
		})
	return []stream{{s: s, want: want, timed: true}}
}

// counts aggregates a number of records each, which have to come in order for that.
func (g *generator) counts(in stream) []stream {
	if !in.ordered {
		return g.seen(in)
	}
	n := 2 + g.random.IntN(4)
	s := in.s.KeyBy(keyOf).Window(window.Count(n)).Aggregate(g.name("counts"), sumsOf, g.own()...).
		Map(func(p leat.Pane[uint32, sums]) Record { return p.Value.record(p.Key, 0, 1) })
	var want []Record
	keys, all := byKey(in.want, keyOf)
	for _, key := range keys {
		for of := range slices.Chunk(all[key], n) {
			if len(of) == n {
				var s sums
				for _, r := range of {
					s.add(r)
				}
				want = append(want, s.record(key, 0, 1))
			}
		}
	}
	return []stream{{s: s, want: want}}
}

// stepped aggregates in cumulating windows, or in sliding ones whose records are aggregated before they are sent.
func (g *generator) stepped(in stream) []stream {
	if !in.timed {
		return g.counts(in)
	}
	step := time.Duration(1+g.random.IntN(10)) * 10 * time.Millisecond
	size := step * time.Duration(1+g.random.IntN(4))
	var w window.Assigner = window.Cumulating(size, step)
	want := growing(in.want, int64(size), int64(step))
	if g.random.IntN(2) == 0 {
		w, want = window.Sliding(size, step), aligned(in.want, int64(size), int64(step))
	}
	windowed := in.s.KeyBy(keyOf).Window(w)
	name, before := g.name("stepped"), g.random.IntN(2) == 0
	var panes *leat.Stream[leat.Pane[uint32, sums]]
	if before {
		panes = windowed.Preaggregate().Aggregate(name, sumsOf, g.own()...)
	} else {
		panes = windowed.Aggregate(name, sumsOf, g.own()...)
	}
	return []stream{{s: panes.Map(recordOf), want: want, timed: true}}
}

// growing is the panes of cumulating windows.
func growing(records []Record, size, step int64) []Record {
	var out []Record
	for span := step; span <= size; span += step {
		var within []Record
		for _, r := range records {
			if r.At%size < span {
				within = append(within, r)
			}
		}
		for _, r := range starts(within, size) {
			out = append(out, r.sums.record(r.key, r.begin, r.begin+span))
		}
	}
	return sorted(out)
}

// period is what a key has in the beginning of a period.
type period struct {
	sums
	key   uint32
	begin int64
}

// starts sums records up by key and period. A window that ends within the period also fires where it has what came before alone.
func starts(records []Record, size int64) []*period {
	type place struct {
		key   uint32
		begin int64
	}
	at := map[place]*period{}
	var all []*period
	for _, r := range records {
		p := place{r.Key, r.At - r.At%size}
		if at[p] == nil {
			at[p] = &period{key: p.key, begin: p.begin}
			all = append(all, at[p])
		}
		at[p].add(r)
	}
	return all
}

// mostPairs is how many results a join of a job has at most.
const mostPairs = 3000

// joins brings two streams together by a relation.
func (g *generator) joins(in stream) []stream {
	if len(g.streams) == 0 || !in.timed {
		return g.general(in)
	}
	other := g.take()
	if !other.timed || len(in.want)*len(other.want) > 1_000_000 {
		g.streams = append(g.streams, other)
		return g.general(in)
	}
	both := in.s.KeyBy(keyOf).Connect(other.s.KeyBy(keyOf))
	size := int64(1+g.random.IntN(6)) * int64(10*time.Millisecond)
	name := g.name("join")
	var s *leat.Stream[Record]
	var want []Record
	switch g.random.IntN(4) {
	case 0:
		f := func(a, b *Record) Record { return metInWindow(a, b, size) }
		s = both.Window(window.Tumbling(time.Duration(size))).FullJoin(name, f, g.own()...)
		want = fullWant(in.want, other.want, f, func(a, b Record) bool { return a.At/size == b.At/size })
	case 1:
		f := func(a Record, b *Record) Record { return metWithin(a, b, size) }
		s = both.Within(-time.Duration(size)/2, time.Duration(size)).LeftJoin(name, f, g.own()...)
		want = leftWant(in.want, other.want, f, func(a, b Record) bool { return b.At-a.At >= -size/2 && b.At-a.At <= size })
	case 2:
		s = both.Within(0, time.Duration(size)).AntiJoin(name, g.own()...).Map(func(r Record) Record { return metWithin(r, nil, size) })
		f := func(a Record, b *Record) Record {
			if b != nil {
				return Record{}
			}
			return metWithin(a, nil, size)
		}
		want = leftWant(in.want, other.want, f, func(a, b Record) bool { return b.At >= a.At && b.At-a.At <= size })
		want = slices.DeleteFunc(want, func(r Record) bool { return r == Record{} })
	default:
		s = both.AsOf().LeftJoin(name, withVersion, g.own()...)
		want = versionsWant(in.want, other.want)
	}
	if len(want) > mostPairs {
		s, want = s.Filter(fewOf), slices.DeleteFunc(want, func(r Record) bool { return !fewOf(r) })
	}
	return []stream{{s: s, want: want, timed: true}}
}

// fewOf keeps some of many results.
func fewOf(r Record) bool { return r.ID%16 == 0 }

// met is what becomes of two records at a time, either of which may be nil.
func met(a, b *Record, at int64) Record {
	out := Record{At: at}
	for i, r := range []*Record{a, b} {
		if r != nil {
			out.ID, out.Key, out.N = mix(out.ID, uint64(i), r.ID, uint64(r.N)), r.Key, out.N*3+r.N
		}
	}
	return out
}

func metInWindow(a, b *Record, size int64) Record {
	of := a
	if of == nil {
		of = b
	}
	return met(a, b, of.At-of.At%size+size-1)
}

// metWithin has the time of the later one, or, of a record without a partner, when that is sure.
func metWithin(a Record, b *Record, to int64) Record {
	if b == nil {
		return met(&a, nil, a.At+to)
	}
	return met(&a, b, max(a.At, b.At))
}

// withVersion looks at a version's time alone: which of two with the same came later depends on how the job runs.
func withVersion(a Record, b *Record) Record {
	if b == nil {
		return met(&a, nil, a.At)
	}
	return met(&a, &Record{ID: uint64(b.At), Key: a.Key}, a.At)
}

// leftWant is what f makes of each pair, and of each record of the first stream that has no partner.
func leftWant(first, second []Record, f func(Record, *Record) Record, partners func(a, b Record) bool) (want []Record) {
	_, others := byKey(second, keyOf)
	for _, a := range first {
		alone := true
		for _, b := range others[a.Key] {
			if partners(a, b) {
				want, alone = append(want, f(a, &b)), false
			}
		}
		if alone {
			want = append(want, f(a, nil))
		}
	}
	return want
}

// fullWant has the records of the second stream that have no partner as well.
func fullWant(first, second []Record, f func(a, b *Record) Record, partners func(a, b Record) bool) []Record {
	want := leftWant(first, second, func(a Record, b *Record) Record { return f(&a, b) }, partners)
	_, others := byKey(first, keyOf)
	for _, b := range second {
		if !slices.ContainsFunc(others[b.Key], func(a Record) bool { return partners(a, b) }) {
			want = append(want, f(nil, &b))
		}
	}
	return want
}

func versionsWant(first, versions []Record) (want []Record) {
	_, all := byKey(versions, keyOf)
	for _, a := range first {
		var version *Record
		for _, v := range all[a.Key] {
			if v.At <= a.At && (version == nil || v.At > version.At) {
				version = &v
			}
		}
		want = append(want, withVersion(a, version))
	}
	return want
}
