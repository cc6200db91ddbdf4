package leat

import (
	"errors"
	"fmt"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/joining"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/internal/windowing"
	"leat.dev/leat/window"
)

// Connect brings two streams with the same key together.
func (s *Keyed[K, T]) Connect[U any](other *Keyed[K, U]) *Connected[K, T, U] {
	return &Connected[K, T, U]{first: s, second: other}
}

// Connected is two streams with one key. Process works on both with code of your own; Window, Within and AsOf say which
// of their records belong together, for a join to use.
type Connected[K comparable, T, U any] struct {
	_      [0]func(K, T, U)
	first  *Keyed[K, T]
	second *Keyed[K, U]
}

// node makes the node of an operator with two inputs.
func (c *Connected[K, T, U]) node(kind graph.Kind, name, out string, opts []Option) *graph.Node {
	inputs := append(keyedInputs(c.first, 0), keyedInputs(c.second, 1)...)
	n := c.first.node(kind, name, out, inputs, opts)
	if c.second.job != c.first.job {
		c.first.job.refuse(n, errors.New("it connects streams of different jobs"))
	}
	return n
}

// Process runs an operator with a function for each of the streams, over the same state.
func (c *Connected[K, T, U]) Process[R any](
	name string, construct func(*Operator[K, R]) (func(T) error, func(U) error), opts ...Option,
) *Stream[R] {
	n := c.node(graph.Keyed, name, typeName[R](), opts)
	finish(c.first.job, n, func(op *Operator[K, R]) ([]graph.Port, error) {
		if construct == nil {
			return nil, errConstructor
		}
		f, g := construct(op)
		if f == nil || g == nil {
			return nil, errFunction
		}
		return []graph.Port{portOf(op, f), portOf(op, g)}, nil
	})
	return newStream[R](c.first.job, n)
}

// Window relates records of the same window: tumbling, sliding, cumulating, of days, or a session of both streams.
func (c *Connected[K, T, U]) Window(w window.Assigner) *Related[K, T, U] {
	return &Related[K, T, U]{both: c, by: byWindow, windows: w}
}

// Within relates records whose times differ by a duration from from to to, both included: a record of the second stream
// is at least from and at most to later than one of the first. Negative durations are earlier.
func (c *Connected[K, T, U]) Within(from, to time.Duration) *Related[K, T, U] {
	return &Related[K, T, U]{both: c, by: byTime, from: from, to: to}
}

// AsOf relates a record of the first stream to the version that held at its time: the last record of the second stream
// that is not later. It takes Join, LeftJoin and AntiJoin.
func (c *Connected[K, T, U]) AsOf() *Related[K, T, U] {
	return &Related[K, T, U]{both: c, by: byVersion}
}

// Related is pairs of records of two streams. Its methods refine which records belong together until a join consumes
// them; each returns a copy. See docs/joins.md for what each join emits, and when.
type Related[K comparable, T, U any] struct {
	_          [0]func(K, T, U)
	both       *Connected[K, T, U]
	by         relation
	windows    window.Assigner
	from, to   time.Duration
	lateness   joining.Lateness
	lateFirst  Output[T]
	lateSecond Output[U]
}

// relation is how records are related.
type relation uint8

const (
	byWindow relation = iota
	byTime
	byVersion
)

// AllowLateness lets records of each stream come so much later than the watermark, and keeps those of the other stream
// so much longer. The default is 0. AsOf takes 0 for the second: a version counts however late it comes, as long as no
// newer one has taken its place.
func (r *Related[K, T, U]) AllowLateness(first, second time.Duration) *Related[K, T, U] {
	c := *r
	c.lateness = joining.Lateness{First: first, Second: second}
	return &c
}

// LateTo sends records that come too late to side outputs of the join, those of each stream to one; an output "" is
// none. They are counted in any case.
func (r *Related[K, T, U]) LateTo(first Output[T], second Output[U]) *Related[K, T, U] {
	c := *r
	c.lateFirst, c.lateSecond = first, second
	return &c
}

// Join emits a result for each pair.
func (r *Related[K, T, U]) Join[R any](name string, f func(T, U) R, opts ...Option) *Stream[R] {
	return joined(r, innerJoin, name, opts, f == nil, func(out *flow.Out[R]) joining.Results[T, U] {
		return joining.Results[T, U]{Pair: func(t *T, u *U, at int64) { out.Emit(f(*t, *u), at) }}
	})
}

