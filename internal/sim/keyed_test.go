package sim

import (
	"errors"
	"slices"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
)

// running keeps state of each kind, and emits for each record a number that depends on all records before it.
func (g *generator) running(in stream) []stream {
	if !in.ordered {
		return g.seen(in)
	}
	s := in.s.KeyBy(keyOf).Process(g.name("running"), func(op *leat.Operator[uint32, Record]) func(Record) error {
		last := op.Value[uint64]("last")
		list := op.List[int64]("list")
		counts := op.Map[uint64, int64]("counts")
		ordered := op.Ordered[int64, int64]("ordered")
		most := op.Reducing("most", func(a, b int64) int64 { return max(a, b) })
		sum := op.Aggregating("sum", agg.Sum(func(r Record) int64 { return r.N }))
		return func(r Record) error {
			if err := g.p.Fault(); err != nil {
				return err
			}
			list.Append(r.N)
			tail := mix(uint64(list.Len()))
			for n := range list.All() {
				tail = mix(tail, uint64(n))
			}
			if list.Len() >= 4 {
				list.Clear()
			}
			counts.Set(r.ID%4, counts.Get(r.ID%4)+1)
			ordered.Set(r.N, ordered.Get(r.N)+1)
			least, times, _ := ordered.First()
			if times > 1 {
				ordered.Delete(least)
			}
			most.Add(r.N)
			sum.Add(r)
			h := mix(last.Get(), tail, uint64(counts.Get(r.ID%4)), uint64(least), uint64(times), uint64(most.Get()), uint64(sum.Get()))
			last.Set(h)
			op.Emit(Record{mix(r.ID, h), r.Key, r.N, r.At})
			return nil
		}
	}, g.own()...)
	return []stream{{s: s, want: g.runningWant(in.want), ordered: true, timed: in.timed}}
}

func (*generator) runningWant(records []Record) []Record {
	type state struct {
		last      uint64
		list      []int64
		counts    map[uint64]int64
		ordered   map[int64]int64
		most, sum int64
	}
	states := map[uint32]*state{}
	return each(records, func(r Record) []Record {
		s := states[r.Key]
		if s == nil {
			s = &state{counts: map[uint64]int64{}, ordered: map[int64]int64{}, most: r.N}
			states[r.Key] = s
		}
		s.list = append(s.list, r.N)
		tail := mix(uint64(len(s.list)))
		for _, n := range s.list {
			tail = mix(tail, uint64(n))
		}
		if len(s.list) >= 4 {
			s.list = nil
		}
		s.counts[r.ID%4]++
		s.ordered[r.N]++
		least := r.N
		for n := range s.ordered {
			least = min(least, n)
		}
		times := s.ordered[least]
		if times > 1 {
			delete(s.ordered, least)
		}
		s.most = max(s.most, r.N)
		s.sum += r.N
		s.last = mix(s.last, tail, uint64(s.counts[r.ID%4]), uint64(least), uint64(times), uint64(s.most), uint64(s.sum))
		return []Record{{mix(r.ID, s.last), r.Key, r.N, r.At}}
	})
}

// errTwice is what an operator says that has seen a record before.
var errTwice = errors.New("the same record came twice")

// seen passes records on, and remembers which.
func (g *generator) seen(in stream) []stream {
	in.s = in.s.KeyBy(func(r Record) uint64 { return r.ID % 16 }).
		Process(g.name("seen"), func(op *leat.Operator[uint64, Record]) func(Record) error {
			ids := op.Map[uint64, bool]("ids")
			return func(r Record) error {
				if ids.Has(r.ID) {
					g.p.world.fail("%v came twice", r)
					return errTwice
				}
				ids.Set(r.ID, true)
				op.Emit(r)
				return g.p.Fault()
			}
		}, g.own()...)
	in.ordered = false
	return []stream{in}
}

const bucket = int64(50 * time.Millisecond)

func bucketEnd(at int64) int64 { return at - at%bucket + bucket }

// buckets sums records up by time, with a timer for each sum.
func (g *generator) buckets(in stream) []stream {
	if !in.timed {
		return g.delayed(in)
	}
	s := in.s.KeyBy(keyOf).Process(g.name("buckets"), func(op *leat.Operator[uint32, Record]) func(Record) error {
		held := op.Map[int64, sums]("sums")
		ends := op.EventTimers("ends", func(end int64, _ time.Time) error {
			op.Emit(held.Get(end).record(op.Key(), end-bucket, end))
			g.p.world.trace.note("    key %d, %v: fires at %v", op.Key(), time.Duration(end-epoch), op.Watermark())
			held.Delete(end)
			return nil
		})
		return func(r Record) error {
			end := bucketEnd(r.At)
			g.p.world.trace.note("    key %d, %v: record %v at %v", op.Key(), time.Duration(end-epoch), r, op.Watermark())
			sum := held.Get(end)
			sum.add(r)
			held.Set(end, sum)
			ends.At(end, time.Unix(0, end-1))
			return g.p.Fault()
		}
	}, g.own()...)
	return []stream{{s: s, want: aligned(in.want, bucket, bucket), timed: true}}
}

