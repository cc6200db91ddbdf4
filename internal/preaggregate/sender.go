// Package preaggregate has the sending end of an edge that aggregates before it sends: where few keys have most of the
// records, the subtask that has such a key gets a partial result of each sender in place of the records.
//
// # Equal results
//
// A record that belongs to no window which may have fired can be sent sooner or later, with others or alone: so these are
// gathered, and the watermarks that come meanwhile are held back with them, the last one in place of all. A record behind the
// watermark may be late, or fire a window once more, for what came before it: then everything goes out first, and it goes alone.
//
// Nothing is kept: barriers, and the end of what there is to read just now, send all that is gathered.
package preaggregate

import (
	"leat.dev/leat/agg"
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/windowing"
	"leat.dev/leat/window"
)

// gathered is how many partials are sent at the latest, once a batch is worked through: a table of as many stays near.
const gathered = 1 << 12

// Sender is the sending end of a keyed edge whose records are partial results. It is a flow.Receiver of T.
type Sender[K comparable, T, A any] struct {
	*exchange.Hash[K, windowing.Partial[K, A]]
	key      func(T) K
	keys     *keygroup.Keys[K]
	partials *windowing.Partials[K, T, A]
	out      flow.Batch[windowing.Partial[K, A]]
	column   []K // scratch: keys and hashes of the batch at hand
	hashes   []uint64

	sent, held int64 // the watermark that was sent last, and the one that waits

	env   *flow.Env
	batch *flow.Batch[T]
	at    int
}

// New makes the sending end, for windows and an aggregator that the windows' operator accepts.
func New[K comparable, T, A, V any](
	env *flow.Env, to []*exchange.Channel, key func(T) K, keys *keygroup.Keys[K], spec window.Spec, parts agg.Parts[T, A, V],
) *Sender[K, T, A] {
	return &Sender[K, T, A]{
		Hash: exchange.NewHash(env, to, windowing.PartialKey[K, A], keys), env: env,
		key: key, keys: keys, partials: windowing.NewPartials[K](spec, parts), sent: flow.NoTime, held: flow.NoTime,
	}
}

// Receive gathers a batch.
func (s *Sender[K, T, A]) Receive(b *flow.Batch[T]) {
	s.env.Site.At, s.batch = s, b
	s.column = s.column[:0]
	for i, v := range b.Values {
		s.at = i
		s.column = append(s.column, s.key(v))
	}
	n := len(b.Values)
	if cap(s.hashes) < n {
		s.hashes = make([]uint64, n)
	}
	s.keys.HashAll(s.column, s.hashes[:n])
	for s.at = 0; s.at < n; {
		run, behind, err := s.partials.Run(b.Times[s.at:], s.held)
		flow.Check(err)
		if s.held == flow.NoTime { // a restored job knows only from the first watermark on
			behind = s.env.Restored
		}
		if behind {
			s.alone(run)
		} else {
			s.add(run)
		}
		if s.partials.Len() >= gathered {
			s.send()
		}
	}
}

// add gathers the next n records, which are in one slice.
func (s *Sender[K, T, A]) add(n int) {
	from, to := s.at, s.at+n
	s.partials.Add(s.column[from:to], s.hashes[from:to], s.batch.Values[from:to], s.batch.Times[from:to])
	s.at = to
}

// alone sends the next n records, each of its own, after all before it: they may be late where they go.
func (s *Sender[K, T, A]) alone(n int) {
	for range n {
		s.send()
		s.add(1)
	}
	s.send()
}

// send sends what is gathered, and the watermark that came meanwhile.
func (s *Sender[K, T, A]) send() {
	if s.partials.Len() > 0 {
		s.out.Reset(true)
		s.partials.Drain(&s.out)
		s.Hash.Receive(&s.out)
	}
	if s.held > s.sent {
		s.sent = s.held
		s.Hash.Watermark(s.held)
	}
}

// Locate names the record at hand.
func (s *Sender[K, T, A]) Locate() (string, string) {
	return s.env.Operator, flow.Show(s.batch, s.at+s.partials.Added())
}

// Flush sends what is gathered.
func (s *Sender[K, T, A]) Flush() { s.send(); s.Hash.Flush() }

// Watermark holds the watermark back until the records before it go; the end of time sends all.
func (s *Sender[K, T, A]) Watermark(at int64) {
	s.held = max(s.held, at)
	if s.partials.Len() == 0 || at == flow.EndTime {
		s.send()
	}
}

// Idle sends what is gathered, and the signal.
func (s *Sender[K, T, A]) Idle(idle bool) { s.send(); s.Hash.Idle(idle) }

// Barrier sends what is gathered, and the barrier.
func (s *Sender[K, T, A]) Barrier(id int64) { s.send(); s.Hash.Barrier(id) }

// Dry sends what is gathered, and tells who asks for it that nothing more comes just now.
func (s *Sender[K, T, A]) Dry() { s.send(); s.Hash.Dry() }

// End sends what is gathered, and ends all channels.
func (s *Sender[K, T, A]) End() { s.send(); s.Hash.End() }
