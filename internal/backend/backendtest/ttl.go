package backendtest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"leat.dev/leat/internal/backend"
)

// TTLs are those of the states that a store has beside, one set of states for each.
var TTLs = []backend.TTL{
	{After: 100, Time: backend.EventTime},
	{After: 60, Time: backend.EventTime, OnRead: true},
	{After: 80, Time: backend.ProcessingTime},
}

// Expiring are states with a TTL, by the names that TTLName gives them.
type Expiring struct {
	Value   Value[int64]
	Shared  Shared
	List    List
	Map     Map[string]
	Ordered Ordered
	Sum     Sum[int64]
	Recent  Sum[int64]
}

// TTLName is what a state is called that is like another one, with a TTL.
func TTLName(name string, ttl int) string { return name + ttlMark + strconv.Itoa(ttl) }

const ttlMark = "-ttl-"

// written is a value with the time of its last write.
type written[V any] struct {
	at int64
	v  V
}

// times are what states with a TTL go by.
type times struct{ at, passed, wall int64 }

func (t times) now(ttl *backend.TTL) int64 {
	if ttl.Time == backend.EventTime {
		return max(t.at, t.passed)
	}
	return t.wall
}

// over is the time by which what is expired is so for ever.
func (t times) over(ttl *backend.TTL) int64 {
	if ttl.Time == backend.EventTime {
		return t.passed
	}
	return t.wall
}

// expiring is the model of Expiring.
type expiring struct {
	value   *written[int64]
	shared  *written[[]int64]
	list    []written[string]
	items   map[string]written[int64]
	ordered map[int64]written[int64]
	sum     *written[int64]
	recent  *written[[]int64]
}

func newExpiring() []expiring {
	all := make([]expiring, len(TTLs))
	for i := range all {
		all[i].items, all[i].ordered = map[string]written[int64]{}, map[int64]written[int64]{}
	}
	return all
}

// keep keeps what is not expired by now.
func (m *expiring) keep(ttl *backend.TTL, now int64) {
	keepOne(&m.value, ttl, now)
	keepOne(&m.shared, ttl, now)
	keepOne(&m.sum, ttl, now)
	keepOne(&m.recent, ttl, now)
	m.list = slices.DeleteFunc(m.list, func(w written[string]) bool { return ttl.Expired(w.at, now) })
	maps.DeleteFunc(m.items, func(_ string, w written[int64]) bool { return ttl.Expired(w.at, now) })
	maps.DeleteFunc(m.ordered, func(_ int64, w written[int64]) bool { return ttl.Expired(w.at, now) })
}

func keepOne[V any](w **written[V], ttl *backend.TTL, now int64) {
	if *w != nil && ttl.Expired((*w).at, now) {
		*w = nil
	}
}

func (m *expiring) empty() bool {
	return m.value == nil && m.shared == nil && m.sum == nil && m.recent == nil && len(m.list)+len(m.items)+len(m.ordered) == 0
}

// seen is what is there to be seen by now; what the model has stays.
func (m *expiring) seen(ttl *backend.TTL, now int64) *expiring {
	s := *m
	s.list, s.items, s.ordered = slices.Clone(m.list), maps.Clone(m.items), maps.Clone(m.ordered)
	s.keep(ttl, now)
	return &s
}

// write puts a value in the place of another: it is never older.
func write[V any](w **written[V], now int64, v V) {
	at := now
	if *w != nil {
		at = max(at, (*w).at)
	}
	*w = &written[V]{at, v}
}

// was is the value that a change begins with: none if it is expired.
func was[V any](w *written[V], ttl *backend.TTL, now int64) (v V) {
	if w != nil && !ttl.Expired(w.at, now) {
		v = w.v
	}
	return v
}

// expire operates on states with a TTL, at some time: around the watermark, before it now and then.
func (r *run[K]) expire(s *Store[K], m *state) {
	r.times.at = r.times.passed + r.rnd.Int64N(120) - 30
	r.setTimes(s)
	i := r.rnd.IntN(len(TTLs))
	r.expireOne(&s.TTL[i], &m.ttl[i], &TTLs[i])
	if r.rnd.IntN(4) == 0 {
		r.compareTTL(s, m)
	}
}

func (r *run[K]) setTimes(s *Store[K]) { s.Times(r.times.at, r.times.passed, r.times.wall) }

