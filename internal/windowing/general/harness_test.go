package general

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/window"
)

// rec is a record of the tests: what is aggregated, and a number that tells records apart.
type rec struct {
	V   int64
	Seq int
}

func value(r rec) int64 { return r.V }

// event is a record with its key and time.
type event struct {
	key string
	at  int64
	rec rec
}

// pane is what came out, its value as text.
type pane struct {
	key            string
	start, end, at int64
	v              string
	timing         window.Timing
	index          int
	retract        bool
}

// settings are those of a test's operator.
type settings struct {
	windows   window.Assigner
	by        window.By[rec]
	lateness  time.Duration
	trigger   *window.Trigger
	triggerBy window.TriggerBy[rec]
	evict     window.Evictor
	evictBy   func(r, newest rec) bool
	mode      window.Mode
}

func (s settings) spec() (window.Spec, window.Rule[rec]) {
	if s.windows != nil {
		return window.SpecOf(s.windows), window.Rule[rec]{}
	}
	rule, _ := window.RuleOf(s.by)
	return rule.Spec(), rule
}

func (s settings) firing() window.Firing {
	if s.trigger == nil {
		return window.Firing{}
	}
	return window.FiringOf(*s.trigger)
}

// groups is how many key groups the tests' operators have.
const groups = 8

// cluster is the subtasks of one window operator.
type cluster interface {
	receive(events []event) (late []event, err error)
	// advance moves the watermark of one subtask, or all (-1), limit timers at a time.
	advance(subtask int, wm int64, limit int) (done bool)
	// tick moves the clock.
	tick(now int64)
	snapshot() *saved
	restore(s *saved, parallelism int) error
	subtasks() int
	owner(key string) (subtask, group int)
	panes() []pane // since they were last asked for
	states() []backend.State
	lateCount() int64
}

// saved is a snapshot on its way or done.
type saved struct {
	memory  *backendtest.Memory
	floors  []int64
	states  []backend.State
	written chan error
}

// wait waits until the snapshot is written.
func (s *saved) wait() error {
	err, ok := <-s.written
	if ok {
		close(s.written)
	}
	return err
}

type operators[A, V any] struct {
	settings
	f     agg.Func[rec, A, V]
	keys  *keygroup.Keys[string]
	clock *clock.Manual
	ops   []*Operator[string, rec, A, V]
	out   []pane
	late  []event
	kept  []kept2[V]
}

// kept2 is a result as it was when it was emitted. It belongs to the receiver then.
type kept2[V any] struct {
	v    V
	text string
}

func newCluster[A, V any](s settings, f agg.Func[rec, A, V], parallelism int) (*operators[A, V], error) {
	keys, err := keygroup.Derive[string](nil)
	if err != nil {
		return nil, err
	}
	c := &operators[A, V]{settings: s, f: f, keys: keys, clock: clock.NewManual(time.Unix(0, 0))}
	return c, c.start(parallelism)
}

func (c *operators[A, V]) start(parallelism int) error {
	c.ops = nil
	spec, rule := c.spec()
	for i := range parallelism {
		from, to := keygroup.Range(i, parallelism, groups)
		op, err := New(Config[string, rec, A, V]{
			From: from, To: to, Max: groups, Keys: c.keys, Codecs: new(codec.Set), Clock: c.clock,
			Windows: spec, Rule: rule, Lateness: int64(c.lateness), Parts: c.f(),
			Trigger: c.firing(), TriggerBy: c.triggerBy, Triggered: c.trigger != nil || c.triggerBy != nil,
			Evict: window.EvictionOf(c.evict), EvictBy: c.evictBy, Mode: c.mode,
			Emit: c.emitted,
			Late: func(key string, r rec, at int64) { c.late = append(c.late, event{key, at, r}) },
		})
		if err != nil {
			return err
		}
		c.ops = append(c.ops, op)
	}
	return nil
}

func (c *operators[A, V]) emitted(p Pane[string, V]) {
	if p.Hash != c.keys.Hash(p.Key) {
		panic("the hash is not the key's")
	}
	text := fmt.Sprint(p.Value)
	c.out = append(c.out, pane{p.Key, p.Start, p.End, p.At, text, p.Timing, p.Index, p.Retract})
	c.kept = append(c.kept, kept2[V]{p.Value, text})
}

func (c *operators[A, V]) subtasks() int { return len(c.ops) }

func (c *operators[A, V]) owner(key string) (subtask, group int) {
	group = keygroup.Of(c.keys.Hash(key), groups)
	return keygroup.Subtask(group, len(c.ops), groups), group
}

func (c *operators[A, V]) receive(events []event) ([]event, error) {
	batches := make([]flow.Keyed[string, rec], len(c.ops))
	for _, e := range events {
		to, _ := c.owner(e.key)
		b := &batches[to]
		b.Values, b.Times = append(b.Values, e.rec), append(b.Times, e.at)
		b.Keys, b.Hashes = append(b.Keys, e.key), append(b.Hashes, c.keys.Hash(e.key))
	}
	for i, op := range c.ops {
		if err := op.Receive(&batches[i]); err != nil {
			return nil, err
		}
	}
	late := c.late
	c.late = nil
	return late, nil
}

