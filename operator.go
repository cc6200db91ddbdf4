package leat

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/state"
)

// Operator is what the constructor of a keyed operator works with: it makes states, timers and side outputs,
// and later knows the key at hand and emits results. It belongs to one subtask, and so to one goroutine.
type Operator[K comparable, R any] struct {
	core  *operator.Keyed[K]
	keys  *keygroup.Keys[K]
	out   *flow.Out[R]
	job   *Job
	named map[string]bool
	sides []graph.Side

	windows *windowStates // of an operator that processes panes
}

func newOperator[K comparable, R any](j *Job, env *flow.Env) (*Operator[K, R], error) {
	keys, err := keysOf[K](j)
	if err != nil {
		return nil, err
	}
	from, to := keygroup.Range(env.Subtask, env.Parallelism, env.MaxParallelism)
	store := heap.New(heap.Config{From: from, To: to, Max: env.MaxParallelism, Budget: env.Budget}, keys)
	op := &Operator[K, R]{
		core: operator.NewKeyed(env, store), keys: keys, out: flow.NewOut[R](env), job: j, named: map[string]bool{},
	}
	op.core.Outs[""] = op.out
	return op, nil
}

// name takes a name of a state or timer, which must be the only one of its operator.
func (o *Operator[K, R]) name(name string) {
	if name == "" {
		flow.Fail(fmt.Errorf("a state or timer without a name: state is restored by it"))
	}
	if o.named[name] {
		flow.Fail(fmt.Errorf("two states or timers are called %q", name))
	}
	o.named[name] = true
}

func (o *Operator[K, R]) states() []backend.State {
	var all []backend.State
	for _, k := range o.core.State() {
		all = append(all, k.States()...)
	}
	return all
}

// codecOf derives the codec of a state's values, unless an option gives one.
func codecOf[V any](j *Job, name string, opts []state.Option) codec.Codec[V] {
	c, err := state.CodecOf[V](&j.codecs, opts)
	if err != nil {
		flow.Fail(fmt.Errorf("state %s: %w", name, err))
	}
	return c
}

// notPerWindow refuses PerWindow for kinds of state that a cell can't hold.
func notPerWindow(name string, opts []state.Option) {
	if state.IsPerWindow(opts) {
		flow.Fail(fmt.Errorf("state %s: PerWindow is for Value, Reducing and Aggregating: a Value may hold a slice or a map", name))
	}
}

// ttlOf is the TTL that options give, or nil.
func ttlOf(name string, opts []state.Option) *backend.TTL {
	ttl, err := state.TTLOf(opts)
	if err == nil && ttl != nil && state.IsPerWindow(opts) {
		err = fmt.Errorf("a state that is PerWindow goes with its window: it takes no state.TTL")
	}
	if err != nil {
		flow.Fail(fmt.Errorf("state %s: %w", name, err))
	}
	return ttl
}

// Key is the key of the record, timer or pane at hand.
func (o *Operator[K, R]) Key() K { return o.core.Store.Key() }

// Emit sends a result on, with the time of the record or timer at hand.
func (o *Operator[K, R]) Emit(r R) { o.out.Emit(r, o.core.At()) }

// EmitAt sends a result on with a time of its own. A time that the watermark has passed makes it a late record.
func (o *Operator[K, R]) EmitAt(at time.Time, r R) { o.out.Emit(r, operator.Nanos(at)) }

// Time is the event time of the record or timer at hand; zero if it has none.
func (o *Operator[K, R]) Time() time.Time { return operator.Time(o.core.At()) }

// Watermark is how far event time has come; zero before the first watermark.
func (o *Operator[K, R]) Watermark() time.Time { return operator.Time(o.core.WatermarkNow()) }

// Now is processing time; a test sets it.
func (o *Operator[K, R]) Now() time.Time { return operator.Time(o.core.Env.Clock.Now()) }

// Side returns a function that sends to a side output, with the time of the record or timer at hand.
func (o *Operator[K, R]) Side[S any](to Output[S]) func(S) {
	out := addSide[S](o.core.Env, o.core.Outs, &o.sides, string(to))
	return func(s S) { out.Emit(s, o.core.At()) }
}

// addSide makes a side output, or finds one that the constructor has asked for before.
func addSide[S any](env *flow.Env, outs map[string]flow.Outlet, sides *[]graph.Side, name string) *flow.Out[S] {
	if name == "" {
		flow.Fail(fmt.Errorf("a side output of %s without a name", typeName[S]()))
	}
	if have, ok := outs[name]; ok {
		same, ok := have.(*flow.Out[S])
		if !ok {
			i := slices.IndexFunc(*sides, func(s graph.Side) bool { return s.Name == name })
			flow.Fail(fmt.Errorf("side output %q is declared with two types, %s and %s", name, (*sides)[i].Type, typeName[S]()))
		}
		return same
	}
	out := flow.NewOut[S](env)
	out.Listen(name)
	outs[name] = out
	*sides = append(*sides, graph.Side{Name: name, Type: typeName[S]()})
	return out
}

