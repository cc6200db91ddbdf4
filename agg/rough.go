package agg

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// HyperLogLog is the accumulator of [RoughlyDistinct]: what is kept of the hashes of values. It depends on the set of
// values alone, and not on their order or on how they were put together. docs/format/sketches.md draws its bits.
type HyperLogLog struct {
	// Sparse has an entry for each hash, ascending, as long as there are at most 3,072 of them.
	Sparse []uint32
	// Registers are 16,384 numbers of six bits, in 12,288 bytes; none while Sparse is used.
	Registers []byte
}

// A hash's place is its first placeBits bits in Registers, and its first sparseBits in Sparse. Its rank is the number of
// zeros that follow the place, and one more.
const (
	placeBits     = 14
	registerCount = 1 << placeBits
	registerBytes = registerCount / 8 * rankBits
	rankBits      = 6
	rankMask      = 1<<rankBits - 1
	maxRank       = 64 - placeBits + 1

	sparseBits  = 32 - rankBits
	sparseLimit = registerBytes / 4 // where the sparse form would need more bytes than the registers
)

// RoughlyDistinct counts different values with HyperLogLog: exactly while they are few, but for one in some million, and
// with a standard error of 0.8 % from 3,072 of them on. A key takes 4 bytes for each value, and 12 KB at most.
//
// Values are compared by XXH3 of their canonical bytes (docs/format/keys.md), so that a sketch stays valid whatever
// process goes on with it. They may be booleans, numbers, strings, and structs and arrays of these; floats only alone,
// NaN not being counted.
//
// The algorithm is that of Flajolet, Fusy, Gandouet and Meunier (HyperLogLog, 2007), the sparse form follows Heule,
// Nunkesser and Hall (HyperLogLog in Practice, 2013), and the estimate is Ertl's (New cardinality estimation algorithms
// for HyperLogLog sketches, 2017), which needs no tables against bias.
func RoughlyDistinct[T any, V comparable](of func(T) V) Func[T, HyperLogLog, int64] {
	return func() Parts[T, HyperLogLog, int64] {
		hash, err := hasher[V]()
		if err != nil {
			return refused[T, HyperLogLog, int64]("agg.RoughlyDistinct: %w", err)
		}
		return Parts[T, HyperLogLog, int64]{
			Add: func(acc *HyperLogLog, in T) {
				if v := of(in); v == v {
					acc.add(hash(v))
				}
			},
			Merge:  (*HyperLogLog).merge,
			Result: (*HyperLogLog).estimate,
		}
	}
}

func (l *HyperLogLog) add(hash uint64) {
	if l.dense() {
		l.raise(int(hash>>(64-placeBits)), bits.LeadingZeros64(hash<<placeBits|1<<(placeBits-1))+1)
		return
	}
	rank := bits.LeadingZeros64(hash<<sparseBits|1<<(sparseBits-1)) + 1
	l.note(uint32(hash>>(64-sparseBits))<<rankBits | uint32(rank))
}

// dense says whether there are registers.
func (l *HyperLogLog) dense() bool {
	switch len(l.Registers) {
	case 0:
		return false
	case registerBytes:
		return true
	}
	panic(fmt.Errorf("agg.RoughlyDistinct: a sketch has %d bytes of registers in place of %d: the state is damaged", len(l.Registers), registerBytes))
}

// note puts an entry into the sparse form.
func (l *HyperLogLog) note(entry uint32) {
	at := search(l.Sparse, entry, rankBits)
	switch {
	case at < len(l.Sparse) && l.Sparse[at]>>rankBits == entry>>rankBits:
		l.Sparse[at] = max(l.Sparse[at], entry)
	case len(l.Sparse) >= sparseLimit:
		l.spread()
		l.raiseEntry(entry)
	default:
		l.Sparse = insert(l.Sparse, at, entry, sparseLimit)
	}
}

// spread goes over from the sparse form to registers. These hold less: where entries have the same register, only the
// highest rank is left.
func (l *HyperLogLog) spread() {
	entries := l.Sparse
	*l = HyperLogLog{Registers: make([]byte, registerBytes)}
	for _, e := range entries {
		l.raiseEntry(e)
	}
}

