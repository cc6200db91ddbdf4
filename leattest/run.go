package leattest

import (
	"slices"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/state"
)

// Run runs a job on given records to its end, and fails the test if the job fails. Sinks are not opened: what they
// would have written is in the result. Sources that are given nothing read what they read anywhere else.
//
// The job runs with the parallelism that it has, or else 1. Processing time stands still at [Start]. Sources send a
// watermark after every record, so that event time moves at once; a job outside of tests does it about every thousand.
func Run(t testing.TB, j *leat.Job, given ...Given) *Result {
	t.Helper()
	r, err := runOnce(j, given, setting{batch: local.DefaultBatch, every: 1})
	if err != nil {
		t.Fatalf("leattest.Run: %v", err)
	}
	r.t = t
	return r
}

// runOnce runs a job straight. It stops once, when all given records were read, to look at the state.
func runOnce(j *leat.Job, given []Given, s setting) (*Result, error) {
	a, err := start(j, given, s, nil, func(*attempt) {})
	if err != nil {
		return nil, err
	}
	r := &Result{inside: a, outcome: newOutcome()}
	if len(given) > 0 {
		for _, f := range a.feeds {
			f.allow(f.count)
		}
		if r.state, err = a.snapshot(); err != nil {
			return nil, err
		}
	}
	if err := a.finish(); err != nil {
		return nil, err
	}
	r.outcome.add(a.heard)
	r.outcome.sort()
	return r, nil
}

// Result is what a job did.
type Result struct {
	t       testing.TB
	inside  *attempt
	outcome *outcome
	state   *checkpoint.Snapshot // nil if no source was given records
}

// Output is what a sink received, in order of event time; records of one time are in order of their values. The order
// in which they came is no part of what a job promises. T is the type of the sink's records, or the test fails.
func (r *Result) Output[T any](sink string) []T {
	r.t.Helper()
	r.node(sink, graph.Sink)
	return outputOf[T](r, output{sink, ""}, "sink "+sink)
}

// Side is what an operator sent to a side output, rejects and late records among them, in the order of [Result.Output].
func (r *Result) Side[S any](operator string, o leat.Output[S]) []S {
	r.t.Helper()
	n := r.node(operator)
	var have []string
	for _, s := range n.Sides {
		if s.Name == string(o) {
			return outputOf[S](r, output{operator, string(o)}, "side output "+string(o)+" of "+operator)
		}
		have = append(have, s.Name)
	}
	r.t.Fatalf("leattest: operator %s has no side output %q; it has %s", operator, o, list(have))
	return nil
}

func outputOf[T any](r *Result, at output, name string) []T {
	r.t.Helper()
	s := r.outcome.outputs[at]
	if s == nil {
		return nil
	}
	values, ok := s.values.Interface().([]T)
	if !ok {
		r.t.Fatalf("leattest: the records of %s are of type %v, not %T", name, s.values.Type().Elem(), *new(T))
	}
	return append([]T(nil), values...)
}

// Late is how many records came too late for an operator's windows.
func (r *Result) Late(operator string) int64 {
	r.t.Helper()
	r.node(operator)
	return r.outcome.late[operator]
}

// Timers is when each timer of an operator's keys was set to when the last given record had been worked through: at
// the end of input, which comes next, all of them fire. For EventTimers and ProcessingTimers see [Result.ItemTimers].
func (r *Result) Timers[K comparable](operator string) map[K]map[string]time.Time {
	r.t.Helper()
	c := r.content(operator)
	all, err := timersOf[K](c, r.inside.inside.Codecs)
	r.check(err)
	return all
}

// ItemTimers is [Result.Timers] for timers of which a key has one for each item.
func (r *Result) ItemTimers[K, S comparable](operator, name string) map[K]map[S]time.Time {
	r.t.Helper()
	c := r.content(operator)
	all, err := itemTimersOf[K, S](c, r.inside.inside.Codecs, name)
	r.check(err)
	return all
}

// State is what an operator's Value, Reducing or Aggregating state held when the last given record had been worked
// through, before the end of input fired timers and windows. Of Aggregating it is the accumulator. A state that has
// a codec of its own needs the same option here. Where a job has sources that are given nothing, they may be anywhere at that instant.
func (r *Result) State[K comparable, V any](operator, name string, opts ...state.Option) map[K]V {
	r.t.Helper()
	c := r.content(operator)
	all, err := valuesOf[K, V](c, r.inside.inside.Codecs, name, opts)
	r.check(err)
	return all
}

// List is [Result.State] for List states.
func (r *Result) List[K comparable, V any](operator, name string, opts ...state.Option) map[K][]V {
	r.t.Helper()
	c := r.content(operator)
	all, err := listsOf[K, V](c, r.inside.inside.Codecs, name, opts)
	r.check(err)
	return all
}

// Map is [Result.State] for Map and Ordered states.
func (r *Result) Map[K, A comparable, V any](operator, name string, opts ...state.Option) map[K]map[A]V {
	r.t.Helper()
	c := r.content(operator)
	all, err := mapsOf[K, A, V](c, r.inside.inside.Codecs, name, opts)
	r.check(err)
	return all
}

// content is the state of an operator.
func (r *Result) content(operator string) *content {
	r.t.Helper()
	n := r.node(operator, graph.Keyed, graph.Window, graph.Join)
	if r.state == nil {
		r.t.Fatalf("leattest: state of operator %s: it is looked at when the given records were read, and no source is given any", operator)
	}
	c, err := contentOf(r.state, n)
	r.check(err)
	return c
}

// node is the operator of that name, of one of some kinds.
func (r *Result) node(name string, kinds ...graph.Kind) *graph.Node {
	r.t.Helper()
	var have []string
	for _, n := range r.inside.inside.Graph.Nodes {
		if len(kinds) > 0 && !slices.Contains(kinds, n.Kind) {
			continue
		}
		if n.Name == name {
			return n
		}
		have = append(have, n.Name)
	}
	r.t.Fatalf("leattest: the job has no such operator as %q here; it has %s", name, list(have))
	return nil
}

func (r *Result) check(err error) {
	if err != nil {
		r.t.Helper()
		r.t.Fatalf("leattest: %v", err)
	}
}
