package backendtest

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"testing"

	"leat.dev/leat/codec"
)

// state is all state of one key, in plain Go.
type state struct {
	value   *int64
	shared  []int64 // nil: absent
	list    []string
	items   map[string]int64
	ordered map[int64]int64
	sum     *int64
	recent  []int64
	timer   *int64
	timers  map[string]int64
	ttl     []expiring
}

func newState() *state {
	return &state{items: map[string]int64{}, ordered: map[int64]int64{}, timers: map[string]int64{}, ttl: newExpiring()}
}

func (m *state) empty() bool {
	return m.value == nil && m.shared == nil && len(m.list) == 0 && len(m.items) == 0 && len(m.ordered) == 0 &&
		m.sum == nil && m.recent == nil && m.timer == nil && len(m.timers) == 0 &&
		!slices.ContainsFunc(m.ttl, func(x expiring) bool { return !x.empty() })
}

func (m *state) due(now int64) bool {
	for _, at := range m.timers {
		if at <= now {
			return true
		}
	}
	return m.timer != nil && *m.timer <= now
}

// ring unsets a timer, and says whether it was set to that time.
func (m *state) ring(item string, at int64) bool {
	if item == "" {
		ok := m.timer != nil && *m.timer == at
		m.timer = nil
		return ok
	}
	set, ok := m.timers[item]
	delete(m.timers, item)
	return ok && set == at
}

// The codecs of the states.
var (
	numbers = codec.Struct[[]int64]()
	text    = codec.Struct[string]()
)

func encoded[V any](c codec.Codec[V], v V) []byte {
	b, err := c.Append(nil, v)
	if err != nil {
		panic(err) // of a derived codec for a plain type
	}
	return b
}

// render gives the entries as a snapshot has them.
func (m *state) render(put func(state string, item, value []byte)) {
	single := func(name string, v *int64) {
		if v != nil {
			put(name, nil, number(*v))
		}
	}
	single("value", m.value)
	single("reducing", m.sum)
	single("timer", m.timer)
	for name, v := range map[string][]int64{"shared": m.shared, "aggregating": m.recent} {
		if v != nil {
			put(name, nil, encoded(numbers, v))
		}
	}
	if len(m.list) > 0 {
		var b []byte
		for _, s := range m.list {
			v := encoded(text, s)
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		}
		put("list", nil, b)
	}
	for a, v := range m.items {
		put("map", encoded(text, a), number(v))
	}
	for a, v := range m.ordered {
		put("ordered", number(a), number(v))
	}
	for a, v := range m.timers {
		put("timers", encoded(text, a), number(v))
	}
	for i := range m.ttl {
		m.ttl[i].render(i, put)
	}
}

// operate does some things with the state of the key at hand and its model, and compares.
func (r *run[K]) operate(s *Store[K], m *state) {
	for range 1 + r.rnd.IntN(3) {
		r.operation(s, m)
	}
	if r.rnd.IntN(3) == 0 {
		r.expire(s, m)
	}
	if r.rnd.IntN(4) == 0 {
		compare(r.t, s, m)
	}
	if r.rnd.IntN(12) == 0 {
		r.clear(s, m)
	}
}

func (r *run[K]) operation(s *Store[K], m *state) {
	v := r.rnd.Int64N(1000)
	item := strconv.FormatInt(v%7, 10)
	switch r.rnd.IntN(14) {
	case 0:
		s.Value.Set(v)
		m.value = &v
	case 1:
		set := append(slices.Clone(s.Shared.Get()), v)
		s.Shared.Set(set)
		m.shared = append(slices.Clone(m.shared), v)
	case 2, 3:
		r.change(s.Shared.Ref(), v)
		r.change(&m.shared, v)
	case 4:
		n := int(v % 5)
		for range n {
			s.List.Append("x"+item, item)
			m.list = append(m.list, "x"+item, item)
		}
	case 5, 6:
		s.Map.Set(item, v)
		m.items[item] = v
	case 7:
		r.sweep(s, m)
	case 8, 9:
		for i := range v % 40 {
			s.Ordered.Set(v+i*3, v)
			m.ordered[v+i*3] = v
		}
	case 10:
		r.cut(s, m, v)
	case 11:
		s.Sum.Add(v)
		s.Recent.Add(v)
		m.add(v)
	case 12:
		at := r.now + 1 + v%200
		s.Timer.At(at)
		m.timer = &at
	case 13:
		at := r.now + 1 + v%200
		s.Timers.At("t"+item, at)
		m.timers["t"+item] = at
	}
}

// change changes a slice in place, as only Ref allows.
func (r *run[K]) change(p *[]int64, v int64) {
	if len(*p) > 6 {
		*p = (*p)[:3]
	}
	for i := range *p {
		(*p)[i] += v
	}
	*p = append(*p, v)
}

func (m *state) add(v int64) {
	sum := v
	if m.sum != nil {
		sum += *m.sum
	}
	m.sum = &sum
	m.recent = AddRecent(m.recent, v)
}

