package leat

import (
	"errors"
	"fmt"

	"leat.dev/leat/agg"
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/preaggregate"
	"leat.dev/leat/internal/windowing"
	"leat.dev/leat/window"
)

// Preaggregated is windows whose records are aggregated before they go to the subtask that has their key; see
// [Windowed.Preaggregate].
type Preaggregated[K comparable, T any] struct {
	_ [0]func(K, T)
	w *Windowed[K, T]
}

// Preaggregate has each subtask aggregate what it sends, by key and slice, for about a millisecond at a time, and send what that comes
// to. Where few keys have most of the records, the subtask that has such a key then gets a few partial results in place of
// them. The panes are the same; only floating point sums may differ in their last bits, because they are added in another order.
//
// It is for windows that are the same for all keys, in event time, and that fire on time: tumbling, sliding, cumulating, days.
// Records that come too late are counted, but can't be sent to a side output. Where most keys have one record or two in a slice, it costs more
// than it saves.
func (w *Windowed[K, T]) Preaggregate() *Preaggregated[K, T] { return &Preaggregated[K, T]{w: w} }

// Aggregate emits a pane with each window's result, as [Windowed.Aggregate] does.
func (p *Preaggregated[K, T]) Aggregate[A, V any](name string, a agg.Func[T, A, V], opts ...Option) *Stream[Pane[K, V]] {
	job := p.w.keyed.job
	n := p.w.keyed.node(graph.Window, name, typeName[Pane[K, V]](), keyedInputs(p.w.keyed, 0), opts)
	preaggregating(p.w, n, a)
	finish(job, n, func(op *Operator[K, Pane[K, V]]) ([]graph.Port, error) {
		return preaggregatedPorts(p.w, n, op, a, panes[K, V]{out: op.out})
	})
	return newStream[Pane[K, V]](job, n)
}

// Process hands each pane to an operator with state for each key, as [Windowed.Process] does.
func (p *Preaggregated[K, T]) Process[A, V, R any](
	name string, a agg.Func[T, A, V], construct func(*Operator[K, R]) func(Pane[K, V]) error, opts ...Option,
) *Stream[R] {
	job := p.w.keyed.job
	n := p.w.keyed.node(graph.Window, name, typeName[R](), keyedInputs(p.w.keyed, 0), opts)
	preaggregating(p.w, n, a)
	finish(job, n, func(op *Operator[K, R]) ([]graph.Port, error) {
		to, err := processing(p.w, op, construct)
		if err != nil {
			return nil, err
		}
		return preaggregatedPorts(p.w, n, op, a, to)
	})
	return newStream[R](job, n)
}

// preaggregating puts the aggregating ends on the edges to a node.
func preaggregating[K comparable, T, A, V any](w *Windowed[K, T], n *graph.Node, a agg.Func[T, A, V]) {
	job, key := w.keyed.job, w.keyed.key
	for i := range n.Inputs {
		n.Inputs[i].Sender = func(env *flow.Env, to []*exchange.Channel) exchange.Sender {
			keys, err := keysOf[K](job)
			flow.Check(err) // the plan has derived it before
			return preaggregate.New(env, to, key, keys, w.spec, a())
		}
	}
}

// preaggregatedPorts makes the window part of an operator that gets partial results.
func preaggregatedPorts[K comparable, T, A, V, R any](
	w *Windowed[K, T], n *graph.Node, op *Operator[K, R], a agg.Func[T, A, V], to panes[K, V],
) ([]graph.Port, error) {
	if err := w.preaggregates(); err != nil {
		return nil, err
	}
	if a == nil {
		return nil, errAggregator
	}
	parts := a()
	if err := parts.Validate(); err != nil {
		return nil, err
	}
	of := &Windowed[K, windowing.Partial[K, A]]{windows: w.windows, spec: w.spec, lateness: w.lateness, trigger: w.trigger}
	windows, err := slicedWindows(of, op, windowing.OfPartials[K](parts), to)
	if err != nil {
		return nil, err
	}
	n.Settings = append(w.settings(), "slices", "aggregated before the exchange")
	return windowPort(op, windows)
}

// preaggregates returns why records can't be aggregated before the exchange, or nil.
func (w *Windowed[K, T]) preaggregates() error {
	switch {
	case w.general():
		return errors.New("Preaggregate is for windows that fire on time, and hold all their records: leave out trigger, evictor and mode")
	case w.spec.Kind == window.Sessions:
		return fmt.Errorf("Preaggregate is for windows that are the same for all keys: %v depend on the records", w.spec)
	case w.spec.Processing:
		return fmt.Errorf("Preaggregate is for windows in event time, not for %v", w.spec)
	case w.lateTo != "":
		return errors.New("Preaggregate merges records on their way: there are none left for LateTo")
	}
	return nil
}
