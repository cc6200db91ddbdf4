package main

import (
	"maps"
	"slices"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
)

// The blocks with keyed state whose output depends on the order of a key's records: the stream is brought into order first.

// Kept is a value that refers to others.
type Kept struct {
	Count int64
	Tags  []string
	Sums  map[string]int64
	Last  *Rec
}

// step changes the value in place, and returns a record that shares nothing with it.
func (k *Kept) step(r Rec) Rec {
	k.Count++
	if k.Sums == nil {
		k.Sums = map[string]int64{}
	}
	name := string(rune('a' + r.N%5))
	k.Sums[name] += r.N
	k.Tags = append(k.Tags, name)
	if len(k.Tags) > 5 {
		k.Tags = append(k.Tags[:0], k.Tags[3:]...)
	}
	if k.Last == nil {
		k.Last = &Rec{}
	}
	k.Last.N = (k.Last.N*31 + r.N) % 100_003
	out := r.alone()
	out.N, out.Tags, out.Sums = k.Last.N+k.Count, slices.Clone(k.Tags), maps.Clone(k.Sums)
	return out
}

// clone shares nothing with the original.
func (k Kept) clone() Kept {
	k.Tags, k.Sums = slices.Clone(k.Tags), maps.Clone(k.Sums)
	if k.Last != nil {
		last := *k.Last
		k.Last = &last
	}
	return k
}

// stepped is the oracle of both blocks that keep a Kept.
func stepped(all []timed) []timed {
	kept := map[int64]*Kept{}
	return each(all, func(r Rec) []Rec {
		if kept[r.Key] == nil {
			kept[r.Key] = &Kept{}
		}
		return []Rec{kept[r.Key].step(r)}
	})
}

func inRef(b *builder, s stream) stream {
	s = b.inOrder(s)
	return s.next(s.KeyBy(key).Process(b.name("ref"), func(op *leat.Operator[int64, Rec]) func(Rec) error {
		kept := op.Value[Kept]("kept")
		return func(r Rec) error { op.Emit(kept.Ref().step(r)); return nil }
	}, b.options()...), true, stepped)
}

func inValue(b *builder, s stream) stream {
	s = b.inOrder(s)
	return s.next(s.KeyBy(key).Process(b.name("value"), func(op *leat.Operator[int64, Rec]) func(Rec) error {
		kept := op.Value[Kept]("kept")
		return func(r Rec) error {
			k := kept.Get().clone()
			out := k.step(r)
			kept.Set(k)
			op.Emit(out)
			return nil
		}
	}, b.options()...), true, stepped)
}

// digest is a number of a record and what a list, a map and an ordered map of its key hold.
func digest(r Rec, list []Rec, counts map[int64][]int64, by map[int64]int64) Rec {
	out := r.alone()
	for _, before := range list {
		out.N = (out.N*7 + before.N) % 100_003
	}
	for at, n := range by {
		out.N += at * n
	}
	for item, all := range counts {
		out.N += item * int64(len(all))
	}
	return out
}

// inCollections keeps records in a list, a map and an ordered map.
func inCollections(b *builder, s stream) stream {
	s = b.inOrder(s)
	return s.next(s.KeyBy(key).Process(b.name("collections"), func(op *leat.Operator[int64, Rec]) func(Rec) error {
		list, counts, by := op.List[Rec]("list"), op.Map[int64, []int64]("counts"), op.Ordered[int64, int64]("by")
		return func(r Rec) error {
			if list.Append(r.alone()); list.Len() > 9 {
				list.Clear()
			}
			item := r.N % 4
			if counts.Set(item, append(slices.Clone(counts.Get(item)), r.N)); len(counts.Get(item)) > 5 {
				counts.Delete(item)
			}
			by.Set(r.N%13, r.ID%100)
			by.DeleteRange(0, r.N%3)
			op.Emit(digest(r, slices.Collect(list.All()), maps.Collect(counts.All()), maps.Collect(by.All())))
			return nil
		}
	}, b.options()...), true, collected)
}

