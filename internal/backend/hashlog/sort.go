package hashlog

import (
	"cmp"
	"math/bits"
	"slices"
)

// smallBucket is up to how many entries insertion sorts.
const smallBucket = 24

// sortEntries sorts by hash, and by at where hashes are equal. Hashes are spread well, so that one pass that deals the entries
// into as many buckets nearly does it. It uses scratch for that, makes it longer if need be, and returns it.
func sortEntries(entries, scratch []entry) []entry {
	if len(entries) <= smallBucket {
		insertionSort(entries)
		return scratch
	}
	low, high := entries[0].hash, entries[0].hash
	for i := range entries {
		low, high = min(low, entries[i].hash), max(high, entries[i].hash)
	}
	scratch = slices.Grow(scratch[:0], len(entries))[:len(entries)]
	starts := make([]uint32, len(entries)/4+2)
	count := uint64(len(starts) - 1)
	bucket := func(hash uint64) uint64 {
		if high-low < count {
			return hash - low
		}
		at, _ := bits.Mul64((hash-low)<<bits.LeadingZeros64(high-low), count)
		return at
	}
	for i := range entries {
		starts[bucket(entries[i].hash)+1]++
	}
	for i := range count {
		starts[i+1] += starts[i]
	}
	for _, e := range entries {
		b := bucket(e.hash)
		scratch[starts[b]] = e
		starts[b]++
	}
	copy(entries, scratch)
	begin := uint32(0)
	for _, end := range starts[:count] {
		sortBucket(entries[begin:end])
		begin = end
	}
	return scratch
}

func sortBucket(b []entry) {
	if len(b) > smallBucket {
		slices.SortFunc(b, compareEntries)
		return
	}
	insertionSort(b)
}

func insertionSort(b []entry) {
	for i := 1; i < len(b); i++ {
		e := b[i]
		j := i
		for ; j > 0 && compareEntries(b[j-1], e) > 0; j-- {
			b[j] = b[j-1]
		}
		b[j] = e
	}
}

func compareEntries(a, b entry) int {
	if a.hash != b.hash {
		return cmp.Compare(a.hash, b.hash)
	}
	return cmp.Compare(a.at, b.at)
}
