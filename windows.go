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
	"leat.dev/leat/internal/windowing/general"
	"leat.dev/leat/window"
)

// windowOperator is either of the window operators.
type windowOperator[K comparable, T any] interface {
	operator.Windows
	Receive(b *flow.Keyed[K, T]) error
}

// windowPorts makes the window part of an operator: what it emits goes to take, with the pane's event time; with state, the
// pane's key is the key at hand while take runs.
func windowPorts[K comparable, T, A, V, R any](
	w *Windowed[K, T], n *graph.Node, op *Operator[K, R], a agg.Func[T, A, V], withState bool, take func(*Pane[K, V], int64) error,
) ([]graph.Port, error) {
	if a == nil {
		return nil, errAggregator
	}
	make, how := slicedWindows[K, T, A, V, R], "slices"
	if w.general() {
		make, how = generalWindows[K, T, A, V, R], "general windows"
	} else if w.spec.Kind == window.Sessions {
		how = "sessions by key"
	}
	windows, err := make(w, op, a(), emitter(op, withState, take))
	if err != nil {
		return nil, err
	}
	n.Settings = append(w.settings(), how)
	return windowPort(op, windows)
}

var errAggregator = errors.New("the aggregator is nil")

// emitter is what becomes of the panes of an operator.
func emitter[K comparable, V, R any](op *Operator[K, R], withState bool, take func(*Pane[K, V], int64) error) func(*Pane[K, V], uint64, int64) {
	core := op.core
	return func(p *Pane[K, V], hash uint64, at int64) {
		if withState {
			core.Store.SelectKey(p.Key, hash)
		}
		core.SetAt(at)
		flow.Check(take(p, at))
	}
}

// processing makes the author's operator, and hands panes to its function with the states of their window at hand.
func processing[K comparable, T, V, R any](
	of *Windowed[K, T], op *Operator[K, R], construct func(*Operator[K, R]) func(Pane[K, V]) error,
) (func(*Pane[K, V], int64) error, error) {
	if construct == nil {
		return nil, errConstructor
	}
	w := &windowStates{spec: of.spec, lateness: of.lateness}
	op.windows = w
	f := construct(op)
	if f == nil {
		return nil, errFunction
	}
	return func(p *Pane[K, V], _ int64) error {
		if len(w.cells) == 0 {
			return f(*p)
		}
		now := op.core.WatermarkNow()
		if w.spec.Processing {
			now = op.core.Env.Clock.Now()
		}
		return w.process(p.Span, now, func() error { return f(*p) })
	}, nil
}

// windowPort is the input of an operator with windows.
func windowPort[K comparable, T, R any](op *Operator[K, R], windows windowOperator[K, T]) ([]graph.Port, error) {
	if err := op.reserved(windows); err != nil {
		return nil, err
	}
	op.core.SetWindows(windows)
	port := operator.NewWindowPort(op.core, windows.Receive)
	return []graph.Port{{Deliver: port.Deliver, Signals: op.core}}, nil
}

// reserved refuses states of the author's that are called as those of the windows are.
func (o *Operator[K, R]) reserved(windows operator.Windows) error {
	for _, s := range windows.States() {
		if o.named[s.Name] {
			return fmt.Errorf("state or timer %q: the windows of the operator keep a state of that name; give yours another", s.Name)
		}
	}
	return nil
}

// general says whether only the general operator can do what was asked for.
func (w *Windowed[K, T]) general() bool {
	switch w.spec.Kind {
	case window.Counted, window.Unending, window.RuledSessions, window.Ruled:
		return true
	}
	return w.trigger != nil && !w.trigger.Default() || w.triggered || w.evict.Kind != window.KeepAll || w.evictBy != nil ||
		w.mode != window.Accumulating
}