// raiseEntry raises the register that an entry of the sparse form belongs to. The bits of its place that are no part of
// the register's number are the first ones that the register's rank counts.
func (l *HyperLogLog) raiseEntry(entry uint32) {
	const more = sparseBits - placeBits
	rest := entry >> rankBits & (1<<more - 1)
	rank := more + int(entry&rankMask)
	if rest != 0 {
		rank = more - bits.Len32(rest) + 1
	}
	l.raise(int(entry>>(rankBits+more)), min(rank, maxRank))
}

// raise sets a register to a rank if that is higher. Four registers lie in three bytes, the first in the lowest bits.
func (l *HyperLogLog) raise(register, rank int) {
	group := l.Registers[register/4*3:][:3]
	shift := register % 4 * rankBits
	all := four(group)
	if have := int(all>>shift) & rankMask; rank > have {
		setFour(group, all+uint32(rank-have)<<shift)
	}
}

// four are the registers of three bytes.
func four(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

func setFour(b []byte, all uint32) { b[0], b[1], b[2] = byte(all), byte(all>>8), byte(all>>16) }

func (l *HyperLogLog) merge(src HyperLogLog) {
	switch {
	case src.dense() && l.dense():
		raiseAll(l.Registers, src.Registers)
	case src.dense():
		entries := l.Sparse
		*l = HyperLogLog{Registers: slices.Clone(src.Registers)}
		for _, e := range entries {
			l.raiseEntry(e)
		}
	case l.dense():
		for _, e := range src.Sparse {
			l.raiseEntry(e)
		}
	default:
		l.Sparse = union(l.Sparse, src.Sparse, rankBits, func(a, b uint32) uint32 { return max(a, b) })
		if len(l.Sparse) > sparseLimit {
			l.spread()
		}
	}
}

func raiseAll(dst, src []byte) {
	for at := 0; at < registerBytes; at += 3 {
		a, b := four(dst[at:][:3]), four(src[at:][:3])
		if a == b {
			continue
		}
		highest := uint32(0)
		for mask := uint32(rankMask); mask < 1<<24; mask <<= rankBits {
			highest |= max(a&mask, b&mask)
		}
		setFour(dst[at:][:3], highest)
	}
}

// estimate is the number of different values that were added. In the sparse form there are so many places that almost
// each value has its own, and the expected number of those that share one is added.
func (l *HyperLogLog) estimate() int64 {
	if l.dense() {
		return int64(math.Round(ertl(rankCounts(l.Registers))))
	}
	const places = 1 << sparseBits
	return int64(math.Round(-places * math.Log1p(-float64(len(l.Sparse))/places)))
}

// rankCounts says how many registers have each rank.
func rankCounts(registers []byte) (counts [maxRank + 1]float64) {
	for at := 0; at < registerBytes; at += 3 {
		all := four(registers[at:][:3])
		for range 4 {
			counts[min(all&rankMask, maxRank)]++
			all >>= rankBits
		}
	}
	return counts
}

// ertl is algorithm 6 of Ertl's paper: the estimate from how many registers have each rank.
func ertl(counts [maxRank + 1]float64) float64 {
	const m = registerCount
	z := m * tau(1-counts[maxRank]/m)
	for rank := maxRank - 1; rank > 0; rank-- {
		z = (z + counts[rank]) / 2
	}
	z += m * sigma(counts[0]/m)
	return m / (2 * math.Ln2) * m / z
}

// sigma is x + the sum of x^(2^k) 2^(k-1) for k from 1 on: what registers without a value contribute.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	sum := x
	for weight := 1.0; ; weight *= 2 {
		x *= x
		next := sum + x*weight
		if next == sum {
			return sum
		}
		sum = next
	}
}

// tau is a third of 1 - x - the sum of (1 - x^(2^-k))² 2^-k for k from 1 on: what registers of the highest rank contribute.
func tau(x float64) float64 {
	if x <= 0 || x == 1 {
		return 0
	}
	sum := 1 - x
	for weight := 0.5; ; weight /= 2 {
		x = math.Sqrt(x)
		next := sum - (1-x)*(1-x)*weight
		if next == sum {
			return sum / 3
		}
		sum = next
	}
}
