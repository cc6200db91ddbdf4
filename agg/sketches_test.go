package agg

import (
	"bytes"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func number(n int64) int64 { return n }

// distinct adds the numbers of a range.
func distinct(from, to int64) (acc HyperLogLog) {
	p := RoughlyDistinct(number)()
	for n := from; n < to; n++ {
		p.Add(&acc, n)
	}
	return acc
}

func TestFewValuesAreCountedExactly(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 10, 100, 1000, sparseLimit} {
		acc := distinct(0, n)
		if got := acc.estimate(); got != n {
			t.Errorf("of %d values: %d", n, got)
		}
		if size := 4 * cap(acc.Sparse); size > registerBytes || acc.Registers != nil || n < 100 && size > 8*int(n)+4 {
			t.Errorf("%d values take %d bytes, and %d registers", n, size, len(acc.Registers))
		}
	}
	if acc := distinct(0, sparseLimit+1); len(acc.Registers) != registerBytes || acc.Sparse != nil {
		t.Errorf("%d values: %d sparse, %d bytes of registers", sparseLimit+1, len(acc.Sparse), len(acc.Registers))
	}
}

// The standard error over many sketches of different values is what the algorithm promises: 1.04/√16384, 0.8 %.
func TestRoughlyDistinctError(t *testing.T) {
	values := int64(10_000_000)
	if testing.Short() {
		values = 1_000_000
	}
	for _, n := range []int64{4_000, 20_000, 100_000, 1_000_000} {
		rounds := min(200, values/n)
		squares, sum := 0.0, 0.0
		for round := range rounds {
			acc := distinct(round*n, (round+1)*n)
			off := float64(acc.estimate()-n) / float64(n)
			squares, sum = squares+off*off, sum+off
		}
		deviation, bias := math.Sqrt(squares/float64(rounds)), sum/float64(rounds)
		t.Logf("%d values: standard error %.2f %%, bias %.2f %%", n, 100*deviation, 100*bias)
		if limit := 0.0082 * (1 + 1.5/math.Sqrt(float64(rounds))); deviation > limit || math.Abs(bias) > 3*0.0082/math.Sqrt(float64(rounds)) {
			t.Errorf("%d values: standard error %.4f, bias %.4f", n, deviation, bias)
		}
	}
}

// Sketches are sets: equal, bit by bit, whatever order values came in and however parts were put together.
func TestSketchesDependOnTheSetAlone(t *testing.T) {
	for _, size := range []int64{3_000, sparseLimit, sparseLimit + 1, 5_000, 9_000} {
		want := distinct(0, size)
		got := distinct(size/2, size)
		got.merge(distinct(0, size/2+100))
		got.merge(distinct(size/3, size))
		back := distinct(0, 10)
		back.merge(want)
		for _, l := range []HyperLogLog{got, back} {
			if !slices.Equal(l.Sparse, want.Sparse) || !bytes.Equal(l.Registers, want.Registers) {
				t.Errorf("%d values: %d and %d sparse entries, registers equal: %t",
					size, len(l.Sparse), len(want.Sparse), bytes.Equal(l.Registers, want.Registers))
			}
		}
	}
}

// What is added to a sketch afterwards is no part of what it was merged into, nor the other way round.
func TestMergedRegistersAreTheirOwn(t *testing.T) {
	src := distinct(0, 4_000)
	var dst HyperLogLog
	dst.merge(src)
	dst.merge(distinct(4_000, 20_000))
	src.merge(distinct(20_000, 90_000))
	for _, c := range []struct {
		got  HyperLogLog
		want []HyperLogLog
	}{
		{dst, []HyperLogLog{distinct(0, 20_000)}},
		{src, []HyperLogLog{distinct(0, 4_000), distinct(20_000, 90_000)}},
	} {
		var want HyperLogLog
		for _, l := range c.want {
			want.merge(l)
		}
		if !bytes.Equal(c.got.Registers, want.Registers) {
			t.Errorf("about %d values, want %d", c.got.estimate(), want.estimate())
		}
	}
}

