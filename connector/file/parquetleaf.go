package file

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"time"
	"unsafe"

	"github.com/parquet-go/parquet-go"
)

// leafWriter makes a column's value of the field at from. What it refers to must stay as it is until the records are in
// their columns, or be in the arena.
type leafWriter func(a *arena, from unsafe.Pointer) (parquet.Value, error)

// arena keeps bytes that values refer to.
type arena struct{ b []byte }

// keep copies bytes. Values that refer to the memory before it grew keep that.
func (a *arena) keep(b []byte) []byte {
	from := len(a.b)
	a.b = append(a.b, b...)
	return a.b[from:len(a.b):len(a.b)]
}

// isParquetText says whether a type is a column of text, by its own methods.
func isParquetText(t reflect.Type) bool {
	to := reflect.PointerTo(t)
	return t != timeType && to.Implements(marshalerType) && to.Implements(unmarshalerType)
}

// fillLeaf knows the types that are one column.
func (s *shape) fillLeaf() bool {
	switch {
	case s.typ == timeType:
		s.fillTime()
	case s.typ.Kind() == reflect.Pointer:
		return false
	case isParquetText(s.typ):
		s.node, s.write = parquet.String(), textWriter(s.typ)
	default:
		return s.fillScalar()
	}
	return true
}

func textWriter(t reflect.Type) leafWriter {
	return func(_ *arena, from unsafe.Pointer) (parquet.Value, error) {
		text, err := reflect.NewAt(t, from).Interface().(encoding.TextMarshaler).MarshalText()
		return parquet.ByteArrayValue(text), err
	}
}

func (s *shape) fillScalar() bool {
	switch s.typ.Kind() {
	case reflect.Bool:
		s.node, s.write = parquet.Leaf(parquet.BooleanType), func(_ *arena, from unsafe.Pointer) (parquet.Value, error) {
			return parquet.BooleanValue(*(*bool)(from)), nil
		}
	case reflect.String:
		s.node, s.write = parquet.String(), func(_ *arena, from unsafe.Pointer) (parquet.Value, error) {
			v := *(*string)(from)
			return parquet.ByteArrayValue(unsafe.Slice(unsafe.StringData(v), len(v))), nil
		}
	case reflect.Float32:
		s.node, s.write = parquet.Leaf(parquet.FloatType), func(_ *arena, from unsafe.Pointer) (parquet.Value, error) {
			return parquet.FloatValue(*(*float32)(from)), nil
		}
	case reflect.Float64:
		s.node, s.write = parquet.Leaf(parquet.DoubleType), func(_ *arena, from unsafe.Pointer) (parquet.Value, error) {
			return parquet.DoubleValue(*(*float64)(from)), nil
		}
	default:
		return s.fillInt() || s.fillBytes()
	}
	return true
}

func (s *shape) fillInt() bool {
	switch s.typ.Kind() {
	case reflect.Int8:
		s.node, s.write = parquet.Int(8), writeInt32[int8]
	case reflect.Int16:
		s.node, s.write = parquet.Int(16), writeInt32[int16]
	case reflect.Int32:
		s.node, s.write = parquet.Int(32), writeInt32[int32]
	case reflect.Int64:
		s.node, s.write = parquet.Int(64), writeInt64[int64]
	case reflect.Int:
		s.node, s.write = parquet.Int(64), writeInt64[int]
	case reflect.Uint8:
		s.node, s.write = parquet.Uint(8), writeInt32[uint8]
	case reflect.Uint16:
		s.node, s.write = parquet.Uint(16), writeInt32[uint16]
	case reflect.Uint32:
		s.node, s.write = parquet.Uint(32), writeInt32[uint32]
	case reflect.Uint64:
		s.node, s.write = parquet.Uint(64), writeInt64[uint64]
	case reflect.Uint:
		s.node, s.write = parquet.Uint(64), writeInt64[uint]
	default:
		return false
	}
	return true
}

func writeInt32[N int8 | int16 | int32 | uint8 | uint16 | uint32](_ *arena, from unsafe.Pointer) (parquet.Value, error) {
	return parquet.Int32Value(int32(*(*N)(from))), nil
}

func writeInt64[N int | int64 | uint | uint64](_ *arena, from unsafe.Pointer) (parquet.Value, error) {
	return parquet.Int64Value(int64(*(*N)(from))), nil
}

// fillBytes knows slices and arrays of bytes. A slice may be nil, an array lies in the record, which the engine takes back.
func (s *shape) fillBytes() bool {
	switch kind := s.typ.Kind(); {
	case kind != reflect.Slice && kind != reflect.Array || s.typ.Elem().Kind() != reflect.Uint8:
		return false
	case kind == reflect.Slice:
		s.nullable = true
		s.node, s.write = parquet.Leaf(parquet.ByteArrayType), func(_ *arena, from unsafe.Pointer) (parquet.Value, error) {
			if v := *(*[]byte)(from); v != nil {
				return parquet.ByteArrayValue(v), nil
			}
			return parquet.Value{}, nil
		}
	case s.typ.Len() == 0:
		return false
	default:
		size := s.typ.Len()
		s.node, s.write = parquet.Leaf(parquet.FixedLenByteArrayType(size)), func(a *arena, from unsafe.Pointer) (parquet.Value, error) {
			return parquet.FixedLenByteArrayValue(a.keep(unsafe.Slice((*byte)(from), size))), nil
		}
	}
	return true
}

// fillTime counts microseconds, unless the tag says otherwise: they hold all years that a text has, and programs of all kinds
// read them.
func (s *shape) fillTime() {
	switch s.options.unit {
	case "millis":
		s.node, s.write = parquet.Timestamp(parquet.Millisecond), timeWriter("millis", time.Time.UnixMilli, 1000)
	case "nanos":
		s.node, s.write = parquet.Timestamp(parquet.Nanosecond), timeWriter("nanos", time.Time.UnixNano, 1e9)
	default:
		s.node, s.write = parquet.Timestamp(parquet.Microsecond), timeWriter("micros", time.Time.UnixMicro, 1e6)
	}
}

func timeWriter(unit string, count func(time.Time) int64, perSecond int64) leafWriter {
	return func(_ *arena, from unsafe.Pointer) (parquet.Value, error) {
		v := *(*time.Time)(from)
		if s := v.Unix(); s >= math.MaxInt64/perSecond || s <= math.MinInt64/perSecond {
			return parquet.Value{}, fmt.Errorf("%s is too far from 1970 for a count of %s in 64 bits (see the tag's options millis, micros and nanos)", v, unit)
		}
		return parquet.Int64Value(count(v)), nil
	}
}
