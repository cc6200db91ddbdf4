//go:build unix

package hashlog

import (
	"syscall"
	"unsafe"
)

// mappedSlots is from how many slots on memory is asked of the system: what is below is small beside a page.
const mappedSlots = 4096

// allocate makes slots that are 0. Large ones lie outside of Go's heap: they hold no pointers, live long, and would let the
// heap become that much larger between two collections again. It is memory as good as Go's if the system refuses.
func allocate(slots int) (s []uint64, mapped bool) {
	if slots < mappedSlots {
		return make([]uint64, slots), false
	}
	b, err := syscall.Mmap(-1, 0, slots*8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]uint64, slots), false
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), slots), true
}

// free gives back what allocate mapped. The slots are not used afterwards.
func free(s []uint64) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*8)
	if err := syscall.Munmap(b); err != nil {
		panic("hash log: memory that was mapped can't be given back: " + err.Error())
	}
}
