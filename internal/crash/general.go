package main

import (
	"fmt"
	"slices"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/window"
)

// The blocks with windows of the general operator. Those whose panes depend on the order of a key's records bring the stream
// into order first.

// runOf is what a pane makes of records: it depends on their order.
func runOf(key, at int64, records []Rec, words ...any) Rec {
	out := Rec{Key: key, At: at, Tags: []string{fmt.Sprint(words...)}}
	for _, r := range records {
		out.N = (out.N*31 + r.N + r.ID) % 1_000_003
	}
	out.ID = int64(len(records))
	return out
}

func runOfPane(p leat.Pane[int64, []Rec]) Rec {
	return runOf(p.Key, p.End.UnixNano()-1, p.Value, p.Index, " ", p.Timing, " ", p.Retract)
}

// perKey is a model that works on each key's records by itself.
func perKey(f func(key int64, records []timed) []timed) func([]timed) []timed {
	return func(all []timed) (out []timed) {
		for key, records := range byKey(all, key) {
			out = append(out, f(key, records)...)
		}
		return out
	}
}

// plain are the records without their times, and the latest of these.
func plain(all []timed) (records []Rec, latest int64) {
	for _, r := range all {
		records = append(records, r.Rec)
		latest = max(latest, r.at)
	}
	return records, latest
}

// pane is a record at its time.
func pane(r Rec) timed { return timed{r.At, r} }

// counts are windows of so many records, some of which overlap.
func counts(b *builder, s stream) stream {
	s = b.inOrder(s)
	n, slide := 3+b.IntN(5), 1+b.IntN(3)
	panes := s.KeyBy(key).Window(window.SlidingCount(n, slide)).Aggregate(b.name("counts"), agg.Collect, b.options()...)
	out := panes.Map(func(p leat.Pane[int64, []Rec]) Rec { return runOf(p.Key, p.End.UnixNano()-1, p.Value) })
	return s.next(out, false, perKey(func(key int64, all []timed) (out []timed) {
		for to := slide; to <= len(all); to += slide {
			records, latest := plain(all[max(0, to-n):to])
			out = append(out, pane(runOf(key, latest, records)))
		}
		return out
	}))
}

// spending is the window that never ends, and fires and begins anew when a sum is large enough.
func spending(b *builder, s stream) stream {
	s = b.inOrder(s)
	const enough = 2500
	trigger := func(c *window.Control) func(Rec) window.Action {
		spent := c.Value[int64]("spent")
		return func(r Rec) window.Action {
			if spent.Set(spent.Get() + r.N); spent.Get() < enough {
				return window.Continue
			}
			spent.Clear()
			return window.FireAndPurge
		}
	}
	panes := s.KeyBy(key).Window(window.Global()).TriggerBy(trigger).Aggregate(b.name("spending"), agg.Collect, b.options()...)
	out := panes.Map(func(p leat.Pane[int64, []Rec]) Rec { return runOf(p.Key, p.End.UnixNano()-1, p.Value) })
	return s.next(out, false, perKey(func(key int64, all []timed) (out []timed) {
		from, spent := 0, int64(0)
		for i, r := range all {
			if spent += r.N; spent >= enough {
				records, latest := plain(all[from : i+1])
				out = append(out, pane(runOf(key, latest, records)))
				from, spent = i+1, 0
			}
		}
		return out
	}))
}

// bySlot deals the records of a key out by tumbling windows, in their order.
func bySlot(all []timed, size time.Duration) map[int64][]timed {
	slots := map[int64][]timed{}
	for _, r := range all {
		end := slotStart(r.at, size, 0) + int64(size)
		slots[end] = append(slots[end], r)
	}
	return slots
}

// triggered windows fire early, in one of the modes.
func triggered(mode window.Mode) block {
	return func(b *builder, s stream) stream {
		s = b.inOrder(s)
		size, n := time.Duration(4+b.IntN(8))*time.Second, 2+b.IntN(3)
		windowed := s.KeyBy(key).Window(window.Tumbling(size)).Trigger(window.OnTime().Early(window.AtCount(n))).Mode(mode)
		panes := windowed.Aggregate(b.name("triggered"), agg.Collect, b.options()...)
		return s.next(panes.Map(runOfPane), false, perKey(func(key int64, all []timed) (out []timed) {
			for end, records := range bySlot(all, size) {
				out = append(out, firings(key, end, records, n, mode)...)
			}
			return out
		}))
	}
}

