package main

import (
	"maps"
	"slices"
	"time"

	"leat.dev/leat"
)

// The blocks with timers that do not ask for an order, and those of two inputs.

const minute = int64(time.Minute)

// minuteEnd is the end of the minute that a time is in.
func minuteEnd(at int64) int64 { return slotStart(at, time.Minute, 0) + minute }

func moment(at int64) time.Time { return time.Unix(0, at).UTC() }

// minutes adds up each minute by a timer at its end.
func minutes(b *builder, s stream) stream {
	return s.next(s.KeyBy(slot).Process(b.name("minutes"), func(op *leat.Operator[Slot, Rec]) func(Rec) error {
		sums := op.Map[int64, []int64]("sums")
		over := op.EventTimers("over", func(at int64, _ time.Time) error {
			op.Emit(minuteOf(op.Key(), at, sums.Get(at)))
			sums.Delete(at)
			return nil
		})
		return func(r Rec) error {
			at := minuteEnd(op.Time().UnixNano())
			sums.Set(at, append(slices.Clone(sums.Get(at)), r.N))
			over.At(at, moment(at))
			return nil
		}
	}, b.options()...), false, func(all []timed) []timed {
		var out []timed
		for slot, records := range byKey(all, slot) {
			sums := map[int64][]int64{}
			for _, r := range records {
				sums[minuteEnd(r.at)] = append(sums[minuteEnd(r.at)], r.N)
			}
			for at, ns := range sums {
				out = append(out, timed{at, minuteOf(slot, at, ns)})
			}
		}
		return out
	})
}

func minuteOf(s Slot, at int64, all []int64) Rec {
	r := Rec{ID: at / minute, Key: s.Key, At: at, Sums: map[string]int64{"count": int64(len(all))}}
	for _, n := range all {
		r.N += n
	}
	return r
}

// totals emits one record a key at the end of all, by a timer that each record sets anew.
func totals(b *builder, s stream) stream {
	return s.next(s.KeyBy(key).Process(b.name("totals"), func(op *leat.Operator[int64, Rec]) func(Rec) error {
		total := op.Value[map[string]int64]("total")
		done := op.EventTimer("done", func(time.Time) error {
			op.Emit(Rec{Key: op.Key(), At: end.UnixNano(), Sums: maps.Clone(total.Get())})
			return nil
		})
		return func(r Rec) error {
			sums := maps.Clone(total.Get())
			if sums == nil {
				sums = map[string]int64{}
			}
			sums["count"]++
			sums["n"] += r.N
			total.Set(sums)
			done.Stop()
			done.At(end)
			return nil
		}
	}, b.options()...), true, func(all []timed) []timed {
		var out []timed
		for key, records := range byKey(all, key) {
			sums := map[string]int64{"count": int64(len(records))}
			for _, r := range records {
				sums["n"] += r.N
			}
			out = append(out, timed{end.UnixNano(), Rec{Key: key, At: end.UnixNano(), Sums: sums}})
		}
		return out
	})
}

// flushed holds records for some milliseconds of processing time, by a timer a key and one a record. What it emits may come
// when event time has gone on, so that only a sink follows.
func flushed(b *builder, s stream) stream {
	const single leat.Output[Rec] = "single"
	out := s.KeyBy(key).Process(b.name("flush"), func(op *leat.Operator[int64, Rec]) func(Rec) error {
		toSingle := op.Side(single)
		held, waiting := op.List[Rec]("held"), op.Map[string, []Rec]("waiting")
		flush := op.ProcessingTimer("flush", func(time.Time) error {
			for r := range held.All() {
				op.Emit(r)
			}
			held.Clear()
			return nil
		})
		due := op.ProcessingTimers("due", func(line string, _ time.Time) error {
			for _, r := range waiting.Get(line) {
				toSingle(r)
			}
			waiting.Delete(line)
			return nil
		})
		return func(r Rec) error {
			if r.N%2 == 0 {
				held.Append(r)
				flush.At(op.Now().Add(20 * time.Millisecond))
				return nil
			}
			line := r.line()
			waiting.Set(line, append(slices.Clone(waiting.Get(line)), r))
			due.At(line, op.Now().Add(time.Duration(r.N%40)*time.Millisecond))
			return nil
		}
	}, b.options()...)
	b.sink(s.next(out.Side(single), false, func(all []timed) []timed {
		return slices.DeleteFunc(slices.Clone(all), func(r timed) bool { return r.N%2 == 0 })
	}))
	b.sink(s.next(out, false, func(all []timed) []timed {
		return slices.DeleteFunc(slices.Clone(all), func(r timed) bool { return r.N%2 != 0 })
	}))
	return stream{}
}

// joined pairs the sums of two streams by minute, by a timer at its end.
func joined(b *builder, s stream) stream {
	other := b.other(s)
	type sides [2]map[int64]int64
	out := s.KeyBy(key).Connect(other.KeyBy(key)).Process(b.name("join"), func(op *leat.Operator[int64, Rec]) (func(Rec) error, func(Rec) error) {
		left, right := op.Map[int64, int64]("left"), op.Map[int64, int64]("right")
		over := op.EventTimers("over", func(at int64, _ time.Time) error {
			op.Emit(pair(op.Key(), at, left.Get(at), right.Get(at)))
			left.Delete(at)
			right.Delete(at)
			return nil
		})
		add := func(to interface {
			Get(int64) int64
			Set(int64, int64)
		},
		) func(Rec) error {
			return func(r Rec) error {
				at := minuteEnd(op.Time().UnixNano())
				to.Set(at, to.Get(at)+r.N+1)
				over.At(at, moment(at))
				return nil
			}
		}
		return add(left), add(right)
	}, b.options()...)
	return s.next(out, false, func(all []timed) []timed {
		keyed := map[int64]sides{}
		for side, records := range [][]timed{all, other.all()} {
			for _, r := range records {
				if _, ok := keyed[r.Key]; !ok {
					keyed[r.Key] = sides{{}, {}}
				}
				keyed[r.Key][side][minuteEnd(r.at)] += r.N + 1
			}
		}
		var out []timed
		for key, sums := range keyed {
			both := maps.Clone(sums[0])
			maps.Copy(both, sums[1])
			for at := range both {
				out = append(out, timed{at, pair(key, at, sums[0][at], sums[1][at])})
			}
		}
		return out
	})
}

func pair(key, at, left, right int64) Rec {
	return Rec{ID: at / minute, Key: key, At: at, N: left*1000 + right, Tags: []string{"pair"}}
}
