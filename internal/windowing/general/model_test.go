package general

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// model is the operator by the book: every window keeps every record, and everything is looked for by going through all.
type model struct {
	settings
	spec    window.Spec
	rule    window.Rule[rec]
	firing  window.Firing
	custom  string // the name of the trigger by record
	result  func([]event) string
	group   func(key string) int
	wms     map[int]int64 // by key group
	befores map[int]int64 // likewise, the last one that was not the end of time
	since   map[int]int64 // likewise, the highest since the last restore: what timers go by
	now     int64
	open    map[string][]*modelWindow
	counts  map[string]int64
	out     []pane
	late    []event
}

// modelWindow is a window that has not been dropped.
type modelWindow struct {
	start, end int64 // of count windows in records
	events     []event
	added      int // since the last pane
	panes      int
	ended      bool
	fireAt     int64 // NoTime: not set
	tickAt     int64
	least      int64 // of all that came since the content was dropped, evicted ones included
	most       int64
	stands     []pane

	// What the triggers by record keep.
	sum  int64
	last *rec
}

func newModel(s settings, custom string, result func([]event) string, group func(string) int) *model {
	m := &model{
		settings: s, firing: s.firing(), custom: custom, result: result, group: group,
		wms: map[int]int64{}, befores: map[int]int64{}, since: map[int]int64{}, open: map[string][]*modelWindow{}, counts: map[string]int64{},
	}
	m.spec, m.rule = s.spec()
	return m
}

// clone is the model as a restore from here finds it.
func (m *model) clone() *model {
	c := *m
	c.out, c.late = nil, nil
	c.wms, c.befores, c.counts, c.since = maps.Clone(m.wms), maps.Clone(m.befores), maps.Clone(m.counts), map[int]int64{}
	c.open = map[string][]*modelWindow{}
	for key, all := range m.open {
		for _, w := range all {
			copied := *w
			copied.events, copied.stands = slices.Clone(w.events), slices.Clone(w.stands)
			c.open[key] = append(c.open[key], &copied)
		}
	}
	return &c
}

// restored forgets what a restore does not bring back, and keeps what has come out.
func (m *model) restored() *model {
	c := m.clone()
	c.out, c.late = m.out, m.late
	return c
}

func (m *model) wm(key string) int64 {
	if at, ok := m.wms[m.group(key)]; ok && !m.spec.Processing {
		return at
	}
	return flow.NoTime
}

func (m *model) sessions() bool {
	return m.spec.Kind == window.Sessions || m.spec.Kind == window.RuledSessions
}

func (m *model) timeless() bool {
	return m.spec.Kind == window.Counted || m.spec.Kind == window.Unending
}

// over is the time at which a window that ends then is over, so long after its end.
func (m *model) over(end int64, lateness time.Duration) int64 {
	if !m.sessions() && !m.spec.Processing {
		end--
	}
	return end + int64(lateness)
}

func (m *model) window(key string, start, end int64) (w *modelWindow, fresh bool) {
	for _, w := range m.open[key] {
		if w.start == start && w.end == end {
			return w, false
		}
	}
	w = &modelWindow{start: start, end: end, fireAt: flow.NoTime, tickAt: flow.NoTime, least: math.MaxInt64, most: flow.NoTime}
	m.open[key] = append(m.open[key], w)
	return w, true
}

func (m *model) drop(key string, w *modelWindow) {
	m.open[key] = slices.DeleteFunc(m.open[key], func(other *modelWindow) bool { return other == w })
}

func (m *model) receive(e event) {
	switch m.spec.Kind {
	case window.Counted:
		m.receiveCounted(e)
		return
	case window.Unending:
		w, _ := m.window(e.key, 0, 0)
		m.add(e, w)
		return
	}
	at := e.at
	if m.spec.Processing {
		at = m.now
	}
	if m.sessions() {
		m.receiveSession(e, at)
		return
	}
	spans := m.spans(e, at)
	kept := false
	for _, s := range spans {
		if m.over(s[1], m.lateness) <= m.wm(e.key) {
			continue
		}
		kept = true
		w, fresh := m.window(e.key, s[0], s[1])
		if fresh && m.over(w.end, 0) <= m.wm(e.key) {
			w.ended = true
		}
		m.add(e, w)
	}
	if !kept && len(spans) > 0 {
		m.late = append(m.late, e)
	}
}

