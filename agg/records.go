package agg

import (
	"reflect"
	"slices"
)

// Count counts records.
func Count[T any]() Parts[T, int64, int64] {
	return Parts[T, int64, int64]{
		Add:      func(n *int64, _ T) { *n++ },
		Merge:    func(n *int64, m int64) { *n += m },
		Subtract: func(n *int64, m int64) { *n -= m },
		Result:   func(n *int64) int64 { return *n },
	}
}

// Collect keeps all records, in order of arrival within a slice or session, and these in the order of their times.
func Collect[T any]() Parts[T, []T, []T] {
	return Parts[T, []T, []T]{
		Add:    func(all *[]T, in T) { *all = append(*all, in) },
		Merge:  func(all *[]T, more []T) { *all = append(*all, more...) },
		Result: func(all *[]T) []T { return slices.Clip(*all) },
		Grows:  true,
	}
}

// First keeps the record that is first in event time; of several with the same time, the one that arrived first.
func First[T any]() Parts[T, Timed[T], T] {
	return timed[T](func(now, kept int64) bool { return now < kept })
}

// Last keeps the record that is last in event time; of several with the same time, the one that arrived last.
func Last[T any]() Parts[T, Timed[T], T] {
	return timed[T](func(now, kept int64) bool { return now >= kept })
}

func timed[T any](replaces func(now, kept int64) bool) Parts[T, Timed[T], T] {
	add := func(acc *Timed[T], in T, at int64) {
		if !acc.Set || replaces(at, acc.At) {
			*acc = Timed[T]{true, at, in}
		}
	}
	return Parts[T, Timed[T], T]{
		AddAt: add,
		Merge: func(acc *Timed[T], src Timed[T]) {
			if src.Set {
				add(acc, src.Value, src.At)
			}
		},
		Result: func(acc *Timed[T]) T { return acc.Value },
	}
}

// Reduce combines records two by two, in order of arrival; f must be associative.
func Reduce[T any](f func(T, T) T) Func[T, Maybe[T], T] {
	return func() Parts[T, Maybe[T], T] { return reducing(f) }
}

func reducing[T any](f func(T, T) T) Parts[T, Maybe[T], T] {
	add := func(acc *Maybe[T], in T) {
		if acc.Set {
			in = f(acc.V, in)
		}
		*acc = Maybe[T]{true, in}
	}
	return Parts[T, Maybe[T], T]{Add: add, Merge: mergeMaybe(add), Result: maybeResult[T]}
}

// mergeMaybe merges as if the value of the other side were a record.
func mergeMaybe[V any](add func(*Maybe[V], V)) func(*Maybe[V], Maybe[V]) {
	return func(acc *Maybe[V], src Maybe[V]) {
		if src.Set {
			add(acc, src.V)
		}
	}
}

func maybeResult[V any](acc *Maybe[V]) V { return acc.V }

// Fold aggregates into a type of the user's that knows how to add a record and to merge with another:
//
//	agg.Fold((*Visit).Add, (*Visit).Merge)
//
// Merge keeps nothing of its argument. The result is the accumulator itself: if it refers to memory that Add changes
// in place, such as a map, and is used outside of windows, write [Parts] with a Result that copies.
func Fold[T, A any](add func(*A, T), merge func(*A, A)) Func[T, A, A] {
	return func() Parts[T, A, A] {
		return Parts[T, A, A]{Add: add, Merge: merge, Result: func(acc *A) A { return *acc }}
	}
}

// Distinct counts different values, exactly: it keeps them all. NaN differs from itself, and so does what it is a part
// of: neither is counted. Values that mean something else after a restart, pointers and time.Time among them, are refused.
// Where there are many values, see [RoughlyDistinct].
func Distinct[T any, V comparable](of func(T) V) Func[T, map[V]struct{}, int64] {
	return func() Parts[T, map[V]struct{}, int64] {
		if t := reflect.TypeFor[V](); lasting(t, t) != nil {
			return refused[T, map[V]struct{}, int64]("agg.Distinct: %w", lasting(t, t))
		}
		return Parts[T, map[V]struct{}, int64]{
			Add:    func(seen *map[V]struct{}, in T) { note(seen, of(in)) },
			Merge:  mergeSets[V],
			Result: func(seen *map[V]struct{}) int64 { return int64(len(*seen)) },
			Grows:  true,
		}
	}
}

func note[V comparable](seen *map[V]struct{}, v V) {
	if v != v {
		return // a map would keep it anew each time
	}
	if *seen == nil {
		*seen = map[V]struct{}{}
	}
	(*seen)[v] = struct{}{}
}

func mergeSets[V comparable](seen *map[V]struct{}, src map[V]struct{}) {
	for v := range src {
		note(seen, v)
	}
}