// firings are the panes of a window that fires after each n records and on time.
func firings(key, end int64, all []timed, n int, mode window.Mode) (out []timed) {
	records, _ := plain(all)
	var last []Rec
	from, index, timing := 0, 0, window.PaneEarly
	fire := func(to int) {
		if mode == window.Retracting && index > 0 {
			out = append(out, pane(runOf(key, end-1, last, index-1, " ", window.PaneEarly, " ", true)))
		}
		if last = records[:to]; mode == window.Discarding {
			last = records[from:to]
		}
		out = append(out, pane(runOf(key, end-1, last, index, " ", timing, " ", false)))
		index++
		from = to
	}
	for to := n; to <= len(records); to += n {
		fire(to)
	}
	if timing = window.PaneOnTime; mode != window.Discarding || from < len(records) {
		fire(len(records))
	}
	return out
}

// evicted windows keep the last records that came, and of these the young ones.
func evicted(b *builder, s stream) stream {
	s = b.inOrder(s)
	size, n := time.Duration(4+b.IntN(8))*time.Second, 2+b.IntN(3)
	windowed := s.KeyBy(key).Window(window.Tumbling(size)).Trigger(window.OnTime().Early(window.AtCount(n + 1))).Evict(window.KeepLast(n))
	large := func(r, newest Rec) bool { return r.N > newest.N+500 }
	panes := windowed.EvictBy(large).Aggregate(b.name("evicted"), agg.Collect, b.options()...)
	return s.next(panes.Map(runOfPane), false, perKey(func(key int64, all []timed) (out []timed) {
		for end, records := range bySlot(all, size) {
			out = append(out, evictions(key, end, records, n, large)...)
		}
		return out
	}))
}

// evictions are the panes of a window that keeps n records, and fires after n and one more.
func evictions(key, end int64, all []timed, n int, evict func(r, newest Rec) bool) (out []timed) {
	var kept []Rec
	index := 0
	fire := func(timing window.Timing) {
		kept = slices.Clone(kept[max(0, len(kept)-n):])
		newest := len(kept) - 1
		last := kept[newest]
		kept = append(slices.DeleteFunc(kept[:newest], func(r Rec) bool { return evict(r, last) }), last)
		out = append(out, pane(runOf(key, end-1, kept, index, " ", timing, " ", false)))
		index++
	}
	for i, r := range all {
		if kept = append(kept, r.Rec); (i+1)%(n+1) == 0 {
			fire(window.PaneEarly)
		}
	}
	fire(window.PaneOnTime)
	return out
}

// sessionsBy are sessions that each record keeps open for a time of its own.
func sessionsBy(b *builder, s stream) stream {
	gap := func(r Rec) time.Duration { return time.Duration(300+r.N%5*200) * time.Millisecond }
	panes := s.KeyBy(slot).WindowBy(window.SessionBy(gap)).Aggregate(b.name("sessions-by"), agg.Collect, b.options()...)
	out := panes.Map(func(p leat.Pane[Slot, []Rec]) Rec { return sessionOf(p.Key, p.End.UnixNano(), p.Value) })
	return s.next(out, false, func(all []timed) (out []timed) {
		for slot, records := range byKey(all, slot) {
			for end, session := range sessionsOf(records, gap) {
				session, _ := plain(session)
				out = append(out, pane(sessionOf(slot, end, session)))
			}
		}
		return out
	})
}

// sessionsOf are the sessions of a key's records, by their ends.
func sessionsOf(records []timed, gap func(Rec) time.Duration) map[int64][]timed {
	sessions := map[int64][]timed{}
	var session []timed
	var end int64
	for _, r := range inTime(records) {
		if len(session) > 0 && r.at > end {
			sessions[end] = session
			session, end = nil, 0
		}
		session, end = append(session, r), max(end, r.at+int64(gap(r.Rec)))
	}
	if len(session) > 0 {
		sessions[end] = session
	}
	return sessions
}
