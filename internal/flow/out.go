package flow

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

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
// them must be cleared.
func HoldsPointers[T any]() bool { return holdsPointers(reflect.TypeFor[T]()) }

func holdsPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && holdsPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsPointers(t.Field(i).Type) {
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
