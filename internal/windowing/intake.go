package windowing

import (
	"time"

	"leat.dev/leat/internal/flow"
)

// intake is a batch of records whose type the operators do not know.
type intake[A any] interface {
	// add adds record i to an accumulator, and addAll the records from one on, each to its own.
	add(i int, acc *A)
	addAll(from int, accs []*A)
	// lateness is what record i has of its own, if it has.
	lateness(i int) (nanos int64, own bool)
	// late takes record i, which comes too late.
	late(i int)
}

// core is an operator but for the type of its records.
type core[K comparable, A any] interface {
	part
	receive(keys []K, hashes []uint64, times []int64, in intake[A]) error
}

// typed is an operator: a core with the type of its records.
type typed[K comparable, T, A any] struct {
	core[K, A]
	batch      *flow.Keyed[K, T]
	addOne     func(acc *A, v T)
	addAt      func(acc *A, v T, at int64)
	latenessOf func(v T) time.Duration
	lateTo     func(key K, v T, at int64)
}

// Receive takes records in.
func (o *typed[K, T, A]) Receive(b *flow.Keyed[K, T]) error {
	o.batch = b
	err := o.receive(b.Keys, b.Hashes, b.Times, o)
	o.batch = nil
	return err
}

func (o *typed[K, T, A]) add(i int, acc *A) {
	if o.addOne != nil {
		o.addOne(acc, o.batch.Values[i])
	} else {
		o.addAt(acc, o.batch.Values[i], o.batch.Times[i])
	}
}

func (o *typed[K, T, A]) addAll(from int, accs []*A) {
	values := o.batch.Values[from : from+len(accs)]
	if add := o.addOne; add != nil {
		for i, acc := range accs {
			add(acc, values[i])
		}
		return
	}
	times := o.batch.Times[from : from+len(accs)]
	for i, acc := range accs {
		o.addAt(acc, values[i], times[i])
	}
}

func (o *typed[K, T, A]) lateness(i int) (int64, bool) {
	if o.latenessOf == nil {
		return 0, false
	}
	return int64(o.latenessOf(o.batch.Values[i])), true
}

func (o *typed[K, T, A]) late(i int) {
	if o.lateTo != nil {
		o.lateTo(o.batch.Keys[i], o.batch.Values[i], o.batch.Times[i])
	}
}