// LeftJoin emits a result for each pair, and one for each record of the first stream without a partner, which is then
// nil.
func (r *Related[K, T, U]) LeftJoin[R any](name string, f func(T, *U) R, opts ...Option) *Stream[R] {
	return joined(r, leftJoin, name, opts, f == nil, func(out *flow.Out[R]) joining.Results[T, U] {
		return joining.Results[T, U]{
			Pair:        func(t *T, u *U, at int64) { out.Emit(f(*t, u), at) },
			First:       func(t *T, at int64) { out.Emit(f(*t, nil), at) },
			KeepsSecond: true,
		}
	})
}

// RightJoin emits a result for each pair, and one for each record of the second stream without a partner, which is then
// nil.
func (r *Related[K, T, U]) RightJoin[R any](name string, f func(*T, U) R, opts ...Option) *Stream[R] {
	return joined(r, rightJoin, name, opts, f == nil, func(out *flow.Out[R]) joining.Results[T, U] {
		return joining.Results[T, U]{
			Pair:       func(t *T, u *U, at int64) { out.Emit(f(t, *u), at) },
			Second:     func(u *U, at int64) { out.Emit(f(nil, *u), at) },
			KeepsFirst: true,
		}
	})
}

// FullJoin emits a result for each pair, and one for each record of either stream without a partner, which is then nil.
func (r *Related[K, T, U]) FullJoin[R any](name string, f func(*T, *U) R, opts ...Option) *Stream[R] {
	return joined(r, fullJoin, name, opts, f == nil, func(out *flow.Out[R]) joining.Results[T, U] {
		return joining.Results[T, U]{
			Pair:       func(t *T, u *U, at int64) { out.Emit(f(t, u), at) },
			First:      func(t *T, at int64) { out.Emit(f(t, nil), at) },
			Second:     func(u *U, at int64) { out.Emit(f(nil, u), at) },
			KeepsFirst: true, KeepsSecond: true,
		}
	})
}

// AntiJoin emits the records of the first stream without a partner.
func (r *Related[K, T, U]) AntiJoin(name string, opts ...Option) *Stream[T] {
	return joined(r, antiJoin, name, opts, false, func(out *flow.Out[T]) joining.Results[T, U] {
		return joining.Results[T, U]{First: func(t *T, at int64) { out.Emit(*t, at) }}
	})
}

// CoGroup hands all records of both streams in a window to an operator with state for each key, each stream's in the
// order in which they came (of windows that overlap, slice after slice). A key's window is handed over once when it
// fires, and anew with each record that comes late, and is then marked so.
func (r *Related[K, T, U]) CoGroup[R any](
	name string, construct func(*Operator[K, R]) func(Pane[K, agg.Both[[]T, []U]]) error, opts ...Option,
) *Stream[R] {
	n := r.both.node(graph.Join, name, typeName[R](), opts)
	n.Settings = r.settings(coGroup)
	job := r.both.first.job
	finish(job, n, func(op *Operator[K, R]) ([]graph.Port, error) {
		if construct == nil {
			return nil, errConstructor
		}
		f := construct(op)
		if f == nil {
			return nil, errFunction
		}
		if err := r.check(coGroup); err != nil {
			return nil, err
		}
		return groupPorts(r, op, f)
	})
	return newStream[R](job, n)
}

// groupPorts makes the inputs of a co-group: the pane's key is the key at hand while take runs.
func groupPorts[K comparable, T, U, R any](
	r *Related[K, T, U], op *Operator[K, R], take func(Pane[K, agg.Both[[]T, []U]]) error,
) ([]graph.Port, error) {
	core, past := op.core, windowing.Past(window.SpecOf(r.windows))
	emit := func(key K, hash uint64, start, end int64, v agg.Both[[]T, []U], timing window.Timing, index int) {
		core.Store.SelectKey(key, hash)
		core.SetAt(end - past)
		span := window.Span{Start: operator.Time(start), End: operator.Time(end)}
		flow.Check(take(Pane[K, agg.Both[[]T, []U]]{Key: key, Span: span, Value: v, Timing: timing, Index: index}))
	}
	windows, err := joining.NewGroups(joinConfig(r, op), r.windows, emit)
	if err != nil {
		return nil, err
	}
	return windowJoinPorts(op, windows), nil
}

func windowJoinPorts[K comparable, T, U, R any](op *Operator[K, R], windows *joining.Windows[K, T, U]) []graph.Port {
	op.core.SetWindows(windows)
	first := operator.NewWindowPort(op.core, windows.ReceiveFirst)
	second := operator.NewWindowPort(op.core, windows.ReceiveSecond)
	return []graph.Port{{Deliver: first.Deliver, Signals: op.core}, {Deliver: second.Deliver, Signals: op.core}}
}

