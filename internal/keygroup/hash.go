package keygroup

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// The hash is XXH3-64 with seed 0. What it does to inputs of 1 to 8 bytes is written out here for the widths that
// integers have: the library has to look at the length first. Its constants come from the secret that XXH3 defines.
const (
	flip1to3 = 0x396cfeb8 ^ 0xbe4ba423
	flip4to8 = 0x1cad21f72c81017c ^ 0xdb979083e96dd4de

	avalanchePrime2 = 0xc2b2ae3d27d4eb4f
	avalanchePrime3 = 0x165667b19e3779f9
	mixPrime        = 0x9fb21c651e98df25
)

func hash1(v uint8) uint64 {
	return avalanche((uint64(v)<<16 | uint64(v)<<24 | uint64(v) | 1<<8) ^ flip1to3)
}

func hash2(v uint16) uint64 {
	first, last := uint64(v&0xff), uint64(v>>8)
	return avalanche((first<<16 | last<<24 | last | 2<<8) ^ flip1to3)
}

func hash4(v uint32) uint64 {
	return mix((uint64(v)<<32|uint64(v))^flip4to8, 4)
}

func hash8(v uint64) uint64 {
	return mix(bits.RotateLeft64(v, 32)^flip4to8, 8)
}

func avalanche(h uint64) uint64 {
	h ^= h >> 33
	h *= avalanchePrime2
	h ^= h >> 29
	h *= avalanchePrime3
	return h ^ h>>32
}

func mix(h, width uint64) uint64 {
	h ^= bits.RotateLeft64(h, 49) ^ bits.RotateLeft64(h, 24)
	h *= mixPrime
	h ^= h>>35 + width
	h *= mixPrime
	return h ^ h>>28
}

// hashImages hashes count keys whose canonical bytes are how they lie in memory, width bytes each.
func hashImages(keys unsafe.Pointer, count int, width uintptr, to []uint64) {
	to = to[:count]
	switch width {
	case 0:
		none := xxh3.Hash(nil)
		for i := range to {
			to[i] = none
		}
	case 1:
		for i, v := range unsafe.Slice((*uint8)(keys), count) {
			to[i] = hash1(v)
		}
	case 2:
		for i := range to {
			to[i] = hash2(binary.LittleEndian.Uint16((*[2]byte)(unsafe.Add(keys, 2*i))[:]))
		}
	case 4:
		for i := range to {
			to[i] = hash4(binary.LittleEndian.Uint32((*[4]byte)(unsafe.Add(keys, 4*i))[:]))
		}
	case 8:
		for i := range to {
			to[i] = hash8(binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(keys, 8*i))[:]))
		}
	default:
		for i := range to {
			to[i] = xxh3.Hash(unsafe.Slice((*byte)(unsafe.Add(keys, uintptr(i)*width)), width))
		}
	}
}

func hashStrings(keys []string, to []uint64) {
	to = to[:len(keys)]
	for i, s := range keys {
		to[i] = xxh3.HashString(s)
	}
}
