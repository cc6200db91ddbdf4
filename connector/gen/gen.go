// Package gen generates records: as many as wanted, at a rate, and the same ones for a seed.
//
//	job.From("clicks", gen.Records(gen.Options{PerSecond: 1000, Seed: 1}, func(i int64, r *rand.Rand) Click {
//		return Click{ID: i, User: r.IntN(100)}
//	}))
//
// [Records] gives each record its own random numbers, [Func] calls a plain function, and [Batches] fills whole batches
// for loads that must cost nothing but themselves.
//
// Record i depends on nothing but i and the seed: not on the number of splits, the batch size or restarts. Split s of n
// makes the records s, s+n, s+2n and so on.
package gen

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"leat.dev/leat/connector"
)

// Options say how many records there are and how fast they come. The zero value is one split without end, as fast as
// it is read.
type Options struct {
	// Count is how many records there are over all splits. 0, the default, means without end.
	Count int64
	// PerSecond is how many records a second come due over all splits. Records that could not be read when they were
	// due, as the job was busy, are made up for at once, so that the mean rate holds. 0, the default, means as
	// fast as they are read.
	PerSecond float64
	// Splits is into how many splits the records are dealt, and so how many subtasks can make them. Default 1.
	Splits int
	// Seed makes other random numbers; the same seed makes the same.
	Seed uint64
}

// Records makes record i by f, with random numbers that depend on i and the seed only. The generator r is valid until
// f returns. The function is called from the subtasks of several splits at the same time.
func Records[T any](o Options, f func(i int64, r *rand.Rand) T) connector.Source[T] {
	return source(o, func() filler[T] {
		pcg := new(rand.PCG)
		r := rand.New(pcg)
		return func(from, stride int64, into []T) {
			for n := range into {
				i := from + int64(n)*stride
				pcg.Seed(mix(o.Seed), mix(o.Seed+uint64(i)*golden))
				into[n] = f(i, r)
			}
		}
	})
}

// Func makes record i by f. The function is called from the subtasks of several splits at the same time. The seed is
// of no use here.
func Func[T any](o Options, f func(i int64) T) connector.Source[T] {
	return Batches(o, func(from, stride int64, into []T) {
		for n := range into {
			into[n] = f(from + int64(n)*stride)
		}
	})
}

// Batches makes records by the batch: fill sets into[n] to record from+n×stride, for all of into, which holds old or
// zero values before. It is called from the subtasks of several splits at the same time. The seed is of no use here.
func Batches[T any](o Options, fill func(from, stride int64, into []T)) connector.Source[T] {
	return source(o, func() filler[T] { return fill })
}

// filler makes the records from, from+stride, … . One goroutine uses it.
type filler[T any] func(from, stride int64, into []T)

func source[T any](o Options, newFiller func() filler[T]) connector.Source[T] {
	return func() connector.Input[T] { return input[T]{o, newFiller} }
}

type input[T any] struct {
	Options
	newFiller func() filler[T]
}

func (o Options) splits() int { return max(o.Splits, 1) }

// Check refuses settings without meaning.
func (in input[T]) Check() error { return in.check() }

func (o Options) check() error {
	switch {
	case o.Count < 0:
		return fmt.Errorf("gen: Count is %d: want a number of records, or 0 for no end", o.Count)
	case o.Splits < 0:
		return fmt.Errorf("gen: Splits is %d: want at least 1, or 0 for 1", o.Splits)
	case o.PerSecond < 0 || math.IsNaN(o.PerSecond) || math.IsInf(o.PerSecond, 0):
		return fmt.Errorf("gen: PerSecond is %v: want a rate, or 0 for no limit", o.PerSecond)
	}
	return nil
}

// Splits names each split by its number and by how many there are, so that positions of another number of splits match
// none: they would repeat and lose records.
func (in input[T]) Splits(context.Context) ([]connector.Split, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	splits := make([]connector.Split, in.splits())
	for s := range splits {
		splits[s].Name = in.name(s)
	}
	return splits, nil
}

func (o Options) name(s int) string { return fmt.Sprintf("%d of %d", s, o.splits()) }

// Open opens a split; its position is the number of its next record.
func (in input[T]) Open(_ context.Context, s connector.Split, position []byte) (connector.Reader[T], error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	next, err := in.first(s, position)
	if err != nil {
		return nil, fmt.Errorf("gen: split %q: %w", s.Name, err)
	}
	r := reader[T]{fill: in.newFiller(), next: next, stride: int64(in.splits()), end: math.MaxInt64}
	if in.Count > 0 {
		r.end = in.Count
	}
	if in.PerSecond == 0 {
		return &promptReader[T]{r}, nil
	}
	return &pacedReader[T]{reader: r, pace: newPacer(in.PerSecond, next-next%r.stride)}, nil
}

// first is the number of the record to begin with.
func (o Options) first(s connector.Split, position []byte) (int64, error) {
	var index, count int
	if _, err := fmt.Sscanf(s.Name, "%d of %d", &index, &count); err != nil || count != o.splits() ||
		index < 0 || index >= count || o.name(index) != s.Name {
		return 0, fmt.Errorf("there is no such split, there are %q to %q", o.name(0), o.name(o.splits()-1))
	}
	if position == nil {
		return int64(index), nil
	}
	var next uint64
	if err := connector.DecodePosition(position, &next); err != nil {
		return 0, err
	}
	if next > math.MaxInt64 || next%uint64(count) != uint64(index) {
		return 0, fmt.Errorf("position says record %d, which belongs to another split", next)
	}
	return int64(next), nil
}

// golden is 2⁶⁴ divided by the golden ratio: its multiples lie far apart.
const golden = 0x9e3779b97f4a7c15

// mix spreads each bit of x over all bits (the finaliser of SplitMix64), as a PCG seeded with neighbouring numbers
// would begin with similar ones.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