// joined makes a join of any kind and relation.
func joined[K comparable, T, U, R any](
	r *Related[K, T, U], kind joinKind, name string, opts []Option, noFunction bool, results func(*flow.Out[R]) joining.Results[T, U],
) *Stream[R] {
	n := r.both.node(graph.Join, name, typeName[R](), opts)
	n.Settings = r.settings(kind)
	job := r.both.first.job
	finish(job, n, func(op *Operator[K, R]) ([]graph.Port, error) {
		if noFunction {
			return nil, errFunction
		}
		if err := r.check(kind); err != nil {
			return nil, err
		}
		return joinPorts(r, op, results(op.out))
	})
	return newStream[R](job, n)
}

// joinPorts makes the operator of a join, by its relation.
func joinPorts[K comparable, T, U, R any](r *Related[K, T, U], op *Operator[K, R], results joining.Results[T, U]) ([]graph.Port, error) {
	c := joinConfig(r, op)
	switch r.by {
	case byTime:
		j, err := joining.NewInterval(c, r.from, r.to, results)
		if err != nil {
			return nil, err
		}
		return []graph.Port{portOf(op, j.ReceiveFirst), portOf(op, j.ReceiveSecond)}, nil
	case byVersion:
		j, err := joining.NewAsOf(c, results)
		if err != nil {
			return nil, err
		}
		return []graph.Port{portOf(op, j.ReceiveFirst), portOf(op, j.ReceiveSecond)}, nil
	}
	windows, err := joining.NewWindows(c, r.windows, results)
	if err != nil {
		return nil, err
	}
	return windowJoinPorts(op, windows), nil
}

func joinConfig[K comparable, T, U, R any](r *Related[K, T, U], op *Operator[K, R]) joining.Config[K, T, U] {
	c := joining.Config[K, T, U]{Core: op.core, Keys: op.keys, Codecs: &op.job.codecs, Lateness: r.lateness}
	if r.lateFirst != "" {
		out := addSide[T](op.core.Env, op.core.Outs, &op.sides, string(r.lateFirst))
		c.Late.First = func(v T, at int64) { out.Emit(v, at) }
	}
	if r.lateSecond != "" {
		out := addSide[U](op.core.Env, op.core.Outs, &op.sides, string(r.lateSecond))
		c.Late.Second = func(v U, at int64) { out.Emit(v, at) }
	}
	return c
}

// joinKind is what a join emits, in words that errors and plans use.
type joinKind string

const (
	innerJoin joinKind = "Join"
	leftJoin  joinKind = "LeftJoin"
	rightJoin joinKind = "RightJoin"
	fullJoin  joinKind = "FullJoin"
	antiJoin  joinKind = "AntiJoin"
	coGroup   joinKind = "CoGroup"
)

// check returns why there is no such join, or nil.
func (r *Related[K, T, U]) check(kind joinKind) error {
	switch {
	case r.by == byTime && r.to < r.from:
		return fmt.Errorf("Within(%v, %v): the second duration is less than the first, so no records belong together: exchange them", r.from, r.to)
	case r.by == byTime && kind == coGroup:
		return errors.New("Within with CoGroup: each record has partners of its own, and there is no group of both: " +
			"use Window, or Connected.Process with state of your own")
	case r.by == byVersion && kind == coGroup:
		return errors.New("AsOf with CoGroup: a record has one version, and there is no group of both: use LeftJoin")
	case r.by == byVersion && (kind == rightJoin || kind == fullJoin):
		return fmt.Errorf("AsOf with %s: any number of records, also later ones, may have the same version, "+
			"so it can't be said which versions have no partner: use LeftJoin", kind)
	case r.by == byVersion && r.lateness.Second != 0:
		return fmt.Errorf("AsOf with an allowed lateness of %v for versions: set it to 0: a version counts however late it comes, "+
			"as long as no newer one has taken its place", r.lateness.Second)
	}
	return nil
}

// settings are what the plan shows of a join.
func (r *Related[K, T, U]) settings(kind joinKind) []string {
	all := []string{string(kind)}
	switch r.by {
	case byWindow:
		all = append(all, window.SpecOf(r.windows).String())
	case byTime:
		all = append(all, fmt.Sprintf("within %v to %v", r.from, r.to))
	case byVersion:
		all = append(all, "as of")
	}
	if l := r.lateness; l != (joining.Lateness{}) {
		all = append(all, fmt.Sprintf("allowed lateness %v and %v", l.First, l.Second))
	}
	return all
}
