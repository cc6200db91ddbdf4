package file

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"
	"unsafe"
)

// cellReader sets the field that to points to. The cell is not empty, unless the field is emptyIsText; it is the caller's
// again after the call. The value before is the zero value.
type cellReader func(t *texts, to unsafe.Pointer, cell []byte) error

// cellWriter appends a field's text, unquoted.
type cellWriter func(b []byte, from unsafe.Pointer) ([]byte, error)

// compile finds how the field's type is read and written.
func (f *csvField) compile() error {
	if f.compileTime() {
		return nil
	}
	if f.typ.Kind() == reflect.Pointer {
		return f.compilePointer()
	}
	asked := f.empty
	if !f.compileScalar() {
		f.compileJSON()
	}
	f.compileText(asked)
	if f.read == nil || f.write == nil {
		return fmt.Errorf("a cell of CSV can't hold %s", f.typ)
	}
	return nil
}

// compilePointer makes nil of an empty cell.
func (f *csvField) compilePointer() error {
	to := csvField{typ: f.typ.Elem(), layout: f.layout}
	if err := to.compile(); err != nil {
		return err
	}
	f.empty = emptyIsZero
	f.read = func(t *texts, at unsafe.Pointer, cell []byte) error {
		v := reflect.New(to.typ).UnsafePointer()
		if err := to.read(t, v, cell); err != nil {
			return err
		}
		*(*unsafe.Pointer)(at) = v
		return nil
	}
	f.write = func(b []byte, from unsafe.Pointer) ([]byte, error) {
		if v := *(*unsafe.Pointer)(from); v != nil {
			return to.write(b, v)
		}
		return b, nil
	}
	return nil
}

// compileText lets a type read and write itself; what it can't do remains as it would be without.
func (f *csvField) compileText(asked emptyCell) {
	typ, to := f.typ, reflect.PointerTo(f.typ)
	if to.Implements(unmarshalerType) {
		if f.empty = asked; asked == emptyIsWrong {
			f.empty = emptyIsText
		}
		f.read = func(_ *texts, at unsafe.Pointer, cell []byte) error {
			return reflect.NewAt(typ, at).Interface().(encoding.TextUnmarshaler).UnmarshalText(cell)
		}
	}
	if to.Implements(marshalerType) {
		f.write = func(b []byte, from unsafe.Pointer) ([]byte, error) {
			text, err := reflect.NewAt(typ, from).Interface().(encoding.TextMarshaler).MarshalText()
			return append(b, text...), err
		}
	}
}

// compileScalar knows the kinds that hold a single value.
func (f *csvField) compileScalar() bool {
	switch f.typ.Kind() {
	case reflect.Bool:
		f.read, f.write = readBool, writeBool
	case reflect.String:
		f.read, f.write = readString, writeString
		f.empty = emptyIsZero
	case reflect.Slice:
		if f.typ.Elem().Kind() != reflect.Uint8 {
			return false
		}
		f.read, f.write = readBytes, writeBytes
		f.empty = emptyIsZero
	default:
		return f.compileNumber()
	}
	return true
}

func (f *csvField) compileNumber() bool {
	switch f.typ.Kind() {
	case reflect.Int:
		f.read, f.write = readInt[int], writeInt[int]
	case reflect.Int8:
		f.read, f.write = readInt[int8], writeInt[int8]
	case reflect.Int16:
		f.read, f.write = readInt[int16], writeInt[int16]
	case reflect.Int32:
		f.read, f.write = readInt[int32], writeInt[int32]
	case reflect.Int64:
		f.read, f.write = readInt[int64], writeInt[int64]
		if f.typ == durationType {
			f.read, f.write = readDuration, writeDuration
		}
	case reflect.Uint:
		f.read, f.write = readUint[uint], writeUint[uint]
	case reflect.Uint8:
		f.read, f.write = readUint[uint8], writeUint[uint8]
	case reflect.Uint16:
		f.read, f.write = readUint[uint16], writeUint[uint16]
	case reflect.Uint32:
		f.read, f.write = readUint[uint32], writeUint[uint32]
	case reflect.Uint64:
		f.read, f.write = readUint[uint64], writeUint[uint64]
	case reflect.Float32:
		f.read, f.write = readFloat[float32], writeFloat[float32]
	case reflect.Float64:
		f.read, f.write = readFloat[float64], writeFloat[float64]
	default:
		return false
	}
	return true
}

