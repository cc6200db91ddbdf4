package connector

import (
	"encoding/binary"
	"fmt"
)

// EncodePosition makes a reader's position of a few numbers, such as an offset and a line: each as an unsigned varint.
// The result is never nil, so that it differs from "at the beginning".
func EncodePosition(numbers ...uint64) []byte {
	p := make([]byte, 0, 10*len(numbers))
	for _, n := range numbers {
		p = binary.AppendUvarint(p, n)
	}
	return p
}

// DecodePosition reads what [EncodePosition] has written with as many numbers. It fails on anything else: a position
// that is too short, too long, or not in the one form that the encoder writes.
func DecodePosition(position []byte, numbers ...*uint64) error {
	rest := position
	for _, to := range numbers {
		n, size := binary.Uvarint(rest)
		if size <= 0 || size > 1 && rest[size-1] == 0 {
			return fmt.Errorf("position %x is damaged: want %d numbers", position, len(numbers))
		}
		*to, rest = n, rest[size:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("position %x is damaged: %d bytes too many", position, len(rest))
	}
	return nil
}
