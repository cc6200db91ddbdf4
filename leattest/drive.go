package leattest

import (
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/state"
)

// Driver drives one keyed operator, record by record, in the test's own goroutine.
type Driver[K comparable, T, R any] struct {
	driven driven[K, R]
	first  input[K, T]
}

// Drive makes a driver of an operator's constructor, as it would be given to Keyed.Process. Whatever the operator's
// code returns as an error, or panics with, fails the test.
func Drive[K comparable, T, R any](t testing.TB, key func(T) K, construct func(*leat.Operator[K, R]) func(T) error) *Driver[K, T, R] {
	t.Helper()
	job := leat.NewJob("driven")
	job.From("records", mem.From[T]()).KeyBy(key).Process(operatorName, construct)
	d := &Driver[K, T, R]{first: input[K, T]{key: key}}
	d.driven.begin(t, job)
	return d
}

// Send gives the operator a record with an event time; a zero time is none.
func (d *Driver[K, T, R]) Send(at time.Time, record T) {
	d.driven.t.Helper()
	send(&d.driven, &d.first, at, record)
}

// Watermark moves event time on: timers fire that are set to that time or before. It never goes back.
func (d *Driver[K, T, R]) Watermark(to time.Time) {
	d.driven.t.Helper()
	d.driven.watermarkTo(to)
}

// ProcessingTime moves processing time on, which begins at [Start]: timers fire.
func (d *Driver[K, T, R]) ProcessingTime(by time.Duration) {
	d.driven.t.Helper()
	d.driven.processingTime(by)
}

// End ends the input: every timer that is set fires once, timers in event time first.
func (d *Driver[K, T, R]) End() {
	d.driven.t.Helper()
	d.driven.end()
}

// Restore takes a snapshot of the operator and goes on with a new one that is restored from it. What is not in state
// is lost, as it is when a process restarts.
func (d *Driver[K, T, R]) Restore() {
	d.driven.t.Helper()
	d.driven.restore()
}

// Emitted is what the operator has emitted since the last call, in order.
func (d *Driver[K, T, R]) Emitted() []R { return d.driven.emitted() }

// Side is what the operator has sent to a side output since the last call, in order.
func (d *Driver[K, T, R]) Side[S any](o leat.Output[S]) []S {
	d.driven.t.Helper()
	return sideOf(&d.driven, o)
}

// Value is what a Value, Reducing or Aggregating state holds for a key, and whether there is anything; of Aggregating
// it is the accumulator. A state that has a codec of its own needs the same option here.
func (d *Driver[K, T, R]) Value[V any](name string, key K, opts ...state.Option) (v V, ok bool) {
	d.driven.t.Helper()
	all, err := valuesOf[K, V](d.driven.content(), d.driven.codecs, name, opts)
	d.driven.check(err)
	v, ok = all[key]
	return v, ok
}

// List is what a List state holds for a key.
func (d *Driver[K, T, R]) List[V any](name string, key K, opts ...state.Option) []V {
	d.driven.t.Helper()
	all, err := listsOf[K, V](d.driven.content(), d.driven.codecs, name, opts)
	d.driven.check(err)
	return all[key]
}

// Map is what a Map or Ordered state holds for a key.
func (d *Driver[K, T, R]) Map[A comparable, V any](name string, key K, opts ...state.Option) map[A]V {
	d.driven.t.Helper()
	all, err := mapsOf[K, A, V](d.driven.content(), d.driven.codecs, name, opts)
	d.driven.check(err)
	return all[key]
}

// Timers is when each timer of a key is set to. For EventTimers and ProcessingTimers see [Driver.ItemTimers].
func (d *Driver[K, T, R]) Timers(key K) map[string]time.Time {
	d.driven.t.Helper()
	all, err := timersOf[K](d.driven.content(), d.driven.codecs)
	d.driven.check(err)
	return all[key]
}

// ItemTimers is when the timer of each item of a key is set to.
func (d *Driver[K, T, R]) ItemTimers[S comparable](name string, key K) map[S]time.Time {
	d.driven.t.Helper()
	all, err := itemTimersOf[K, S](d.driven.content(), d.driven.codecs, name)
	d.driven.check(err)
	return all[key]
}

// input is one of a driven operator's inputs.
type input[K comparable, T any] struct {
	port int
	key  func(T) K
}

func send[K comparable, T, R any](d *driven[K, R], in *input[K, T], at time.Time, record T) {
	d.t.Helper()
	d.do(func() {
		key := in.key(record)
		b := &flow.Keyed[K, T]{Keys: []K{key}, Hashes: []uint64{d.keys.Hash(key)}}
		b.Values, b.Times = []T{record}, []int64{nanos(at)}
		d.made.Ports[in.port].Deliver(b)
	})
}

func sideOf[K comparable, R, S any](d *driven[K, R], o leat.Output[S]) []S {
	d.t.Helper()
	if !d.hasSide(string(o)) {
		d.t.Fatalf("leattest: the operator has no side output %q; it has %s", o, list(d.sides()))
	}
	var all []S
	rest := d.heard[:0]
	for _, c := range d.heard {
		if c.output != string(o) {
			rest = append(rest, c)
			continue
		}
		values, ok := c.values.([]S)
		if !ok {
			d.t.Fatalf("leattest: side output %q has records of another type than %T: %T", o, *new(S), c.values)
		}
		all = append(all, values...)
	}
	d.heard = rest
	return all
}