// total sums all records of a key up, with a timer that fires at the end of input only.
func (g *generator) total(in stream) []stream {
	if !in.timed {
		return g.delayed(in)
	}
	far := epoch + int64(1000*time.Hour)
	s := in.s.KeyBy(keyOf).Process(g.name("total"), func(op *leat.Operator[uint32, Record]) func(Record) error {
		sum := op.Aggregating("sum", agg.Fold((*sums).add, (*sums).merge))
		end := op.EventTimer("end", func(time.Time) error {
			op.Emit(sum.Get().record(op.Key(), 0, far))
			sum.Clear()
			return nil
		})
		return func(r Record) error {
			sum.Add(r)
			end.At(time.Unix(0, far-1))
			return nil
		}
	}, g.own()...)
	var want []Record
	keys, all := byKey(in.want, keyOf)
	for _, key := range keys {
		var sum sums
		for _, r := range all[key] {
			sum.add(r)
		}
		want = append(want, sum.record(key, 0, far))
	}
	return []stream{{s: s, want: want, timed: true}}
}

// delayed holds records back for some processing time.
func (g *generator) delayed(in stream) []stream {
	delay := time.Duration(g.random.IntN(8)) * time.Millisecond
	if g.random.IntN(2) == 0 {
		return g.gathered(in, delay)
	}
	s := in.s.KeyBy(keyOf).Process(g.name("delayed"), func(op *leat.Operator[uint32, Record]) func(Record) error {
		held := op.Map[uint64, Record]("held")
		due := op.ProcessingTimers("due", func(id uint64, _ time.Time) error {
			op.Emit(held.Get(id))
			held.Delete(id)
			return g.p.Fault()
		})
		return func(r Record) error {
			held.Set(r.ID, r)
			due.At(r.ID, op.Now().Add(delay))
			return nil
		}
	}, g.own()...)
	return []stream{{s: s, want: in.want}}
}

// gathered holds records back until none has come for some processing time.
func (g *generator) gathered(in stream, delay time.Duration) []stream {
	s := in.s.KeyBy(keyOf).Process(g.name("gathered"), func(op *leat.Operator[uint32, Record]) func(Record) error {
		held := op.List[Record]("held")
		due := op.ProcessingTimer("due", func(time.Time) error {
			for r := range held.All() {
				op.Emit(r)
			}
			held.Clear()
			return nil
		})
		return func(r Record) error {
			held.Append(r)
			due.At(op.Now().Add(delay))
			return g.p.Fault()
		}
	}, g.own()...)
	return []stream{{s: s, want: in.want}}
}

// pair is what two streams have in one bucket.
type pair struct{ A, B sums }

func (p pair) record(key uint32, end int64) Record {
	return Record{mix(p.A.IDs, p.B.IDs, uint64(end)), key, p.A.N - p.B.N + p.A.Count<<20 + p.B.Count<<30, end - 1}
}

// cogroup brings two streams together, in buckets of time.
func (g *generator) cogroup(in stream) []stream {
	if len(g.streams) == 0 || !in.timed {
		return g.buckets(in)
	}
	other := g.take()
	if !other.timed {
		g.streams = append(g.streams, other)
		return g.buckets(in)
	}
	s := in.s.KeyBy(keyOf).Connect(other.s.KeyBy(keyOf)).Process(g.name("cogroup"),
		func(op *leat.Operator[uint32, Record]) (func(Record) error, func(Record) error) {
			held := op.Map[int64, pair]("pairs")
			ends := op.EventTimers("ends", func(end int64, _ time.Time) error {
				op.Emit(held.Get(end).record(op.Key(), end))
				held.Delete(end)
				return nil
			})
			take := func(side func(*pair) *sums) func(Record) error {
				return func(r Record) error {
					end := bucketEnd(r.At)
					p := held.Get(end)
					side(&p).add(r)
					held.Set(end, p)
					ends.At(end, time.Unix(0, end-1))
					return g.p.Fault()
				}
			}
			return take(func(p *pair) *sums { return &p.A }), take(func(p *pair) *sums { return &p.B })
		}, g.own()...)
	return []stream{{s: s, want: cogroupWant(in.want, other.want), timed: true}}
}

func cogroupWant(a, b []Record) []Record {
	type place struct {
		key uint32
		end int64
	}
	pairs := map[place]*pair{}
	of := func(r Record) *pair {
		at := place{r.Key, bucketEnd(r.At)}
		if pairs[at] == nil {
			pairs[at] = &pair{}
		}
		return pairs[at]
	}
	for _, r := range a {
		of(r).A.add(r)
	}
	for _, r := range b {
		of(r).B.add(r)
	}
	var want []Record
	for at, p := range pairs {
		want = append(want, p.record(at.key, at.end))
	}
	return sorted(slices.Clip(want))
}