// Value makes a state of one V a key.
func (o *Operator[K, R]) Value[V any](name string, opts ...state.Option) *state.Value[V] {
	o.name(name)
	values, was, ttl := codecOf[V](o.job, name, opts), state.NamesBefore(opts), ttlOf(name, opts)
	switch {
	case state.IsPerWindow(opts):
		return state.MakeCellValue(perWindow(o, name, values, opts))
	case ttl != nil:
		return state.MakeValueTTL(heap.AddValueTTL(o.core.Store, name, *ttl, values, was...))
	}
	return state.MakeValue(heap.AddValue(o.core.Store, name, values, was...))
}

// List makes a state of a list a key.
func (o *Operator[K, R]) List[V any](name string, opts ...state.Option) *state.List[V] {
	o.name(name)
	notPerWindow(name, opts)
	values, was := codecOf[V](o.job, name, opts), state.NamesBefore(opts)
	if ttl := ttlOf(name, opts); ttl != nil {
		return state.MakeListTTL(heap.AddListTTL(o.core.Store, name, *ttl, values, was...))
	}
	return state.MakeList(heap.AddList(o.core.Store, name, values, was...))
}

// Map makes a state of a map a key.
func (o *Operator[K, R]) Map[A comparable, V any](name string, opts ...state.Option) *state.Map[A, V] {
	o.name(name)
	notPerWindow(name, opts)
	items, values, was := codecOf[A](o.job, name+": key", nil), codecOf[V](o.job, name, opts), state.NamesBefore(opts)
	if ttl := ttlOf(name, opts); ttl != nil {
		return state.MakeMapTTL(heap.AddMapTTL(o.core.Store, name, *ttl, items, values, was...))
	}
	return state.MakeMap(heap.AddMap(o.core.Store, name, items, values, was...))
}

// Ordered makes a state of an ordered map a key.
func (o *Operator[K, R]) Ordered[A state.Sortable, V any](name string, opts ...state.Option) *state.Ordered[A, V] {
	o.name(name)
	notPerWindow(name, opts)
	items, values, was := codecOf[A](o.job, name+": key", nil), codecOf[V](o.job, name, opts), state.NamesBefore(opts)
	if ttl := ttlOf(name, opts); ttl != nil {
		return state.MakeOrderedTTL(heap.AddOrderedTTL(o.core.Store, name, *ttl, items, values, was...))
	}
	return state.MakeOrdered(heap.AddOrdered(o.core.Store, name, items, values, was...))
}

// Reducing makes a state that combines all that is added.
func (o *Operator[K, R]) Reducing[V any](name string, f func(V, V) V, opts ...state.Option) *state.Running[V, V] {
	o.name(name)
	callable(f == nil, "the function of state "+name)
	first := func(acc *V, v V) { *acc = v }
	add := func(acc *V, v V) { *acc = f(*acc, v) }
	result := func(acc *V) V { return *acc }
	values, was, ttl := codecOf[V](o.job, name, opts), state.NamesBefore(opts), ttlOf(name, opts)
	switch {
	case state.IsPerWindow(opts):
		return state.CellRunning(perWindow(o, name, values, opts), first, add, result)
	case ttl != nil:
		return state.MakeRunningTTL(heap.AddRunningTTL(o.core.Store, name, backend.Reducing, *ttl, values, first, add, result, was...))
	}
	return state.MakeRunning(heap.AddRunning(o.core.Store, name, backend.Reducing, values, first, add, result, was...))
}

// Aggregating makes a state that aggregates all that is added.
func (o *Operator[K, R]) Aggregating[T, A, V any](name string, a agg.Func[T, A, V], opts ...state.Option) *state.Running[T, V] {
	o.name(name)
	callable(a == nil, "the aggregator of state "+name)
	parts := a()
	if err := parts.Validate(); err != nil {
		flow.Fail(fmt.Errorf("state %s: %w", name, err))
	}
	add := parts.Add
	if add == nil {
		add = func(acc *A, t T) { parts.AddAt(acc, t, o.core.At()) }
	}
	acc, was, ttl := codecOf[A](o.job, name, opts), state.NamesBefore(opts), ttlOf(name, opts)
	switch {
	case state.IsPerWindow(opts):
		return state.CellRunning(perWindow(o, name, acc, opts), add, add, parts.Result)
	case ttl != nil:
		return state.MakeRunningTTL(heap.AddRunningTTL(o.core.Store, name, backend.Aggregating, *ttl, acc, add, add, parts.Result, was...))
	}
	return state.MakeRunning(heap.AddRunning(o.core.Store, name, backend.Aggregating, acc, add, add, parts.Result, was...))
}

