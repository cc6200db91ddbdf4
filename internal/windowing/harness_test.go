package windowing

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
	key        string
	start, end int64
	v          string
	timing     window.Timing
	index      int
}

// failer is what testing.TB and rapid.T have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
}

// cluster is the subtasks of one window operator.
type cluster interface {
	receive(events []event) (late []event, err error)
	// advance moves the watermark of one subtask, or all (-1), limit panes or so.
	advance(subtask int, wm int64, limit int) (done bool)
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

// settings are those of a test's operator.
type settings struct {
	windows  window.Assigner
	lateness time.Duration
	groups   int
}

type operators[A, V any] struct {
	settings
	f    agg.Func[rec, A, V]
	keys *keygroup.Keys[string]
	acc  codec.Codec[A]
	ops  []Operator[string, rec]
	out  []pane
	late []event
	kept []kept[V]
}

// kept is a result as it was when it was emitted. It belongs to the receiver then.
type kept[V any] struct {
	v    V
	text string
}

// keptCount bounds how many results are looked at again.
const keptCount = 100

func newCluster[A, V any](t failer, s settings, f agg.Func[rec, A, V], parallelism int) *operators[A, V] {
	t.Helper()
	keys, err := keygroup.Derive[string](nil)
	if err != nil {
		t.Fatal(err)
	}
	acc, err := codec.Derive[A](nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &operators[A, V]{settings: s, f: f, keys: keys, acc: acc}
	if err := c.start(parallelism); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *operators[A, V]) start(parallelism int) error {
	c.ops = nil
	for i := range parallelism {
		from, to := keygroup.Range(i, parallelism, c.groups)
		parts := c.f()
		op, err := New(Config[string, rec, A, V]{
			From: from, To: to, Max: c.groups, Keys: c.keys, Acc: c.acc,
			Windows: c.windows, Lateness: c.lateness, Parts: parts,
			Emit: func(start, end int64, panes []Entry[string, A], timing window.Timing, index int) {
				for i := range panes {
					e := &panes[i]
					if e.Hash != c.keys.Hash(e.Key) {
						panic("the hash is not the key's")
					}
					v := parts.Result(&e.Acc)
					text := fmt.Sprint(v)
					c.out = append(c.out, pane{e.Key, start, end, text, timing, index})
					c.kept = append(c.kept, kept[V]{v, text})
				}
			},
			Late: func(key string, r rec, at int64) { c.late = append(c.late, event{key, at, r}) },
		})
		if err != nil {
			return err
		}
		c.ops = append(c.ops, op)
	}
	return nil
}

func (c *operators[A, V]) subtasks() int { return len(c.ops) }

func (c *operators[A, V]) owner(key string) (subtask, group int) {
	group = keygroup.Of(c.keys.Hash(key), c.groups)
	return keygroup.Subtask(group, len(c.ops), c.groups), group
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
			from := len(c.out)
			done = op.Advance(wm, limit) && done
			if !slices.IsSortedFunc(c.out[from:], func(a, b pane) int { return cmp.Compare(a.end, b.end) }) {
				panic(fmt.Sprintf("panes out of order: %v", c.out[from:]))
			}
		}
	}
	return done
}

func (c *operators[A, V]) panes() []pane {
	c.kept = c.kept[max(0, len(c.kept)-keptCount):]
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
		from, to := keygroup.Range(i, len(c.ops), c.groups)
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
		from, to := keygroup.Range(i, parallelism, c.groups)
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

// aggregators are those that the tests choose from: for each way to put windows together, with and without references.
var aggregators = map[string]func(t failer, s settings, parallelism int) (cluster, func([]event) string){
	"count":     chosen(agg.Count[rec]),
	"sum":       chosen(agg.Sum(value)),
	"max":       chosen(agg.Max(value)),
	"top":       chosen(agg.Top(2, value)),
	"collect":   chosen(agg.Collect[rec]),
	"values":    chosen(agg.Fold((*values).add, (*values).merge)),
	"ends":      chosen(agg.Combine2(agg.First[rec], agg.Last[rec], func(a, b rec) string { return fmt.Sprint(a, b) })),
	"tally":     chosen(agg.Fold((*tally).add, (*tally).merge)),
	"histogram": chosen(agg.Histogram(value, 0, 2)),
	"distinct":  chosen(agg.Distinct(value)),
	"sketches":  chosen(often(agg.Combine2(agg.RoughlyDistinct(value), agg.Quantiles(value, 0.5, 1), func(n int64, q []float64) string { return fmt.Sprint(n, q) }))),
}

// often has each record stand for ten, and some for more than a sketch holds before it changes its form.
func often[A, V any](f agg.Func[rec, A, V]) agg.Func[rec, A, V] {
	return func() agg.Parts[rec, A, V] {
		p := f()
		add := p.Add
		p.Add = func(acc *A, r rec) {
			n := int64(10)
			if r.V == 0 {
				n = 3100
			}
			for i := range n {
				add(acc, rec{V: r.V*10_000 + i})
			}
		}
		return p
	}
}

// values has the numbers of all records, in order.
type values struct{ All []int64 }

func (v *values) add(r rec)        { v.All = append(v.All, r.V) }
func (v *values) merge(src values) { v.All = append(v.All, src.All...) }

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

func chosen[A, V any](f agg.Func[rec, A, V]) func(failer, settings, int) (cluster, func([]event) string) {
	return func(t failer, s settings, parallelism int) (cluster, func([]event) string) {
		return newCluster(t, s, f, parallelism), func(events []event) string {
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
		}
	}
}

// sorted puts panes into one order whatever the parallelism.
func sortedPanes(all []pane) []pane {
	slices.SortStableFunc(all, func(a, b pane) int {
		return cmp.Or(cmp.Compare(a.end, b.end), strings.Compare(a.key, b.key), cmp.Compare(a.start, b.start), cmp.Compare(a.index, b.index))
	})
	return all
}
