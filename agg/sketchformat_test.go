package agg

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"leat.dev/leat/codec"
)

// What docs/format/sketches.md draws: these bytes are in snapshots.
func TestGoldenSketches(t *testing.T) {
	var sparse, dense HyperLogLog
	rough := RoughlyDistinct(func(s string) string { return s })()
	for _, s := range []string{"a", "leat", "a"} {
		rough.Add(&sparse, s)
	}
	dense = distinct(0, 10_000)
	var bins DDSketch
	for _, v := range []float64{-1, 0, 0, 1, 1.5, 1000} {
		bins.add(v)
	}
	golden(t, "sparse", sparse, "038132c6e6015a71ed00")
	golden(t, "dense", dense, "50d514cd3df4f81e70fb537653c8710bba407701508fb3b54193029a49481082")
	golden(t, "bins", bins, "06010000000040115d02000000000000800100000000c0eea20100000000c0f3a20100000000c045a3")
	if got := dense.estimate(); got != 10_025 {
		t.Errorf("10,000 values are about %d", got)
	}
}

// golden compares an encoding, or its SHA-256 where it is long, and reads it back.
func golden[A any](t *testing.T, name string, acc A, want string) {
	t.Helper()
	c := codec.Struct[A]()
	b, err := c.Append(nil, acc)
	if err != nil {
		t.Fatal(err)
	}
	got := hex.EncodeToString(b)
	if len(b) > 100 {
		sum := sha256.Sum256(b)
		got = hex.EncodeToString(sum[:])
	}
	if got != want {
		t.Errorf("%s: %s, want %s", name, got, want)
	}
	if _, err := c.Decode(b); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// Whatever bytes are read as a sketch, it can be merged, added to and asked, or is said to be damaged.
func FuzzHyperLogLog(f *testing.F) {
	c := codec.Struct[HyperLogLog]()
	for _, acc := range []HyperLogLog{{}, distinct(0, 3), distinct(0, 4000), {Registers: []byte{1}}, {Sparse: []uint32{^uint32(0), 0}}} {
		b, err := c.Append(nil, acc)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		acc, err := c.Decode(b)
		if err != nil {
			return
		}
		defer func() {
			if err, damaged := recover().(error); damaged && !strings.Contains(err.Error(), "the state is damaged") {
				t.Fatal(err)
			}
		}()
		for _, other := range []HyperLogLog{distinct(0, 5), distinct(0, 3100), acc} {
			other.merge(acc)
			acc.merge(other)
		}
		acc.add(1 << 63)
		if acc.estimate() < 0 {
			t.Fatal("a negative number of values")
		}
	})
}

func FuzzDDSketch(f *testing.F) {
	c := codec.Struct[DDSketch]()
	for _, acc := range []DDSketch{{}, {Bins: []uint64{binOf(1)<<countBits | 7}}, {Bins: []uint64{^uint64(0), 0}}, {Bins: make([]uint64, binLimit+5)}} {
		b, err := c.Append(nil, acc)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		acc, err := c.Decode(b)
		if err != nil {
			return
		}
		other := DDSketch{Bins: []uint64{binOf(-1)<<countBits | 1}}
		other.merge(acc)
		acc.merge(other)
		acc.add(-1)
		if got := acc.quantiles([]float64{0, 0.5, 1}); len(got) != 3 || len(acc.Bins) > binLimit {
			t.Fatalf("%d quantiles, %d bins", len(got), len(acc.Bins))
		}
	})
}
