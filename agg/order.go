package agg

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// compare orders two values of one type; a type's is put together once.
type compare func(a, b reflect.Value) int

// contentOrder is a total order of the contents of T, so that ties are broken in the same way whatever came first.
func contentOrder[T any]() func(a, b *T) int {
	c := (&orders{made: map[reflect.Type]*compare{}}).of(reflect.TypeFor[T]())
	return func(a, b *T) int { return c(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()) }
}

// orders are those made so far, for types that contain themselves.
type orders struct{ made map[reflect.Type]*compare }

func (o *orders) of(t reflect.Type) compare {
	if c, ok := o.made[t]; ok {
		return func(a, b reflect.Value) int { return (*c)(a, b) }
	}
	c := new(compare)
	o.made[t] = c
	*c = o.make(t)
	return *c
}

func (o *orders) make(t reflect.Type) compare {
	switch t.Kind() {
	case reflect.Struct:
		return o.structs(t)
	case reflect.Array, reflect.Slice:
		return o.lists(t)
	case reflect.Pointer:
		return o.pointers(t)
	case reflect.Map:
		return o.maps(t)
	case reflect.Interface:
		return o.interfaces
	}
	return scalars(t)
}

func scalars(t reflect.Type) compare {
	switch {
	case t.Kind() == reflect.Bool:
		return func(a, b reflect.Value) int { return cmp.Compare(truth(a.Bool()), truth(b.Bool())) }
	case t.Kind() == reflect.String:
		return func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		return func(a, b reflect.Value) int { return cmp.Compare(a.Int(), b.Int()) }
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uintptr:
		return func(a, b reflect.Value) int { return cmp.Compare(a.Uint(), b.Uint()) }
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		return func(a, b reflect.Value) int { return cmp.Compare(a.Float(), b.Float()) }
	case t.Kind() == reflect.Complex64 || t.Kind() == reflect.Complex128:
		return complexes
	}
	return func(reflect.Value, reflect.Value) int { return 0 } // functions and channels have no contents
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func complexes(a, b reflect.Value) int {
	x, y := a.Complex(), b.Complex()
	return cmp.Or(cmp.Compare(real(x), real(y)), cmp.Compare(imag(x), imag(y)))
}

func (o *orders) structs(t reflect.Type) compare {
	if t == reflect.TypeFor[time.Time]() {
		return instants
	}
	fields := make([]compare, t.NumField())
	for i := range fields {
		fields[i] = o.of(t.Field(i).Type)
	}
	return func(a, b reflect.Value) int {
		for i, c := range fields {
			if d := c(a.Field(i), b.Field(i)); d != 0 {
				return d
			}
		}
		return 0
	}
}

// instants compares times. Those in unexported fields are reached by their address, which all have but those that lie
// in maps and interfaces there.
func instants(a, b reflect.Value) int {
	switch {
	case a.CanInterface():
		return a.Interface().(time.Time).Compare(b.Interface().(time.Time))
	case a.CanAddr() && b.CanAddr():
		return (*time.Time)(a.Addr().UnsafePointer()).Compare(*(*time.Time)(b.Addr().UnsafePointer()))
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func (o *orders) lists(t reflect.Type) compare {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		return func(a, b reflect.Value) int { return bytes.Compare(a.Bytes(), b.Bytes()) }
	}
	c := o.of(t.Elem())
	return func(a, b reflect.Value) int {
		for i := range min(a.Len(), b.Len()) {
			if d := c(a.Index(i), b.Index(i)); d != 0 {
				return d
			}
		}
		return cmp.Compare(a.Len(), b.Len())
	}
}

func (o *orders) pointers(t reflect.Type) compare {
	c := o.of(t.Elem())
	return func(a, b reflect.Value) int {
		if a.IsNil() || b.IsNil() {
			return cmp.Compare(truth(!a.IsNil()), truth(!b.IsNil()))
		}
		return c(a.Elem(), b.Elem())
	}
}

// maps compares sizes, then the smallest key that only one has, or whose values differ.
func (o *orders) maps(t reflect.Type) compare {
	keys, values := o.of(t.Key()), o.of(t.Elem())
	return func(a, b reflect.Value) int {
		if d := cmp.Compare(a.Len(), b.Len()); d != 0 {
			return d
		}
		as, bs := sortedKeys(a, keys), sortedKeys(b, keys)
		for i := range as {
			if d := cmp.Or(keys(as[i], bs[i]), values(a.MapIndex(as[i]), b.MapIndex(bs[i]))); d != 0 {
				return d
			}
		}
		return 0
	}
}

func (o *orders) interfaces(a, b reflect.Value) int {
	if a.IsNil() || b.IsNil() {
		return cmp.Compare(truth(!a.IsNil()), truth(!b.IsNil()))
	}
	a, b = a.Elem(), b.Elem()
	if a.Type() != b.Type() {
		return strings.Compare(a.Type().String(), b.Type().String())
	}
	return o.of(a.Type())(a, b)
}

func sortedKeys(m reflect.Value, c compare) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, c)
	return keys
}
