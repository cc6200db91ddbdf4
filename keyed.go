package leat

import (
	"fmt"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
)

// Keyed is a stream partitioned by a key.
type Keyed[K comparable, T any] struct {
	_         [0]func(K, T)
	job       *Job
	stream    *Stream[T]
	key       func(T) K
	partition graph.Partition
}

// keyedInputs are the edges that bring a stream's records, by key, to a port. It is no method: those of a type are compiled whether they
// are called or not, and every stream has one that returns a Keyed.
func keyedInputs[K comparable, T any](s *Keyed[K, T], port int) []graph.Input {
	in := inputsOf(s.stream, port)
	for i := range in {
		in[i].Partition, in[i].KeyType = s.partition, typeName[K]()
		in[i].Sender = hashSender(s.job, s.key)
	}
	return in
}

// node makes the node of a keyed operator.
func (s *Keyed[K, T]) node(kind graph.Kind, name, out string, inputs []graph.Input, opts []Option) *graph.Node {
	n := &graph.Node{Kind: kind, Name: name, Named: true, Place: place(), Out: out, Key: typeName[K](), Inputs: inputs}
	s.job.apply(n, opts)
	if s.partition == graph.Global {
		if n.Parallelism > 1 {
			s.job.refuse(n, fmt.Errorf("parallelism %d, but after Global there is one key, and so one subtask", n.Parallelism))
		}
		n.Parallelism = 1
	}
	return n
}

// Process runs an operator with state for each key: the constructor is called once a subtask, names state, timers and
// side outputs, and returns what to do with each record. It is called once more to plan, and has no side effects.
func (s *Keyed[K, T]) Process[R any](name string, construct func(*Operator[K, R]) func(T) error, opts ...Option) *Stream[R] {
	n := s.node(graph.Keyed, name, typeName[R](), keyedInputs(s, 0), opts)
	finish(s.job, n, func(op *Operator[K, R]) ([]graph.Port, error) {
		if construct == nil {
			return nil, errConstructor
		}
		f := construct(op)
		if f == nil {
			return nil, errFunction
		}
		return []graph.Port{portOf(op, f)}, nil
	})
	return newStream[R](s.job, n)
}

// finish gives a keyed node its Check and Make, which both call the constructor, and adds it to the graph.
func finish[K comparable, R any](j *Job, n *graph.Node, construct func(*Operator[K, R]) ([]graph.Port, error)) {
	j.graph.Add(n)
	n.Check = func(env *flow.Env) error {
		op, err := newOperator[K, R](j, env)
		if err != nil {
			return err
		}
		if _, err := construct(op); err != nil {
			return err
		}
		n.Sides, n.States, n.KeySchema = op.sides, op.states(), op.keys.Schema()
		return nil
	}
	n.Make = func(env *flow.Env) (graph.Made, error) {
		op, err := newOperator[K, R](j, env)
		if err != nil {
			return graph.Made{}, err
		}
		ports, err := construct(op)
		if err != nil {
			return graph.Made{}, err
		}
		return graph.Made{Operator: op.core, Ports: ports, Outs: op.core.Outs}, nil
	}
}