// AddRecent is how the state "aggregating" adds: it keeps eight values and changes them in place.
func AddRecent(to []int64, v int64) []int64 {
	if len(to) == 8 {
		copy(to, to[1:])
		to[7] = v
		return to
	}
	return append(to, v)
}

// sweep deletes and adds entries while it goes through a map.
func (r *run[K]) sweep(s *Store[K], m *state) {
	want := maps.Clone(m.items)
	for a, v := range s.Map.All() {
		if have, ok := m.items[a]; !ok || have != v {
			r.t.Fatalf("map has %q: %d, want %d, %v", a, v, have, ok)
		}
		delete(want, a)
		switch r.rnd.IntN(4) {
		case 0:
			s.Map.Delete(a)
			delete(m.items, a)
		case 1: // another one, maybe one that is still to come
			other := strconv.Itoa(r.rnd.IntN(7))
			s.Map.Delete(other)
			delete(m.items, other)
			delete(want, other)
		case 2:
			s.Map.Set(a, v+1)
			m.items[a] = v + 1
		}
	}
	if len(want) > 0 {
		r.t.Fatalf("map has not shown %v", want)
	}
}

// cut deletes from an ordered map, also while going through it.
func (r *run[K]) cut(s *Store[K], m *state, v int64) {
	from, to := v, v+r.rnd.Int64N(300)
	if r.rnd.IntN(2) == 0 {
		s.Ordered.DeleteRange(from, to)
		maps.DeleteFunc(m.ordered, func(a, _ int64) bool { return a >= from && a < to })
		return
	}
	last := from - 1
	for a := range s.Ordered.Range(from, to) {
		if a <= last || a >= to {
			r.t.Fatalf("ordered has %d after %d in the range from %d to %d", a, last, from, to)
		}
		last = a
		if r.rnd.IntN(3) > 0 {
			s.Ordered.Delete(a)
			delete(m.ordered, a)
		}
	}
}

func (r *run[K]) clear(s *Store[K], m *state) {
	all := r.rnd.IntN(2) == 0
	for _, f := range []func(){
		func() { s.Value.Clear(); m.value = nil },
		func() { s.Shared.Clear(); m.shared = nil },
		func() { s.List.Clear(); m.list = nil },
		func() { s.Map.Clear(); clear(m.items) },
		func() { s.Ordered.Clear(); clear(m.ordered) },
		func() { s.Sum.Clear(); m.sum = nil },
		func() { s.Recent.Clear(); m.recent = nil },
		func() { s.Timer.Stop(); m.timer = nil },
		func() {
			for a := range m.timers {
				s.Timers.Stop(a)
			}
			clear(m.timers)
		},
	} {
		if all || r.rnd.IntN(4) == 0 {
			f()
		}
	}
}

// compare compares all state of the key at hand.
func compare[K comparable](t *testing.T, s *Store[K], m *state) {
	t.Helper()
	check(t, "value", s.Value, m.value)
	if v, ok := s.Shared.Lookup(); ok != (m.shared != nil) || !slices.Equal(v, m.shared) {
		t.Fatalf("shared is %v, want %v", v, m.shared)
	}
	if got := slices.Collect(s.List.All()); !slices.Equal(got, m.list) || s.List.Len() != len(m.list) {
		t.Fatalf("list is %v, want %v", got, m.list)
	}
	if got := maps.Collect(s.Map.All()); !maps.Equal(got, m.items) {
		t.Fatalf("map is %v, want %v", got, m.items)
	}
	for a, v := range m.items {
		if got, ok := s.Map.Lookup(a); !ok || got != v {
			t.Fatalf("map has %q: %d, %v, want %d", a, got, ok, v)
		}
	}
	compareOrdered(t, s.Ordered, m.ordered)
	check(t, "reducing", s.Sum, m.sum)
	var sum int64
	for _, v := range m.recent {
		sum += v
	}
	if got, ok := s.Recent.Lookup(); ok != (m.recent != nil) || got != sum {
		t.Fatalf("aggregating is %d, %v, want %d", got, ok, sum)
	}
}

func check(t *testing.T, name string, s interface{ Lookup() (int64, bool) }, want *int64) {
	t.Helper()
	got, ok := s.Lookup()
	if ok != (want != nil) || ok && got != *want {
		t.Fatalf("%s is %d, %v, want %v", name, got, ok, want)
	}
}

func compareOrdered(t *testing.T, o Ordered, want map[int64]int64) {
	t.Helper()
	keys := slices.Sorted(maps.Keys(want))
	var got []int64
	for a, v := range o.All() {
		if want[a] != v {
			t.Fatalf("ordered has %d: %d, want %d", a, v, want[a])
		}
		got = append(got, a)
	}
	if !slices.Equal(got, keys) {
		t.Fatalf("ordered has %v, want %v", got, keys)
	}
	first, _, ok := o.First()
	last, _, ok2 := o.Last()
	if ok != (len(keys) > 0) || ok2 != ok || ok && (first != keys[0] || last != keys[len(keys)-1]) {
		t.Fatalf("ordered goes from %d to %d, want %v", first, last, keys)
	}
}