// spans are the windows that hold a time: all that there are near it are looked at.
func (m *model) spans(e event, at int64) (all [][2]int64) {
	size, slide, offset := int64(m.spec.Size), int64(m.spec.Slide), int64(m.spec.Offset)
	switch m.spec.Kind {
	case window.Ruled:
		for s := range m.rule.Spans(e.rec, time.Unix(0, at).UTC()) {
			all = append(all, [2]int64{s.Start.UnixNano(), s.End.UnixNano()})
		}
	case window.Aligned:
		for start := at - size - slide; start <= at; start++ {
			if (start-offset)%slide == 0 && start+size > at {
				all = append(all, [2]int64{start, start + size})
			}
		}
	case window.Cumulative:
		for start := at - size; start <= at; start++ {
			for end := start + slide; (start-offset)%size == 0 && end <= start+size; end += slide {
				if end > at {
					all = append(all, [2]int64{start, end})
				}
			}
		}
	}
	return all
}

func (m *model) receiveCounted(e event) {
	m.counts[e.key]++
	n, size, every := m.counts[e.key], int64(m.spec.Count), int64(m.spec.Every)
	for end := every; end-size < n; end += every {
		if end < n {
			continue
		}
		w, _ := m.window(e.key, end-size, end)
		w.hold(e)
		if end == n {
			m.emit(e.key, w, window.PaneOnTime, false, flow.NoTime)
			m.drop(e.key, w)
		}
	}
}

func (m *model) receiveSession(e event, at int64) {
	gap := int64(m.spec.Size)
	if m.rule.Gap != nil {
		gap = int64(m.rule.Gap(e.rec))
	}
	start, end := at, at+gap
	var touched []*modelWindow
	for _, w := range m.open[e.key] {
		if w.start <= at+gap && w.end >= at {
			touched = append(touched, w)
			start, end = min(start, w.start), max(end, w.end)
		}
	}
	if m.over(end, m.lateness) <= m.wm(e.key) {
		m.late = append(m.late, e)
		return
	}
	slices.SortFunc(touched, func(a, b *modelWindow) int { return cmp.Compare(a.start, b.start) })
	var into *modelWindow
	fresh := len(touched) == 0
	if fresh {
		into, _ = m.window(e.key, start, end)
	} else {
		into = touched[0]
	}
	for _, w := range touched[min(1, len(touched)):] {
		into.merge(w)
		m.drop(e.key, w)
	}
	into.start, into.end = start, end
	if m.over(end, 0) > m.wm(e.key) {
		into.ended = false
	} else if fresh {
		into.ended = true
	}
	m.add(e, into)
}

func (w *modelWindow) merge(other *modelWindow) {
	w.events, w.stands = append(w.events, other.events...), append(w.stands, other.stands...)
	w.added, w.panes, w.ended = w.added+other.added, w.panes+other.panes, w.ended || other.ended
	w.sum += other.sum
	if other.last != nil {
		w.last = other.last
	}
	earlier := func(a, b int64) int64 {
		if a == flow.NoTime || b != flow.NoTime && b < a {
			return b
		}
		return a
	}
	w.fireAt, w.tickAt = earlier(w.fireAt, other.fireAt), earlier(w.tickAt, other.tickAt)
}

func (w *modelWindow) hold(e event) {
	w.events = append(w.events, e)
	w.added++
	if e.at != flow.NoTime {
		w.least, w.most = min(w.least, e.at), max(w.most, e.at)
	}
}

// add takes a record into a window, and asks the trigger.
func (m *model) add(e event, w *modelWindow) {
	if m.spec.Processing {
		e.at = m.now
	}
	w.hold(e)
	if m.custom != "" {
		m.decide(e, w)
		return
	}
	part := m.part(w)
	switch {
	case part == nil:
	case part.Kind == window.AtNumbers && w.added >= part.Count:
		m.emit(e.key, w, w.timing(), m.purges(part), flow.NoTime)
	case part.Kind == window.AtIntervals:
		m.arm(e, w, part)
	}
}

func (w *modelWindow) timing() window.Timing {
	if w.ended {
		return window.PaneLate
	}
	return window.PaneEarly
}

