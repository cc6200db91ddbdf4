// Package agg has the aggregators of windows and of aggregating state.
//
// An aggregator is a function that describes how to add, merge and finish. Those that need no argument are passed by
// name, without parentheses, and their types are inferred:
//
//	.Aggregate("count", agg.Count)
//	.Aggregate("spent", agg.Sum(Txn.Amount))
//
// All aggregators of the package:
//
//	aggregator            result            of
//	Count                 int64             the number of records
//	Collect               []T               all records, in order of arrival
//	First, Last           T                 the first or last record in event time
//	Sum(of)               N                 the sum of a number
//	Mean(of)              float64           the mean of a number
//	Variance(of)          float64           the sample variance of a number
//	Min(of), Max(of)      V                 the smallest or largest value
//	Lowest(by)            T                 the record with the smallest value
//	Highest(by)           T                 the record with the largest value
//	Top(n, by)            []T               the n records with the largest values, largest first
//	Bottom(n, by)         []T               the n records with the smallest values, smallest first
//	Distinct(of)          int64             the number of different values, exactly
//	RoughlyDistinct(of)   int64             the same within some 0.8 %, in 12 KB at most
//	Quantiles(of, q...)   []float64         the values that so many are not above, within 1 %
//	Histogram(of, ...)    []int64           the number of values between bounds
//	Reduce(f)             T                 records combined two by two
//	Fold(add, merge)      A                 a type of the user's
//	Where(keep, f)        R                 f of the records for which keep is true
//	Combine2(f, g, r)     R                 two aggregators in one pass; also Combine3, Combine4
//
// A user's own aggregator is a plain function that returns [Parts], or a type with two methods and [Fold].
//
// # Order
//
// Windows are put together of parts (slices, sessions, what several subtasks have gathered), so results may not depend
// on how records were grouped: merging must be associative. Parts are merged in the order of their times. [Collect]
// and [Reduce] see records in order of arrival within a part. Where two records have equal values, [Lowest], [Highest],
// [Top] and [Bottom] choose the one whose contents come first: fields are compared in their order, smaller first, so
// that among panes with equal values the smallest key wins.
package agg

import (
	"errors"
	"fmt"
)

// Func is an aggregator of In records into an Out, by way of an accumulator Acc.
// It is called once a subtask, and once more when the job is planned.
type Func[In, Acc, Out any] func() Parts[In, Acc, Out]

// Parts says how an aggregator works. The accumulator starts at its zero value, and adding to it, or merging into it,
// must give the same as if it had been there from the start. It is state: its type must be one that can be encoded.
type Parts[In, Acc, Out any] struct {
	// Add adds a record. Exactly one of Add and AddAt is required.
	Add func(acc *Acc, in In)
	// AddAt is Add for aggregators that look at the event time: nanoseconds since 1970 in UTC, and math.MinInt64 for
	// a record without one.
	AddAt func(acc *Acc, in In, at int64)
	// Merge adds what src has gathered to dst; src holds what came later, where order matters. Required. It keeps
	// nothing of src: no slice, map or pointer of src may be reachable from dst afterwards. Merging into a zero
	// accumulator makes an equal one.
	Merge func(dst *Acc, src Acc)
	// Subtract takes out of dst what was merged into it before. Optional: it makes sliding windows cheaper. Give it
	// only where it undoes Merge exactly: integers do, floating point numbers drift.
	Subtract func(dst *Acc, src Acc)
	// Result is the outcome. Required. It leaves the accumulator as it is, and what it returns shares no memory with
	// it that a later Add would change.
	Result func(acc *Acc) Out
	// Grows says that accumulators grow with the number of records. Sliding windows then keep no partial merges,
	// which would multiply their memory, and merge their slices anew for each pane.
	Grows bool

	problem error
}

// Validate returns what is wrong with the parts, or nil. It is called when the job is planned.
func (p *Parts[In, Acc, Out]) Validate() error {
	switch {
	case p.problem != nil:
		return p.problem
	case p.Add == nil && p.AddAt == nil:
		return errors.New("the aggregator has no Add: set Add, or AddAt if it looks at the event time")
	case p.Add != nil && p.AddAt != nil:
		return errors.New("the aggregator has both Add and AddAt: set one of them")
	case p.Merge == nil:
		return errors.New("the aggregator has no Merge: it is needed to combine slices, sessions and subtasks")
	case p.Result == nil:
		return errors.New("the aggregator has no Result: set it, for example to return the accumulator")
	}
	return nil
}

// refused is an aggregator that can't be planned.
func refused[In, Acc, Out any](format string, args ...any) Parts[In, Acc, Out] {
	return Parts[In, Acc, Out]{problem: fmt.Errorf(format, args...)}
}

// Number is what [Sum] and [Mean] take.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Maybe is the accumulator of aggregators that keep a value and may have none yet.
type Maybe[V any] struct {
	Set bool
	V   V
}

// Timed is the accumulator of [First] and [Last].
type Timed[T any] struct {
	Set   bool
	At    int64 // nanoseconds since 1970 in UTC
	Value T
}

// Total is the accumulator of [Mean].
type Total struct {
	Count int64
	Sum   float64
}

// Moments is the accumulator of [Variance].
type Moments struct {
	Count           int64
	Mean, SquareSum float64 // SquareSum is the sum of the squared differences from the mean
}

// Both is the accumulator of [Combine2] and its kin.
type Both[A, B any] struct {
	A A
	B B
}
