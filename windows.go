package leat

import (
	"errors"
	"fmt"

	"leat.dev/leat/agg"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/internal/windowing"
	"leat.dev/leat/window"
)

// windowPorts makes the window part of an operator: what it emits goes to take, with the time of the window's last
// nanosecond; with state, the pane's key is the key at hand while take runs.
func windowPorts[K comparable, T, A, V, R any](
	w *Windowed[K, T], n *graph.Node, op *Operator[K, R], a agg.Func[T, A, V], withState bool, take func(Pane[K, V], int64) error,
) ([]graph.Port, error) {
	config, err := windowConfig[K, T, A, V](w, op, a)
	if err != nil {
		return nil, err
	}
	n.Settings = []string{window.SpecOf(w.windows).String()}
	if w.lateness > 0 {
		n.Settings = append(n.Settings, fmt.Sprintf("allowed lateness %v", w.lateness))
	}
	core := op.core
	config.Emit = func(key K, hash uint64, start, end int64, v V, timing window.Timing, index int) {
		if withState {
			core.Store.SelectKey(key, hash)
		}
		core.SetAt(end - 1)
		span := window.Span{Start: operator.Time(start), End: operator.Time(end)}
		flow.Check(take(Pane[K, V]{Key: key, Span: span, Value: v, Timing: timing, Index: index}, end-1))
	}
	windows, err := windowing.New(config)
	if err != nil {
		return nil, err
	}
	core.SetWindows(windows)
	port := operator.NewWindowPort(core, windows.Receive)
	return []graph.Port{{Deliver: port.Deliver, Signals: core}}, nil
}

// windowConfig checks the parts of a window operator.
func windowConfig[K comparable, T, A, V, R any](
	w *Windowed[K, T], op *Operator[K, R], a agg.Func[T, A, V],
) (windowing.Config[K, T, A, V], error) {
	var c windowing.Config[K, T, A, V]
	if a == nil {
		return c, errors.New("the aggregator is nil")
	}
	parts := a()
	keys, err := keysOf[K](op.job)
	if err != nil {
		return c, err
	}
	acc, err := codec.Derive[A](&op.job.codecs)
	if err != nil {
		return c, fmt.Errorf("the aggregator's accumulator: %w", err)
	}
	env := op.core.Env
	c.From, c.To = keygroup.Range(env.Subtask, env.Parallelism, env.MaxParallelism)
	c.Max, c.Budget, c.Keys, c.Acc = env.MaxParallelism, env.Budget, keys, acc
	c.Windows, c.Lateness, c.Parts, c.Now = w.windows, w.lateness, parts, env.Clock.Now
	if w.lateTo != "" {
		out := addSide[T](env, op.core.Outs, &op.sides, string(w.lateTo))
		c.Late = func(_ K, v T, at int64) { out.Emit(v, at) }
	}
	return c, nil
}
