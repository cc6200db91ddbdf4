package values

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Show writes a value as %+v does, but follows pointers, and has times in UTC.
func Show(v reflect.Value) string {
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
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(b, "%q", v.Bytes())
			return
		}
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
	for i, k := range (Comparison{}).sortedKeys(v, depth) {
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
