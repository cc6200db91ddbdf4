package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/window"
)

// The blocks with windows.

// slices of time that a record is in, as a window's start and end.
type spans func(at int64) [][2]int64

// aligned are tumbling windows, if slide is the size, or sliding ones.
func aligned(size, slide, offset time.Duration) spans {
	return func(at int64) (all [][2]int64) {
		for start := slotStart(at, slide, offset); start > at-int64(size); start -= int64(slide) {
			all = append(all, [2]int64{start, start + int64(size)})
		}
		return all
	}
}

func tumbling(b *builder, s stream) stream {
	size, offset := time.Duration(5+b.IntN(20))*time.Second, time.Duration(b.IntN(5))*time.Second
	return counting(b, s, window.Tumbling(size).Offset(offset), aligned(size, size, offset))
}

func sliding(b *builder, s stream) stream {
	slide := time.Duration(2+b.IntN(5)) * time.Second
	size, offset := slide*time.Duration(2+b.IntN(4)), time.Duration(b.IntN(3))*time.Second
	return counting(b, s, window.Sliding(size, slide).Offset(offset), aligned(size, slide, offset))
}

// cumulating windows grow by a step up to a size.
func cumulating(b *builder, s stream) stream {
	step := time.Duration(2+b.IntN(4)) * time.Second
	size, offset := step*time.Duration(2+b.IntN(4)), time.Duration(b.IntN(3))*time.Second
	return counting(b, s, window.Cumulating(size, step).Offset(offset), func(at int64) (all [][2]int64) {
		start := slotStart(at, size, offset)
		for end := slotStart(at, step, offset) + int64(step); end <= start+int64(size); end += int64(step) {
			all = append(all, [2]int64{start, end})
		}
		return all
	})
}

// days are those of a zone whose midnight is a minute after the first record.
func days(b *builder, s stream) stream {
	zone := time.FixedZone("near midnight", 12*3600-60)
	return counting(b, s, window.Days(1, zone), func(at int64) [][2]int64 {
		year, month, day := moment(at).In(zone).Date()
		start := time.Date(year, month, day, 0, 0, 0, 0, zone)
		return [][2]int64{{start.UnixNano(), start.AddDate(0, 0, 1).UnixNano()}}
	})
}

// preaggregated windows get partial results in place of records.
func preaggregated(b *builder, s stream) stream {
	slide := time.Duration(2+b.IntN(5)) * time.Second
	size := slide * time.Duration(1+b.IntN(3))
	windowed := s.KeyBy(key).Window(window.Sliding(size, slide)).AllowLateness(time.Duration(b.IntN(2)) * time.Second).Preaggregate()
	return counted(s, windowed.Process(b.name("partials"), sumOfN, lastPanes, b.options()...), aligned(size, slide, 0))
}

// counting has windows summed up.
func counting(b *builder, s stream, w window.Assigner, in spans) stream {
	windowed := s.KeyBy(key).Window(w).AllowLateness(time.Duration(b.IntN(2)) * time.Second)
	return counted(s, windowed.Process(b.name("panes"), sumOfN, lastPanes, b.options()...), in)
}

// sumOfN adds numbers up.
var sumOfN = agg.Sum(func(r Rec) int64 { return r.N })

// lastPanes keeps the last panes of each key, which fire in order.
func lastPanes(op *leat.Operator[int64, Rec]) func(leat.Pane[int64, int64]) error {
	seen := op.Value[[]int64]("seen")
	return func(p leat.Pane[int64, int64]) error {
		all := append(slices.Clone(seen.Get()), p.Value)
		seen.Set(all[max(0, len(all)-3):])
		op.Emit(paneOf(p.Key, p.End.UnixNano(), p.Value, all))
		return nil
	}
}

// counted has the oracle of sums in windows.
func counted(s stream, out *leat.Stream[Rec], in spans) stream {
	return s.next(out, true, func(all []timed) []timed {
		var out []timed
		for key, records := range byKey(all, key) {
			sums := map[int64]int64{}
			for _, r := range records {
				for _, span := range in(r.at) {
					sums[span[1]] += r.N
				}
			}
			out = append(out, paneRecords(key, sums)...)
		}
		return out
	})
}

// paneRecords are what the panes of a key become, in their order.
func paneRecords(key int64, sums map[int64]int64) (out []timed) {
	var seen []int64
	for _, end := range sortedKeys(sums) {
		seen = append(seen, sums[end])
		out = append(out, timed{end - 1, paneOf(key, end, sums[end], seen)})
		seen = seen[max(0, len(seen)-3):]
	}
	return out
}

func paneOf(key, end, sum int64, seen []int64) Rec {
	return Rec{ID: end / int64(time.Second), Key: key, At: end - 1, N: sum, Tags: []string{fmt.Sprint(seen)}}
}

// global adds up all keys' records in one subtask.
func global(b *builder, s stream) stream {
	size := time.Duration(1+b.IntN(5)) * time.Second
	panes := s.Global().Window(window.Tumbling(size)).
		Aggregate(b.name("global"), agg.Top(3, func(r Rec) int64 { return r.N }))
	out := panes.Map(func(p leat.Pane[struct{}, []Rec]) Rec {
		return topOf(p.End.UnixNano(), p.Value)
	})
	return s.next(out, false, func(all []timed) []timed {
		groups := map[int64][]Rec{}
		for _, r := range all {
			end := slotStart(r.at, size, 0) + int64(size)
			groups[end] = append(groups[end], r.Rec)
		}
		var out []timed
		for end, records := range groups {
			slices.SortFunc(records, func(a, b Rec) int { return cmp.Compare(b.N, a.N) })
			out = append(out, timed{end - 1, topOf(end, records[:min(3, len(records))])})
		}
		return out
	})
}