// part is the part of the trigger that is in charge: before the end, or after it.
func (m *model) part(w *modelWindow) *window.Firing {
	each := &window.Firing{Kind: window.AtNumbers, Count: 1}
	f := m.firing
	switch {
	case f.Kind == window.AtNumbers, f.Kind == window.AtIntervals && !w.ended:
		return &f
	case f.Kind == window.AtIntervals:
		return each
	case !w.ended:
		return f.Early
	case f.Late != nil:
		return f.Late
	}
	return each
}

func (m *model) purges(part *window.Firing) bool {
	return m.mode == window.Discarding || m.firing.Purging || part != nil && part.Purging
}

func (m *model) arm(e event, w *modelWindow, part *window.Firing) {
	if part.Processing {
		due := next(m.now, int64(part.Interval))
		if w.tickAt == flow.NoTime && !(m.spec.Processing && due >= w.end) {
			w.tickAt = due
		}
		return
	}
	at := e.at
	if wm := m.wm(e.key); wm != flow.NoTime {
		at = max(at, wm+1)
	}
	due := next(at, int64(part.Interval)) - 1
	if !m.timeless() && !w.ended && due >= m.over(w.end, 0) {
		return
	}
	if w.fireAt == flow.NoTime || due < w.fireAt {
		w.fireAt = due
	}
}

// next is the first multiple of an interval after a time.
func next(at, interval int64) int64 {
	for at++; at%interval != 0; at++ {
	}
	return at
}

// decide is what the triggers of the tests do.
func (m *model) decide(e event, w *modelWindow) {
	purge := m.mode == window.Discarding
	switch m.custom {
	case "sum":
		if w.sum += e.rec.V; w.sum >= 5 {
			w.sum = 0
			m.emit(e.key, w, w.timing(), true, flow.NoTime)
		}
	case "delta":
		far := w.last != nil && max(e.rec.V-w.last.V, w.last.V-e.rec.V) > 1
		if far || w.last == nil {
			w.last = &e.rec
		}
		if far {
			m.emit(e.key, w, w.timing(), purge, flow.NoTime)
		}
	case "goodbye":
		if e.rec.V == 0 {
			m.emit(e.key, w, w.timing(), purge, flow.NoTime)
		} else if e.rec.V < 0 {
			m.purge(w)
		}
	case "ends":
		w.fireAt = m.over(w.end, 0)
	}
}

func (m *model) purge(w *modelWindow) {
	w.events, w.stands, w.added = nil, nil, 0
	w.least, w.most = math.MaxInt64, flow.NoTime
	if m.spec.Kind == window.Unending {
		w.panes = 0
	}
}

// emit emits a pane of what the evictors leave.
func (m *model) emit(key string, w *modelWindow, timing window.Timing, purge bool, reached int64) {
	if len(w.events) == 0 {
		return
	}
	w.evict(m.settings)
	p := pane{key: key, start: w.start, end: w.end, at: w.end - 1, timing: timing, index: w.panes}
	if m.sessions() {
		p.at = w.end
	}
	if m.timeless() {
		p.end = w.most
		if w.most != flow.NoTime {
			p.end++
		}
		if reached != flow.NoTime {
			p.end = max(p.end, reached+1)
		}
		if p.start, p.at = min(w.least, p.end-1), p.end-1; p.end == flow.NoTime {
			p.start, p.at = flow.NoTime, flow.NoTime
		}
	}
	p.v = m.result(w.events)
	if m.mode == window.Retracting {
		for _, stood := range w.stands {
			stood.retract, stood.at = true, p.at
			m.out = append(m.out, stood)
		}
		w.stands = []pane{p}
	}
	m.out = append(m.out, p)
	w.panes++
	w.added = 0
	if purge {
		m.purge(w)
	}
}