func (r *run[K]) expireOne(s *Expiring, m *expiring, ttl *backend.TTL) {
	v, now := r.rnd.Int64N(1000), r.times.now(ttl)
	item := strconv.FormatInt(v%7, 10)
	switch r.rnd.IntN(9) {
	case 0:
		s.Value.Set(v)
		write(&m.value, now, v)
	case 1:
		set := []int64{v}
		s.Shared.Set(set)
		write(&m.shared, now, slices.Clone(set))
	case 2:
		before := slices.Clone(was(m.shared, ttl, now))
		r.change(s.Shared.Ref(), v)
		r.change(&before, v)
		write(&m.shared, now, before)
	case 3:
		r.appendTTL(s, m, now, item, int(v%50))
	case 4:
		s.Map.Set(item, v)
		old, ok := m.items[item]
		at := now
		if ok {
			at = max(at, old.at)
		}
		m.items[item] = written[int64]{at, v}
	case 5:
		for a := v; a < v+3*(v%40); a += 3 {
			s.Ordered.Set(a, v)
			at := now
			if old, ok := m.ordered[a]; ok {
				at = max(at, old.at)
			}
			m.ordered[a] = written[int64]{at, v}
		}
	case 6:
		s.Sum.Add(v)
		write(&m.sum, now, was(m.sum, ttl, now)+v)
		s.Recent.Add(v)
		write(&m.recent, now, AddRecent(slices.Clone(was(m.recent, ttl, now)), v))
	case 7:
		s.Map.Delete(item)
		delete(m.items, item)
		s.Ordered.DeleteRange(v, v+100)
		maps.DeleteFunc(m.ordered, func(a int64, _ written[int64]) bool { return a >= v && a < v+100 })
	case 8:
		r.clearTTL(s, m)
	}
}

func (r *run[K]) appendTTL(s *Expiring, m *expiring, now int64, item string, n int) {
	at := now
	if len(m.list) > 0 {
		at = max(at, m.list[len(m.list)-1].at)
	}
	for range n {
		s.List.Append("y"+item, item)
		m.list = append(m.list, written[string]{at, "y" + item}, written[string]{at, item})
	}
}

func (r *run[K]) clearTTL(s *Expiring, m *expiring) {
	switch r.rnd.IntN(6) {
	case 0:
		s.Value.Clear()
		m.value = nil
	case 1:
		s.Shared.Clear()
		m.shared = nil
	case 2:
		s.List.Clear()
		m.list = nil
	case 3:
		s.Map.Clear()
		clear(m.items)
	case 4:
		s.Ordered.Clear()
		clear(m.ordered)
	case 5:
		s.Sum.Clear()
		s.Recent.Clear()
		m.sum, m.recent = nil, nil
	}
}

// compareTTL compares what is to be seen of the key at hand at the time at hand, and then reading it has renewed what it renews.
func (r *run[K]) compareTTL(s *Store[K], m *state) {
	r.t.Helper()
	for i := range TTLs {
		ttl, model := &TTLs[i], &m.ttl[i]
		now := r.times.now(ttl)
		compareExpiring(r.t, &s.TTL[i], model.seen(ttl, now))
		if ttl.OnRead {
			model.renew(ttl, now)
		}
	}
}

func compareExpiring(t *testing.T, s *Expiring, want *expiring) {
	t.Helper()
	check(t, "value", s.Value, valueOf(want.value))
	if v, ok := s.Shared.Lookup(); ok != (want.shared != nil) || ok && !slices.Equal(v, want.shared.v) {
		t.Fatalf("shared is %v, %v, want %v", v, ok, want.shared)
	}
	var list []string
	for _, w := range want.list {
		list = append(list, w.v)
	}
	if got := s.List.Len(); got != len(list) {
		t.Fatalf("list has %d elements, want %d", got, len(list))
	}
	if got := slices.Collect(s.List.All()); !slices.Equal(got, list) {
		t.Fatalf("list is %v, want %v", got, list)
	}
	items, ordered := map[string]int64{}, map[int64]int64{}
	for a, w := range want.items {
		items[a] = w.v
	}
	for a, w := range want.ordered {
		ordered[a] = w.v
	}
	if got := maps.Collect(s.Map.All()); !maps.Equal(got, items) {
		t.Fatalf("map is %v, want %v", got, items)
	}
	for i := range 7 {
		a := strconv.Itoa(i)
		got, ok := s.Map.Lookup(a)
		if v, has := items[a]; got != v || ok != has {
			t.Fatalf("map has %q: %d, %v, want %d, %v", a, got, ok, v, has)
		}
	}
	compareOrdered(t, s.Ordered, ordered)
	check(t, "sum", s.Sum, valueOf(want.sum))
	var sum *int64
	if want.recent != nil {
		sum = new(int64)
		for _, v := range want.recent.v {
			*sum += v
		}
	}
	check(t, "recent", s.Recent, sum)
}

