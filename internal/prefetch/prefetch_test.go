package prefetch

import (
	"testing"
	"unsafe"
)

// TestLines asks for memory that is there, and for some that is not: neither may fault or change anything.
func TestLines(t *testing.T) {
	memory := make([]byte, 1<<16)
	addresses := []uintptr{0, 1, ^uintptr(0), 1 << 46}
	for i := 0; i < len(memory); i += 512 {
		addresses = append(addresses, uintptr(unsafe.Pointer(&memory[i])))
	}
	Lines(addresses)
	Lines(nil)
	for i, b := range memory {
		if b != 0 {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
}