// Registers are those of the algorithm as it is written down, whichever form the hashes went through.
func TestRegisters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hashes := rapid.SliceOfN(rapid.Custom(drawHash), 1, 50).Draw(t, "hashes")
		var want [registerCount]int
		var sparse HyperLogLog
		dense := HyperLogLog{Registers: make([]byte, registerBytes)}
		for _, h := range hashes {
			rank := 1
			for at := 64 - placeBits - 1; at >= 0 && h>>at&1 == 0; at-- {
				rank++
			}
			want[h>>(64-placeBits)] = max(want[h>>(64-placeBits)], rank)
			sparse.add(h)
			dense.add(h)
		}
		sparse.spread()
		for i, rank := range want {
			all := four(dense.Registers[i/4*3:])
			if int(all>>(i%4*rankBits))&rankMask != rank {
				t.Fatalf("register %d is %b of %b, want %d", i, all>>(i%4*rankBits)&rankMask, all, rank)
			}
		}
		if !bytes.Equal(sparse.Registers, dense.Registers) {
			t.Fatal("registers differ between the forms")
		}
	})
}

// drawHash has many zeros behind the first bits, and few different ones.
func drawHash(t *rapid.T) uint64 {
	return rapid.Uint64Range(0, 3).Draw(t, "place")<<62 | rapid.Uint64().Draw(t, "rest")>>rapid.IntRange(2, 64).Draw(t, "zeros")
}

func TestEqualValuesHashAlike(t *testing.T) {
	type named int32
	equal(t, 0.0, math.Copysign(0, -1))
	equal(t, float32(0), float32(math.Copysign(0, -1)))
	equal(t, netip.MustParseAddr("10.0.0.1"), netip.AddrFrom4([4]byte{10, 0, 0, 1}))
	different(t, []int64{0, 1, -1, 1 << 40})
	different(t, []named{0, 1, -1})
	different(t, []string{"", "a", "b", "ab"})
	different(t, []float64{0, 1, -1, math.Inf(1), math.SmallestNonzeroFloat64})
	different(t, []rec{{}, {1, ""}, {0, "a"}})
	different(t, []bool{false, true})
	different(t, []uint{0, 7})
	different(t, []int{0, -7})
}

func equal[V comparable](t *testing.T, a, b V) {
	t.Helper()
	if got := counted(t, a, b); got != 1 {
		t.Errorf("%v and %v are %d values", a, b, got)
	}
}

func different[V comparable](t *testing.T, all []V) {
	t.Helper()
	if got := counted(t, append(all, all...)...); got != int64(len(all)) {
		t.Errorf("%v are %d values", all, got)
	}
}

func counted[V comparable](t *testing.T, all ...V) int64 {
	t.Helper()
	p := RoughlyDistinct(func(v V) V { return v })()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	var acc HyperLogLog
	for _, v := range all {
		p.Add(&acc, v)
	}
	return p.Result(&acc)
}

func TestNaNIsNoValue(t *testing.T) {
	nan := []float64{math.NaN(), 1, math.NaN()}
	of := func(f float64) float64 { return f }
	exact, rough, middle := Distinct(of)(), RoughlyDistinct(of)(), Quantiles(of, 0, 1)()
	var set map[float64]struct{}
	var sketch HyperLogLog
	var bins DDSketch
	for _, f := range nan {
		exact.Add(&set, f)
		rough.Add(&sketch, f)
		middle.Add(&bins, f)
	}
	if exact.Result(&set) != 1 || rough.Result(&sketch) != 1 || middle.Result(&bins)[0] != middle.Result(&bins)[1] {
		t.Errorf("%d, %d, %v", exact.Result(&set), rough.Result(&sketch), middle.Result(&bins))
	}
}

