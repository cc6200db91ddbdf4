//go:build !unix

package hashlog

// allocate makes slots that are 0.
func allocate(slots int) (s []uint64, mapped bool) { return make([]uint64, slots), false }

// free is for memory that was mapped, of which there is none here.
func free([]uint64) {}
