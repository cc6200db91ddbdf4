package file

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// csvField is a struct's field that is a column: where it lies and how its cells are read and written.
type csvField struct {
	// column is the name in the header, path the field's in Go.
	column, path string
	// tagged says that a tag gave the name.
	tagged bool
	typ    reflect.Type
	offset uintptr
	layout string
	empty  emptyCell
	read   cellReader
	write  cellWriter
}

// emptyCell is what a cell without text means to a field.
type emptyCell uint8

const (
	emptyIsWrong emptyCell = iota
	emptyIsZero
	// emptyIsText leaves it to the field's UnmarshalText.
	emptyIsText
)

// planCSV lists the columns of a struct, in the order of its fields.
func planCSV[T any]() ([]csvField, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("CSV needs a struct whose fields are columns; %s is none", t)
	}
	p := csvPlan{columns: map[string]string{}}
	if err := p.addStruct(t, csvField{path: t.Name()}); err != nil {
		return nil, err
	}
	if len(p.fields) == 0 {
		return nil, fmt.Errorf("CSV needs a struct whose fields are columns; %s has no exported field", t)
	}
	return p.fields, nil
}

// csvPlan gathers the columns of a struct and of the structs within.
type csvPlan struct {
	fields  []csvField
	columns map[string]string // column → path of its field
}

// addStruct adds the fields of a struct. Its own place and prefix are in outer.
func (p *csvPlan) addStruct(t reflect.Type, outer csvField) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		if !sf.IsExported() && !sf.Anonymous {
			continue
		}
		if err := p.addField(sf, outer); err != nil {
			return err
		}
	}
	return nil
}

func (p *csvPlan) addField(sf reflect.StructField, outer csvField) error {
	f := csvField{path: outer.path + "." + sf.Name, typ: sf.Type, offset: outer.offset + sf.Offset}
	tag, hasTag := sf.Tag.Lookup("csv")
	if tag == "-" {
		return nil
	}
	name, options, _ := strings.Cut(tag, ",")
	if err := f.setOptions(options); err != nil {
		return fmt.Errorf("field %s: %w", f.path, err)
	}
	f.tagged = outer.tagged || hasTag && name != ""
	if name == "" {
		name = sf.Name
	}
	f.column = outer.column + name
	if isGroup(sf.Type) {
		f.column += "."
		if sf.Anonymous && tag == "" {
			f.column, f.tagged = outer.column, outer.tagged
		}
		return p.addStruct(sf.Type, f)
	}
	if !sf.IsExported() {
		return nil // an embedded type that is no struct and can't be reached
	}
	return p.addCell(f)
}

func (p *csvPlan) addCell(f csvField) error {
	if other, twice := p.columns[f.column]; twice {
		return fmt.Errorf("fields %s and %s are both column %s", other, f.path, f.column)
	}
	p.columns[f.column] = f.path
	if f.layout != "" && f.typ != timeType && f.typ != reflect.PointerTo(timeType) {
		return fmt.Errorf("field %s: layout is for time.Time, not for %s", f.path, f.typ)
	}
	if err := f.compile(); err != nil {
		return fmt.Errorf("field %s: %w", f.path, err)
	}
	p.fields = append(p.fields, f)
	return nil
}

// setOptions reads the options of a tag. The layout takes the rest of the tag, as it may hold commas.
func (f *csvField) setOptions(options string) error {
	for options != "" {
		if layout, ok := strings.CutPrefix(options, "layout="); ok {
			f.layout = layout
			return nil
		}
		option, rest, _ := strings.Cut(options, ",")
		if option != "empty" {
			return fmt.Errorf("the csv tag has the option %q: want empty or layout=…", option)
		}
		f.empty, options = emptyIsZero, rest
	}
	return nil
}

// isGroup says whether a struct's fields are columns of their own; others are one cell.
func isGroup(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != timeType && !isText(t)
}

var (
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
	marshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isText says whether a type reads or writes itself as text.
func isText(t reflect.Type) bool {
	to := reflect.PointerTo(t)
	return to.Implements(marshalerType) || to.Implements(unmarshalerType)
}
