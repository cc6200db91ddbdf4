package joining

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// model is what a join does, as simply as can be: it keeps every record, and goes through all of them.
type model struct {
	settings
	group func(key string) int
	reach []int64 // how far event time has come, by key group
	keys  map[string]*modelKey
	out   []string
	late  []string
	count int64
}

// modelKey is the accepted records of a key, in the order in which they came.
type modelKey struct {
	all      []event
	paired   map[int]bool    // ids of records that had a partner
	settled  map[int]bool    // of records of which it was said whether they had
	pairs    map[[2]int]bool // that were emitted, of sessions
	panes    map[int64]int   // by the end of a window: how many there were
	sessions []modelSession
}

type modelSession struct {
	start, end int64
	ids        []int
	fired      bool
	panes      int
}

func newModel(s settings, group func(string) int) *model {
	m := &model{settings: s, group: group, keys: map[string]*modelKey{}, reach: make([]int64, s.groups)}
	for g := range m.reach {
		m.reach[g] = flow.NoTime
	}
	return m
}

func (m *model) clone() *model {
	c := *m
	c.reach, c.out, c.late, c.keys = slices.Clone(m.reach), slices.Clone(m.out), slices.Clone(m.late), map[string]*modelKey{}
	for key, k := range m.keys {
		d := &modelKey{slices.Clone(k.all), maps.Clone(k.paired), maps.Clone(k.settled), maps.Clone(k.pairs), maps.Clone(k.panes), nil}
		for _, s := range k.sessions {
			s.ids = slices.Clone(s.ids)
			d.sessions = append(d.sessions, s)
		}
		c.keys[key] = d
	}
	return &c
}

func (m *model) of(key string) *modelKey {
	if m.keys[key] == nil {
		m.keys[key] = &modelKey{
			paired: map[int]bool{}, settled: map[int]bool{}, pairs: map[[2]int]bool{}, panes: map[int64]int{},
		}
	}
	return m.keys[key]
}

func (m *model) lateOf(second bool) int64 { return int64(m.lateness.of(!second)) }

func (m *model) tooLate(e event) {
	m.count++
	if e.second {
		m.late = append(m.late, fmt.Sprintf("-%d @%d", e.id, e.at))
	} else {
		m.late = append(m.late, fmt.Sprintf("%d- @%d", e.id, e.at))
	}
}

func (m *model) pair(a, b event, at int64) {
	if m.kind != "anti" && m.kind != "group" {
		m.out = append(m.out, fmt.Sprintf("%d-%d @%d", a.id, b.id, at))
	}
}

func (m *model) alone(e event, at int64) {
	switch {
	case !e.second && m.wants("left", "full", "anti"):
		m.out = append(m.out, fmt.Sprintf("%d- @%d", e.id, at))
	case e.second && m.wants("right", "full"):
		m.out = append(m.out, fmt.Sprintf("-%d @%d", e.id, at))
	}
}

func (m *model) receive(e event) {
	k, reach := m.of(e.key), m.reach[m.group(e.key)]
	switch {
	case m.by == "within":
		m.receiveWithin(k, e, reach)
	case m.by == "asof":
		m.receiveAsOf(k, e, reach)
	case window.SpecOf(m.windows).Kind == window.Sessions:
		m.receiveSession(k, e, reach)
	default:
		m.receiveWindow(k, e, reach)
	}
}

func (m *model) advance(group int, wm int64) {
	was := m.reach[group]
	if wm <= was {
		return
	}
	m.reach[group] = wm
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		if m.group(key) != group {
			continue
		}
		k := m.keys[key]
		switch {
		case m.by == "within":
			m.settleAll(k, wm)
		case m.by == "asof":
			m.dueAsOf(k, was, wm)
		case window.SpecOf(m.windows).Kind == window.Sessions:
			m.dueSessions(k, wm)
		default:
			m.dueWindows(k, was, wm)
		}
	}
}

// within

