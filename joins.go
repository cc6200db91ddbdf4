package leat

import (
	"errors"

	"leat.dev/leat/internal/graph"
)

// Connect brings two streams with the same key together.
func (s *Keyed[K, T]) Connect[U any](other *Keyed[K, U]) *Connected[K, T, U] {
	return &Connected[K, T, U]{first: s, second: other}
}

// Connected is two streams with one key.
type Connected[K comparable, T, U any] struct {
	_      [0]func(K, T, U)
	first  *Keyed[K, T]
	second *Keyed[K, U]
}

// Process runs an operator with a function for each of the streams, over the same state.
func (c *Connected[K, T, U]) Process[R any](
	name string, construct func(*Operator[K, R]) (func(T) error, func(U) error), opts ...Option,
) *Stream[R] {
	job := c.first.job
	inputs := append(c.first.inputs(0), c.second.inputs(1)...)
	n := c.first.node(graph.Keyed, name, typeName[R](), inputs, opts)
	if c.second.job != job {
		job.refuse(n, errors.New("it connects streams of different jobs"))
	}
	finish(job, n, func(op *Operator[K, R]) ([]graph.Port, error) {
		if construct == nil {
			return nil, errConstructor
		}
		f, g := construct(op)
		if f == nil || g == nil {
			return nil, errFunction
		}
		return []graph.Port{portOf(op, f), portOf(op, g)}, nil
	})
	return newStream[R](job, n)
}
