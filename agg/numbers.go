package agg

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Sum adds up a number of each record. Integers wrap round on overflow, as in Go.
func Sum[T any, N Number](of func(T) N) Func[T, N, N] {
	return func() Parts[T, N, N] {
		p := Parts[T, N, N]{
			Add:    func(sum *N, in T) { *sum += of(in) },
			Merge:  func(sum *N, more N) { *sum += more },
			Result: func(sum *N) N { return *sum },
		}
		if exact[N]() {
			p.Subtract = func(sum *N, less N) { *sum -= less }
		}
		return p
	}
}

// exact says that N is a type of integers: adding and subtracting lose nothing.
func exact[N Number]() bool {
	one := N(1)
	return one/2 == 0
}

// Mean is the mean of a number of each record; 0 without records. It is a sum divided by a count, so that the mean of
// integers is exact while their sum stays below 2^53.
func Mean[T any, N Number](of func(T) N) Func[T, Total, float64] {
	return func() Parts[T, Total, float64] {
		return Parts[T, Total, float64]{
			Add:    func(t *Total, in T) { t.Count++; t.Sum += float64(of(in)) },
			Merge:  func(t *Total, src Total) { t.Count += src.Count; t.Sum += src.Sum },
			Result: (*Total).mean,
		}
	}
}

func (t *Total) mean() float64 {
	if t.Count == 0 {
		return 0
	}
	return t.Sum / float64(t.Count)
}

// Variance is the sample variance of a number of each record; 0 with fewer than two records.
//
// It uses Welford's update (Technometrics 4, 1962) and the pairwise merge of Chan, Golub and LeVeque (1979), which
// stay accurate where the mean is large against the variance.
func Variance[T any, N Number](of func(T) N) Func[T, Moments, float64] {
	return func() Parts[T, Moments, float64] {
		return Parts[T, Moments, float64]{
			Add:    func(m *Moments, in T) { m.add(float64(of(in))) },
			Merge:  (*Moments).merge,
			Result: (*Moments).variance,
		}
	}
}

func (m *Moments) add(x float64) {
	m.Count++
	off := x - m.Mean
	m.Mean += off / float64(m.Count)
	m.SquareSum += off * (x - m.Mean)
}

func (m *Moments) merge(src Moments) {
	if src.Count == 0 {
		return
	}
	if m.Count == 0 {
		*m = src
		return
	}
	n, k := float64(m.Count), float64(src.Count)
	off := src.Mean - m.Mean
	m.Count += src.Count
	m.Mean += off * k / (n + k)
	m.SquareSum += src.SquareSum + off*off*n*k/(n+k)
}

func (m *Moments) variance() float64 {
	if m.Count < 2 {
		return 0
	}
	return m.SquareSum / float64(m.Count-1)
}

// Min is the smallest value; the zero value without records. NaN is smaller than any other number.
func Min[T any, V cmp.Ordered](of func(T) V) Func[T, Maybe[V], V] {
	return extreme(of, func(acc *Maybe[V], v V) {
		if !acc.Set || cmp.Less(v, acc.V) {
			*acc = Maybe[V]{true, v}
		}
	})
}

// Max is the largest value; the zero value without records. NaN is smaller than any other number.
func Max[T any, V cmp.Ordered](of func(T) V) Func[T, Maybe[V], V] {
	return extreme(of, func(acc *Maybe[V], v V) {
		if !acc.Set || cmp.Less(acc.V, v) {
			*acc = Maybe[V]{true, v}
		}
	})
}

func extreme[T any, V cmp.Ordered](of func(T) V, add func(*Maybe[V], V)) Func[T, Maybe[V], V] {
	return func() Parts[T, Maybe[V], V] {
		return Parts[T, Maybe[V], V]{
			Add:    func(acc *Maybe[V], in T) { add(acc, of(in)) },
			Merge:  mergeMaybe(add),
			Result: maybeResult[V],
		}
	}
}

// Histogram counts values between bounds, which ascend: with bounds 10 and 20 the result is the number of values below
// 10, of those from 10 to below 20, and of those from 20 on (NaN among them).
func Histogram[T any, N Number](of func(T) N, bounds ...N) Func[T, []int64, []int64] {
	bounds = slices.Clone(bounds)
	size := len(bounds) + 1
	return func() Parts[T, []int64, []int64] {
		if err := ascending(bounds); err != nil {
			return refused[T, []int64, []int64]("agg.Histogram: %w", err)
		}
		return Parts[T, []int64, []int64]{
			Add:      func(acc *[]int64, in T) { bins(acc, size)[bin(bounds, of(in))]++ },
			Merge:    func(acc *[]int64, src []int64) { addBins(bins(acc, size), src, 1) },
			Subtract: func(acc *[]int64, src []int64) { addBins(bins(acc, size), src, -1) },
			Result:   func(acc *[]int64) []int64 { return slices.Clone(bins(acc, size)) },
		}
	}
}

func ascending[N Number](bounds []N) error {
	for i, b := range bounds {
		switch {
		case b != b:
			return errors.New("NaN is no bound")
		case i > 0 && b <= bounds[i-1]:
			return fmt.Errorf("bound %v follows %v; bounds must ascend", b, bounds[i-1])
		}
	}
	return nil
}

// bins are the counts of an accumulator; made on first use.
func bins(acc *[]int64, size int) []int64 {
	if *acc == nil {
		*acc = make([]int64, size)
	}
	return *acc
}

// bin is the place of v among the bounds.
func bin[N Number](bounds []N, v N) int {
	lo, hi := 0, len(bounds)
	for lo < hi {
		if mid := (lo + hi) / 2; v < bounds[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

func addBins(acc, src []int64, sign int64) {
	for i := range min(len(acc), len(src)) {
		acc[i] += sign * src[i]
	}
}
