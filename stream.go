package leat

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/connector"
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/operator"
)

// Stream is records of one type on their way. Records are values: what was emitted belongs to whoever receives it,
// and nobody changes what it refers to. For windows and for state by key, see [Stream.KeyBy] and [Stream.Global].
type Stream[T any] struct {
	_     [0]func(T)
	job   *Job
	links []link
}

// link is where a stream comes from: an output of a node. A union has several.
type link struct {
	node      *graph.Node
	side      string      // "" is the main output
	origin    *graph.Node // whose side outputs Side means
	partition graph.Partition
}

func newStream[T any](j *Job, n *graph.Node) *Stream[T] {
	return &Stream[T]{job: j, links: []link{{node: n, origin: n, partition: graph.Forward}}}
}

// inputsOf are a stream's links as edges to a port of a new node.
func inputsOf[T any](s *Stream[T], port int) []graph.Input {
	in := make([]graph.Input, len(s.links))
	for i, l := range s.links {
		in[i] = graph.Input{
			From: l.node, Side: l.side, Port: port, Partition: l.partition,
			Encodable: encodable[T](s.job), Sender: plainSender[T],
		}
		if l.side != "" {
			in[i].SideType = typeName[T]()
		}
	}
	return in
}

// then adds a node behind the stream; make makes the operator with its receiving end.
func (s *Stream[T]) then(n *graph.Node, opts []Option, port func(env *flow.Env, m *graph.Made) flow.Receiver[T]) *graph.Node {
	n.Place, n.Inputs = place(), inputsOf(s, 0)
	if n.Name == "" && !n.Named {
		n.Name = fmt.Sprintf("%s-%d", strings.ReplaceAll(string(n.Kind), " ", "-"), len(s.job.graph.Nodes))
	}
	s.job.apply(n, opts)
	n.Make = func(env *flow.Env) (graph.Made, error) {
		m := graph.Made{Outs: map[string]flow.Outlet{}}
		r := port(env, &m)
		if m.Operator == nil {
			m.Operator = r
		}
		m.Ports = []graph.Port{{Receiver: r, Signals: r, Deliver: func(payload any) { r.Receive(payload.(*flow.Batch[T])) }}}
		return m, nil
	}
	return s.job.graph.Add(n)
}

// EventTime says when records happened, and how much later than others of its split one may come: a record whose time
// is more than delay before the latest one is late. A delay of 0 is for records in order. Times lie between the years
// 1678 and 2261; a record with the zero time has none.
func (s *Stream[T]) EventTime(at func(T) time.Time, delay time.Duration, opts ...Watermark) *Stream[T] {
	return s.eventTime(operator.Marks[T]{At: at, Delay: delay}, opts)
}

// Watermarks is EventTime with watermarks of one's own: split is called once a split, and the function that it returns
// gives the watermark after each record: no record before that time is to come. It never goes back; a zero time is
// none. What the function remembers is not part of snapshots: after a restore it begins anew, with the watermark kept.
func (s *Stream[T]) Watermarks(at func(T) time.Time, split func() func(T) time.Time, opts ...Watermark) *Stream[T] {
	if split == nil {
		s.job.graph.Errs = append(s.job.graph.Errs, fmt.Errorf("Watermarks at %s: the function that is called for each split is nil", place()))
	}
	return s.eventTime(operator.Marks[T]{At: at, Split: split}, opts)
}

func (s *Stream[T]) eventTime(m operator.Marks[T], opts []Watermark) *Stream[T] {
	var w watermarks
	for _, o := range opts {
		if o.apply != nil {
			o.apply(&w)
		}
	}
	m.IdleAfter = w.idleAfter
	n := &graph.Node{Kind: graph.EventTime, Out: typeName[T]()}
	s.job.nameEventTime(n, s.links[0].node)
	n.Check = func(*flow.Env) error {
		switch {
		case m.At == nil:
			return fmt.Errorf("the function that gives records their time is nil")
		case m.Delay < 0 || m.IdleAfter < 0:
			return fmt.Errorf("delay %v, idle after %v: neither may be negative", m.Delay, m.IdleAfter)
		}
		return nil
	}
	s.then(n, nil, func(env *flow.Env, made *graph.Made) flow.Receiver[T] {
		out := flow.NewOut[T](env)
		made.Outs[""] = out
		e := operator.NewEventTime(env, out, m)
		made.Operator = e.Facets()
		return e
	})
	return &Stream[T]{job: s.job, links: []link{{node: n, origin: s.links[0].origin, partition: graph.Forward}}}
}

