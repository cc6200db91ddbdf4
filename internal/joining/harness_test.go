package joining

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/window"
)

// left and right are the records of the tests' two streams.
type left struct{ ID int }

type right struct {
	ID   int
	Note string // makes the type hold a pointer, and another one than left
}

// event is a record of either side with its key and time.
type event struct {
	second bool
	key    string
	at     int64
	id     int
}

// settings are those of a test's join.
type settings struct {
	by       string // window, within or asof
	windows  window.Assigner
	from, to int64
	kind     string // inner, left, right, full, anti or group
	lateness Lateness
	groups   int
}

func (s *settings) wants(kinds ...string) bool { return slices.Contains(kinds, s.kind) }

// failer is what testing.TB and rapid.T have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
}

// cluster is the subtasks of a join.
type cluster struct {
	settings
	t        failer
	keys     *keygroup.Keys[string]
	subtasks []*subtask
	out      []string
	late     []string
	kept     []keptPointer
}

// keptPointer is a record that a result has kept, and what it was.
type keptPointer struct {
	show func() string
	was  string
}

type subtask struct {
	core          *operator.Keyed[string]
	first, second func(key string, hash uint64, at int64, id int)
	wm            int64
}

func newCluster(t failer, s settings, parallelism int) *cluster {
	keys, err := keygroup.Derive[string](nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{settings: s, t: t, keys: keys}
	c.start(parallelism)
	return c
}

func (c *cluster) start(parallelism int) {
	c.subtasks = nil
	for i := range parallelism {
		env := flow.DryEnv("test", "join", c.groups)
		env.Subtask, env.Parallelism = i, parallelism
		from, to := keygroup.Range(i, parallelism, c.groups)
		store := heap.New(heap.Config{From: from, To: to, Max: c.groups}, c.keys)
		s := &subtask{core: operator.NewKeyed(env, store), wm: flow.NoTime}
		if err := c.build(s); err != nil {
			c.t.Fatal(err)
		}
		c.subtasks = append(c.subtasks, s)
	}
}

func (c *cluster) build(s *subtask) error {
	config := Config[string, left, right]{Core: s.core, Keys: c.keys, Lateness: c.lateness}
	config.Late.First = func(v left, at int64) { c.late = append(c.late, fmt.Sprintf("%d- @%d", v.ID, at)) }
	config.Late.Second = func(v right, at int64) { c.late = append(c.late, fmt.Sprintf("-%d @%d", v.ID, at)) }
	r := c.results()
	switch c.by {
	case "within":
		j, err := NewInterval(config, time.Duration(c.from), time.Duration(c.to), r)
		if err != nil {
			return err
		}
		s.first, s.second = keyedPort(s.core, j.ReceiveFirst, newLeft), keyedPort(s.core, j.ReceiveSecond, newRight)
		return nil
	case "asof":
		j, err := NewAsOf(config, r)
		if err != nil {
			return err
		}
		s.first, s.second = keyedPort(s.core, j.ReceiveFirst, newLeft), keyedPort(s.core, j.ReceiveSecond, newRight)
		return nil
	}
	w, err := NewWindows(config, c.windows, r)
	if c.kind == "group" {
		w, err = NewGroups(config, c.windows, c.group)
	}
	if err != nil {
		return err
	}
	s.core.SetWindows(w)
	s.first, s.second = windowPort(s.core, w.ReceiveFirst, newLeft), windowPort(s.core, w.ReceiveSecond, newRight)
	return nil
}

func newLeft(id int) left   { return left{id} }
func newRight(id int) right { return right{id, fmt.Sprint("note ", id)} }

// batchOf is a batch of one record, which is overwritten once it has been received.
func batchOf[V any](key string, hash uint64, at int64, v V) (*flow.Keyed[string, V], func()) {
	b := &flow.Keyed[string, V]{Keys: []string{key}, Hashes: []uint64{hash}}
	b.Values, b.Times = []V{v}, []int64{at}
	return b, func() { clear(b.Values) }
}

func keyedPort[V any](core *operator.Keyed[string], f func(V) error, make func(int) V) func(string, uint64, int64, int) {
	p := operator.NewKeyedPort(core, f)
	return func(key string, hash uint64, at int64, id int) {
		b, done := batchOf(key, hash, at, make(id))
		p.Deliver(b)
		done()
	}
}

func windowPort[V any](
	core *operator.Keyed[string], f func(*flow.Keyed[string, V]) error, make func(int) V,
) func(string, uint64, int64, int) {
	p := operator.NewWindowPort(core, f)
	return func(key string, hash uint64, at int64, id int) {
		b, done := batchOf(key, hash, at, make(id))
		p.Deliver(b)
		done()
	}
}

// results are those of the kind, as "first-second @time".
func (c *cluster) results() (r Results[left, right]) {
	if c.kind != "anti" {
		r.Pair = func(t *left, u *right, at int64) { c.emit(t, u, at, r.KeepsFirst, r.KeepsSecond) }
	}
	if c.wants("left", "full", "anti") {
		r.First = func(t *left, at int64) { c.emit(t, nil, at, r.KeepsFirst, false) }
	}
	if c.wants("right", "full") {
		r.Second = func(u *right, at int64) { c.emit(nil, u, at, false, r.KeepsSecond) }
	}
	r.KeepsFirst, r.KeepsSecond = c.wants("right", "full"), c.wants("left", "full")
	return r
}

func showLeft(t *left) string {
	if t == nil {
		return ""
	}
	return fmt.Sprint(t.ID)
}

func showRight(u *right) string {
	if u == nil {
		return ""
	}
	if want := fmt.Sprint("note ", u.ID); u.Note != want {
		return "torn: " + u.Note
	}
	return fmt.Sprint(u.ID)
}

func (c *cluster) emit(t *left, u *right, at int64, keepsFirst, keepsSecond bool) {
	text := fmt.Sprintf("%s-%s @%d", showLeft(t), showRight(u), at)
	c.out = append(c.out, text)
	show := func() string {
		a, b := "", ""
		if keepsFirst {
			a = showLeft(t)
		}
		if keepsSecond {
			b = showRight(u)
		}
		return a + "-" + b
	}
	c.kept = append(c.kept, keptPointer{show, show()})
}

func (c *cluster) group(_ string, _ uint64, start, end int64, all agg.Both[[]left, []right], timing window.Timing, index int) {
	show := func() string {
		var a, b []int
		for _, t := range all.A {
			a = append(a, t.ID)
		}
		for _, u := range all.B {
			b = append(b, u.ID)
		}
		return groupText(start, end, a, b, timing, index)
	}
	c.out = append(c.out, show())
	c.kept = append(c.kept, keptPointer{show, show()})
}

func groupText(start, end int64, a, b []int, timing window.Timing, index int) string {
	slices.Sort(a)
	slices.Sort(b)
	return fmt.Sprintf("[%d,%d) %v %v %v %d", start, end, a, b, timing, index)
}

func (c *cluster) groupOf(key string) int { return keygroup.Of(c.keys.Hash(key), c.groups) }

func (c *cluster) owner(key string) *subtask {
	return c.subtasks[keygroup.Subtask(c.groupOf(key), len(c.subtasks), c.groups)]
}

func (c *cluster) receive(e event) {
	s := c.owner(e.key)
	if e.second {
		s.second(e.key, c.keys.Hash(e.key), e.at, e.id)
	} else {
		s.first(e.key, c.keys.Hash(e.key), e.at, e.id)
	}
}

// advance moves the watermark of all subtasks, limit callbacks at a time; between is called in between.
func (c *cluster) advance(wm int64, limit int, between func()) {
	for _, s := range c.subtasks {
		if wm < s.wm {
			continue
		}
		s.wm = wm
		for !s.core.Advance(wm, limit) {
			between()
		}
	}
}

// taken is what has come out since the last call, sorted, and what was late.
func (c *cluster) taken() (out, late []string) {
	out, late = c.out, c.late
	c.out, c.late = nil, nil
	slices.Sort(out)
	slices.Sort(late)
	return out, late
}

// check says which of the records that results have kept are no longer what they were.
func (c *cluster) check() string {
	for _, k := range c.kept {
		if now := k.show(); now != k.was {
			return fmt.Sprintf("a record that was kept has turned from %s into %s", k.was, now)
		}
	}
	return ""
}

func (c *cluster) lateCount() (n int64) {
	for _, s := range c.subtasks {
		n += s.core.Env.Metrics.Late.Load()
	}
	return n
}

// saved is a snapshot on its way or done.
type saved struct {
	memory  *backendtest.Memory
	floors  []backend.Floor
	states  []backend.State
	written chan error
}

func (s *saved) wait() error {
	err, ok := <-s.written
	if ok {
		close(s.written)
	}
	return err
}

// snapshot freezes all subtasks, and writes while they go on.
func (c *cluster) snapshot(firing bool) *saved {
	s := &saved{memory: backendtest.NewMemory(), written: make(chan error, 1)}
	var snaps []backend.Snapshot
	for i, sub := range c.subtasks {
		for _, k := range sub.core.State() {
			snaps = append(snaps, k.Snapshot(backend.Request{}))
			if i == 0 {
				s.states = append(s.states, k.States()...)
			}
		}
		from, to := keygroup.Range(i, len(c.subtasks), c.groups)
		for _, f := range sub.core.Floors(from, to, sub.wm) {
			f.Firing = firing
			s.floors = append(s.floors, f)
		}
	}
	go func() {
		var first error
		for _, snap := range snaps {
			if err := snap.Persist(s.memory); err != nil && first == nil {
				first = err
			}
			snap.Release()
		}
		s.written <- first
	}()
	return s
}

// restore starts anew from a snapshot that is written; what came out since then is forgotten.
func (c *cluster) restore(s *saved, parallelism int) {
	for _, sub := range c.subtasks {
		if err := sub.core.Close(); err != nil {
			c.t.Fatal(err)
		}
	}
	c.out, c.late = nil, nil
	c.start(parallelism)
	for i, sub := range c.subtasks {
		from, to := keygroup.Range(i, parallelism, c.groups)
		c.restoreSubtask(s, sub, from, to)
	}
}

func (c *cluster) restoreSubtask(s *saved, sub *subtask, from, to int) {
	least, firing := flow.EndTime, false
	for _, f := range s.floors {
		f.From, f.To = max(f.From, from), min(f.To, to)
		if f.From < f.To {
			least, firing = min(least, f.Watermark), firing || f.Firing
			sub.core.RestoreFloor(f)
		}
	}
	for _, k := range sub.core.State() {
		for _, state := range k.States() {
			for g := from; g < to; g++ {
				if err := k.Restore(state, state.Name, g, backendtest.Read(s.memory.Entries(state.Name, g)...)); err != nil {
					c.t.Fatal(err)
				}
			}
		}
	}
	if sub.wm = least; least == flow.NoTime {
		return
	}
	if !firing {
		sub.core.Watermark(least)
		return
	}
	for !sub.core.Advance(least, 3) {
	}
}

// entries is how many entries each state has, of those that have any.
func (c *cluster) entries() string {
	s := c.snapshot(false)
	if err := s.wait(); err != nil {
		c.t.Fatal(err)
	}
	var all []string
	for _, state := range s.states {
		n := 0
		for g := range c.groups {
			n += len(s.memory.Entries(state.Name, g))
		}
		if n > 0 {
			all = append(all, fmt.Sprintf("%s %d", state.Name, n))
		}
	}
	return strings.Join(all, ", ")
}

var _ failer = testing.TB(nil)

func (c *cluster) subtaskOf(group int) int { return keygroup.Subtask(group, len(c.subtasks), c.groups) }