func (m *model) receiveWithin(k *modelKey, e event, reach int64) {
	if e.at <= before(reach, m.lateOf(e.second)) {
		m.tooLate(e)
		return
	}
	for _, o := range k.all {
		a, b := e, o
		if e.second {
			a, b = o, e
		}
		if o.second != e.second && b.at >= a.at+m.from && b.at <= a.at+m.to {
			k.paired[e.id], k.paired[o.id] = true, true
			m.pair(a, b, max(a.at, b.at))
		}
	}
	k.all = append(k.all, e)
	m.settle(k, e, reach)
}

// settle says that a record has no partner, once none can come.
func (m *model) settle(k *modelKey, e event, wm int64) {
	sure := e.at + m.to + int64(m.lateness.Second)
	if e.second {
		sure = e.at - m.from + int64(m.lateness.First)
	}
	if sure > wm || k.settled[e.id] {
		return
	}
	k.settled[e.id] = true
	if !k.paired[e.id] {
		m.alone(e, max(e.at, sure))
	}
}

func (m *model) settleAll(k *modelKey, wm int64) {
	for _, e := range k.all {
		m.settle(k, e, wm)
	}
}

// as of

func (m *model) receiveAsOf(k *modelKey, e event, reach int64) {
	horizon := before(reach, m.lateOf(false))
	newer := func(o event) bool { return o.second && o.at > e.at && o.at <= horizon }
	switch {
	case e.second && slices.ContainsFunc(k.all, newer), !e.second && e.at <= horizon:
		m.tooLate(e)
		return
	case !e.second && e.at <= reach:
		m.version(k, e)
	}
	k.all = append(k.all, e)
}

func (m *model) version(k *modelKey, e event) {
	var held *event
	for i, o := range k.all {
		if o.second && o.at <= e.at && (held == nil || o.at >= held.at) {
			held = &k.all[i]
		}
	}
	if held == nil {
		m.alone(e, e.at)
	} else {
		m.pair(e, *held, e.at)
	}
}

func (m *model) dueAsOf(k *modelKey, was, wm int64) {
	for _, e := range k.all {
		if !e.second && e.at > was && e.at <= wm {
			m.version(k, e)
		}
	}
}

// windows

// ends are the windows that a time is in.
func (m *model) ends(at int64) (all [][2]int64) {
	s := window.SpecOf(m.windows)
	size, slide, offset := int64(s.Size), int64(s.Slide), int64(s.Offset)
	if s.Kind == window.Cumulative {
		start := offset + floored(at-offset, size)*size
		for end := start + slide; end <= start+size; end += slide {
			if end > at {
				all = append(all, [2]int64{start, end})
			}
		}
		return all
	}
	for start := offset + floored(at-offset, slide)*slide; start > at-size; start -= slide {
		all = append(all, [2]int64{start, start + size})
	}
	slices.Reverse(all)
	return all
}

func floored(a, b int64) int64 { return int64(math.Floor(float64(a) / float64(b))) }

func (m *model) receiveWindow(k *modelKey, e event, reach int64) {
	all := m.ends(e.at)
	if len(all) == 0 {
		return
	}
	if all[len(all)-1][1]-1 <= before(reach, m.lateOf(e.second)) {
		m.tooLate(e)
		return
	}
	k.all = append(k.all, e)
	kept := before(reach, max(m.lateOf(false), m.lateOf(true)))
	for _, w := range all {
		switch end := w[1] - 1; {
		case end <= kept || end > reach:
		case m.kind == "group":
			m.pane(k, w, window.PaneLate)
		default:
			m.lateOne(k, e, w)
		}
	}
}

// in are the accepted records of a side in a window.
func (k *modelKey) in(w [2]int64, second bool) (all []event) {
	for _, e := range k.all {
		if e.second == second && e.at >= w[0] && e.at < w[1] {
			all = append(all, e)
		}
	}
	return all
}

func (m *model) lateOne(k *modelKey, e event, w [2]int64) {
	others := k.in(w, !e.second)
	if len(others) == 0 {
		m.alone(e, w[1]-1)
	}
	for _, o := range others {
		if e.second {
			m.pair(o, e, w[1]-1)
		} else {
			m.pair(e, o, w[1]-1)
		}
	}
}

