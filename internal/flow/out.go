package flow

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"leat.dev/leat/internal/invariants"
)

// Outlet is an output of an operator, its element type erased: the plan attaches to it what comes next.
type Outlet interface {
	// Attach adds a receiver, which is a Receiver of the outlet's type.
	Attach(receiver any) error
	// Flush hands on what the output holds.
	Flush()
	Signals
}

// InOrder is the outlets of an operator in the order of their names, so that what it sends to several of them goes out in one
// order, each time that a test does the same.
func InOrder(outs map[string]Outlet) []Outlet {
	var all []Outlet
	for _, name := range slices.Sorted(maps.Keys(outs)) {
		all = append(all, outs[name])
	}
	return all
}

// Out is an output of an operator: it gathers records in a batch and hands the batch to all receivers.
type Out[T any] struct {
	batch    Batch[T]
	limit    int
	pointers bool
	to       []Receiver[T]
	env      *Env
	heard    bool   // a test listens,
	as       string // and knows the output by this name
}

// NewOut makes an output without receivers.
func NewOut[T any](env *Env) *Out[T] {
	return &Out[T]{limit: env.BatchSize, pointers: HoldsPointers[T](), env: env}
}

// HoldsPointers says whether values of a type keep others from being collected as garbage, so that emptied batches of
// them must be cleared. Times do not: there are few locations, and they stay.
func HoldsPointers[T any]() bool {
	return holdsPointers(reflect.TypeFor[T](), reflect.TypeFor[time.Time]())
}

// holdsPointers looks into a type, but not into a type that is said to be harmless.
func holdsPointers(t, harmless reflect.Type) bool {
	if t == harmless {
		return false
	}
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && holdsPointers(t.Elem(), harmless)
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsPointers(t.Field(i).Type, harmless) {
				return true
			}
		}
		return false
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return false
	}
	return true
}

// Attach adds a receiver.
func (o *Out[T]) Attach(receiver any) error {
	r, ok := receiver.(Receiver[T])
	if !ok {
		return fmt.Errorf("operator %s: output of %T attached to %T", o.env.Operator, *new(T), receiver)
	}
	o.to = append(o.to, r)
	return nil
}

// Emit sends a record on, as soon as there are enough of them.
func (o *Out[T]) Emit(v T, at int64) {
	o.batch.Values = append(o.batch.Values, v)
	o.batch.Times = append(o.batch.Times, at)
	if len(o.batch.Values) >= o.limit {
		o.Flush()
	}
}

// EmitCopy is Emit of what lies somewhere else: a large value is copied once.
func (o *Out[T]) EmitCopy(v *T, at int64) {
	o.batch.Values = append(o.batch.Values, *v)
	o.batch.Times = append(o.batch.Times, at)
	if len(o.batch.Values) >= o.limit {
		o.Flush()
	}
}

// EmitAll sends records on, in batches.
func (o *Out[T]) EmitAll(values []T, times []int64) {
	for len(values) > 0 {
		n := min(len(values), o.limit-len(o.batch.Values))
		o.batch.Values = append(o.batch.Values, values[:n]...)
		o.batch.Times = append(o.batch.Times, times[:n]...)
		values, times = values[n:], times[n:]
		o.Extended()
	}
}

// ExtendLike is Extend for records that have these times.
func (o *Out[T]) ExtendLike(times []int64) []T {
	from := len(o.batch.Values)
	n := min(len(times), o.limit-from)
	o.batch.Values = slices.Grow(o.batch.Values, n)[:from+n]
	o.batch.Times = append(o.batch.Times, times[:n]...)
	return o.batch.Values[from:]
}

// Extend makes room for records of one time, n at most, where what is gathered lies: they are filled in, every field of them, and
// then emitted by Extended, before anything else is.
func (o *Out[T]) Extend(n int, at int64) []T {
	from := len(o.batch.Values)
	to := min(from+n, o.limit)
	o.batch.Values = slices.Grow(o.batch.Values, to-from)[:to]
	for range to - from {
		o.batch.Times = append(o.batch.Times, at)
	}
	return o.batch.Values[from:]
}

// Extended sends on what Extend made room for, as soon as there are enough of them.
func (o *Out[T]) Extended() {
	if len(o.batch.Values) >= o.limit {
		o.Flush()
	}
}

// Flush hands on what is gathered.
func (o *Out[T]) Flush() {
	if len(o.batch.Values) == 0 {
		return
	}
	o.Forward(&o.batch)
	if invariants.Enabled {
		o.batch.Poison()
	}
	o.batch.Reset(o.pointers)
}

// Forward hands on a batch that somebody else owns.
func (o *Out[T]) Forward(b *Batch[T]) {
	o.env.Metrics.Out.Add(int64(len(b.Values)))
	if o.heard {
		o.env.Tap.Records(o.env.Operator, o.as, o.env.Subtask, slices.Clone(b.Values), slices.Clone(b.Times))
	}
	at := o.env.Site.At
	for _, r := range o.to {
		r.Receive(b)
	}
	o.env.Site.At = at
}

// Split says which split the records from now on come from.
func (o *Out[T]) Split(split int) { o.batch.Split = split }

// Watermark hands on what is gathered, then the watermark.
func (o *Out[T]) Watermark(at int64) {
	o.Flush()
	site := o.env.Site.At
	for _, r := range o.to {
		r.Watermark(at)
	}
	o.env.Site.At = site
}

// Idle hands on what is gathered, then the signal.
func (o *Out[T]) Idle(idle bool) {
	o.Flush()
	for _, r := range o.to {
		r.Idle(idle)
	}
}

// Listen lets a test, if there is one, hear an output.
func (o *Out[T]) Listen(output string) {
	if o.env.Tap != nil {
		o.heard, o.as = true, output
	}
}