func (w *modelWindow) evict(s settings) {
	newest, latest := w.events[len(w.events)-1], int64(math.MinInt64)
	for _, e := range w.events {
		latest = max(latest, e.at)
	}
	var kept []event
	is := window.EvictionOf(s.evict)
	for i, e := range w.events {
		switch {
		case is.Kind == window.ByNumber && i < len(w.events)-is.Last:
		case is.Kind == window.ByAge && e.at < latest-int64(is.For):
		case is.Kind == window.ByAge:
			kept = append(kept, e)
		default:
			kept = append(kept, e)
		}
	}
	if newest = kept[len(kept)-1]; s.evictBy != nil {
		kept = slices.DeleteFunc(kept, func(e event) bool { return e.rec.Seq != newest.rec.Seq && s.evictBy(e.rec, newest.rec) })
	}
	w.events = kept
}

// advance moves the watermark of the key groups for which is is true.
func (m *model) advance(wm int64, is func(group int) bool) {
	for g := range groups {
		if !is(g) {
			continue
		}
		raise(m.wms, g, wm)
		raise(m.since, g, wm)
		if wm != flow.EndTime {
			raise(m.befores, g, wm)
		}
	}
	if !m.spec.Processing {
		m.due(func(key string) int64 {
			if g := m.group(key); is(g) {
				return m.since[g]
			}
			return flow.NoTime
		})
	}
	if wm == flow.EndTime {
		m.tick(flow.EndTime)
	}
}

func raise(wms map[int]int64, g int, wm int64) {
	if old, ok := wms[g]; !ok || old < wm {
		wms[g] = wm
	}
}

// tick moves the clock.
func (m *model) tick(now int64) {
	if now != flow.EndTime {
		m.now = now
	}
	if m.spec.Processing {
		m.due(func(string) int64 { return now })
	}
	for key, all := range m.open {
		for _, w := range slices.Clone(all) {
			if w.tickAt != flow.NoTime && w.tickAt <= now {
				m.fireTick(key, w)
			}
		}
	}
}

func (m *model) fireTick(key string, w *modelWindow) {
	w.tickAt = flow.NoTime
	part := m.part(w)
	if part == nil || part.Kind != window.AtIntervals || !part.Processing || w.added == 0 {
		return
	}
	reached, ok := m.befores[m.group(key)]
	if !ok {
		reached = flow.NoTime
	} else {
		reached++
	}
	m.emit(key, w, w.timing(), m.purges(part), reached)
}

// due has the windows do what event time, or the clock, has made due: each one's times in their order.
func (m *model) due(upTo func(key string) int64) {
	for key, all := range m.open {
		for _, w := range slices.Clone(all) {
			for m.step(key, w, upTo(key)) {
			}
		}
	}
}

// step does the next thing that is due for a window, and says whether there was any.
func (m *model) step(key string, w *modelWindow, upTo int64) bool {
	end := int64(math.MaxInt64)
	if !m.timeless() {
		end = m.over(w.end, 0)
		if w.ended {
			end = m.over(w.end, m.lateness)
		}
	}
	if w.fireAt != flow.NoTime && w.fireAt <= min(end, upTo) {
		m.fireBetween(key, w)
		return true
	}
	if m.spec.Processing && w.tickAt != flow.NoTime && w.tickAt <= min(end, upTo) {
		m.fireTick(key, w)
		return true
	}
	if m.timeless() || end > upTo {
		return false
	}
	drop := w.ended || m.lateness == 0
	purge := m.purges(nil)
	switch {
	case m.custom != "":
	case !w.ended && m.firing.Kind != window.AtNumbers && (w.added > 0 || !purge):
		m.emit(key, w, window.PaneOnTime, purge, flow.NoTime)
	case w.ended && m.firing.Kind == window.AtEnd && w.added > 0:
		m.emit(key, w, window.PaneLate, purge, flow.NoTime)
	}
	w.ended = true
	if drop {
		m.drop(key, w)
	}
	return !drop
}

func (m *model) fireBetween(key string, w *modelWindow) {
	at := w.fireAt
	w.fireAt = flow.NoTime
	if m.custom != "" {
		timing := w.timing()
		if !w.ended && !m.timeless() && at >= m.over(w.end, 0) {
			timing = window.PaneOnTime
		}
		if w.added > 0 || m.mode != window.Discarding {
			m.emit(key, w, timing, m.mode == window.Discarding, at)
		}
		return
	}
	if part := m.part(w); part != nil && part.Kind == window.AtIntervals && !part.Processing && w.added > 0 {
		m.emit(key, w, w.timing(), m.purges(part), at)
	}
}