// Map replaces each record.
func (s *Stream[T]) Map[U any](f func(T) U, opts ...Option) *Stream[U] {
	check := required(f == nil, "the function")
	n := s.then(&graph.Node{Kind: graph.Map, Out: typeName[U](), Check: check}, opts, func(env *flow.Env, m *graph.Made) flow.Receiver[T] {
		out := flow.NewOut[U](env)
		m.Outs[""] = out
		return operator.NewMap(env, out, f)
	})
	return newStream[U](s.job, n)
}

// TryMap replaces each record, or fails: the job, or with [Rejects] the record.
func (s *Stream[T]) TryMap[U any](name string, f func(T) (U, error), opts ...Option) *Stream[U] {
	n := &graph.Node{Kind: graph.TryMap, Name: name, Named: true, Out: typeName[U](), Check: required(f == nil, "the function")}
	s.then(n, opts, func(env *flow.Env, m *graph.Made) flow.Receiver[T] {
		out, rejects := flow.NewOut[U](env), rejectsOf(n, env)
		m.Outs = outsOf(out, n.Rejects, rejects)
		return operator.NewTryMap(env, out, f, rejects)
	})
	addRejects(n)
	return newStream[U](s.job, n)
}

// FlatMap replaces each record by any number.
func (s *Stream[T]) FlatMap[U any](f func(T) iter.Seq[U], opts ...Option) *Stream[U] {
	check := required(f == nil, "the function")
	n := s.then(&graph.Node{Kind: graph.FlatMap, Out: typeName[U](), Check: check}, opts, func(env *flow.Env, m *graph.Made) flow.Receiver[T] {
		out := flow.NewOut[U](env)
		m.Outs[""] = out
		return operator.NewFlatMap(env, out, f)
	})
	return newStream[U](s.job, n)
}

// Filter keeps the records for which keep is true.
func (s *Stream[T]) Filter(keep func(T) bool, opts ...Option) *Stream[T] {
	check := required(keep == nil, "the function")
	n := s.then(&graph.Node{Kind: graph.Filter, Out: typeName[T](), Check: check}, opts, func(env *flow.Env, m *graph.Made) flow.Receiver[T] {
		out := flow.NewOut[T](env)
		m.Outs[""] = out
		return operator.NewFilter(env, out, keep)
	})
	return newStream[T](s.job, n)
}

// Union joins streams of one type into one. The watermark is the least of theirs.
func (s *Stream[T]) Union(others ...*Stream[T]) *Stream[T] {
	u := &Stream[T]{job: s.job, links: append([]link(nil), s.links...)}
	for _, o := range others {
		if o.job != s.job {
			s.job.graph.Errs = append(s.job.graph.Errs, fmt.Errorf("Union at %s: the streams belong to different jobs", place()))
			continue
		}
		u.links = append(u.links, o.links...)
	}
	return u
}

// Side is what the operator that made this stream sent to a side output.
func (s *Stream[T]) Side[S any](o Output[S]) *Stream[S] {
	side := &Stream[S]{job: s.job}
	for _, l := range s.links {
		side.links = append(side.links, link{node: l.origin, side: string(o), origin: l.origin, partition: graph.Forward})
	}
	return side
}

// Rebalance spreads records evenly over the subtasks of the next operator, batch by batch.
func (s *Stream[T]) Rebalance() *Stream[T] {
	r := &Stream[T]{job: s.job, links: append([]link(nil), s.links...)}
	for i := range r.links {
		r.links[i].partition = graph.Rebalance
	}
	return r
}

