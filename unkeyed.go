package leat

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/state"
)

// Process runs an operator: the constructor is called once a subtask and returns what to do with each record. It is
// called once more to plan, and has no side effects.
func (s *Stream[T]) Process[R any](name string, construct func(*Unkeyed[R]) func(T) error, opts ...Option) *Stream[R] {
	n := &graph.Node{Kind: graph.Process, Name: name, Named: true, Out: typeName[R]()}
	build := func(env *flow.Env) (*Unkeyed[R], *operator.Unkeyed[T], error) {
		if construct == nil {
			return nil, nil, errConstructor
		}
		core := operator.NewUnkeyed[T](env)
		op := &Unkeyed[R]{core: core, env: env, out: flow.NewOut[R](env), outs: core.Outs, job: s.job, named: map[string]bool{}}
		core.Outs[""] = op.out
		f := construct(op)
		if f == nil {
			return nil, nil, errFunction
		}
		core.Each(f)
		return op, core, nil
	}
	n.Check = func(env *flow.Env) error {
		op, core, err := build(env)
		if err != nil {
			return err
		}
		n.Sides, n.States = op.sides, nil
		for _, l := range core.Lists() {
			n.States = append(n.States, l.Describe())
		}
		return nil
	}
	s.then(n, opts, func(env *flow.Env, m *graph.Made) flow.Receiver[T] {
		_, core, err := build(env)
		flow.Check(err) // the plan has called the constructor before
		m.Outs = core.Outs
		return core
	})
	return newStream[R](s.job, n)
}

// Unkeyed is what the constructor of an operator without keys works with. It belongs to one subtask, and so to one
// goroutine.
type Unkeyed[R any] struct {
	core interface {
		At() int64
		OnOpen(func(context.Context) error)
		OnClose(func() error)
		AddList(operator.OperatorList)
	}
	env   *flow.Env
	out   *flow.Out[R]
	outs  map[string]flow.Outlet
	sides []graph.Side
	job   *Job
	named map[string]bool
}

// Emit sends a result on, with the time of the record at hand.
func (o *Unkeyed[R]) Emit(r R) { o.out.Emit(r, o.core.At()) }

// EmitAt sends a result on with a time of its own.
func (o *Unkeyed[R]) EmitAt(at time.Time, r R) { o.out.Emit(r, operator.Nanos(at)) }

// Time is the event time of the record at hand; zero if it has none.
func (o *Unkeyed[R]) Time() time.Time { return operator.Time(o.core.At()) }

// Subtask is which one this is, from 0, of how many.
func (o *Unkeyed[R]) Subtask() (index, count int) { return o.env.Subtask, o.env.Parallelism }

// Side returns a function that sends to a side output.
func (o *Unkeyed[R]) Side[S any](to Output[S]) func(S) {
	out := addSide[S](o.env, o.outs, &o.sides, string(to))
	return func(s S) { out.Emit(s, o.core.At()) }
}

// List makes a state of the operator: a list that is dealt out anew, element by element, when the parallelism changes.
func (o *Unkeyed[R]) List[V any](name string, opts ...state.Option) *OperatorList[V] {
	if name == "" || o.named[name] {
		flow.Fail(fmt.Errorf("state %q: a state needs a name, and the name to itself", name))
	}
	o.named[name] = true
	if ttl := ttlOf(name, opts); ttl != nil {
		flow.Fail(fmt.Errorf("list %s: state.TTL is for states by key: elements of an operator's list go when they are cleared", name))
	}
	l := &OperatorList[V]{name: name, was: state.NamesBefore(opts), env: o.env}
	l.reads.Codec = codecOf[V](o.job, name, opts)
	o.core.AddList(l)
	return l
}

// OnOpen is called before the first record.
func (o *Unkeyed[R]) OnOpen(f func(context.Context) error) {
	callable(f == nil, "what OnOpen is given")
	o.core.OnOpen(f)
}

// OnClose is called at the end of each attempt.
func (o *Unkeyed[R]) OnClose(f func() error) {
	callable(f == nil, "what OnClose is given")
	o.core.OnClose(f)
}

// Counter makes a metric of the operator.
func (o *Unkeyed[R]) Counter(name string) *Counter { return &Counter{o.env.Metrics.Counter(name)} }

// OperatorList is a list that belongs to one subtask of an operator without keys. It is held in memory and written
// whole with each snapshot; for much state, use keys.
type OperatorList[V any] struct {
	name   string
	was    []string
	env    *flow.Env
	reads  backend.Reading[V]
	values []V
}

// Append appends.
func (l *OperatorList[V]) Append(v ...V) { l.values = append(l.values, v...) }

// All goes through the list in order.
func (l *OperatorList[V]) All() iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, v := range l.values {
			if !yield(v) {
				return
			}
		}
	}
}

// Len is the length.
func (l *OperatorList[V]) Len() int { return len(l.values) }

// Clear forgets the list.
func (l *OperatorList[V]) Clear() { l.values = nil }

// Describe describes the state for the plan.
func (l *OperatorList[V]) Describe() backend.State {
	c := l.reads.Codec
	return backend.State{
		Name: l.name, Was: l.was, Kind: backend.Operator, Type: typeName[V](), Value: c.Schema(), Reads: backend.ReadsValues(c),
	}
}

// Entries encodes the list, element by element; the key is the element's place.
func (l *OperatorList[V]) Entries() ([]backend.Entry, error) {
	entries := make([]backend.Entry, len(l.values))
	for i, v := range l.values {
		value, err := l.reads.Codec.Append(nil, v)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", l.name, err)
		}
		key := binary.BigEndian.AppendUint64(nil, uint64(l.env.Subtask)<<48|uint64(i))
		entries[i] = backend.Entry{State: l.name, Key: fmt.Sprintf("%x", key), Value: value}
	}
	return entries, nil
}

// Expect prepares for elements that a snapshot describes so.
func (l *OperatorList[V]) Expect(was backend.State) error { return l.reads.Use(was.Value) }

// Restore takes this subtask's share of all elements: an equal run of them, in order.
func (l *OperatorList[V]) Restore(all []backend.Entry) error {
	var mine [][]byte
	for _, e := range all {
		if e.State == l.name {
			mine = append(mine, e.Value)
		}
	}
	from, to := len(mine)*l.env.Subtask/l.env.Parallelism, len(mine)*(l.env.Subtask+1)/l.env.Parallelism
	for _, b := range mine[from:to] {
		v, err := l.reads.Decode(b)
		if err != nil {
			return err
		}
		l.values = append(l.values, v)
	}
	return nil
}
