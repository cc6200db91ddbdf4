package agg

import (
	"fmt"
	"testing"
)

// BenchmarkAdd is the cost of a record, without what a window needs to find the accumulator.
func BenchmarkAdd(b *testing.B) {
	add(b, "Count", Count[rec])
	add(b, "Sum", Sum(value))
	add(b, "Mean", Mean(value))
	add(b, "Variance", Variance(value))
	add(b, "Max", Max(value))
	add(b, "Last", Last[rec])
	add(b, "Highest", Highest(value))
	add(b, "Top 10", Top(10, value))
	add(b, "Histogram of 10", Histogram(value, 1e5, 2e5, 3e5, 4e5, 5e5, 6e5, 7e5, 8e5, 9e5))
	add(b, "Distinct of 65,536", Distinct(value))
	add(b, "Distinct of a thousand", Distinct(func(r rec) int64 { return r.V % 1000 }))
	add(b, "RoughlyDistinct of 65,536", RoughlyDistinct(value))
	add(b, "RoughlyDistinct of a thousand", RoughlyDistinct(func(r rec) int64 { return r.V % 1000 }))
	add(b, "RoughlyDistinct of strings", RoughlyDistinct(func(r rec) string { return r.Name }))
	add(b, "RoughlyDistinct of structs", RoughlyDistinct(func(r rec) rec { return r }))
	add(b, "Quantiles", Quantiles(value, 0.99))
}

func add[A, V any](b *testing.B, name string, f Func[rec, A, V]) {
	records := make([]rec, 1<<16)
	for i := range records {
		records[i] = rec{int64(uint64(i) * 0x9e3779b97f4a7c15 >> 20 % 1_000_000), fmt.Sprint("name", i)}
	}
	b.Run(name, func(b *testing.B) {
		p := f()
		var acc A
		b.ReportAllocs()
		for i := range b.N {
			if p.Add != nil {
				p.Add(&acc, records[i&(1<<16-1)])
			} else {
				p.AddAt(&acc, records[i&(1<<16-1)], int64(i))
			}
		}
	})
}

func BenchmarkMergeSketches(b *testing.B) {
	large, small := distinct(0, 100_000), distinct(0, 1_000)
	b.Run("registers", func(b *testing.B) {
		for i := range b.N {
			acc := large
			acc.merge([]HyperLogLog{large, small}[i%2])
		}
	})
	b.Run("estimate", func(b *testing.B) {
		for range b.N {
			large.estimate()
		}
	})
	var bins, more DDSketch
	for i := range 10_000 {
		bins.add(float64(i))
		more.add(float64(i) / 3)
	}
	b.Run("bins", func(b *testing.B) {
		b.ReportAllocs()
		acc := DDSketch{}
		acc.merge(bins)
		for range b.N {
			acc.merge(more)
		}
	})
}
