// Package values compares and writes out Go values of any type by what they hold: for tests of jobs and for messages.
package values

import (
	"cmp"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// Comparison orders values of any type by what they hold: pointers by what they point to, times by the instant, maps
// as sets of entries.
type Comparison struct {
	// Tolerance is how far floats may lie apart, as a part of the larger one, and be the same.
	Tolerance float64
}

// deepest bounds how deep a comparison looks, so that a value which refers to itself ends.
const deepest = 64

var timeType = reflect.TypeFor[time.Time]()

// Compare orders two values of one type.
func (c Comparison) Compare(a, b reflect.Value) int { return c.values(a, b, 0) }

func (c Comparison) values(a, b reflect.Value, depth int) int {
	if depth > deepest {
		return 0
	}
	switch a.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return c.scalars(a, b)
	case reflect.Pointer, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return c.references(a, b, depth)
	case reflect.Slice, reflect.Array:
		return c.lists(a, b, depth)
	case reflect.Map:
		return c.maps(a, b, depth)
	default:
		return c.structs(a, b, depth)
	}
}

func (c Comparison) scalars(a, b reflect.Value) int {
	switch {
	case a.Kind() == reflect.Bool:
		return compareBools(a.Bool(), b.Bool())
	case a.Kind() == reflect.String:
		return strings.Compare(a.String(), b.String())
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return c.floats(a.Float(), b.Float())
	}
	x, y := a.Complex(), b.Complex()
	return cmp.Or(c.floats(real(x), real(y)), c.floats(imag(x), imag(y)))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (c Comparison) floats(a, b float64) int {
	if !math.IsInf(a, 0) && !math.IsInf(b, 0) && math.Abs(a-b) <= c.Tolerance*max(math.Abs(a), math.Abs(b)) {
		return 0
	}
	return cmp.Compare(a, b)
}

// references compares what is referred to; nil comes first. Functions and channels are the same or nil.
func (c Comparison) references(a, b reflect.Value, depth int) int {
	if a.IsNil() || b.IsNil() {
		return compareBools(!a.IsNil(), !b.IsNil())
	}
	switch a.Kind() {
	case reflect.Pointer:
		if a.UnsafePointer() == b.UnsafePointer() {
			return 0
		}
		return c.values(a.Elem(), b.Elem(), depth+1)
	case reflect.Interface:
		x, y := a.Elem(), b.Elem()
		if x.Type() != y.Type() {
			return strings.Compare(x.Type().String(), y.Type().String())
		}
		return c.values(x, y, depth+1)
	}
	return 0
}

// lists compares element by element; nil and empty are the same, as they are for codecs.
func (c Comparison) lists(a, b reflect.Value, depth int) int {
	for i := range min(a.Len(), b.Len()) {
		if n := c.values(a.Index(i), b.Index(i), depth+1); n != 0 {
			return n
		}
	}
	return cmp.Compare(a.Len(), b.Len())
}

func (c Comparison) maps(a, b reflect.Value, depth int) int {
	x, y := c.sortedKeys(a, depth), c.sortedKeys(b, depth)
	for i := range min(len(x), len(y)) {
		if n := c.values(x[i], y[i], depth+1); n != 0 {
			return n
		}
		if n := c.values(a.MapIndex(x[i]), b.MapIndex(y[i]), depth+1); n != 0 {
			return n
		}
	}
	return cmp.Compare(len(x), len(y))
}

func (c Comparison) sortedKeys(m reflect.Value, depth int) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return Comparison{}.values(a, b, depth+1) })
	return keys
}

func (c Comparison) structs(a, b reflect.Value, depth int) int {
	if a.Type() == timeType {
		return instant(a).Compare(instant(b))
	}
	exported := isMessage(a.Type())
	for i := range a.NumField() {
		if exported && !a.Type().Field(i).IsExported() {
			continue
		}
		if n := c.values(a.Field(i), b.Field(i), depth+1); n != 0 {
			return n
		}
	}
	return 0
}

// isMessage says whether a struct is a protobuf message, whose other fields are the library's own.
func isMessage(t reflect.Type) bool {
	_, ok := reflect.PointerTo(t).MethodByName("ProtoReflect")
	return ok
}

// instant is a time that may stand in a field which is not exported, where reflection hands out no copies.
func instant(v reflect.Value) time.Time {
	if v.CanInterface() {
		return v.Interface().(time.Time)
	}
	if v.CanAddr() {
		return *(*time.Time)(unsafe.Pointer(v.UnsafeAddr()))
	}
	hidden := reflect.New(timeType).Elem()
	for i := range hidden.NumField() {
		copyHidden(hidden.Field(i), v.Field(i))
	}
	return hidden.Interface().(time.Time)
}

// copyHidden copies a field of time.Time: numbers, and the pointer to a location.
func copyHidden(to, from reflect.Value) {
	p := unsafe.Pointer(to.UnsafeAddr())
	switch from.Kind() {
	case reflect.Uint64:
		*(*uint64)(p) = from.Uint()
	case reflect.Int64:
		*(*int64)(p) = from.Int()
	case reflect.Pointer:
		*(*unsafe.Pointer)(p) = from.UnsafePointer()
	}
}