func valueOf(w *written[int64]) *int64 {
	if w == nil {
		return nil
	}
	return &w.v
}

// renew has all that is seen count as written now.
func (m *expiring) renew(ttl *backend.TTL, now int64) {
	renewOne(m.value, ttl, now)
	renewOne(m.shared, ttl, now)
	renewOne(m.sum, ttl, now)
	renewOne(m.recent, ttl, now)
	for i := range m.list {
		renewOne(&m.list[i], ttl, now)
	}
	for a, w := range m.items {
		renewOne(&w, ttl, now)
		m.items[a] = w
	}
	for a, w := range m.ordered {
		renewOne(&w, ttl, now)
		m.ordered[a] = w
	}
}

func renewOne[V any](w *written[V], ttl *backend.TTL, now int64) {
	if w != nil && !ttl.Expired(w.at, now) {
		w.at = max(w.at, now)
	}
}

// prune drops what is expired for all that is still to come.
func (m *state) prune(t times) {
	for i := range TTLs {
		m.ttl[i].keep(&TTLs[i], t.over(&TTLs[i]))
	}
}

// render gives the entries as a snapshot has them.
func (m *expiring) render(i int, put func(state string, item, value []byte)) {
	one := func(name string, w *written[int64]) {
		if w != nil {
			put(TTLName(name, i), nil, stamped(w.at, number(w.v)))
		}
	}
	one("value", m.value)
	one("reducing", m.sum)
	for name, w := range map[string]*written[[]int64]{"shared": m.shared, "aggregating": m.recent} {
		if w != nil {
			put(TTLName(name, i), nil, stamped(w.at, encoded(numbers, w.v)))
		}
	}
	var list []byte
	for _, w := range m.list {
		v := stamped(w.at, encoded(text, w.v))
		list = append(binary.AppendUvarint(list, uint64(len(v))), v...)
	}
	if list != nil {
		put(TTLName("list", i), nil, list)
	}
	for a, w := range m.items {
		put(TTLName("map", i), encoded(text, a), stamped(w.at, number(w.v)))
	}
	for a, w := range m.ordered {
		put(TTLName("ordered", i), number(a), stamped(w.at, number(w.v)))
	}
}

func stamped(at int64, value []byte) []byte { return append(backend.AppendStamp(nil, at), value...) }

// live is the value of an entry of a snapshot that was taken at some time, without what is expired: whether that is freed is nobody's
// business. "" if nothing is left.
func (f *flight) live(t *testing.T, state string, value []byte) string {
	name, ttl, ok := strings.Cut(state, ttlMark)
	if !ok {
		return string(value)
	}
	i, err := strconv.Atoi(ttl)
	if err != nil {
		t.Fatal(err)
	}
	of := backend.State{Kind: backend.Kind(name), TTL: &TTLs[i]}
	live, ok, err := of.Live(value, f.times.over(&TTLs[i]))
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return ""
	}
	return string(live)
}

// pass has time go on.
func (r *run[K]) pass(by int64) {
	r.times.passed += r.rnd.Int64N(by)
	r.times.wall += r.rnd.Int64N(by)
	r.times.at = r.times.passed
	for _, s := range r.stores {
		r.setTimes(s)
	}
	for key, m := range r.model {
		if m.prune(r.times); m.empty() {
			delete(r.model, key)
		}
	}
}

// allFreed checks that what has a TTL is freed without being read, in as many batches without records as a sweep of all may take.
func (r *run[K]) allFreed() {
	r.pass(1)
	r.times.passed, r.times.wall = math.MaxInt64/2, math.MaxInt64/2
	r.pass(1)
	for _, s := range r.stores {
		if s.Cold {
			return // what lies on disk is freed when it is brought
		}
		for range 20 * (1 + r.keys) {
			s.Begin(nil, nil)
			s.End()
		}
	}
	r.exact = true
	r.each()
	for _, f := range []string{"value", "shared", "list", "map", "ordered", "reducing", "aggregating"} {
		for i := range TTLs {
			r.none(TTLName(f, i))
		}
	}
}

// none checks that a state has no entry in a snapshot.
func (r *run[K]) none(state string) {
	for _, s := range r.stores {
		to := NewMemory()
		z := s.Snapshot(backend.Request{})
		if err := z.Persist(to); err != nil {
			r.t.Fatal(err)
		}
		z.Release()
		for name, entries := range to.sections {
			if name.state == state && len(entries) > 0 {
				r.t.Fatalf("%s: %d entries are left", fmt.Sprint(name), len(entries))
			}
		}
	}
}