// collected is the oracle of inCollections.
func collected(all []timed) []timed {
	lists, counts, bys := map[int64][]Rec{}, map[int64]map[int64][]int64{}, map[int64]map[int64]int64{}
	return each(all, func(r Rec) []Rec {
		if counts[r.Key] == nil {
			counts[r.Key], bys[r.Key] = map[int64][]int64{}, map[int64]int64{}
		}
		if lists[r.Key] = append(lists[r.Key], r); len(lists[r.Key]) > 9 {
			lists[r.Key] = nil
		}
		count, by := counts[r.Key], bys[r.Key]
		if count[r.N%4] = append(count[r.N%4], r.N); len(count[r.N%4]) > 5 {
			delete(count, r.N%4)
		}
		by[r.N%13] = r.ID % 100
		for at := range r.N % 3 {
			delete(by, at)
		}
		return []Rec{digest(r, lists[r.Key], count, by)}
	})
}

func chained(a, b int64) int64 { return (a*3 + b) % 100_003 }

// inAggregates keeps running results.
func inAggregates(b *builder, s stream) stream {
	s = b.inOrder(s)
	return s.next(s.KeyBy(key).Process(b.name("aggregates"), func(op *leat.Operator[int64, Rec]) func(Rec) error {
		sum := op.Reducing("sum", chained)
		top := op.Aggregating("top", agg.Top(2, func(r Rec) int64 { return r.N }))
		different := op.Aggregating("different", agg.Distinct(func(r Rec) int64 { return r.N % 50 }))
		return func(r Rec) error {
			sum.Add(r.N)
			top.Add(r.alone())
			different.Add(r)
			out := r.alone()
			out.N = sum.Get() + different.Get()
			for _, v := range top.Get() {
				out.N += v.N
			}
			if r.N%11 == 0 {
				sum.Clear()
			}
			op.Emit(out)
			return nil
		}
	}, b.options()...), true, aggregated)
}

// aggregated is the oracle of inAggregates.
func aggregated(all []timed) []timed {
	sums, tops, different := map[int64][]int64{}, map[int64][]int64{}, map[int64]map[int64]bool{}
	return each(all, func(r Rec) []Rec {
		sum := append(sums[r.Key], r.N)
		if len(sum) > 1 {
			sum = []int64{chained(sum[0], sum[1])}
		}
		tops[r.Key] = append(tops[r.Key], r.N)
		slices.Sort(tops[r.Key])
		tops[r.Key] = tops[r.Key][max(0, len(tops[r.Key])-2):]
		if different[r.Key] == nil {
			different[r.Key] = map[int64]bool{}
		}
		different[r.Key][r.N%50] = true
		out := r.alone()
		out.N = sum[0] + int64(len(different[r.Key]))
		for _, n := range tops[r.Key] {
			out.N += n
		}
		if r.N%11 == 0 {
			sum = nil
		}
		sums[r.Key] = sum
		return []Rec{out}
	})
}

// sorted holds records back until event time has passed them: an ordered map, a value with a pointer, a timer for each record.
func sorted(b *builder, s stream) stream {
	return s.next(s.KeyBy(key).Process(b.name("sort"), func(op *leat.Operator[int64, Rec]) func(Rec) error {
		held, last := op.Ordered[string, []Rec]("held"), op.Value[*Rec]("last")
		release := op.EventTimers("release", func(rank string, _ time.Time) error {
			for at, records := range held.All() {
				if at > rank {
					break
				}
				for _, r := range records {
					r.Prev = last.Get()
					kept := r.alone()
					last.Set(&kept)
					op.Emit(r)
				}
				held.Delete(at)
			}
			return nil
		})
		return func(r Rec) error {
			at := rank(op.Time().UnixNano(), r)
			held.Set(at, append(slices.Clone(held.Get(at)), r.alone()))
			release.At(at, op.Time())
			return nil
		}
	}, b.options()...), true, ranked)
}

// ranked is the oracle of sorted.
func ranked(all []timed) []timed {
	var out []timed
	for _, records := range byKey(all, key) {
		records = slices.Clone(records)
		slices.SortStableFunc(records, func(a, b timed) int {
			return compareText(rank(a.at, a.Rec), rank(b.at, b.Rec))
		})
		var last *Rec
		for _, r := range records {
			r.Rec = r.alone()
			r.Prev = last
			kept := r.alone()
			last = &kept
			out = append(out, r)
		}
	}
	return out
}
