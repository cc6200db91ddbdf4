package agg

import "slices"

// Sketches are kept as sorted words: the high bits say what a word is about and are its only one, the low bits what is
// known of that.
type word interface{ ~uint32 | ~uint64 }

// search is the place of the first word whose high bits are not smaller than those of w.
func search[W word](words []W, w W, shift int) int {
	low, high := 0, len(words)
	for low < high {
		if middle := int(uint(low+high) / 2); words[middle]>>shift < w>>shift {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// insert puts a word in its place. Room grows twofold, but not beyond the limit, so that full sketches waste nothing.
func insert[W word](words []W, at int, w W, limit int) []W {
	if len(words) == cap(words) {
		words = append(make([]W, 0, max(1, min(2*len(words), limit))), words...)
	}
	return slices.Insert(words, at, w)
}

// union puts the words of src in their places among those of dst. Where both have a word with the same high bits, both
// makes one of them. It works from the back, so that dst's memory is used as far as it reaches.
func union[W word](dst, src []W, shift int, both func(a, b W) W) []W {
	i, j := len(dst), len(src)
	dst = slices.Grow(dst, j)[:i+j]
	at := i + j
	for j > 0 {
		at--
		switch {
		case i == 0 || dst[i-1]>>shift < src[j-1]>>shift:
			j--
			dst[at] = src[j]
		case dst[i-1]>>shift > src[j-1]>>shift:
			i--
			dst[at] = dst[i]
		default:
			i--
			j--
			dst[at] = both(dst[i], src[j])
		}
	}
	return append(dst[:i], dst[at:]...)
}
