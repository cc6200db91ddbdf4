package windowing

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// model is window operators by the book: every window keeps every record, and nothing is shared.
type model struct {
	spec     window.Spec
	lateness int64
	result   func([]event) string
	group    func(key string) int
	wms      map[int]int64 // by key group
	open     map[string][]*modelWindow
	out      []pane
	late     []event
}

type modelWindow struct {
	start, end int64
	events     []event
	fired      bool
	panes      int
}

func newModel(s settings, result func([]event) string, group func(string) int) *model {
	return &model{
		spec: window.SpecOf(s.windows), lateness: int64(s.lateness), result: result, group: group,
		wms: map[int]int64{}, open: map[string][]*modelWindow{},
	}
}

func (m *model) clone() *model {
	c := *m
	c.out, c.late = nil, nil
	c.wms = maps.Clone(m.wms)
	c.open = map[string][]*modelWindow{}
	for key, all := range m.open {
		for _, w := range all {
			copied := *w
			copied.events = slices.Clone(w.events)
			c.open[key] = append(c.open[key], &copied)
		}
	}
	return &c
}

func (m *model) wm(key string) int64 {
	if at, ok := m.wms[m.group(key)]; ok {
		return at
	}
	return flow.NoTime
}

func (m *model) due(w *modelWindow, wm int64) bool { return m.last(w.end) <= wm }

func (m *model) over(end, wm int64) bool {
	return wm == flow.EndTime || wm != flow.NoTime && m.last(end)+m.lateness <= wm
}

// last is the last time at which a record may belong to a window that ends then.
func (m *model) last(end int64) int64 {
	if m.spec.Kind == window.Sessions {
		return end
	}
	return end - 1
}

func (m *model) receive(e event) {
	if m.spec.Kind == window.Sessions {
		m.receiveSession(e)
		return
	}
	wm, in, taken := m.wm(e.key), 0, false
	for _, at := range m.windows(e.at) {
		in++
		if m.over(at[1], wm) {
			continue
		}
		taken = true
		w := m.window(e.key, at[0], at[1])
		w.events = append(w.events, e)
		if m.due(w, wm) {
			m.emit(e.key, w, window.PaneLate)
		}
	}
	if in > 0 && !taken {
		m.late = append(m.late, e)
	}
}

// quarter is a time of which all zones' clocks are multiples apart, by now.
const quarter = 15 * time.Minute

// begins says whether a window of calendar days begins then.
func (m *model) begins(t time.Time) bool {
	clock := t.Add(-m.spec.Offset)
	days := time.Date(clock.Year(), clock.Month(), clock.Day(), 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
	return clock.Hour() == 0 && clock.Minute() == 0 && floor(days, int64(m.spec.Days))*int64(m.spec.Days) == days
}

// windows are those that a time is in, by trying.
func (m *model) windows(at int64) (all [][2]int64) {
	size, slide, offset := int64(m.spec.Size), int64(m.spec.Slide), int64(m.spec.Offset)
	switch m.spec.Kind {
	case window.Calendar:
		start := time.Unix(0, at).In(m.spec.Zone).Truncate(quarter)
		for !m.begins(start) {
			start = start.Add(-quarter)
		}
		end := start.Add(quarter)
		for !m.begins(end) {
			end = end.Add(quarter)
		}
		return [][2]int64{{start.UnixNano(), end.UnixNano()}}
	case window.Cumulative:
		start := offset + floor(at-offset, size)*size
		for end := start + slide; end <= start+size; end += slide {
			if end > at {
				all = append(all, [2]int64{start, end})
			}
		}
	default:
		for start := offset + floor(at-offset, slide)*slide; start > at-size; start -= slide {
			all = append(all, [2]int64{start, start + size})
		}
	}
	return all
}

func floor(a, b int64) int64 {
	if q := a / b; q*b > a {
		return q - 1
	} else {
		return q
	}
}

func (m *model) window(key string, start, end int64) *modelWindow {
	for _, w := range m.open[key] {
		if w.start == start && w.end == end {
			return w
		}
	}
	w := &modelWindow{start: start, end: end}
	m.open[key] = append(m.open[key], w)
	return w
}

func (m *model) receiveSession(e event) {
	into := &modelWindow{start: e.at, end: e.at + int64(m.spec.Size)}
	var touched, rest []*modelWindow
	for _, w := range m.open[e.key] {
		if w.start <= e.at+int64(m.spec.Size) && w.end >= e.at {
			touched = append(touched, w)
			into.start, into.end = min(into.start, w.start), max(into.end, w.end)
		} else {
			rest = append(rest, w)
		}
	}
	wm := m.wm(e.key)
	if m.over(into.end, wm) {
		m.late = append(m.late, e)
		return
	}
	slices.SortFunc(touched, func(a, b *modelWindow) int { return cmp.Compare(a.start, b.start) })
	for _, w := range touched {
		into.events = append(into.events, w.events...)
		into.panes += w.panes
	}
	into.events = append(into.events, e)
	m.open[e.key] = append(rest, into)
	if m.due(into, wm) {
		m.emit(e.key, into, window.PaneLate)
	}
}

func (m *model) emit(key string, w *modelWindow, timing window.Timing) {
	events := slices.Clone(w.events)
	if m.spec.Kind == window.Aligned || m.spec.Kind == window.Cumulative { // slices are put together in order of time
		slice, offset := int64(m.spec.Slice()), int64(m.spec.Offset)
		slices.SortStableFunc(events, func(a, b event) int {
			return cmp.Compare(floor(a.at-offset, slice), floor(b.at-offset, slice))
		})
	}
	m.out = append(m.out, pane{key, w.start, w.end, m.result(events), timing, w.panes})
	w.panes++
	w.fired = true
}

// advance moves the watermark of the key groups for which is is true.
func (m *model) advance(wm int64, groups int, is func(group int) bool) {
	for g := range groups {
		if old, ok := m.wms[g]; is(g) && (!ok || old < wm) {
			m.wms[g] = wm
		}
	}
	for key, all := range m.open {
		at := m.wm(key)
		for _, w := range all {
			if !w.fired && m.due(w, at) {
				m.emit(key, w, window.PaneOnTime)
			}
		}
		m.open[key] = slices.DeleteFunc(all, func(w *modelWindow) bool { return m.over(w.end, at) })
	}
}
