package keygroup

import (
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// Exact rests on XXH3-64 being one-to-one for inputs of a fixed width of 1 to 8 bytes. The steps are undone here.

// inverseOdd is the number that undoes a multiplication by the odd p.
func inverseOdd(p uint64) uint64 {
	x := p
	for range 6 { // each round doubles the bits that are right
		x *= 2 - p*x
	}
	return x
}

// unshift undoes h ^ h>>by.
func unshift(h uint64, by int) uint64 {
	x := h
	for range 64 / by {
		x = h ^ x>>by
	}
	return x
}

// unrotate undoes h ^ rotl(h, 49) ^ rotl(h, 24). As a polynomial over the bits, 1 + x^49 + x^24 has an odd number of
// terms; squared six times it is 1 (modulo x^64 - 1), so that its 63rd power undoes it.
func unrotate(h uint64) uint64 {
	for square := range 6 {
		n := 1 << square
		h ^= bits.RotateLeft64(h, 49*n) ^ bits.RotateLeft64(h, 24*n)
	}
	return h
}

func unmix(h, width uint64) uint64 {
	h = unshift(h, 28)
	h *= inverseOdd(mixPrime)
	h ^= h>>35 + width // reaches bit 29 at most, so the bits from 35 on are still those that were added
	h *= inverseOdd(mixPrime)
	return unrotate(h)
}

func unhash8(h uint64) uint64 { return bits.RotateLeft64(unmix(h, 8)^flip4to8, 32) }
func unhash4(h uint64) uint32 { return uint32(unmix(h, 4) ^ flip4to8) }

func unavalanche(h uint64) uint64 {
	h = unshift(h, 32) * inverseOdd(avalanchePrime3)
	h = unshift(h, 29) * inverseOdd(avalanchePrime2)
	return unshift(h, 33)
}

func TestHashesOfFixedWidthAreOneToOne(t *testing.T) {
	for _, v := range []uint64{0, 1, 1<<64 - 1, 1 << 63, 1 << 32, 0xffffffff} {
		if unhash8(hash8(v)) != v || unhash4(hash4(uint32(v))) != uint32(v) {
			t.Errorf("%x does not come back", v)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		v := rapid.Uint64().Draw(r, "v")
		for range 100 {
			v = v*6364136223846793005 + 1442695040888963407
			if unhash8(hash8(v)) != v || unhash4(hash4(uint32(v))) != uint32(v) || unavalanche(avalanche(v)) != v {
				r.Fatalf("%x does not come back", v)
			}
		}
	})
}

func TestHashesOfOneAndTwoBytesAreOneToOne(t *testing.T) {
	one, two := map[uint64]bool{}, map[uint64]bool{}
	for v := range 1 << 16 {
		one[hash1(uint8(v))] = true
		two[hash2(uint16(v))] = true
	}
	if len(one) != 1<<8 || len(two) != 1<<16 {
		t.Errorf("%d and %d hashes", len(one), len(two))
	}
}

// The other widths have no loop of their own: inputs of 3 bytes enter the avalanche, and those of 5 to 7 bytes the
// mix, as all of their bytes.
func TestHashesOfOtherWidthsAreOneToOne(t *testing.T) {
	three, five := derive[[3]byte](t), derive[[5]byte](t)
	rapid.Check(t, func(r *rapid.T) {
		v := [5]byte(rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(r, "v"))
		x := unavalanche(three.Hash([3]byte(v[:]))) ^ flip1to3
		if got := [3]byte{byte(x >> 16), byte(x >> 24), byte(x)}; got != [3]byte(v[:]) {
			r.Fatalf("% x comes back as % x", v[:3], got)
		}
		y := unmix(five.Hash(v), 5) ^ flip4to8
		last := uint32(y)
		first := uint32(y >> 32)
		if got := [5]byte{byte(first), byte(first >> 8), byte(first >> 16), byte(first >> 24), byte(last >> 24)}; got != v {
			r.Fatalf("% x comes back as % x", v, got)
		}
	})
}
