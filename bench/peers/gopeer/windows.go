package main

import "leat.dev/leat/bench/kit"

// The watermark of all loops with event time: the largest time seen less the disorder allowed, told every markEvery events.
const (
	disorder  = 1001
	markEvery = 1000
	endOfTime = 1 << 60
)

type stats struct{ sum, count, max int64 }

// A tumble is one open 10-second window: a map per window, reused when it has fired.
type tumble struct {
	end  int64
	keys map[uint64]stats
}

type tumbles struct {
	open []tumble
	free []map[uint64]stats
}

const tumbleSize = 10_000

// at is the map of the window that ts falls into. Events are in order, so that a new window is the last.
func (t *tumbles) at(ts int64) map[uint64]stats {
	end := ts - ts%tumbleSize + tumbleSize
	j := len(t.open) - 1
	for j >= 0 && t.open[j].end > end {
		j--
	}
	if j < 0 || t.open[j].end != end {
		keys := map[uint64]stats{}
		if last := len(t.free) - 1; last >= 0 {
			keys, t.free = t.free[last], t.free[:last]
		}
		t.open = append(t.open, tumble{end, keys})
		j = len(t.open) - 1
	}
	return t.open[j].keys
}

func (t *tumbles) fire(watermark int64, s *sink) {
	for len(t.open) > 0 && t.open[0].end-1 <= watermark {
		for _, a := range t.open[0].keys {
			s.emit(a.sum + a.count + a.max)
		}
		clear(t.open[0].keys)
		t.free = append(t.free, t.open[0].keys)
		t.open = t.open[1:]
	}
}

// tumbling (W2) emits sum, count and maximum of each key's values in each 10 seconds.
func tumbling(g *kit.Gen, n, warm uint64, m *kit.Meter, s *sink) {
	var windows tumbles
	for i := uint64(0); i < n; i++ {
		if i == warm {
			m.Start()
		}
		ts, k, v := g.Time(i), g.Key(i), kit.Value(i)
		keys := windows.at(ts)
		a := keys[k]
		a.sum += v
		a.count++
		a.max = max(a.max, v)
		keys[k] = a
		if i%markEvery == markEvery-1 {
			windows.fire(ts-disorder, s)
		}
	}
	windows.fire(endOfTime, s)
}

// slides are panes of one slide, and each key's count over the window's panes: a new pane is added, the expired one taken off.
type slides struct {
	size, count int64 // of a pane in milliseconds; of panes in a window
	panes       map[int64]map[uint64]int64
	total       map[uint64]int64
	next        int64 // the window that ends at next*size is the next to fire
	newest      int64
}

func newSlides(size, count int64) *slides {
	return &slides{size: size, count: count, panes: map[int64]map[uint64]int64{}, total: map[uint64]int64{}, next: 1}
}

// at is the pane that ts falls into.
func (w *slides) at(ts int64) map[uint64]int64 {
	p := ts / w.size
	keys := w.panes[p]
	if keys == nil {
		keys = map[uint64]int64{}
		w.panes[p] = keys
		w.newest = max(w.newest, p)
	}
	return keys
}

// fire calls emit after each slide that the watermark has passed, when total holds the window that ends there.
func (w *slides) fire(watermark int64, emit func(total map[uint64]int64)) {
	for ; w.next*w.size-1 <= watermark && w.next <= w.newest+w.count; w.next++ {
		for k, c := range w.panes[w.next-1] {
			w.total[k] += c
		}
		expired := w.next - 1 - w.count
		for k, c := range w.panes[expired] {
			if rest := w.total[k] - c; rest == 0 {
				delete(w.total, k)
			} else {
				w.total[k] = rest
			}
		}
		delete(w.panes, expired)
		emit(w.total)
	}
}

// sliding (W3) emits each key's count over the last 60 seconds, every second.
func sliding(g *kit.Gen, n, warm uint64, m *kit.Meter, s *sink) {
	windows := newSlides(1000, 60)
	emit := func(total map[uint64]int64) {
		for _, c := range total {
			s.emit(c)
		}
	}
	for i := uint64(0); i < n; i++ {
		if i == warm {
			m.Start()
		}
		ts := g.Time(i)
		windows.at(ts)[g.Key(i)]++
		if i%markEvery == markEvery-1 {
			windows.fire(ts-disorder, emit)
		}
	}
	windows.fire(endOfTime, emit)
}

const (
	sessionGap  = 5000
	sessionTick = 1000
)

type session struct{ last, count int64 }

// sessionTable holds at most one session a key, as events are in order, closed by timers in buckets of a second that are set
// again lazily: a timer that finds its session prolonged moves on.
type sessionTable struct {
	open       map[uint64]session
	timers     map[int64][]uint64
	next, last int64
}

func (t *sessionTable) setTimer(bucket int64, k uint64) {
	t.timers[bucket] = append(t.timers[bucket], k)
	t.last = max(t.last, bucket)
}

func (t *sessionTable) add(k uint64, ts int64, s *sink) {
	x := t.open[k]
	if x.count > 0 && ts-x.last > sessionGap { // sessions that abut merge, as in Flink
		s.emit(x.count)
		x.count = 0
	} else if x.count == 0 {
		t.setTimer((ts+sessionGap)/sessionTick, k)
	}
	x.last, x.count = ts, x.count+1
	t.open[k] = x
}

func (t *sessionTable) fire(watermark int64, s *sink) {
	for ; t.next <= watermark/sessionTick && t.next <= t.last; t.next++ {
		for _, k := range t.timers[t.next] {
			x := t.open[k]
			if end := x.last + sessionGap; end-1 <= watermark {
				s.emit(x.count)
				delete(t.open, k)
			} else {
				t.setTimer(max(end/sessionTick, t.next+1), k)
			}
		}
		delete(t.timers, t.next)
	}
}

// sessions (W4) emits each session's count of events; a session ends after five seconds without one.
func sessions(g *kit.Gen, n, warm uint64, m *kit.Meter, s *sink) {
	t := sessionTable{open: map[uint64]session{}, timers: map[int64][]uint64{}}
	for i := uint64(0); i < n; i++ {
		if i == warm {
			m.Start()
		}
		ts := g.Time(i)
		t.add(g.Key(i), ts, s)
		if i%markEvery == markEvery-1 {
			t.fire(ts-disorder, s)
		}
	}
	t.fire(endOfTime, s)
}