// settings are the windows in words, as the plan shows them.
func (w *Windowed[K, T]) settings() []string {
	all := []string{w.spec.String()}
	switch {
	case w.triggered:
		all = append(all, "trigger by record")
	case w.trigger != nil:
		all = append(all, "trigger "+w.trigger.String())
	}
	if w.evict.Kind != window.KeepAll {
		all = append(all, w.evict.String())
	}
	if w.evictBy != nil {
		all = append(all, "evicts by record")
	}
	if w.mode != window.Accumulating {
		all = append(all, w.mode.String())
	}
	if w.lateness > 0 {
		all = append(all, fmt.Sprintf("allowed lateness %v", w.lateness))
	}
	return all
}

// lateOut is where records go that come too late; nil leaves it at counting them.
func lateOut[K comparable, T, R any](w *Windowed[K, T], op *Operator[K, R]) func(K, T, int64) {
	if w.lateTo == "" {
		return nil
	}
	out := addSide[T](op.core.Env, op.core.Outs, &op.sides, string(w.lateTo))
	return func(_ K, v T, at int64) { out.Emit(v, at) }
}

// slicedWindows makes the operator that holds windows in slices or sessions.
func slicedWindows[K comparable, T, A, V, R any](
	w *Windowed[K, T], op *Operator[K, R], parts agg.Parts[T, A, V], emit func(p *Pane[K, V], hash uint64, at int64),
) (windowOperator[K, T], error) {
	acc, err := codec.Derive[A](&op.job.codecs)
	if err != nil {
		return nil, fmt.Errorf("the aggregator's accumulator: %w", err)
	}
	env := op.core.Env
	c := windowing.Config[K, T, A, V]{
		Max: env.MaxParallelism, Budget: env.Budget, Keys: op.keys, Acc: acc, Now: env.Clock.Now,
		Windows: w.windows, Lateness: w.lateness, Parts: parts, Late: lateOut(w, op),
	}
	c.From, c.To = keygroup.Range(env.Subtask, env.Parallelism, env.MaxParallelism)
	var p Pane[K, V] // in one place: the panes of a window follow one another, and have its times in common
	from, to, past := int64(1), int64(0), windowing.Past(w.spec)
	c.Emit = func(key K, hash uint64, start, end int64, v V, timing window.Timing, index int) {
		if start != from || end != to {
			from, to, p.Span = start, end, window.Span{Start: operator.Time(start), End: operator.Time(end)}
		}
		p.Key, p.Value, p.Timing, p.Index = key, v, timing, index
		emit(&p, hash, end-past)
	}
	windows, err := windowing.New(c)
	if err != nil {
		return nil, err
	}
	return windows, nil
}

// generalWindows makes the operator that can do everything.
func generalWindows[K comparable, T, A, V, R any](
	w *Windowed[K, T], op *Operator[K, R], parts agg.Parts[T, A, V], emit func(p *Pane[K, V], hash uint64, at int64),
) (windowOperator[K, T], error) {
	if w.triggered && w.triggerBy == nil {
		return nil, errors.New("what TriggerBy is given is nil, or a window.Delta without a function")
	}
	env := op.core.Env
	c := general.Config[K, T, A, V]{
		Max: env.MaxParallelism, Budget: env.Budget, Keys: op.keys, Codecs: &op.job.codecs, Clock: env.Clock,
		Windows: w.spec, Rule: w.rule, Lateness: int64(w.lateness), Parts: parts,
		TriggerBy: w.triggerBy, Triggered: w.trigger != nil || w.triggered,
		Evict: w.evict, EvictBy: w.evictBy, Mode: w.mode, Late: lateOut(w, op),
	}
	if w.trigger != nil {
		c.Trigger = *w.trigger
	}
	c.From, c.To = keygroup.Range(env.Subtask, env.Parallelism, env.MaxParallelism)
	c.Emit = func(p general.Pane[K, V]) {
		span := window.Span{Start: operator.Time(p.Start), End: operator.Time(p.End)}
		pane := Pane[K, V]{Key: p.Key, Span: span, Value: p.Value, Timing: p.Timing, Index: p.Index, Retract: p.Retract}
		emit(&pane, p.Hash, p.At)
	}
	return general.New(c)
}
