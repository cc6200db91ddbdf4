package agg_test

import (
	"fmt"
	"strings"

	"leat.dev/leat/agg"
)

type Txn struct {
	Account string
	Amount  int64
}

func amount(t Txn) int64 { return t.Amount }

var txns = []Txn{{"a", 30}, {"b", 10}, {"c", 50}, {"d", 10}, {"e", 20}}

// aggregate is what a window does with its records; here each is one nanosecond after the one before.
func aggregate[T, A, V any](in []T, f agg.Func[T, A, V]) V {
	p := f()
	var acc A
	for i, t := range in {
		if p.Add != nil {
			p.Add(&acc, t)
		} else {
			p.AddAt(&acc, t, int64(i))
		}
	}
	return p.Result(&acc)
}

func ExampleCount() {
	fmt.Println(aggregate(txns, agg.Count))
	// Output: 5
}

func ExampleCollect() {
	fmt.Println(aggregate(txns, agg.Collect))
	// Output: [{a 30} {b 10} {c 50} {d 10} {e 20}]
}

func ExampleFirst() {
	fmt.Println(aggregate(txns, agg.First))
	// Output: {a 30}
}

func ExampleLast() {
	fmt.Println(aggregate(txns, agg.Last))
	// Output: {e 20}
}

func ExampleSum() {
	fmt.Println(aggregate(txns, agg.Sum(amount)))
	// Output: 120
}

func ExampleMean() {
	fmt.Println(aggregate(txns, agg.Mean(amount)))
	// Output: 24
}

func ExampleVariance() {
	fmt.Println(aggregate(txns, agg.Variance(amount)))
	// Output: 280
}

func ExampleMin() {
	fmt.Println(aggregate(txns, agg.Min(amount)))
	// Output: 10
}

func ExampleMax() {
	fmt.Println(aggregate(txns, agg.Max(amount)))
	// Output: 50
}

// Of records with equal values, the one whose contents come first is chosen: here by the account.
func ExampleLowest() {
	fmt.Println(aggregate(txns, agg.Lowest(amount)))
	// Output: {b 10}
}

func ExampleHighest() {
	fmt.Println(aggregate(txns, agg.Highest(amount)))
	// Output: {c 50}
}

func ExampleTop() {
	fmt.Println(aggregate(txns, agg.Top(2, amount)))
	// Output: [{c 50} {a 30}]
}

func ExampleBottom() {
	fmt.Println(aggregate(txns, agg.Bottom(3, amount)))
	// Output: [{b 10} {d 10} {e 20}]
}

func ExampleDistinct() {
	fmt.Println(aggregate(txns, agg.Distinct(amount)))
	// Output: 4
}

func ExampleRoughlyDistinct() {
	fmt.Println(aggregate(txns, agg.RoughlyDistinct(amount)))
	// Output: 4
}

func ExampleQuantiles() {
	for _, q := range aggregate(txns, agg.Quantiles(amount, 0, 0.5, 1)) {
		fmt.Printf("%.0f ", q)
	}
	// Output: 10 20 50
}

func ExampleHistogram() {
	fmt.Println(aggregate(txns, agg.Histogram(amount, 15, 40)))
	// Output: [2 2 1]
}

func ExampleReduce() {
	larger := func(a, b Txn) Txn {
		if b.Amount > a.Amount {
			return b
		}
		return a
	}
	fmt.Println(aggregate(txns, agg.Reduce(larger)))
	// Output: {c 50}
}

// Names is an aggregate of the user's.
type Names struct{ All []string }

func (n *Names) Add(t Txn)     { n.All = append(n.All, t.Account) }
func (n *Names) Merge(o Names) { n.All = append(n.All, o.All...) }

func ExampleFold() {
	fmt.Println(strings.Join(aggregate(txns, agg.Fold((*Names).Add, (*Names).Merge)).All, " "))
	// Output: a b c d e
}

func ExampleWhere() {
	large := func(t Txn) bool { return t.Amount >= 20 }
	fmt.Println(aggregate(txns, agg.Where(large, agg.Count)))
	// Output: 3
}

func ExampleCombine2() {
	share := func(n, sum int64) string { return fmt.Sprintf("%d transactions of %d in all", n, sum) }
	fmt.Println(aggregate(txns, agg.Combine2(agg.Count, agg.Sum(amount), share)))
	// Output: 5 transactions of 120 in all
}

func ExampleCombine3() {
	span := func(n, lo, hi int64) string { return fmt.Sprintf("%d from %d to %d", n, lo, hi) }
	fmt.Println(aggregate(txns, agg.Combine3(agg.Count, agg.Min(amount), agg.Max(amount), span)))
	// Output: 5 from 10 to 50
}

func ExampleCombine4() {
	text := func(n int64, mean float64, first, last Txn) string {
		return fmt.Sprintf("%d of %g on average, from %s to %s", n, mean, first.Account, last.Account)
	}
	fmt.Println(aggregate(txns, agg.Combine4(agg.Count, agg.Mean(amount), agg.First, agg.Last, text)))
	// Output: 5 of 24 on average, from a to e
}

// An aggregator by hand: the range of the amounts. It tells an empty accumulator by a mark.
func ExampleParts() {
	type reach struct {
		Set    bool
		Lo, Hi int64
	}
	spread := func() agg.Parts[Txn, reach, int64] {
		merge := func(dst *reach, src reach) {
			switch {
			case !src.Set:
			case !dst.Set:
				*dst = src
			default:
				dst.Lo, dst.Hi = min(dst.Lo, src.Lo), max(dst.Hi, src.Hi)
			}
		}
		return agg.Parts[Txn, reach, int64]{
			Add:    func(r *reach, t Txn) { merge(r, reach{true, t.Amount, t.Amount}) },
			Merge:  merge,
			Result: func(r *reach) int64 { return r.Hi - r.Lo },
		}
	}
	fmt.Println(aggregate(txns, spread))
	// Output: 40
}