// EventTimer makes a timer for each key that calls back when event time reaches what it was set to. At the end of
// input every timer that is set fires once; timers set from then on never fire. The only option is [state.Was].
func (o *Operator[K, R]) EventTimer(name string, f func(at time.Time) error, opts ...state.Option) *Timer {
	return o.timer(name, heap.Event, f, opts)
}

// ProcessingTimer makes a timer for each key that calls back when processing time reaches what it was set to. The only
// option is [state.Was].
func (o *Operator[K, R]) ProcessingTimer(name string, f func(at time.Time) error, opts ...state.Option) *Timer {
	return o.timer(name, heap.Processing, f, opts)
}

func (o *Operator[K, R]) timer(name string, d heap.Domain, f func(at time.Time) error, opts []state.Option) *Timer {
	was := o.nameTimer(name, f == nil, opts)
	return &Timer{o.core.Store.AddTimer(name, d, func(at int64) error {
		o.core.SetAt(o.timeOf(d, at))
		return f(operator.Time(at))
	}, was...)}
}

// nameTimer takes the name of a timer and returns those that it had before.
func (o *Operator[K, R]) nameTimer(name string, noCallback bool, opts []state.Option) (was []string) {
	o.name(name)
	callable(noCallback, "the callback of timer "+name)
	if err := state.CheckTimer(opts); err != nil {
		flow.Fail(fmt.Errorf("timer %s: %w", name, err))
	}
	o.core.HasTimers()
	return state.NamesBefore(opts)
}

// timeOf is the event time of what a timer's callback emits: the timer's own, or how far event time has come.
func (o *Operator[K, R]) timeOf(d heap.Domain, at int64) int64 {
	if d == heap.Event {
		return at
	}
	return o.core.WatermarkNow()
}

// EventTimers makes timers for each key, one for each item, such as a deadline an order. The only option is [state.Was].
func (o *Operator[K, R]) EventTimers[S comparable](name string, f func(item S, at time.Time) error, opts ...state.Option) *Timers[S] {
	return addTimers(o, name, heap.Event, f, opts)
}

// ProcessingTimers is EventTimers in processing time.
func (o *Operator[K, R]) ProcessingTimers[S comparable](name string, f func(item S, at time.Time) error, opts ...state.Option) *Timers[S] {
	return addTimers(o, name, heap.Processing, f, opts)
}

func addTimers[K comparable, R any, S comparable](
	o *Operator[K, R], name string, d heap.Domain, f func(item S, at time.Time) error, opts []state.Option,
) *Timers[S] {
	was := o.nameTimer(name, f == nil, opts)
	items := codecOf[S](o.job, name+": item", nil)
	return &Timers[S]{t: heap.AddTimers(o.core.Store, name, d, items, func(item S, at int64) error {
		o.core.SetAt(o.timeOf(d, at))
		return f(item, operator.Time(at))
	}, was...)}
}

// OnOpen is called before the first record: open connections here, not in the constructor, which is also called to plan.
func (o *Operator[K, R]) OnOpen(f func(context.Context) error) {
	callable(f == nil, "what OnOpen is given")
	o.core.OnOpen(f)
}

// OnClose is called at the end of each attempt.
func (o *Operator[K, R]) OnClose(f func() error) {
	callable(f == nil, "what OnClose is given")
	o.core.OnClose(f)
}

// callable refuses a constructor that asks for a call of nothing.
func callable(isNil bool, what string) {
	if isNil {
		flow.Fail(fmt.Errorf("%s is nil", what))
	}
}

// Counter makes a metric of the operator.
func (o *Operator[K, R]) Counter(name string) *Counter {
	return &Counter{o.core.Env.Metrics.Counter(name)}
}

// Counter is a metric that grows.
type Counter struct{ n *atomic.Int64 }

// Add adds.
func (c *Counter) Add(n int64) { c.n.Add(n) }

// Timer is a timer for each key. It moves when it is set again.
type Timer struct{ t *heap.Timer }

// At sets the timer of the key at hand. A time that has passed fires it soon.
func (t *Timer) At(at time.Time) { t.t.At(operator.Nanos(at)) }

// Stop unsets the timer.
func (t *Timer) Stop() { t.t.Stop() }

// Timers are timers for each key, one for each item.
type Timers[S comparable] struct {
	_ [0]func(S)
	t *heap.Timers[S]
}

// At sets the timer of an item of the key at hand.
func (t *Timers[S]) At(item S, at time.Time) { t.t.At(item, operator.Nanos(at)) }

// Stop unsets the timer of an item.
func (t *Timers[S]) Stop(item S) { t.t.Stop(item) }

// portOf makes an input whose records f takes.
func portOf[K comparable, R, T any](o *Operator[K, R], f func(T) error) graph.Port {
	p := operator.NewKeyedPort(o.core, f)
	return graph.Port{Deliver: p.Deliver, Signals: o.core}
}