// To ends a stream in a sink. The name is unique within the job.
func (s *Stream[T]) To(name string, sink connector.Sink[T], opts ...Option) {
	var output connector.Output[T]
	n := &graph.Node{Kind: graph.Sink, Name: name, Named: true}
	n.Check = func(*flow.Env) error {
		if sink == nil {
			return fmt.Errorf("the sink is nil")
		}
		output = sink()
		if checked, ok := output.(connector.Checked); ok {
			if err := checked.Check(); err != nil {
				return err
			}
		}
		asked, err := guaranteeOf(n.ExactlyOnce, output)
		if err != nil {
			return err
		}
		if n.ExactlyOnce && s.job.Checkpoint.Store == "" {
			return errors.New("exactly-once needs checkpoints, for that is when output becomes visible: set Checkpoint.Store, or --store")
		}
		n.Guarantee = &asked
		if _, prints := output.(connector.Printing); prints {
			n.Settings = []string{graph.Prints}
		}
		return nil
	}
	n.Recover = func(ctx context.Context, a graph.Attempt, committables [][]byte) error {
		sub := connector.Subtask{Job: s.job.name, Operator: name, ExactlyOnce: true, Restored: a.Restored, Attempt: a.Number}
		t, ok := any(output).(connector.Transactional)
		if !ok {
			return errors.New("the snapshot has output that was prepared and not committed, and the sink is not the one that can commit it")
		}
		return t.Recover(ctx, sub, committables)
	}
	s.then(n, opts, func(env *flow.Env, m *graph.Made) flow.Receiver[T] { return operator.NewSink(env, output) })
}

// guaranteeOf is what a sink promises in a job, or why it can't promise what is asked of it.
func guaranteeOf[T any](exactlyOnce bool, output connector.Output[T]) (connector.Guarantee, error) {
	if !exactlyOnce {
		return connector.AtLeastOnce, nil
	}
	if _, ok := any(output).(connector.Transactional); !ok || output.Guarantee() != connector.ExactlyOnce {
		return 0, fmt.Errorf("exactly-once is asked for, but the sink promises %v at best", output.Guarantee())
	}
	return connector.ExactlyOnce, nil
}

// Output names a side output and its type: declare it as a constant, and use it both where records are sent and where
// they are read.
//
//	const review leat.Output[Txn] = "review"
type Output[T any] string

// KeyBy partitions by a key: all records with one key go to one subtask, in the order of their split, and the
// operators behind have state for each key. Keys are integers, strings, booleans, and structs and arrays of them;
// other types are refused when the job is planned. A field is no function: use a method or a closure for it.
func (s *Stream[T]) KeyBy[K comparable](key func(T) K) *Keyed[K, T] {
	if key == nil {
		s.job.graph.Errs = append(s.job.graph.Errs, fmt.Errorf("KeyBy at %s: the function that gives records their key is nil", place()))
	}
	return &Keyed[K, T]{job: s.job, stream: s, key: key, partition: graph.Hash}
}

// Global brings all records to one subtask, under one key.
func (s *Stream[T]) Global() *Keyed[struct{}, T] {
	return &Keyed[struct{}, T]{job: s.job, stream: s, key: func(T) struct{} { return struct{}{} }, partition: graph.Global}
}

// keysOf derives the canonical bytes of a key type, once for each subtask that needs them.
func keysOf[K comparable](j *Job) (*keygroup.Keys[K], error) {
	return keygroup.Derive(codec.Lookup[K](&j.codecs))
}

// hashSender makes the sending end of a keyed edge.
func hashSender[K comparable, T any](j *Job, key func(T) K) func(*flow.Env, []*exchange.Channel) exchange.Sender {
	return func(env *flow.Env, to []*exchange.Channel) exchange.Sender {
		keys, err := keysOf[K](j)
		flow.Check(err) // the plan has derived it before
		return exchange.NewHash(env, to, key, keys)
	}
}

// isVerb says whether a function belongs to this package's verbs, so that an error can name the caller's place.
func isVerb(function string) bool {
	return strings.HasPrefix(function, packagePath+".") && !strings.Contains(function, "Example") && !strings.Contains(function, ".Test")
}

var packagePath = reflect.TypeFor[Job]().PkgPath()
