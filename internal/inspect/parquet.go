package inspect

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"leat.dev/leat/codec"
)

// parquetRows is how many rows are taken apart before they go to the file.
const parquetRows = 1024

// parquetWriter writes rows to a Parquet file. A table's columns are made a Go struct type, whose schema the library knows:
//
//	numbers, bool, string    themselves
//	time                     timestamp of microseconds
//	[]byte, [n]byte          bytes
//	struct                   group; a pointer: optional
//	slice, array             list, of the above
//	all else                 text, as JSON
type parquetWriter struct {
	table  *Table
	fill   []filler
	typ    reflect.Type
	schema *parquet.Schema
	file   *parquet.GenericWriter[any]
	rows   []parquet.Row
	text   []byte
}

// filler puts a value into a field of a struct.
type filler func(w *parquetWriter, to reflect.Value, v any)

func newParquet(t *Table, to io.Writer) *parquetWriter {
	w := &parquetWriter{table: t}
	var fields []reflect.StructField
	for i, c := range t.Columns {
		typ, options, fill := columnType(c)
		fields = append(fields, parquetField(i, c.Name, typ, options))
		w.fill = append(w.fill, fill)
	}
	w.typ = reflect.StructOf(fields)
	w.schema = parquet.SchemaOf(reflect.New(w.typ).Interface())
	w.file = parquet.NewGenericWriter[any](to, w.schema, parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}))
	return w
}

// parquetField is the i-th field of a struct type, under its own name in the file.
func parquetField(i int, name string, typ reflect.Type, options string) reflect.StructField {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune("\",`\\:", r) {
			return '_'
		}
		return r
	}, name)
	return reflect.StructField{
		Name: fmt.Sprintf("F%d", i), Type: typ, Tag: reflect.StructTag(fmt.Sprintf(`parquet:"%s%s"`, clean, options)),
	}
}

const (
	timestamp = ",timestamp(microsecond)"
	optional  = ",optional"
)

func columnType(c Column) (reflect.Type, string, filler) {
	switch c.Kind {
	case "int64":
		return reflect.TypeFor[int64](), "", fillPlain
	case "uint64":
		return reflect.TypeFor[uint64](), "", fillPlain
	case "bool":
		return reflect.TypeFor[bool](), "", fillPlain
	case "string":
		return reflect.TypeFor[string](), "", fillPlain
	case "time":
		return reflect.TypeFor[*int64](), optional + timestamp, fillOptional(fillTime)
	}
	if !c.Known || c.Layout.Recursive() {
		return reflect.TypeFor[string](), "", fillJSON
	}
	return layoutType(c.Layout, true)
}

var scalarTypes = map[string]reflect.Type{
	"bool": reflect.TypeFor[bool](), "string": reflect.TypeFor[string](),
	"int8": reflect.TypeFor[int32](), "int16": reflect.TypeFor[int32](), "int32": reflect.TypeFor[int32](), "int64": reflect.TypeFor[int64](),
	"uint8": reflect.TypeFor[uint32](), "uint16": reflect.TypeFor[uint32](), "uint32": reflect.TypeFor[uint32](), "uint64": reflect.TypeFor[uint64](),
	"float32": reflect.TypeFor[float32](), "float64": reflect.TypeFor[float64](),
}

// layoutType is the Go type for values of a layout. Lists within lists are text.
func layoutType(l codec.Layout, lists bool) (reflect.Type, string, filler) {
	if t, ok := scalarTypes[l.Kind()]; ok {
		return t, "", fillPlain
	}
	switch l.Kind() {
	case "time":
		return reflect.TypeFor[int64](), timestamp, fillTime
	case "struct":
		if len(l.Fields()) > 0 {
			return structType(l)
		}
	case "pointer":
		return pointerType(l, lists)
	case "slice", "array":
		if l.Elem().Kind() == "uint8" {
			return reflect.TypeFor[[]byte](), "", fillPlain
		}
		if typ, options, fill := layoutType(l.Elem(), false); lists && options == "" {
			return reflect.SliceOf(typ), ",list", fillList(fill)
		}
	}
	return reflect.TypeFor[string](), "", fillJSON
}

func structType(l codec.Layout) (reflect.Type, string, filler) {
	var fields []reflect.StructField
	var fills []filler
	names := map[string]bool{}
	for i, f := range l.Fields() {
		typ, options, fill := layoutType(f.Layout, true)
		field := parquetField(i, f.Name, typ, options)
		if names[string(field.Tag)] {
			field = parquetField(i, fmt.Sprintf("%s_%d", f.Name, i), typ, options)
		}
		names[string(field.Tag)] = true
		fields, fills = append(fields, field), append(fills, fill)
	}
	return reflect.StructOf(fields), "", func(w *parquetWriter, to reflect.Value, v any) {
		record, _ := v.(codec.Record)
		for i := range min(len(record), len(fills)) {
			fills[i](w, to.Field(i), record[i].Value)
		}
	}
}

// pointerType is that of a pointer to something with one column or a group; a pointer to a pointer or a list is text.
func pointerType(l codec.Layout, lists bool) (reflect.Type, string, filler) {
	typ, options, fill := layoutType(l.Elem(), false)
	if kind := l.Elem().Kind(); !lists || kind == "pointer" || kind == "slice" || kind == "array" || kind == "map" {
		return reflect.TypeFor[string](), "", fillJSON
	}
	return reflect.PointerTo(typ), optional + options, fillOptional(fill)
}

func fillPlain(_ *parquetWriter, to reflect.Value, v any) {
	if v != nil {
		to.Set(reflect.ValueOf(v).Convert(to.Type()))
	}
}

func fillTime(_ *parquetWriter, to reflect.Value, v any) {
	if at, ok := v.(time.Time); ok {
		to.SetInt(at.UnixMicro())
	}
}

func fillJSON(w *parquetWriter, to reflect.Value, v any) {
	w.text = codec.JSON(w.text[:0], v)
	to.SetString(string(w.text))
}

// fillOptional leaves out what is none: nil, and the end of time, where a time is wanted.
func fillOptional(fill filler) filler {
	return func(w *parquetWriter, to reflect.Value, v any) {
		if v == nil || v == EndOfTime && to.Type().Elem().Kind() == reflect.Int64 {
			return
		}
		to.Set(reflect.New(to.Type().Elem()))
		fill(w, to.Elem(), v)
	}
}

func fillList(fill filler) filler {
	return func(w *parquetWriter, to reflect.Value, v any) {
		all, _ := v.([]any)
		to.Set(reflect.MakeSlice(to.Type(), len(all), len(all)))
		for i := range all {
			fill(w, to.Index(i), all[i])
		}
	}
}

func (w *parquetWriter) Write(row []any) error {
	record := reflect.New(w.typ)
	for i, v := range row {
		w.fill[i](w, record.Elem().Field(i), v)
	}
	w.rows = append(w.rows, w.schema.Deconstruct(nil, record.Interface()))
	if len(w.rows) < parquetRows {
		return nil
	}
	return w.flush()
}

func (w *parquetWriter) flush() error {
	_, err := w.file.WriteRows(w.rows)
	w.rows = w.rows[:0]
	return err
}

func (w *parquetWriter) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.file.Close()
}
