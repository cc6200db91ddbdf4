package codec

import (
	"encoding/binary"
	"math"
	"reflect"
	"strconv"
	"unsafe"
)

// littleEndian says that numbers lie in memory as they are encoded, so that runs of them are copied.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// wordBytes is the size of int and uint, which are encoded as 8 bytes on every machine.
const wordBytes = strconv.IntSize / 8

// sliceHeader is how a slice lies in memory; data keeps the array alive.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// nothing is where empty slices point: they differ from nil.
var nothing [0]uint64

// hide keeps the compiler from moving what p points to to the heap. Programs don't keep pointers into the value that
// they encode or decode, which escape analysis can't see through the calls of users' codecs.
func hide(p unsafe.Pointer) unsafe.Pointer {
	u := uintptr(p)
	return *(*unsafe.Pointer)(unsafe.Pointer(&u))
}

// allocate makes room for n elements of slice type t, or nil if no machine has so much memory.
func allocate(t reflect.Type, pointerFree bool, n int) unsafe.Pointer {
	size := t.Elem().Size()
	if n == 0 || size == 0 {
		return unsafe.Pointer(&nothing)
	}
	if uintptr(n) > math.MaxInt/(2*size) {
		return nil
	}
	if pointerFree {
		words := make([]uint64, (uintptr(n)*size+7)/8)
		return unsafe.Pointer(unsafe.SliceData(words))
	}
	return reflect.MakeSlice(t, n, n).UnsafePointer()
}

// pointerFree says that the garbage collector need not look into values of t.
func pointerFree(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() == 0 || pointerFree(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !pointerFree(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.String, reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Func, reflect.Chan,
		reflect.UnsafePointer:
		return false
	}
	return true
}

// HoldsReferences says whether a value of T can share memory with another: whether slices, maps, pointers, interfaces,
// functions or channels are found in T. Strings, time.Time and unique.Handle do not count, because what they point to
// never changes.
func HoldsReferences[T any]() bool { return holdsReferences(reflect.TypeFor[T]()) }

func holdsReferences(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return t.Len() > 0 && holdsReferences(t.Elem())
	case reflect.Struct:
		if isTime(t) || t.PkgPath() == "unique" {
			return false
		}
		for i := range t.NumField() {
			if holdsReferences(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