func TestQuantilesWithinOnePercent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	quantiles := []float64{0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1}
	for name, draw := range map[string]func() float64{
		"uniform":        func() float64 { return random.Float64() * 1000 },
		"exponential":    random.ExpFloat64,
		"log-normal":     func() float64 { return math.Exp(3 * random.NormFloat64()) },
		"of both signs":  func() float64 { return 100 * random.NormFloat64() },
		"integers":       func() float64 { return float64(random.IntN(50)) },
		"all magnitudes": func() float64 { return math.Ldexp(1+random.Float64(), random.IntN(50)) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 2, 10, 50_000} {
				p := Quantiles(func(f float64) float64 { return f }, quantiles...)()
				all := make([]float64, n)
				var acc DDSketch
				for i := range all {
					all[i] = draw()
					p.Add(&acc, all[i])
				}
				slices.Sort(all)
				for i, got := range p.Result(&acc) {
					want := all[int(quantiles[i]*float64(n-1))]
					if math.Abs(got-want) > 0.01*math.Abs(want) {
						t.Errorf("%v of %d values: %v, want %v", quantiles[i], n, got, want)
					}
				}
			}
		})
	}
}

// Each bin stands within 1 % of all that fall into it, its limits too.
func TestBins(t *testing.T) {
	for i := range binsPerOctave {
		low, high := limit(i), math.Nextafter(limit(i+1), 0)
		for _, v := range []float64{low, high} {
			for _, scale := range []float64{1, -1, 0x1p-1022, 0x1p1023, -0x1p1000} {
				if got := valueOf(binOf(v * scale)); math.Abs(got-v*scale) > math.Abs(0.01*v*scale) {
					t.Errorf("%v: its bin stands for %v", v*scale, got)
				}
			}
		}
		if i > 0 && binOf(math.Nextafter(low, 0)) >= binOf(low*(1+1e-12)) {
			t.Errorf("bin %d does not begin at %v", i, low)
		}
	}
	for v, want := range map[float64]float64{0: 0, 5e-324: 0, -5e-324: 0, math.Inf(1): math.Inf(1), math.Inf(-1): math.Inf(-1)} {
		if got := valueOf(binOf(v)); got != want {
			t.Errorf("%v is kept as %v", v, got)
		}
	}
	ascending := []float64{math.Inf(-1), -math.MaxFloat64, -1, -0x1p-1022, 0, 0x1p-1022, 1, 1.03, math.MaxFloat64, math.Inf(1)}
	if !slices.IsSortedFunc(ascending, func(a, b float64) int { return int(binOf(a)) - int(binOf(b)) }) {
		t.Error("bins are not in the order of their values")
	}
}

// With more bins than there may be, the lowest are put together: the same ones in whatever order values come.
func TestTooManyBins(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	values := make([]float64, 20_000)
	for i := range values {
		values[i] = math.Ldexp(1+random.Float64(), random.IntN(200)-100)
	}
	var forward, backward, left DDSketch
	for i := range values {
		forward.add(values[i])
		backward.add(values[len(values)-1-i])
	}
	for _, v := range values[:7_000] {
		left.add(v)
	}
	var right DDSketch
	for _, v := range values[7_000:] {
		right.add(v)
	}
	right.merge(left)
	if len(forward.Bins) != binLimit || !slices.Equal(forward.Bins, backward.Bins) || !slices.Equal(forward.Bins, right.Bins) {
		t.Errorf("%d bins; equal backward: %t, merged: %t", len(forward.Bins), slices.Equal(forward.Bins, backward.Bins), slices.Equal(forward.Bins, right.Bins))
	}
	if size := 8 * cap(forward.Bins); size != 8*binLimit {
		t.Errorf("%d bytes", size)
	}
	slices.Sort(values)
	if got, want := forward.quantiles([]float64{0.8})[0], values[20_000*8/10-1]; math.Abs(got-want) > 0.01*want {
		t.Errorf("a quantile above what was put together is %v, want %v", got, want)
	}
}

func TestFullBinsStayFull(t *testing.T) {
	full := uint64(zeroBin)<<countBits | countMask
	s := DDSketch{Bins: []uint64{full}}
	s.add(0)
	s.merge(DDSketch{Bins: []uint64{full}})
	if len(s.Bins) != 1 || s.Bins[0] != full {
		t.Errorf("%x", s.Bins)
	}
}
