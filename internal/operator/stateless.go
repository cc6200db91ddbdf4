// Package operator has the operators of a chain: what a job's verbs run as. An operator takes batches and signals and
// sends batches and signals; it has state through its backend and knows nothing of threads, channels or hosts.
package operator

import (
	"iter"
	"reflect"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/values"
)

// one is what an operator with one output has: it passes signals on.
type one[U any] struct {
	env *flow.Env
	out *flow.Out[U]
}

// Watermark passes it on.
func (o *one[U]) Watermark(at int64) {
	o.env.Metrics.Watermark.Store(at)
	o.out.Watermark(at)
}

// Idle passes it on.
func (o *one[U]) Idle(idle bool) { o.out.Idle(idle) }

// working is the batch and the record at hand, for error messages. Operators have it by name: the compiler makes the methods of what
// is embedded once more for each operator and type.
type working[T any] struct {
	env   *flow.Env
	batch *flow.Batch[T]
	at    int
}

func (w *working[T]) begin(b *flow.Batch[T], l flow.Located) {
	w.batch, w.env.Site.At = b, l
	w.env.Metrics.In.Add(int64(len(b.Values)))
}

// Locate says which record is at hand.
func (w *working[T]) Locate() (string, string) { return w.env.Operator, flow.Show(w.batch, w.at) }

// Map replaces each record.
type Map[T, U any] struct {
	one[U]
	work working[T]
	f    func(T) U
}

// NewMap makes a map.
func NewMap[T, U any](env *flow.Env, out *flow.Out[U], f func(T) U) *Map[T, U] {
	return &Map[T, U]{one[U]{env, out}, working[T]{env: env}, f}
}

// Receive maps a batch.
func (m *Map[T, U]) Receive(b *flow.Batch[T]) {
	m.work.begin(b, &m.work)
	m.out.Split(b.Split)
	for from := 0; from < len(b.Values); {
		made := m.out.ExtendLike(b.Times[from:])
		for i := range made {
			m.work.at = from + i
			made[i] = m.f(b.Values[from+i])
		}
		m.out.Extended()
		from += len(made)
	}
	m.out.Flush()
}

// Filter keeps some records.
type Filter[T any] struct {
	one[T]
	work working[T]
	keep func(T) bool
}

// NewFilter makes a filter.
func NewFilter[T any](env *flow.Env, out *flow.Out[T], keep func(T) bool) *Filter[T] {
	return &Filter[T]{one[T]{env, out}, working[T]{env: env}, keep}
}

// Receive filters a batch.
func (f *Filter[T]) Receive(b *flow.Batch[T]) {
	f.work.begin(b, &f.work)
	f.out.Split(b.Split)
	from := 0 // of the run of records that are kept
	for i := range b.Values {
		f.work.at = i
		if !f.keep(b.Values[i]) {
			f.out.EmitAll(b.Values[from:i], b.Times[from:i])
			from = i + 1
		}
	}
	f.out.EmitAll(b.Values[from:], b.Times[from:])
	f.out.Flush()
}

// FlatMap replaces each record by any number.
type FlatMap[T, U any] struct {
	one[U]
	work working[T]
	f    func(T) iter.Seq[U]
}

// NewFlatMap makes a flat map.
func NewFlatMap[T, U any](env *flow.Env, out *flow.Out[U], f func(T) iter.Seq[U]) *FlatMap[T, U] {
	return &FlatMap[T, U]{one[U]{env, out}, working[T]{env: env}, f}
}

// Receive maps a batch.
func (m *FlatMap[T, U]) Receive(b *flow.Batch[T]) {
	m.work.begin(b, &m.work)
	m.out.Split(b.Split)
	for i, v := range b.Values {
		m.work.at = i
		for u := range m.f(v) {
			m.out.Emit(u, b.Times[i])
		}
	}
	m.out.Flush()
}

// TryMap replaces each record, or rejects it.
type TryMap[T, U any] struct {
	one[U]
	work    working[T]
	f       func(T) (U, error)
	rejects *flow.Out[connector.Rejected] // nil: a record that can't be mapped fails the job
}

// NewTryMap makes a map that may fail.
func NewTryMap[T, U any](env *flow.Env, out *flow.Out[U], f func(T) (U, error), rejects *flow.Out[connector.Rejected]) *TryMap[T, U] {
	return &TryMap[T, U]{one[U]{env, out}, working[T]{env: env}, f, rejects}
}

// Receive maps a batch.
func (m *TryMap[T, U]) Receive(b *flow.Batch[T]) {
	m.work.begin(b, &m.work)
	m.out.Split(b.Split)
	if m.rejects != nil {
		m.rejects.Split(b.Split)
	}
	for i, v := range b.Values {
		m.work.at = i
		u, err := m.f(v)
		if err != nil {
			m.reject(v, b.Times[i], err)
			continue
		}
		m.out.Emit(u, b.Times[i])
	}
	m.out.Flush()
	if m.rejects != nil {
		m.rejects.Flush()
	}
}

func (m *TryMap[T, U]) reject(v T, at int64, err error) {
	if m.rejects == nil {
		flow.Fail(err)
	}
	m.work.env.Metrics.Rejected.Add(1)
	m.rejects.Emit(connector.Rejected{Raw: raw(v), Position: "operator " + m.work.env.Operator, Err: err.Error()}, at)
}

// raw is a record as it came: text and bytes as they are, anything else in Go's words.
func raw(v any) []byte {
	switch v := v.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	default:
		return []byte(values.Show(reflect.ValueOf(v)))
	}
}

// Watermark passes it on, to both outputs.
func (m *TryMap[T, U]) Watermark(at int64) {
	m.one.Watermark(at)
	if m.rejects != nil {
		m.rejects.Watermark(at)
	}
}

// Idle passes it on, to both outputs.
func (m *TryMap[T, U]) Idle(idle bool) {
	m.one.Idle(idle)
	if m.rejects != nil {
		m.rejects.Idle(idle)
	}
}
