package leattest

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"leat.dev/leat/internal/flow"
)

// show writes a value as %+v does, but follows pointers, and has times in UTC.
func show(v reflect.Value) string {
	var b strings.Builder
	write(&b, v, 0)
	return b.String()
}

func write(b *strings.Builder, v reflect.Value, depth int) {
	if depth > deepest {
		b.WriteString("…")
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		if v.Kind() == reflect.Pointer {
			b.WriteString("&")
		}
		write(b, v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		b.WriteString("[")
		for i := range v.Len() {
			space(b, i)
			write(b, v.Index(i), depth+1)
		}
		b.WriteString("]")
	case reflect.Map:
		writeMap(b, v, depth)
	case reflect.Struct:
		writeStruct(b, v, depth)
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	default:
		fmt.Fprintf(b, "%v", v)
	}
}

func space(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(" ")
	}
}

func writeMap(b *strings.Builder, v reflect.Value, depth int) {
	b.WriteString("map[")
	for i, k := range (comparison{}).sortedKeys(v, depth) {
		space(b, i)
		write(b, k, depth+1)
		b.WriteString(":")
		write(b, v.MapIndex(k), depth+1)
	}
	b.WriteString("]")
}

func writeStruct(b *strings.Builder, v reflect.Value, depth int) {
	if v.Type() == timeType {
		b.WriteString(instant(v).UTC().Format(time.RFC3339Nano))
		return
	}
	message := isMessage(v.Type())
	b.WriteString("{")
	for i, n := 0, 0; i < v.NumField(); i++ {
		f := v.Type().Field(i)
		if message && !f.IsExported() {
			continue
		}
		space(b, n)
		n++
		b.WriteString(f.Name)
		b.WriteString(":")
		write(b, v.Field(i), depth+1)
	}
	b.WriteString("}")
}

// record writes record i of a series, with its event time.
func (s *series) record(i int) string {
	text := show(s.values.Index(i))
	switch at := s.times[i]; at {
	case flow.NoTime:
		return text
	case flow.EndTime:
		return text + " at the end of time"
	default:
		return text + " at " + time.Unix(0, at).UTC().Format(time.RFC3339Nano)
	}
}
