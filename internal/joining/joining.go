// Package joining has the operators that bring records of two streams together which have one key.
//
//	same window         ─▶ Windows    over internal/windowing: records of both sides are one window's accumulator
//	times close by      ─▶ Interval   each side is kept, in order of time, until no partner can come any more
//	the version of then ─▶ AsOf       records wait for the watermark, and versions are kept as long as one may be asked for
//
// All three have the same idea of a late record: one that comes when what it would have to be compared with may be gone
// already. They judge it by how far event time has come for the key's group, which a restore brings back; so what is
// late does not depend on where the job was killed.
//
// What is emitted goes to [Results]: pairs, and records that have turned out to be without a partner. Who keeps a
// pointer must say so, for most records lie in memory that is used again.
package joining

import (
	"errors"
	"fmt"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/operator"
)

// Side is a record of one of two streams; the other is nil. It points into the batch at hand.
type Side[T, U any] struct {
	First  *T
	Second *U
}

// Results receives what a join finds, with its event time in nanoseconds.
type Results[T, U any] struct {
	// Pair receives two records that belong together; nil: nobody wants pairs.
	Pair func(first *T, second *U, at int64)
	// First receives records of the first stream that have no partner, Second those of the second; nil: they are dropped.
	First  func(first *T, at int64)
	Second func(second *U, at int64)
	// KeepsFirst says that Pair and First keep their pointer to the first record, KeepsSecond likewise. Otherwise it is
	// valid until they return.
	KeepsFirst, KeepsSecond bool
}

// Late receives records that come too late, by side; nil leaves it at counting them.
type Late[T, U any] struct {
	First  func(v T, at int64)
	Second func(v U, at int64)
}

// Lateness is how far behind the watermark records of each side may come.
type Lateness struct{ First, Second time.Duration }

func (l Lateness) validate() error {
	if l.First < 0 || l.Second < 0 {
		return fmt.Errorf("the allowed lateness is %v and %v; it must not be negative", l.First, l.Second)
	}
	return nil
}

// of is the lateness of a side.
func (l Lateness) of(first bool) time.Duration {
	if first {
		return l.First
	}
	return l.Second
}

// Config is what a join is made of.
type Config[K comparable, T, U any] struct {
	Core     *operator.Keyed[K]
	Keys     *keygroup.Keys[K]
	Codecs   *codec.Set
	Lateness Lateness
	Late     Late[T, U]
}

// groups are the key groups of the subtask, half open.
func (c *Config[K, T, U]) groups() (from, to int) {
	env := c.Core.Env
	return keygroup.Range(env.Subtask, env.Parallelism, env.MaxParallelism)
}

// late passes a record that comes too late on to whoever wants it.
func (l *Late[T, U]) late(s Side[T, U], at int64) {
	switch {
	case s.First != nil && l.First != nil:
		l.First(*s.First, at)
	case s.Second != nil && l.Second != nil:
		l.Second(*s.Second, at)
	}
}

var errNoTime = errors.New("a record without event time, by which joins go: call EventTime on both streams before KeyBy")