// compileJSON reads and writes what holds several values.
func (f *csvField) compileJSON() {
	switch f.typ.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array, reflect.Struct, reflect.Interface:
	default:
		return
	}
	typ := f.typ
	nils := typ.Kind() != reflect.Array && typ.Kind() != reflect.Struct
	if nils {
		f.empty = emptyIsZero
	}
	f.read = func(_ *texts, at unsafe.Pointer, cell []byte) error {
		return json.Unmarshal(cell, reflect.NewAt(typ, at).Interface())
	}
	f.write = func(b []byte, from unsafe.Pointer) ([]byte, error) {
		v := reflect.NewAt(typ, from)
		if nils && v.Elem().IsNil() {
			return b, nil
		}
		text, err := json.Marshal(v.Interface())
		return append(b, text...), err
	}
}

// text is the cell as a string that must not outlive it.
func text(cell []byte) string { return unsafe.String(unsafe.SliceData(cell), len(cell)) }

// notA says what a cell should have been.
func notA(cell []byte, want string, err error) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%q does not fit %s", cell, want)
	}
	return fmt.Errorf("%q is no %s", cell, want)
}

func readBool(_ *texts, to unsafe.Pointer, cell []byte) error {
	v, err := strconv.ParseBool(text(cell))
	if err != nil {
		return notA(cell, "bool", err)
	}
	*(*bool)(to) = v
	return nil
}

func writeBool(b []byte, from unsafe.Pointer) ([]byte, error) {
	return strconv.AppendBool(b, *(*bool)(from)), nil
}

func readString(t *texts, to unsafe.Pointer, cell []byte) error {
	*(*string)(to) = t.get(cell)
	return nil
}

func writeString(b []byte, from unsafe.Pointer) ([]byte, error) {
	return append(b, *(*string)(from)...), nil
}

func readBytes(_ *texts, to unsafe.Pointer, cell []byte) error {
	*(*[]byte)(to) = append([]byte{}, cell...)
	return nil
}

func writeBytes(b []byte, from unsafe.Pointer) ([]byte, error) {
	return append(b, *(*[]byte)(from)...), nil
}

func readInt[N int | int8 | int16 | int32 | int64](_ *texts, to unsafe.Pointer, cell []byte) error {
	v, ok := shortInt(cell)
	var err error
	if !ok {
		v, err = strconv.ParseInt(text(cell), 10, 64)
	}
	if err == nil && int64(N(v)) != v {
		err = strconv.ErrRange
	}
	if err != nil {
		return notA(cell, fmt.Sprintf("%T", N(0)), err)
	}
	*(*N)(to) = N(v)
	return nil
}

// shortInt reads up to 18 digits with or without a minus; it leaves everything else to strconv.
func shortInt(cell []byte) (v int64, ok bool) {
	digits := cell
	if cell[0] == '-' {
		digits = cell[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int64(d)
	}
	if cell[0] == '-' {
		v = -v
	}
	return v, true
}

func writeInt[N int | int8 | int16 | int32 | int64](b []byte, from unsafe.Pointer) ([]byte, error) {
	return strconv.AppendInt(b, int64(*(*N)(from)), 10), nil
}

func readUint[N uint | uint8 | uint16 | uint32 | uint64](_ *texts, to unsafe.Pointer, cell []byte) error {
	v, err := strconv.ParseUint(text(cell), 10, 64)
	if err == nil && uint64(N(v)) != v {
		err = strconv.ErrRange
	}
	if err != nil {
		return notA(cell, fmt.Sprintf("%T", N(0)), err)
	}
	*(*N)(to) = N(v)
	return nil
}

func writeUint[N uint | uint8 | uint16 | uint32 | uint64](b []byte, from unsafe.Pointer) ([]byte, error) {
	return strconv.AppendUint(b, uint64(*(*N)(from)), 10), nil
}

func readFloat[N float32 | float64](_ *texts, to unsafe.Pointer, cell []byte) error {
	v, err := strconv.ParseFloat(text(cell), int(unsafe.Sizeof(N(0)))*8)
	if err != nil {
		return notA(cell, fmt.Sprintf("%T", N(0)), err)
	}
	*(*N)(to) = N(v)
	return nil
}

// writeFloat writes as few digits as read back the same, with an exponent for what is very large or small only.
func writeFloat[N float32 | float64](b []byte, from unsafe.Pointer) ([]byte, error) {
	v := float64(*(*N)(from))
	form := byte('f')
	if size := max(v, -v); size != 0 && (size < 1e-6 || size >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(b, v, form, -1, int(unsafe.Sizeof(N(0)))*8), nil
}

func readDuration(_ *texts, to unsafe.Pointer, cell []byte) error {
	v, err := time.ParseDuration(text(cell))
	if err != nil {
		return notA(cell, "time.Duration, such as 1m30s", err)
	}
	*(*time.Duration)(to) = v
	return nil
}

func writeDuration(b []byte, from unsafe.Pointer) ([]byte, error) {
	return append(b, (*time.Duration)(from).String()...), nil
}
