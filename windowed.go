package leat

import (
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/window"
)

// Window cuts each key's records into windows.
func (s *Keyed[K, T]) Window(w window.Assigner) *Windowed[K, T] {
	return &Windowed[K, T]{keyed: s, windows: w, spec: window.SpecOf(w)}
}

// WindowBy cuts each key's records into windows that depend on the record; see [window.SessionBy] and [window.Custom].
func (s *Keyed[K, T]) WindowBy(w window.By[T]) *Windowed[K, T] {
	rule, ok := window.RuleOf(w)
	windowed := &Windowed[K, T]{keyed: s, rule: rule}
	if ok {
		windowed.spec = rule.Spec()
	}
	return windowed
}

// Windowed is a keyed stream cut into windows. Its methods refine the windows until Aggregate or Process uses them;
// each returns a copy.
//
// Aligned windows and sessions are held in slices, at a cost that does not grow with the number of windows a record is in.
// With a trigger, an evictor or a mode, and where windows are by count, without end or by record, it is the general operator that runs
// them: each record is added to each of its windows. The plan says which.
type Windowed[K comparable, T any] struct {
	_         [0]func(K, T)
	keyed     *Keyed[K, T]
	windows   window.Assigner // nil of windows by record
	spec      window.Spec
	rule      window.Rule[T]
	lateness  time.Duration
	lateTo    Output[T]
	trigger   *window.Firing // nil: none was asked for
	triggerBy window.TriggerBy[T]
	triggered bool // by TriggerBy, whatever it was given
	evict     window.Eviction
	evictBy   func(record, newest T) bool
	mode      window.Mode
}

// AllowLateness keeps windows for so long after the watermark has passed their end: a record that comes within that
// time adds to its windows, which fire again at once, or when the trigger says so ([window.Trigger.Late]).
func (w *Windowed[K, T]) AllowLateness(d time.Duration) *Windowed[K, T] {
	c := *w
	c.lateness = d
	return &c
}

// LateTo sends records that come too late to a side output of the operator; they are counted in any case.
func (w *Windowed[K, T]) LateTo(o Output[T]) *Windowed[K, T] {
	c := *w
	c.lateTo = o
	return &c
}

// Trigger says when windows fire, in place of [window.OnTime].
func (w *Windowed[K, T]) Trigger(t window.Trigger) *Windowed[K, T] {
	c := *w
	c.trigger = new(window.FiringOf(t))
	return &c
}

// TriggerBy says when windows fire by their records; see [window.TriggerBy] and [window.Delta].
func (w *Windowed[K, T]) TriggerBy(t window.TriggerBy[T]) *Windowed[K, T] {
	c := *w
	c.triggerBy, c.triggered = t, true
	return &c
}

// Evict drops records of a window before it fires. Such a window keeps its records, whatever the aggregator.
func (w *Windowed[K, T]) Evict(e window.Evictor) *Windowed[K, T] {
	c := *w
	c.evict = window.EvictionOf(e)
	return &c
}

// EvictBy drops the records of a window for which evict says so before it fires. Newest is the record that came last; evict is
// not asked about that one. With Evict, that comes first.
func (w *Windowed[K, T]) EvictBy(evict func(record, newest T) bool) *Windowed[K, T] {
	c := *w
	c.evictBy = evict
	return &c
}

// Mode says how the panes of a window relate to one another: [window.Accumulating], unless it is said.
func (w *Windowed[K, T]) Mode(m window.Mode) *Windowed[K, T] {
	c := *w
	c.mode = m
	return &c
}

// Aggregate emits a pane with each window's result. A pane has the time of its window's last nanosecond, and that of a session
// the time of its end, at which a record would still have gone on with it.
func (w *Windowed[K, T]) Aggregate[A, V any](name string, a agg.Func[T, A, V], opts ...Option) *Stream[Pane[K, V]] {
	n := w.keyed.node(graph.Window, name, typeName[Pane[K, V]](), keyedInputs(w.keyed, 0), opts)
	finish(w.keyed.job, n, func(op *Operator[K, Pane[K, V]]) ([]graph.Port, error) {
		return windowPorts(w, n, op, a, panes[K, V]{out: op.out})
	})
	return newStream[Pane[K, V]](w.keyed.job, n)
}

// Process hands each pane to an operator with state for each key.
func (w *Windowed[K, T]) Process[A, V, R any](
	name string, a agg.Func[T, A, V], construct func(*Operator[K, R]) func(Pane[K, V]) error, opts ...Option,
) *Stream[R] {
	n := w.keyed.node(graph.Window, name, typeName[R](), keyedInputs(w.keyed, 0), opts)
	finish(w.keyed.job, n, func(op *Operator[K, R]) ([]graph.Port, error) {
		to, err := processing(w, op, construct)
		if err != nil {
			return nil, err
		}
		return windowPorts(w, n, op, a, to)
	})
	return newStream[R](w.keyed.job, n)
}

// Pane is one window's result for one key.
type Pane[K comparable, V any] struct {
	Key K
	window.Span
	Value   V
	Timing  window.Timing // on time, early or late
	Index   int           // how many panes this window had before
	Retract bool          // the pane of this index is taken back: it has the value that it had; see window.Retracting
}

// PaneKey is the key of a pane: counts.KeyBy(leat.PaneKey).
func PaneKey[K comparable, V any](p Pane[K, V]) K { return p.Key }

// PaneValue is the value of a pane: counts.Map(leat.PaneValue). Within a call, name its types:
// agg.Top(10, leat.PaneValue[string, int64]).
func PaneValue[K comparable, V any](p Pane[K, V]) V { return p.Value }
