package leattest

import (
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/state"
)

// ConnectedDriver drives one operator over two connected streams, record by record, as [Driver] does.
type ConnectedDriver[K comparable, T, U, R any] struct {
	driven driven[K, R]
	first  input[K, T]
	second input[K, U]
}

// DriveConnected makes a driver of a constructor, as it would be given to Connected.Process.
func DriveConnected[K comparable, T, U, R any](
	t testing.TB, first func(T) K, second func(U) K, construct func(*leat.Operator[K, R]) (func(T) error, func(U) error),
) *ConnectedDriver[K, T, U, R] {
	t.Helper()
	job := leat.NewJob("driven")
	left := job.From("first", mem.From[T]()).KeyBy(first)
	left.Connect(job.From("second", mem.From[U]()).KeyBy(second)).Process(operatorName, construct)
	d := &ConnectedDriver[K, T, U, R]{first: input[K, T]{0, first}, second: input[K, U]{1, second}}
	d.driven.begin(t, job)
	return d
}

// First gives the operator a record of the first stream.
func (d *ConnectedDriver[K, T, U, R]) First(at time.Time, record T) {
	d.driven.t.Helper()
	send(&d.driven, &d.first, at, record)
}

// Second gives the operator a record of the second stream.
func (d *ConnectedDriver[K, T, U, R]) Second(at time.Time, record U) {
	d.driven.t.Helper()
	send(&d.driven, &d.second, at, record)
}

// Watermark is [Driver.Watermark].
func (d *ConnectedDriver[K, T, U, R]) Watermark(to time.Time) {
	d.driven.t.Helper()
	d.driven.watermarkTo(to)
}

// ProcessingTime is [Driver.ProcessingTime].
func (d *ConnectedDriver[K, T, U, R]) ProcessingTime(by time.Duration) {
	d.driven.t.Helper()
	d.driven.processingTime(by)
}

// End is [Driver.End], of both streams.
func (d *ConnectedDriver[K, T, U, R]) End() {
	d.driven.t.Helper()
	d.driven.end()
}

// Restore is [Driver.Restore].
func (d *ConnectedDriver[K, T, U, R]) Restore() {
	d.driven.t.Helper()
	d.driven.restore()
}

// Emitted is [Driver.Emitted].
func (d *ConnectedDriver[K, T, U, R]) Emitted() []R { return d.driven.emitted() }

// Side is [Driver.Side].
func (d *ConnectedDriver[K, T, U, R]) Side[S any](o leat.Output[S]) []S {
	d.driven.t.Helper()
	return sideOf(&d.driven, o)
}

// Value is [Driver.Value].
func (d *ConnectedDriver[K, T, U, R]) Value[V any](name string, key K, opts ...state.Option) (v V, ok bool) {
	d.driven.t.Helper()
	all, err := valuesOf[K, V](d.driven.content(), d.driven.codecs, name, opts)
	d.driven.check(err)
	v, ok = all[key]
	return v, ok
}

// List is [Driver.List].
func (d *ConnectedDriver[K, T, U, R]) List[V any](name string, key K, opts ...state.Option) []V {
	d.driven.t.Helper()
	all, err := listsOf[K, V](d.driven.content(), d.driven.codecs, name, opts)
	d.driven.check(err)
	return all[key]
}

// Map is [Driver.Map].
func (d *ConnectedDriver[K, T, U, R]) Map[A comparable, V any](name string, key K, opts ...state.Option) map[A]V {
	d.driven.t.Helper()
	all, err := mapsOf[K, A, V](d.driven.content(), d.driven.codecs, name, opts)
	d.driven.check(err)
	return all[key]
}

// Timers is [Driver.Timers].
func (d *ConnectedDriver[K, T, U, R]) Timers(key K) map[string]time.Time {
	d.driven.t.Helper()
	all, err := timersOf[K](d.driven.content(), d.driven.codecs)
	d.driven.check(err)
	return all[key]
}

// ItemTimers is [Driver.ItemTimers].
func (d *ConnectedDriver[K, T, U, R]) ItemTimers[S comparable](name string, key K) map[S]time.Time {
	d.driven.t.Helper()
	all, err := itemTimersOf[K, S](d.driven.content(), d.driven.codecs, name)
	d.driven.check(err)
	return all[key]
}
