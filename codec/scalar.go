package codec

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"time"
	"unsafe"
)

// specialise returns a codec that writes the same as base without running a program, for types that are one scalar or
// nothing but numbers.
func specialise[T any](base derived[T]) Codec[T] {
	var zero T
	number, isNumber := numbers[base.shape.kind]
	plain := isNumber && !number.complex && littleEndian && uintptr(number.width) == unsafe.Sizeof(zero)
	switch {
	case plain && number.width == 8:
		return &scalar8[T]{base}
	case plain && number.width == 4:
		return &scalar4[T]{base}
	case base.shape.kind == kindString:
		return &text[T]{base}
	case base.shape.kind == kindTime:
		return &instant[T]{base}
	case base.node.image != 0:
		return &image[T]{base}
	}
	return &base
}

// ImageBytes is for the engine: how many bytes a value has if they are its encoding as they lie in memory, in every value; 0
// otherwise.
func ImageBytes[T any](c Codec[T]) int {
	switch c.(type) {
	case *scalar8[T], *scalar4[T], *image[T]:
		var zero T
		return int(unsafe.Sizeof(zero))
	}
	return 0
}

// wrongSize is the error of a scalar's bytes when there are too few or too many.
func wrongSize[T any](want, have int) error {
	err := trailing(have - want)
	if have < want {
		err = short(want, have)
	}
	return fmt.Errorf("decode %v: %w", reflect.TypeFor[T](), err)
}

// scalar8 encodes the numbers of 8 bytes.
type scalar8[T any] struct{ derived[T] }

func (*scalar8[T]) Append(to []byte, v T) ([]byte, error) {
	return binary.LittleEndian.AppendUint64(to, *(*uint64)(unsafe.Pointer(&v))), nil
}

func (*scalar8[T]) AppendPtr(to []byte, v *T) ([]byte, error) {
	return binary.LittleEndian.AppendUint64(to, *(*uint64)(unsafe.Pointer(v))), nil
}

func (*scalar8[T]) Decode(from []byte) (v T, err error) {
	if len(from) != 8 {
		return v, wrongSize[T](8, len(from))
	}
	*(*uint64)(unsafe.Pointer(&v)) = binary.LittleEndian.Uint64(from)
	return v, nil
}

func (*scalar8[T]) DecodePtr(from []byte, v *T) error {
	if len(from) != 8 {
		return wrongSize[T](8, len(from))
	}
	*(*uint64)(unsafe.Pointer(v)) = binary.LittleEndian.Uint64(from)
	return nil
}

// scalar4 encodes the numbers of 4 bytes.
type scalar4[T any] struct{ derived[T] }

func (*scalar4[T]) Append(to []byte, v T) ([]byte, error) {
	return binary.LittleEndian.AppendUint32(to, *(*uint32)(unsafe.Pointer(&v))), nil
}

func (*scalar4[T]) AppendPtr(to []byte, v *T) ([]byte, error) {
	return binary.LittleEndian.AppendUint32(to, *(*uint32)(unsafe.Pointer(v))), nil
}

func (*scalar4[T]) Decode(from []byte) (v T, err error) {
	if len(from) != 4 {
		return v, wrongSize[T](4, len(from))
	}
	*(*uint32)(unsafe.Pointer(&v)) = binary.LittleEndian.Uint32(from)
	return v, nil
}

func (*scalar4[T]) DecodePtr(from []byte, v *T) error {
	if len(from) != 4 {
		return wrongSize[T](4, len(from))
	}
	*(*uint32)(unsafe.Pointer(v)) = binary.LittleEndian.Uint32(from)
	return nil
}

// text encodes strings.
type text[T any] struct{ derived[T] }

func (*text[T]) Append(to []byte, v T) ([]byte, error) {
	s := *(*string)(unsafe.Pointer(&v))
	return append(appendUvarint(to, uint64(len(s))), s...), nil
}

func (*text[T]) AppendPtr(to []byte, v *T) ([]byte, error) {
	s := *(*string)(unsafe.Pointer(v))
	return append(appendUvarint(to, uint64(len(s))), s...), nil
}

func (c *text[T]) Decode(from []byte) (v T, err error) {
	err = c.DecodePtr(from, &v)
	return v, err
}

func (*text[T]) DecodePtr(from []byte, v *T) error {
	size, rest, err := readLength(from, 1, 0)
	if err != nil {
		return fmt.Errorf("decode %v: %w", reflect.TypeFor[T](), err)
	}
	if len(rest) != size {
		return wrongSize[T](size, len(rest))
	}
	*(*string)(unsafe.Pointer(v)) = string(rest)
	return nil
}

// instant encodes time.Time.
type instant[T any] struct{ derived[T] }

func (*instant[T]) Append(to []byte, v T) ([]byte, error) {
	return appendTime(to, (*time.Time)(unsafe.Pointer(&v))), nil
}

func (*instant[T]) AppendPtr(to []byte, v *T) ([]byte, error) {
	return appendTime(to, (*time.Time)(unsafe.Pointer(v))), nil
}

func (c *instant[T]) Decode(from []byte) (v T, err error) {
	err = c.DecodePtr(from, &v)
	return v, err
}

func (*instant[T]) DecodePtr(from []byte, v *T) error {
	if len(from) != timeBytes {
		return wrongSize[T](timeBytes, len(from))
	}
	if _, err := decodeTime(from, (*time.Time)(unsafe.Pointer(v))); err != nil {
		return fmt.Errorf("decode %v: %w", reflect.TypeFor[T](), err)
	}
	return nil
}

// image encodes types that lie in memory as they are encoded.
type image[T any] struct{ derived[T] }

// memory is the value's bytes.
func memory[T any](v *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)) }

func (*image[T]) Append(to []byte, v T) ([]byte, error) { return append(to, memory(&v)...), nil }

func (*image[T]) AppendPtr(to []byte, v *T) ([]byte, error) { return append(to, memory(v)...), nil }

func (c *image[T]) Decode(from []byte) (v T, err error) {
	err = c.DecodePtr(from, &v)
	return v, err
}

func (*image[T]) DecodePtr(from []byte, v *T) error {
	to := memory(v)
	if len(from) != len(to) {
		return wrongSize[T](len(to), len(from))
	}
	copy(to, from)
	return nil
}
