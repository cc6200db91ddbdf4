package heap

import (
	"reflect"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// Running is an accumulator A a key, to which records T are added and whose result is a V.
type Running[T, A, V any] struct {
	single[A]
	first, add func(*A, T)
	result     func(*A) V
	scratch    A
}

// AddRunning adds a reducing or aggregating state. First adds a key's first record to a zero accumulator, add the
// others. Result may change the accumulator as long as it stands for the same. Was are the names that it had before.
func AddRunning[T, A, V any, K comparable](s *Store[K], name string, kind backend.Kind, c codec.Codec[A],
	first, add func(*A, T), result func(*A) V, was ...string,
) *Running[T, A, V] {
	info := backend.State{Name: name, Was: was, Kind: kind, Type: reflect.TypeFor[A]().String()}
	r := &Running[T, A, V]{single: newSingle(&s.core, info, c), first: first, add: add, result: result}
	if kind == backend.Aggregating {
		r.info.Values = resultsOf(c, result)
	}
	s.core.add(r)
	return r
}

// resultsOf reads the results of accumulators.
func resultsOf[A, V any](c codec.Codec[A], result func(*A) V) *backend.Boxed {
	return &backend.Boxed{Type: reflect.TypeFor[V](), Reader: func(wrote codec.Schema) (func([]byte) (any, error), error) {
		read, err := codec.ReaderOf(c, wrote)
		if err != nil {
			return nil, err
		}
		return func(from []byte) (any, error) {
			acc, err := read(from)
			if err != nil {
				return nil, err
			}
			return result(&acc), nil
		}, nil
	}}
}

// Add adds a record.
func (r *Running[T, A, V]) Add(t T) {
	g, row := r.core.ensure()
	add := r.add
	if !r.cols[g].Has(row) {
		add = r.first
	}
	add(r.cols[g].Ref(row), t)
}

// Get returns the result of what was added, or the zero value.
func (r *Running[T, A, V]) Get() V {
	v, _ := r.Lookup()
	return v
}

// Lookup returns the result of what was added, and whether anything was.
func (r *Running[T, A, V]) Lookup() (out V, ok bool) {
	p := r.peek()
	if p == nil {
		return out, false
	}
	if r.fam.refs {
		g, row := r.core.ensure()
		return r.result(r.cols[g].Ref(row)), true
	}
	r.scratch = *p // the result may sort what it looks at; a frozen chunk does not change
	return r.result(&r.scratch), true
}

// Has says whether anything was added.
func (r *Running[T, A, V]) Has() bool { return r.peek() != nil }

// Clear forgets what was added.
func (r *Running[T, A, V]) Clear() { r.clear() }
