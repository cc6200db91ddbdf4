package keygroup

import (
	"fmt"
	"net/netip"
	"reflect"
	"time"
)

// layout is what the canonical bytes of a type are like.
type layout struct {
	fixed bool // all keys have as many bytes
	width int  // their number, if fixed
	image bool // on a little-endian machine they are how a key lies in memory
}

// asTheyAre are types that write themselves down, and do so alike for equal values.
var asTheyAre = map[reflect.Type]bool{
	reflect.TypeFor[netip.Addr]():     true,
	reflect.TypeFor[netip.AddrPort](): true,
	reflect.TypeFor[netip.Prefix]():   true,
}

func describe(t reflect.Type) (layout, error) {
	d := describer{t}
	return d.describe(t, "")
}

type describer struct{ root reflect.Type }

func (d describer) refuse(path string, t reflect.Type, reason string) error {
	if path == "" {
		return fmt.Errorf("key type %v: %s", d.root, reason)
	}
	return fmt.Errorf("key type %v: field %s is a %v: %s", d.root, path, t, reason)
}

func (d describer) describe(t reflect.Type, path string) (layout, error) {
	switch {
	case asTheyAre[t]:
		return layout{}, nil
	case t.Kind() == reflect.Struct:
		return d.structure(t, path)
	case t.Kind() == reflect.Array:
		return d.array(t, path)
	}
	if reason := refused(t); reason != "" {
		return layout{}, d.refuse(path, t, reason)
	}
	switch t.Kind() {
	case reflect.String:
		return layout{}, nil
	case reflect.Int, reflect.Uint:
		return layout{fixed: true, width: 8, image: t.Size() == 8}, nil
	}
	return layout{fixed: true, width: int(t.Size()), image: true}, nil
}

func refused(t reflect.Type) string {
	const codec = ", or give the job a codec for the key type with Job.Encode"
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return "floats don't make keys, because NaN differs from itself and 0 equals -0: use an integer, such as cents" + codec
	case reflect.Interface:
		return "an interface may hold what has no bytes: use a concrete type" + codec
	case reflect.Pointer:
		return "a pointer is another one after a restart: use what identifies the thing it points to" + codec
	case reflect.Chan, reflect.UnsafePointer, reflect.Uintptr:
		return "it means nothing to another process: use what identifies the thing" + codec
	}
	return ""
}

func (d describer) array(t reflect.Type, path string) (layout, error) {
	elem, err := d.describe(t.Elem(), path+"[]")
	if err != nil {
		return layout{}, err
	}
	elem.width *= t.Len()
	if t.Len() == 0 {
		return layout{fixed: true, image: true}, nil
	}
	return elem, nil
}

func (d describer) structure(t reflect.Type, path string) (layout, error) {
	if reason := refusedStruct(t); reason != "" {
		return layout{}, d.refuse(path, t, reason)
	}
	all := layout{fixed: true, image: true}
	for i := range t.NumField() {
		f := t.Field(i)
		at := path + "." + f.Name
		if f.Name == "_" { // neither compared nor written
			continue
		}
		if f.Tag.Get("leat") == "-" {
			return layout{}, d.refuse(at, f.Type, "the tag leaves out of the bytes what tells keys apart: remove the tag `leat:\"-\"`")
		}
		l, err := d.describe(f.Type, at)
		if err != nil {
			return layout{}, err
		}
		all.fixed, all.image, all.width = all.fixed && l.fixed, all.image && l.image, all.width+l.width
	}
	all.image = all.image && all.fixed && uintptr(all.width) == t.Size()
	return all, nil
}

func refusedStruct(t reflect.Type) string {
	if t.ConvertibleTo(reflect.TypeFor[time.Time]()) {
		return "it compares by location: use its UnixNano or a formatted day"
	}
	if _, ok := reflect.PointerTo(t).MethodByName("UnmarshalBinary"); ok {
		return "it writes itself down, perhaps differently for equal keys: use its text or its bytes, " +
			"or give the job a codec for the key type with Job.Encode"
	}
	return ""
}
