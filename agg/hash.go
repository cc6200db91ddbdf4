package agg

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"time"
	"unsafe"

	"github.com/zeebo/xxh3"

	"leat.dev/leat/codec"
)

// hasher makes a function that hashes values by their canonical bytes: XXH3-64, as keys are hashed
// (docs/format/keys.md). The function is for one goroutine.
func hasher[V comparable]() (func(V) uint64, error) {
	t := reflect.TypeFor[V]()
	if t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64 {
		return floatHasher[V](t.Kind()), nil
	}
	if err := countable(t, t); err != nil {
		return nil, err
	}
	switch t.Kind() {
	case reflect.String:
		return func(v V) uint64 { return xxh3.HashString(*(*string)(unsafe.Pointer(&v))) }, nil
	case reflect.Int64, reflect.Uint64:
		return func(v V) uint64 { return hash64(*(*uint64)(unsafe.Pointer(&v))) }, nil
	case reflect.Int:
		return func(v V) uint64 { return hash64(uint64(*(*int)(unsafe.Pointer(&v)))) }, nil
	case reflect.Uint:
		return func(v V) uint64 { return hash64(uint64(*(*uint)(unsafe.Pointer(&v)))) }, nil
	}
	return encodedHasher[V]()
}

func hash64(v uint64) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	return xxh3.Hash(b[:])
}

// floatHasher adds a positive zero, which makes one of the two zeros and leaves all other numbers as they are.
func floatHasher[V comparable](kind reflect.Kind) func(V) uint64 {
	if kind == reflect.Float64 {
		return func(v V) uint64 { return hash64(math.Float64bits(*(*float64)(unsafe.Pointer(&v)) + 0)) }
	}
	return func(v V) uint64 {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(*(*float32)(unsafe.Pointer(&v))+0))
		return xxh3.Hash(b[:])
	}
}

func encodedHasher[V comparable]() (func(V) uint64, error) {
	c, err := codec.Derive[V](nil)
	if err != nil {
		return nil, err
	}
	var buffer []byte
	return func(v V) uint64 {
		b, err := c.Append(buffer[:0], v)
		if err != nil {
			panic(fmt.Errorf("agg: encode a value to hash it: %w", err))
		}
		buffer = b
		return xxh3.Hash(b)
	}, nil
}

// countable says why values of a type, of which t is a part, can't be told apart by their bytes, or nil.
func countable(whole, t reflect.Type) error {
	if err := lasting(whole, t); err != nil {
		return err
	}
	return eachPart(t, func(part reflect.Type) error {
		switch part.Kind() {
		case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
			return fmt.Errorf("%v has a %v: 0 and -0 are equal and differ in their bytes; take an integer, a string, or the number alone", whole, part)
		}
		return nil
	})
}

// lasting says why equal values of a type, of which t is a part, may differ after a restart, or nil.
func lasting(whole, t reflect.Type) error {
	return eachPart(t, func(part reflect.Type) error {
		switch {
		case part == reflect.TypeFor[time.Time]():
			return fmt.Errorf("%v has a time.Time, which differs from itself in another location: take its UnixNano", whole)
		case part.Kind() == reflect.Pointer, part.Kind() == reflect.Chan, part.Kind() == reflect.UnsafePointer:
			return fmt.Errorf("%v has a %v, whose address means nothing after a restart: take what it points to", whole, part)
		case part.Kind() == reflect.Interface:
			return fmt.Errorf("%v has a %v, which can't be encoded: take a value of one type", whole, part)
		}
		return nil
	})
}

// eachPart calls check for a type and all that is in it, but for what is in types that encode themselves.
func eachPart(t reflect.Type, check func(reflect.Type) error) error {
	if err := check(t); err != nil {
		return err
	}
	if t.Implements(reflect.TypeFor[encoding.BinaryMarshaler]()) {
		return nil
	}
	switch t.Kind() {
	case reflect.Array:
		return eachPart(t.Elem(), check)
	case reflect.Struct:
		for i := range t.NumField() {
			if err := eachPart(t.Field(i).Type, check); err != nil {
				return err
			}
		}
	}
	return nil
}