func (m *model) dueWindows(k *modelKey, was, wm int64) {
	due := map[[2]int64]bool{}
	for _, e := range k.all {
		for _, w := range m.ends(e.at) {
			due[w] = due[w] || w[1]-1 > was && w[1]-1 <= wm
		}
	}
	for w, fires := range due {
		if !fires {
			continue
		}
		if m.kind == "group" {
			m.pane(k, w, window.PaneOnTime)
			continue
		}
		m.cross(k.in(w, false), k.in(w, true), w[1]-1)
	}
}

func (m *model) cross(first, second []event, at int64) {
	for _, a := range first {
		if len(second) == 0 {
			m.alone(a, at)
		}
		for _, b := range second {
			m.pair(a, b, at)
		}
	}
	for _, b := range second {
		if len(first) == 0 {
			m.alone(b, at)
		}
	}
}

func (m *model) pane(k *modelKey, w [2]int64, timing window.Timing) {
	m.out = append(m.out, groupText(w[0], w[1], ids(k.in(w, false)), ids(k.in(w, true)), timing, k.panes[w[1]]))
	k.panes[w[1]]++
}

func ids(all []event) (out []int) {
	for _, e := range all {
		out = append(out, e.id)
	}
	return out
}

// sessions

func (m *model) receiveSession(k *modelKey, e event, reach int64) {
	s := modelSession{start: e.at, end: e.at + int64(window.SpecOf(m.windows).Size)}
	var rest []modelSession
	last, touched := s.end, 0
	slices.SortFunc(k.sessions, func(a, b modelSession) int { return cmp.Compare(a.start, b.start) })
	for _, o := range k.sessions {
		if o.start <= s.end && o.end >= s.start {
			last = max(last, o.end)
			touched++
		}
	}
	if last <= before(reach, m.lateOf(e.second)) {
		m.tooLate(e)
		return
	}
	own := s
	for _, o := range k.sessions {
		if o.start > own.end || o.end < own.start {
			rest = append(rest, o)
			continue
		}
		s.start, s.end = min(s.start, o.start), max(s.end, o.end)
		s.ids, s.fired, s.panes = append(s.ids, o.ids...), s.fired || o.fired, s.panes+o.panes
	}
	s.ids = append(s.ids, e.id)
	k.all = append(k.all, e)
	if last <= reach && (touched == 0 || s.fired) {
		m.fireSession(k, &s, window.PaneLate)
	} else if s.fired && s.end > reach {
		s.fired = false
	}
	k.sessions = append(rest, s)
}

func (m *model) fireSession(k *modelKey, s *modelSession, timing window.Timing) {
	var first, second []event
	for _, e := range k.all {
		if slices.Contains(s.ids, e.id) {
			if e.second {
				second = append(second, e)
			} else {
				first = append(first, e)
			}
		}
	}
	if m.kind == "group" {
		m.out = append(m.out, groupText(s.start, s.end, ids(first), ids(second), timing, s.panes))
	} else {
		m.freshPairs(k, first, second, s.end)
	}
	s.fired = true
	s.panes++
}

// freshPairs emits the pairs that have not been emitted, and the records that no pane has had and that are alone.
func (m *model) freshPairs(k *modelKey, first, second []event, at int64) {
	for _, a := range first {
		for _, b := range second {
			if id := [2]int{a.id, b.id}; !k.pairs[id] {
				k.pairs[id] = true
				m.pair(a, b, at)
			}
		}
	}
	for _, e := range slices.Concat(first, second) {
		others := len(first)
		if !e.second {
			others = len(second)
		}
		if others == 0 && !k.settled[e.id] {
			m.alone(e, at)
		}
		k.settled[e.id] = true
	}
}

func (m *model) dueSessions(k *modelKey, wm int64) {
	kept := before(wm, max(m.lateOf(false), m.lateOf(true)))
	var rest []modelSession
	for _, s := range k.sessions {
		if s.end <= wm && !s.fired {
			m.fireSession(k, &s, window.PaneOnTime)
		}
		if s.end > kept {
			rest = append(rest, s)
		}
	}
	k.sessions = rest
}
