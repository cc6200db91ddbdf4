package file

import (
	"encoding"
	"reflect"
	"strconv"
	"time"
	"unsafe"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// leafReader sets the field that to points to. The value is no null, and what it refers to is the library's again after the
// call.
type leafReader func(t *texts, to unsafe.Pointer, v *parquet.Value) error

// leafReader is how a column of a type is read as the field, or nil if it can't be. A number of another meaning, such as a
// decimal or a date, is no integer.
func (s *shape) leafReader(from parquet.Type) leafReader {
	logical := any(nil)
	if l := from.LogicalType(); l != nil {
		logical = l.Value
	}
	switch {
	case s.typ == timeType:
		return timeReader(from.Kind(), logical)
	case s.typ == durationType:
		if t, ok := logical.(*pq.TimeType); ok && from.Kind() != parquet.Int96 {
			return s.durationReader(int64(t.Unit.Value.Duration()))
		}
		return s.numberReader(from.Kind(), logical)
	case isParquetText(s.typ):
		if from.Kind() == parquet.ByteArray && isTextual(logical) {
			return textReader(s.typ)
		}
		return nil
	}
	return s.scalarReader(from, logical)
}

func isTextual(logical any) bool {
	switch logical.(type) {
	case nil, *pq.StringType, *pq.EnumType, *pq.JsonType:
		return true
	}
	return false
}

func (s *shape) scalarReader(from parquet.Type, logical any) leafReader {
	kind := from.Kind()
	_, isUUID := logical.(*pq.UUIDType)
	_, isBSON := logical.(*pq.BsonType)
	isBytes := kind == parquet.ByteArray && (isTextual(logical) || isBSON) || kind == parquet.FixedLenByteArray && (logical == nil || isUUID)
	switch s.typ.Kind() {
	case reflect.Bool:
		if kind == parquet.Boolean {
			return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error { *(*bool)(to) = v.Boolean(); return nil }
		}
	case reflect.String:
		if kind == parquet.ByteArray && isTextual(logical) {
			return func(t *texts, to unsafe.Pointer, v *parquet.Value) error {
				*(*string)(to) = t.get(v.ByteArray())
				return nil
			}
		}
	case reflect.Slice:
		if isBytes {
			return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error {
				*(*[]byte)(to) = append([]byte{}, v.ByteArray()...)
				return nil
			}
		}
	case reflect.Array:
		if isBytes && kind == parquet.FixedLenByteArray && from.Length() == s.typ.Len() {
			return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error {
				copy(unsafe.Slice((*byte)(to), from.Length()), v.ByteArray())
				return nil
			}
		}
	default:
		return s.numberReader(kind, logical)
	}
	return nil
}

// numberReader reads integers of any size that hold the value, and floats of a size that holds all values of the column's.
func (s *shape) numberReader(kind parquet.Kind, logical any) leafReader {
	switch {
	case kind == parquet.Float && logical == nil && s.typ.Kind() == reflect.Float32:
		return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error { *(*float32)(to) = v.Float(); return nil }
	case kind == parquet.Float && logical == nil && s.typ.Kind() == reflect.Float64:
		return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error {
			*(*float64)(to) = float64(v.Float())
			return nil
		}
	case kind == parquet.Double && logical == nil && s.typ.Kind() == reflect.Float64:
		return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error { *(*float64)(to) = v.Double(); return nil }
	case kind != parquet.Int32 && kind != parquet.Int64:
		return nil
	}
	signed := true
	switch l := logical.(type) {
	case nil:
	case *pq.IntType:
		signed = l.IsSigned
	default:
		return nil
	}
	return s.intReader(intColumn{kind == parquet.Int64, signed})
}

// intColumn is the size and sign of a column of integers.
type intColumn struct{ wide, signed bool }

// get is the integer's bits, and whether it is below 0.
func (c intColumn) get(v *parquet.Value) (bits uint64, negative bool) {
	n := int64(v.Uint32())
	switch {
	case c.wide:
		n = v.Int64()
	case c.signed:
		n = int64(v.Int32())
	}
	return uint64(n), c.signed && n < 0
}

// text is the integer for people.
func (c intColumn) text(bits uint64) string {
	if c.signed {
		return strconv.FormatInt(int64(bits), 10)
	}
	return strconv.FormatUint(bits, 10)
}

// misfit is a number that a field can't hold.
type misfit struct {
	text string
	want reflect.Type
}

func (e *misfit) Error() string { return e.text + " does not fit " + e.want.String() }

func (s *shape) intReader(c intColumn) leafReader {
	switch s.typ.Kind() {
	case reflect.Int:
		return readInteger[int](s, c)
	case reflect.Int8:
		return readInteger[int8](s, c)
	case reflect.Int16:
		return readInteger[int16](s, c)
	case reflect.Int32:
		return readInteger[int32](s, c)
	case reflect.Int64:
		return readInteger[int64](s, c)
	case reflect.Uint:
		return readInteger[uint](s, c)
	case reflect.Uint8:
		return readInteger[uint8](s, c)
	case reflect.Uint16:
		return readInteger[uint16](s, c)
	case reflect.Uint32:
		return readInteger[uint32](s, c)
	case reflect.Uint64:
		return readInteger[uint64](s, c)
	}
	return nil
}

type integer interface {
	int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64
}

func readInteger[N integer](s *shape, c intColumn) leafReader {
	return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error {
		bits, negative := c.get(v)
		n := N(bits)
		if uint64(n) != bits || (n < 0) != negative {
			return &misfit{c.text(bits), s.typ}
		}
		*(*N)(to) = n
		return nil
	}
}

func (s *shape) durationReader(unit int64) leafReader {
	return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error {
		n, _ := intColumn{v.Kind() == parquet.Int64, true}.get(v)
		if d := int64(n) * unit; d/unit == int64(n) {
			*(*int64)(to) = d
			return nil
		}
		return &misfit{v.String(), s.typ}
	}
}

func textReader(t reflect.Type) leafReader {
	return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error {
		return reflect.NewAt(t, to).Interface().(encoding.TextUnmarshaler).UnmarshalText(v.ByteArray())
	}
}

const secondsPerDay = 24 * 60 * 60

// timeReader makes times in UTC, also of those that the file says are in no zone.
func timeReader(kind parquet.Kind, logical any) leafReader {
	var get func(*parquet.Value) time.Time
	switch l := logical.(type) {
	case nil:
		if kind != parquet.Int96 {
			return nil
		}
		get = julianTime
	case *pq.DateType:
		get = func(v *parquet.Value) time.Time { return time.Unix(int64(v.Int32())*secondsPerDay, 0).UTC() }
	case *pq.TimestampType:
		get = timeOf(l.Unit.Value)
	}
	if get == nil {
		return nil
	}
	return func(_ *texts, to unsafe.Pointer, v *parquet.Value) error { *(*time.Time)(to) = get(v); return nil }
}

func timeOf(unit pq.TimeUnitValue) func(*parquet.Value) time.Time {
	switch unit.(type) {
	case *pq.MilliSeconds:
		return func(v *parquet.Value) time.Time { return time.UnixMilli(v.Int64()).UTC() }
	case *pq.MicroSeconds:
		return func(v *parquet.Value) time.Time { return time.UnixMicro(v.Int64()).UTC() }
	case *pq.NanoSeconds:
		return func(v *parquet.Value) time.Time { return time.Unix(0, v.Int64()).UTC() }
	}
	return nil
}

// julianTime reads the 96-bit times of older programs: nanoseconds of a day, and the day by Julian count, in which 1970 began on
// day 2,440,588.
func julianTime(v *parquet.Value) time.Time {
	t := v.Int96()
	nanos := int64(uint64(t[1])<<32 | uint64(t[0]))
	days := int64(t[2]) - 2_440_588
	return time.Unix(days*secondsPerDay, nanos).UTC()
}
