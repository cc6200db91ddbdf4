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

// panes is where the panes of a window operator go: to its output, or to the author's function.
type panes[K comparable, V any] struct {
	out  *flow.Out[Pane[K, V]]
	take func(p *Pane[K, V], hash uint64, at int64)
}

func (s panes[K, V]) emit(p *Pane[K, V], hash uint64, at int64) {
	if s.out != nil {
		s.out.EmitCopy(p, at)
	} else {
		s.take(p, hash, at)
	}
}

// windowPorts makes the window part of an operator.
func windowPorts[K comparable, T, A, V, R any](
	w *Windowed[K, T], n *graph.Node, op *Operator[K, R], a agg.Func[T, A, V], to panes[K, V],
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
	windows, err := make(w, op, a(), to)
	if err != nil {
		return nil, err
	}
	n.Settings = append(w.settings(), how)
	return windowPort(op, windows)
}

var errAggregator = errors.New("the aggregator is nil")

// processing makes the author's operator, and hands panes to its function with their key and the states of their window at hand.
func processing[K comparable, T, V, R any](
	of *Windowed[K, T], op *Operator[K, R], construct func(*Operator[K, R]) func(Pane[K, V]) error,
) (panes[K, V], error) {
	if construct == nil {
		return panes[K, V]{}, errConstructor
	}
	w, core := &windowStates{spec: of.spec, lateness: of.lateness}, op.core
	op.windows = w
	f := construct(op)
	if f == nil {
		return panes[K, V]{}, errFunction
	}
	process := func(p *Pane[K, V]) error {
		if len(w.cells) == 0 {
			return f(*p)
		}
		now := core.WatermarkNow()
		if w.spec.Processing {
			now = core.Env.Clock.Now()
		}
		return w.process(p.Span, now, func() error { return f(*p) })
	}
	return panes[K, V]{take: func(p *Pane[K, V], hash uint64, at int64) {
		core.Store.SelectKey(p.Key, hash)
		core.SetAt(at)
		flow.Check(process(p))
	}}, nil
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
	w *Windowed[K, T], op *Operator[K, R], parts agg.Parts[T, A, V], to panes[K, V],
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
	c.Emit = emitEntries(to, parts.Result, windowing.Past(w.spec))
	windows, err := windowing.New(c)
	if err != nil {
		return nil, err
	}
	return windows, nil
}

// emitEntries makes panes of what windows have come to. They are large: those that go to an output are made where they lie in its
// batch. The panes of a window follow one another, and have its times in common.
func emitEntries[K comparable, A, V any](to panes[K, V], result func(*A) V, past int64) windowing.Emit[K, A] {
	var pane Pane[K, V]
	from, until := int64(1), int64(0)
	return func(start, end int64, all []windowing.Entry[K, A], timing window.Timing, index int) {
		if start != from || end != until {
			from, until, pane.Span = start, end, window.Span{Start: operator.Time(start), End: operator.Time(end)}
		}
		pane.Timing, pane.Index = timing, index
		if to.out != nil {
			emitPanes(to.out, all, result, &pane, end-past)
			return
		}
		for i := range all {
			e := &all[i]
			pane.Key, pane.Value = e.Key, result(&e.Acc)
			to.take(&pane, e.Hash, end-past)
		}
	}
}

// emitPanes emits panes that are alike but for key and value.
func emitPanes[K comparable, A, V any](
	out *flow.Out[Pane[K, V]], all []windowing.Entry[K, A], result func(*A) V, alike *Pane[K, V], at int64,
) {
	for len(all) > 0 {
		made := out.Extend(len(all), at)
		for i := range made {
			e, p := &all[i], &made[i]
			p.Span, p.Timing, p.Index, p.Retract = alike.Span, alike.Timing, alike.Index, false
			p.Key, p.Value = e.Key, result(&e.Acc)
		}
		out.Extended()
		all = all[len(made):]
	}
}

// generalWindows makes the operator that can do everything.
func generalWindows[K comparable, T, A, V, R any](
	w *Windowed[K, T], op *Operator[K, R], parts agg.Parts[T, A, V], to panes[K, V],
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
	var pane Pane[K, V] // in one place, so that none is allocated
	c.Emit = func(p general.Pane[K, V]) {
		span := window.Span{Start: operator.Time(p.Start), End: operator.Time(p.End)}
		pane = Pane[K, V]{Key: p.Key, Span: span, Value: p.Value, Timing: p.Timing, Index: p.Index, Retract: p.Retract}
		to.emit(&pane, p.Hash, p.At)
	}
	return general.New(c)
}
