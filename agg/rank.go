package agg

import (
	"cmp"
	"slices"
)

// Lowest is the record with the smallest value; the zero record without records.
func Lowest[T any, V cmp.Ordered](by func(T) V) Func[T, Maybe[T], T] {
	return func() Parts[T, Maybe[T], T] { return best(ranking(by, 1)) }
}

// Highest is the record with the largest value; the zero record without records.
func Highest[T any, V cmp.Ordered](by func(T) V) Func[T, Maybe[T], T] {
	return func() Parts[T, Maybe[T], T] { return best(ranking(by, -1)) }
}

func best[T any](beats func(in T, kept *T) bool) Parts[T, Maybe[T], T] {
	add := func(acc *Maybe[T], in T) {
		if !acc.Set || beats(in, &acc.V) {
			*acc = Maybe[T]{true, in}
		}
	}
	return Parts[T, Maybe[T], T]{Add: add, Merge: mergeMaybe(add), Result: maybeResult[T]}
}

// Top keeps the n records with the largest values, largest first. N is at least 1.
func Top[T any, V cmp.Ordered](n int, by func(T) V) Func[T, []T, []T] {
	return func() Parts[T, []T, []T] { return podium("Top", n, ranking(by, -1)) }
}

// Bottom keeps the n records with the smallest values, smallest first. N is at least 1.
func Bottom[T any, V cmp.Ordered](n int, by func(T) V) Func[T, []T, []T] {
	return func() Parts[T, []T, []T] { return podium("Bottom", n, ranking(by, 1)) }
}

func podium[T any](name string, n int, beats func(in T, kept *T) bool) Parts[T, []T, []T] {
	if n < 1 {
		return refused[T, []T, []T]("agg.%s: n is %d; it must be at least 1", name, n)
	}
	add := func(acc *[]T, in T) { *acc = place(*acc, in, n, beats) }
	return Parts[T, []T, []T]{
		Add: add,
		Merge: func(acc *[]T, src []T) {
			for _, in := range src {
				add(acc, in)
			}
		},
		Result: func(acc *[]T) []T { return slices.Clone(*acc) },
	}
}

// place puts a record where it belongs among the n best.
func place[T any](best []T, in T, n int, beats func(in T, kept *T) bool) []T {
	at := len(best)
	for at > 0 && beats(in, &best[at-1]) {
		at--
	}
	if at == n {
		return best
	}
	if len(best) < n {
		return slices.Insert(best, at, in)
	}
	copy(best[at+1:], best[at:])
	best[at] = in
	return best
}

// ranking compares records by a value, upward (1) or downward (-1), and records with equal values by their contents.
func ranking[T any, V cmp.Ordered](by func(T) V, sign int) (beats func(in T, kept *T) bool) {
	contents, tied := contentOrder[T](), new(T) // where a record has an address, which would cost an allocation
	return func(in T, kept *T) bool {
		if c := cmp.Compare(by(in), by(*kept)); c != 0 {
			return sign*c < 0
		}
		*tied = in
		return contents(tied, kept) < 0
	}
}