// topOf says only which numbers were largest: of records with the same, which one it is depends on what else they hold.
func topOf(end int64, top []Rec) Rec {
	r := Rec{ID: end / int64(time.Second), Key: end / int64(time.Second) % keys, At: end - 1}
	for _, v := range top {
		r.N += v.N
		r.Tags = append(r.Tags, fmt.Sprint(v.N))
	}
	return r
}

// sessions collects what comes without a gap.
func sessions(b *builder, s stream) stream {
	gap := time.Duration(400+b.IntN(800)) * time.Millisecond
	panes := s.KeyBy(slot).Window(window.Session(gap)).Aggregate(b.name("sessions"), agg.Collect, b.options()...)
	out := panes.Map(func(p leat.Pane[Slot, []Rec]) Rec { return sessionOf(p.Key, p.End.UnixNano(), p.Value) })
	return s.next(out, false, func(all []timed) []timed {
		var out []timed
		for slot, records := range byKey(all, slot) {
			slices.SortFunc(records, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
			var session []Rec
			for i, r := range records {
				session = append(session, r.Rec)
				if i == len(records)-1 || records[i+1].at-r.at > int64(gap) {
					end := r.at + int64(gap)
					out = append(out, timed{end, sessionOf(slot, end, session)})
					session = nil
				}
			}
		}
		return out
	})
}

func sessionOf(s Slot, end int64, all []Rec) Rec {
	out := Rec{Key: s.Key, At: end, Sums: map[string]int64{"count": int64(len(all))}}
	for _, r := range all {
		out.N += r.N
		out.ID = max(out.ID, r.ID)
	}
	return out
}

// lateSize and lateness are those of the windows of late.
const (
	lateSize = 5 * time.Second
	lateness = time.Second
)

// late reads a source of its own, whose records come later than its watermarks allow: which windows hold a record still depends
// on when watermarks come, but a record is in its window or late, and once. Two sinks follow.
func late(b *builder, _ stream) stream {
	const tooLate leat.Output[Rec] = "late"
	s := b.source(disorder / 4)
	windowed := s.KeyBy(key).Window(window.Tumbling(lateSize)).AllowLateness(lateness).LateTo(tooLate)
	lateIn(b, s, windowed.Aggregate(b.name("late"), agg.Count), tooLate, window.Accumulating)
	return stream{}
}

// lateTriggered is late with windows that fire early and late, in each mode: what the panes come to is the same.
func lateTriggered(b *builder, _ stream) stream {
	const tooLate leat.Output[Rec] = "late"
	trigger := window.OnTime().Early(window.AtCount(2 + b.IntN(3))).Late(window.AtCount(1 + b.IntN(3)))
	for _, mode := range []window.Mode{window.Accumulating, window.Discarding, window.Retracting} {
		s := b.source(disorder / 4)
		windowed := s.KeyBy(key).Window(window.Tumbling(lateSize)).Trigger(trigger).Mode(mode).AllowLateness(lateness).LateTo(tooLate)
		lateIn(b, s, windowed.Aggregate(b.name("late"), agg.Count), tooLate, mode)
	}
	return stream{}
}

// lateIn has the panes of windows and their late records compared with the source's.
func lateIn(b *builder, s stream, panes *leat.Stream[leat.Pane[int64, int64]], tooLate leat.Output[Rec], mode window.Mode) {
	last := panes.KeyBy(leat.PaneKey).Process(b.name("last"), func(op *leat.Operator[int64, Rec]) func(leat.Pane[int64, int64]) error {
		counts := op.Map[int64, int64]("counts")
		done := op.EventTimer("done", func(time.Time) error {
			for start, n := range counts.All() {
				op.Emit(Rec{Key: op.Key(), At: start, N: n})
			}
			return nil
		})
		return func(p leat.Pane[int64, int64]) error {
			start := p.Start.UnixNano()
			counts.Set(start, withPane(counts.Get(start), p, mode))
			done.At(end)
			return nil
		}
	})
	all := func() []string {
		var lines []string
		for _, r := range s.all() {
			lines = append(lines, windowLine(r.Rec))
		}
		return lines
	}
	group := b.name("late records")
	b.into(last, output{group: group, oracle: all, fold: func(r Rec) (string, int) { return windowLine(r), int(r.N) }})
	b.into(panes.Side(tooLate), output{group: group, oracle: func() []string { return nil }, fold: func(r Rec) (string, int) { return windowLine(r), 1 }})
}

// withPane is what the panes of a window come to, with one more.
func withPane(count int64, p leat.Pane[int64, int64], mode window.Mode) int64 {
	switch {
	case mode == window.Accumulating:
		return max(count, p.Value)
	case p.Retract:
		return count - p.Value
	}
	return count + p.Value
}

// windowLine names the window that a record is in.
func windowLine(r Rec) string { return fmt.Sprint(r.Key, " ", slotStart(r.At, lateSize, 0)) }

// parseRecord reads a line that a sink of JSON has written.
func parseRecord(line string) (Rec, error) {
	var r Rec
	err := json.Unmarshal([]byte(line), &r)
	return r, err
}
