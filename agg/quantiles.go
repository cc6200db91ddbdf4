package agg

import (
	"math"
	"slices"
)

// DDSketch is the accumulator of [Quantiles]: how many values fell into each bin, the bins growing with the values.
// docs/format/sketches.md draws its bits.
type DDSketch struct {
	// Bins are those with values, ascending: the bin's number in the high 18 bits, the number of values in the low 46.
	Bins []uint64
}

// A power of two has binsPerOctave bins: the limits of one are at most 2 % apart, so that what lies between them is
// within 1 % of what stands for it.
const (
	binsPerOctave = 35
	countBits     = 46
	countMask     = 1<<countBits - 1
	binLimit      = 2048
	zeroBin       = 1 << 17 // those of negative values are below, those of positive ones above
	smallest      = 1 << 52 // the bits of the smallest number that is not subnormal
)

// Quantiles estimates quantiles with DDSketch: of n values in order, that of q is the one of rank q·(n-1), rounded down
// and counted from 0, with a relative error of 1 %. Each q is from 0 to 1, and there is one at least; the results are in
// the order of the q, and 0 without records. NaN is left out; values nearer to 0 than 2.3e-308 count as 0.
//
// A key takes 8 bytes for each bin with values in it, of which there are 35 in a power of two, and 16 KB at most: of values
// that need more than 2,048 bins the lowest are put together, and their quantiles are that of the highest among them.
//
// The algorithm is that of Masson, Rim and Lee (DDSketch, 2019), its logarithm a polynomial of the third degree between
// powers of two, so that all machines agree on the bins.
func Quantiles[T any, N Number](of func(T) N, q ...float64) Func[T, DDSketch, []float64] {
	q = slices.Clone(q)
	return func() Parts[T, DDSketch, []float64] {
		if len(q) == 0 {
			return refused[T, DDSketch, []float64]("agg.Quantiles: no quantiles are asked for: give it some, such as 0.5 and 0.99")
		}
		for _, q := range q {
			if !(q >= 0 && q <= 1) {
				return refused[T, DDSketch, []float64]("agg.Quantiles: quantile %v; it must be from 0 to 1", q)
			}
		}
		return Parts[T, DDSketch, []float64]{
			Add: func(acc *DDSketch, in T) {
				if v := float64(of(in)); v == v {
					acc.add(v)
				}
			},
			Merge:  (*DDSketch).merge,
			Result: func(acc *DDSketch) []float64 { return acc.quantiles(q) },
		}
	}
}

func (s *DDSketch) add(v float64) {
	one := binOf(v)<<countBits | 1
	at := search(s.Bins, one, countBits)
	switch {
	case at < len(s.Bins) && s.Bins[at]>>countBits == one>>countBits:
		s.Bins[at] = sumOf(s.Bins[at], one)
	case len(s.Bins) < binLimit:
		s.Bins = insert(s.Bins, at, one, binLimit)
	default:
		displace(s.Bins, at, one)
	}
}

func (s *DDSketch) merge(src DDSketch) {
	s.Bins = fold(union(s.Bins, src.Bins, countBits, sumOf))
}

// sumOf is a bin with the values of another one too. A count that is full stays so.
func sumOf(a, b uint64) uint64 {
	return a&^countMask | min(a&countMask+b&countMask, countMask)
}

// displace puts a new bin in its place among as many as there may be: the lowest joins the next one, and this is the new
// one where that would be lower than all.
func displace(bins []uint64, at int, bin uint64) {
	if at > 0 {
		lowest := bins[0]
		copy(bins, bins[1:at])
		bins[at-1], bin = bin, lowest
	}
	bins[0] = sumOf(bins[0], bin)
}

// fold puts the lowest bins together, so that no more than binLimit are left.
func fold(bins []uint64) []uint64 {
	over := len(bins) - binLimit
	if over <= 0 {
		return bins
	}
	for _, b := range bins[:over] {
		bins[over] = sumOf(bins[over], b)
	}
	return slices.Delete(bins, 0, over)
}

func (s *DDSketch) quantiles(q []float64) []float64 {
	total := uint64(0)
	for _, b := range s.Bins {
		total += b & countMask
	}
	results := make([]float64, len(q))
	if total == 0 {
		return results
	}
	for i, q := range q {
		results[i] = s.ranked(uint64(q * float64(total-1)))
	}
	return results
}

// ranked is what stands for the value of a rank, counted from 0.
func (s *DDSketch) ranked(rank uint64) float64 {
	for _, b := range s.Bins {
		if count := b & countMask; rank >= count {
			rank -= count
			continue
		}
		return valueOf(b >> countBits)
	}
	return valueOf(s.Bins[len(s.Bins)-1] >> countBits)
}

// binOf is the number of the bin that a value falls into.
func binOf(v float64) uint64 {
	bits := math.Float64bits(v)
	magnitude := bits &^ (1 << 63)
	if magnitude < smallest {
		return zeroBin
	}
	octave := magnitude>>52 - 1
	past := math.Float64frombits(magnitude&(smallest-1)|1023<<52) - 1
	number := octave*binsPerOctave + min(uint64(curve(past)), binsPerOctave-1)
	if bits>>63 == 1 {
		return zeroBin - 1 - number
	}
	return zeroBin + 1 + number
}

// curve goes from 0 to binsPerOctave while past goes from 0 to 1, almost as the logarithm of 1 + past. Each step is
// rounded by itself, so that no machine fuses two.
func curve(past float64) float64 {
	return float64(float64(float64(float64(6*past)-21)*past)+50) * past
}

// valueOf is what stands for the values of a bin: as far, relatively, from the lower as from the upper limit.
func valueOf(bin uint64) float64 {
	switch {
	case bin > zeroBin:
		number := int(bin - zeroBin - 1)
		return math.Ldexp(middles[number%binsPerOctave], number/binsPerOctave-1022)
	case bin < zeroBin:
		return -valueOf(2*zeroBin - bin)
	}
	return 0
}

// middles stand for the bins from 1 to 2.
var middles = func() (all [binsPerOctave]float64) {
	for i := range all {
		low, high := limit(i), limit(i+1)
		all[i] = 2 * low * high / (low + high)
	}
	return all
}()

// limit is where, from 1 to 2, the curve reaches a bin's number.
func limit(number int) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		if middle := (low + high) / 2; curve(middle) < float64(number) {
			low = middle
		} else {
			high = middle
		}
	}
	return 1 + high
}
