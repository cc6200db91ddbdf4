package leat

import (
	"fmt"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/window"
)

// Keyed is a stream partitioned by a key.
type Keyed[K comparable, T any] struct {
	_         [0]func(K, T)
	job       *Job
	stream    *Stream[T]
	key       func(T) K
	partition graph.Partition
}

// inputs are the edges that bring the stream's records, by key, to a port.
func (s *Keyed[K, T]) inputs(port int) []graph.Input {
	in := s.stream.inputs(port)
	for i := range in {
		in[i].Partition, in[i].KeyType = s.partition, typeName[K]()
		in[i].Sender = hashSender(s.job, s.key)
	}
	return in
}

// node makes the node of a keyed operator.
func (s *Keyed[K, T]) node(kind graph.Kind, name, out string, inputs []graph.Input, opts []Option) *graph.Node {
	n := &graph.Node{Kind: kind, Name: name, Named: true, Place: place(), Out: out, Key: typeName[K](), Inputs: inputs}
	s.job.apply(n, opts)
	if s.partition == graph.Global {
		if n.Parallelism > 1 {
			s.job.refuse(n, fmt.Errorf("parallelism %d, but after Global there is one key, and so one subtask", n.Parallelism))
		}
		n.Parallelism = 1
	}
	return n
}

// Process runs an operator with state for each key: the constructor is called once a subtask, names state, timers and
// side outputs, and returns what to do with each record. It is called once more to plan, and has no side effects.
func (s *Keyed[K, T]) Process[R any](name string, construct func(*Operator[K, R]) func(T) error, opts ...Option) *Stream[R] {
	n := s.node(graph.Keyed, name, typeName[R](), s.inputs(0), opts)
	finish(s.job, n, func(op *Operator[K, R]) ([]graph.Port, error) {
		if construct == nil {
			return nil, errConstructor
		}
		f := construct(op)
		if f == nil {
			return nil, errFunction
		}
		return []graph.Port{portOf(op, f)}, nil
	})
	return newStream[R](s.job, n)
}

// Window cuts each key's records into windows.
func (s *Keyed[K, T]) Window(w window.Assigner) *Windowed[K, T] {
	return &Windowed[K, T]{keyed: s, windows: w}
}

// Windowed is a keyed stream cut into windows. Its methods refine the windows until Aggregate or Process uses them;
// each returns a copy.
type Windowed[K comparable, T any] struct {
	_        [0]func(K, T)
	keyed    *Keyed[K, T]
	windows  window.Assigner
	lateness time.Duration
	lateTo   Output[T]
}

// AllowLateness keeps windows for so long after the watermark has passed their end: a record that comes within that
// time adds to its windows, which fire again at once.
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

// Aggregate emits a pane with each window's result. A pane has the time of its window's last nanosecond.
func (w *Windowed[K, T]) Aggregate[A, V any](name string, a agg.Func[T, A, V], opts ...Option) *Stream[Pane[K, V]] {
	n := w.keyed.node(graph.Window, name, typeName[Pane[K, V]](), w.keyed.inputs(0), opts)
	finish(w.keyed.job, n, func(op *Operator[K, Pane[K, V]]) ([]graph.Port, error) {
		emit := func(p Pane[K, V], at int64) error { op.out.Emit(p, at); return nil }
		return windowPorts(w, n, op, a, false, emit)
	})
	return newStream[Pane[K, V]](w.keyed.job, n)
}

// Process hands each pane to an operator with state for each key.
func (w *Windowed[K, T]) Process[A, V, R any](
	name string, a agg.Func[T, A, V], construct func(*Operator[K, R]) func(Pane[K, V]) error, opts ...Option,
) *Stream[R] {
	n := w.keyed.node(graph.Window, name, typeName[R](), w.keyed.inputs(0), opts)
	finish(w.keyed.job, n, func(op *Operator[K, R]) ([]graph.Port, error) {
		if construct == nil {
			return nil, errConstructor
		}
		f := construct(op)
		if f == nil {
			return nil, errFunction
		}
		return windowPorts(w, n, op, a, true, func(p Pane[K, V], _ int64) error { return f(p) })
	})
	return newStream[R](w.keyed.job, n)
}

// Pane is one window's result for one key.
type Pane[K comparable, V any] struct {
	Key K
	window.Span
	Value  V
	Timing window.Timing // on time, early or late
	Index  int           // how many panes this window had before
}

// PaneKey is the key of a pane: counts.KeyBy(leat.PaneKey).
func PaneKey[K comparable, V any](p Pane[K, V]) K { return p.Key }

// PaneValue is the value of a pane: counts.Map(leat.PaneValue). Within a call, name its types:
// agg.Top(10, leat.PaneValue[string, int64]).
func PaneValue[K comparable, V any](p Pane[K, V]) V { return p.Value }

// finish gives a keyed node its Check and Make, which both call the constructor, and adds it to the graph.
func finish[K comparable, R any](j *Job, n *graph.Node, construct func(*Operator[K, R]) ([]graph.Port, error)) {
	j.graph.Add(n)
	n.Check = func(env *flow.Env) error {
		op, err := newOperator[K, R](j, env)
		if err != nil {
			return err
		}
		if _, err := construct(op); err != nil {
			return err
		}
		n.Sides, n.States, n.KeySchema = op.sides, op.states(), op.keys.Schema()
		return nil
	}
	n.Make = func(env *flow.Env) (graph.Made, error) {
		op, err := newOperator[K, R](j, env)
		if err != nil {
			return graph.Made{}, err
		}
		ports, err := construct(op)
		if err != nil {
			return graph.Made{}, err
		}
		return graph.Made{Operator: op.core, Ports: ports, Outs: op.core.Outs}, nil
	}
}