func (c *operators[A, V]) advance(subtask int, wm int64, limit int) bool {
	done := true
	for i, op := range c.ops {
		if subtask < 0 || subtask == i {
			done = op.Advance(wm, limit) && done
		}
	}
	return done
}

func (c *operators[A, V]) tick(now int64) {
	c.clock.Advance(time.Duration(now - c.clock.Now()))
	for _, op := range c.ops {
		for at, ok := op.NextTick(); ok && at <= now; at, ok = op.NextTick() {
			op.Tick(now, 1)
		}
	}
}

func (c *operators[A, V]) panes() []pane {
	c.kept = c.kept[max(0, len(c.kept)-100):]
	for _, k := range c.kept {
		if now := fmt.Sprint(k.v); now != k.text {
			panic(fmt.Sprintf("a pane with %s has turned into %s", k.text, now))
		}
	}
	out := c.out
	c.out = nil
	return out
}

func (c *operators[A, V]) states() []backend.State { return c.ops[0].States() }

func (c *operators[A, V]) lateCount() (n int64) {
	for _, op := range c.ops {
		n += op.LateCount()
	}
	return n
}

// snapshot freezes all subtasks, and writes while they go on.
func (c *operators[A, V]) snapshot() *saved {
	s := &saved{memory: backendtest.NewMemory(), states: c.states(), written: make(chan error, 1)}
	var snaps []backend.Snapshot
	for i, op := range c.ops {
		snaps = append(snaps, op.Snapshot(backend.Request{}))
		from, to := keygroup.Range(i, len(c.ops), groups)
		for g := from; g < to; g++ {
			s.floors = append(s.floors, op.Floor(g))
		}
	}
	go func() {
		var err error
		for _, snap := range snaps {
			err = cmp.Or(err, snap.Persist(s.memory))
			snap.Release()
		}
		s.written <- err
	}()
	return s
}

// restore starts anew from a snapshot that is written; what came out since then is forgotten.
func (c *operators[A, V]) restore(s *saved, parallelism int) error {
	for _, op := range c.ops {
		op.Close()
	}
	c.out, c.late = nil, nil
	if err := c.start(parallelism); err != nil {
		return err
	}
	for i, op := range c.ops {
		from, to := keygroup.Range(i, parallelism, groups)
		for g := from; g < to; g++ {
			op.RestoreFloor(g, s.floors[g])
			for _, state := range s.states {
				if err := op.Restore(state, state.Name, g, backendtest.Read(s.memory.Entries(state.Name, g)...)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// aggregators are those that the tests choose from, with and without references.
var aggregators = map[string]func(s settings, parallelism int) (cluster, func([]event) string, error){
	"count":  chosen(agg.Count[rec]),
	"sum":    chosen(agg.Sum(value)),
	"max":    chosen(agg.Max(value)),
	"values": chosen(agg.Fold((*values).add, (*values).merge)),
	"ends":   chosen(agg.Combine2(agg.First[rec], agg.Last[rec], func(a, b rec) string { return fmt.Sprint(a, b) })),
	"tally":  chosen(agg.Fold((*tally).add, (*tally).merge)),
}

// values has the numbers of all records, in order.
type values struct{ All []int64 }

func (v *values) add(r rec)        { v.All = append(v.All, r.V) }
func (v *values) merge(src values) { v.All = append(v.All, src.All...) }
func (v values) String() string    { return strings.Trim(fmt.Sprint(v.All), "[]") }

// tally counts values in a map, which Add changes in place: panes and snapshots must not see that.
type tally struct{ N map[int64]int64 }

func (t *tally) add(r rec) { t.count(r.V, 1) }

func (t *tally) merge(src tally) {
	for v, n := range src.N {
		t.count(v, n)
	}
}

func (t *tally) count(v, n int64) {
	if t.N == nil {
		t.N = map[int64]int64{}
	}
	t.N[v] += n
}

func chosen[A, V any](f agg.Func[rec, A, V]) func(settings, int) (cluster, func([]event) string, error) {
	return func(s settings, parallelism int) (cluster, func([]event) string, error) {
		c, err := newCluster(s, f, parallelism)
		return c, func(events []event) string {
			p := f()
			var acc A
			for _, e := range events {
				if p.Add != nil {
					p.Add(&acc, e.rec)
				} else {
					p.AddAt(&acc, e.rec, e.at)
				}
			}
			return fmt.Sprint(p.Result(&acc))
		}, err
	}
}

// byKey puts panes into one order whatever the parallelism; those of one key stay in theirs.
func byKey(all []pane) []pane {
	slices.SortStableFunc(all, func(a, b pane) int { return strings.Compare(a.key, b.key) })
	return all
}
