package file

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// shape is how a Go type lies in the columns of Parquet.
//
//	kind     in Go      in Parquet
//	leaf     int64 …    one column; []byte is optional, nil being null
//	group    struct     required group
//	maybe    *T         optional T
//	list     []T        optional group (LIST) { repeated group list { T element } }
//	array    [n]T       required group (LIST), likewise
//	dict     map[K]V    optional group (MAP) { repeated group key_value { K key; V value } }
type shape struct {
	kind shapeKind
	// name is the column's or the group's, path the field's in Go; tagged says that a tag gave the name.
	name, path string
	tagged     bool
	typ        reflect.Type
	offset     uintptr
	// parts are the fields of a group, the element of a pointer or list, the key and the value of a map.
	parts   []*shape
	options parquetOptions

	// node and write are a leaf's column and how its values are made; nullable says that write makes nulls, isText that its
	// values have a length.
	node             parquet.Node
	write            leafWriter
	nullable, isText bool

	// first and end are the columns below when writing, def the definition level of what is there, rep the repetition
	// level of a list's further elements.
	first, end, def, rep int
}

type shapeKind uint8

const (
	leafShape shapeKind = iota
	groupShape
	maybeShape
	listShape
	arrayShape
	dictShape
)

// parquetOptions are what a tag says besides the name.
type parquetOptions struct {
	// empty makes the zero value of a null.
	empty bool
	// unit is that of the times below; "" is micros.
	unit string
}

// maxParquetLevels bounds nesting, as the format's levels are bytes.
const maxParquetLevels = 250

// planParquet lists the columns of a struct, in the order of its fields.
func planParquet[T any]() (*shape, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct || t == timeType || isParquetText(t) {
		return nil, fmt.Errorf("Parquet needs a struct whose fields are columns; %s is none", t)
	}
	root := &shape{path: t.Name(), typ: t}
	if err := new(parquetPlan).fill(root); err != nil {
		return nil, err
	}
	columns := 0
	root.place(&columns, 0, 0)
	return root, nil
}

// parquetPlan knows the types around the one that is being planned, to refuse one that contains itself.
type parquetPlan struct{ around []reflect.Type }

// fill finds the shape of a type.
func (p *parquetPlan) fill(s *shape) error {
	if s.fillLeaf() {
		kind := s.node.Type().Kind()
		s.isText = kind == parquet.ByteArray || kind == parquet.FixedLenByteArray
		return s.checkUnit()
	}
	if slices.Contains(p.around, s.typ) {
		return s.refuse("%s contains itself, and columns of Parquet can't", s.typ)
	}
	if len(p.around) == maxParquetLevels/2 {
		return s.refuse("it is nested more than %d deep", maxParquetLevels/2)
	}
	p.around = append(p.around, s.typ)
	defer func() { p.around = p.around[:len(p.around)-1] }()
	switch s.typ.Kind() {
	case reflect.Struct:
		s.kind = groupShape
		return p.fillGroup(s)
	case reflect.Pointer:
		return p.fillPointer(s)
	case reflect.Slice:
		s.kind = listShape
	case reflect.Array:
		s.kind = arrayShape
	case reflect.Map:
		return p.fillMap(s)
	default:
		return s.refuse("a column of Parquet can't hold %s", s.typ)
	}
	return p.addPart(s, s.typ.Elem())
}

// refuse is an error that names the field.
func (s *shape) refuse(format string, args ...any) error {
	return fmt.Errorf("field %s: %w", s.path, fmt.Errorf(format, args...))
}

// checkUnit refuses a unit where there is no time.
func (s *shape) checkUnit() error {
	if s.options.unit != "" && s.typ != timeType {
		return s.refuse("%s is for time.Time, not for %s", s.options.unit, s.typ)
	}
	return nil
}

// addPart adds what lies within a pointer, list or map; the options are for it.
func (p *parquetPlan) addPart(s *shape, t reflect.Type) error {
	part := &shape{path: s.path, typ: t, options: s.options}
	s.parts = append(s.parts, part)
	return p.fill(part)
}

// fillPointer refuses pointers to what can be nil: a null could mean either.
func (p *parquetPlan) fillPointer(s *shape) error {
	s.kind = maybeShape
	if err := p.addPart(s, s.typ.Elem()); err != nil {
		return err
	}
	if to := s.parts[0]; to.nullable || to.kind != leafShape && to.kind != groupShape && to.kind != arrayShape {
		return s.refuse("a column of Parquet can't hold %s: take %s, which can be nil itself", s.typ, to.typ)
	}
	return nil
}

func (p *parquetPlan) fillMap(s *shape) error {
	s.kind = dictShape
	key := &shape{path: s.path, typ: s.typ.Key()}
	if !key.fillLeaf() || key.nullable {
		return s.refuse("a key of Parquet can't be %s", key.typ)
	}
	s.parts = []*shape{key}
	return p.addPart(s, s.typ.Elem())
}

func (p *parquetPlan) fillGroup(s *shape) error {
	if err := p.addFields(s, shape{path: s.path, typ: s.typ}); err != nil {
		return err
	}
	if len(s.parts) == 0 {
		return fmt.Errorf("Parquet needs structs whose fields are columns; %s (%s) has no exported field", s.path, s.typ)
	}
	return nil
}

// addFields adds the fields of a struct, which is the group's own or embedded in that.
func (p *parquetPlan) addFields(to *shape, from shape) error {
	for i := range from.typ.NumField() {
		sf := from.typ.Field(i)
		tag := sf.Tag.Get("parquet")
		if tag == "-" || !sf.IsExported() && !sf.Anonymous {
			continue
		}
		f := &shape{path: from.path + "." + sf.Name, typ: sf.Type, offset: from.offset + sf.Offset}
		var err error
		switch isGroup := sf.Type.Kind() == reflect.Struct && sf.Type != timeType && !isParquetText(sf.Type); {
		case isGroup && sf.Anonymous && tag == "":
			err = p.addFields(to, *f)
		case sf.IsExported():
			err = p.addField(to, f, sf.Name, tag)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *parquetPlan) addField(to, f *shape, name, tag string) error {
	tagName, options, _ := strings.Cut(tag, ",")
	f.name, f.tagged = name, tagName != ""
	if f.tagged {
		f.name = tagName
	}
	if err := f.options.read(options); err != nil {
		return f.refuse("%w", err)
	}
	for _, other := range to.parts {
		if other.name == f.name {
			return fmt.Errorf("fields %s and %s are both column %s", other.path, f.path, f.name)
		}
	}
	to.parts = append(to.parts, f)
	return p.fill(f)
}

func (o *parquetOptions) read(options string) error {
	for options != "" {
		var option string
		switch option, options, _ = strings.Cut(options, ","); option {
		case "empty":
			o.empty = true
		case "millis", "micros", "nanos":
			o.unit = option
		default:
			return fmt.Errorf("the parquet tag has the option %q: want empty, millis, micros or nanos", option)
		}
	}
	return nil
}

// place counts the columns and levels of a shape when it is written.
func (s *shape) place(columns *int, def, rep int) {
	s.first, s.def, s.rep = *columns, def, rep
	switch s.kind {
	case leafShape:
		if s.nullable {
			s.def++
		}
		*columns++
	case groupShape:
		s.placeParts(columns, def, rep)
	case maybeShape:
		s.def++
		s.placeParts(columns, s.def, rep)
	case listShape, dictShape:
		s.def, s.rep = def+1, rep+1
		s.placeParts(columns, def+2, s.rep)
	case arrayShape:
		s.rep++
		s.placeParts(columns, def+1, s.rep)
	}
	s.end = *columns
}

func (s *shape) placeParts(columns *int, def, rep int) {
	for _, part := range s.parts {
		part.place(columns, def, rep)
	}
}

// schema is the shape as the library describes it.
func (s *shape) schema() parquet.Node {
	switch s.kind {
	case groupShape:
		return orderedGroup(s)
	case maybeShape:
		return parquet.Optional(s.parts[0].schema())
	case listShape:
		return parquet.Optional(parquet.List(s.parts[0].schema()))
	case arrayShape:
		return parquet.List(s.parts[0].schema())
	case dictShape:
		return parquet.Optional(parquet.Map(s.parts[0].schema(), s.parts[1].schema()))
	}
	if s.nullable {
		return parquet.Optional(s.node)
	}
	return s.node
}

// inOrder is a group whose columns stand in the order of the struct's fields; the library's own sorts them by name.
type inOrder struct {
	parquet.Group
	fields []parquet.Field
}

func orderedGroup(s *shape) inOrder {
	g := inOrder{Group: parquet.Group{}}
	for _, part := range s.parts {
		node := part.schema()
		g.Group[part.name] = node
		g.fields = append(g.fields, namedNode{node, part.name})
	}
	return g
}

func (g inOrder) Fields() []parquet.Field { return g.fields }

type namedNode struct {
	parquet.Node
	name string
}

func (n namedNode) Name() string { return n.name }

// Value is for the library's own way from structs to columns.
func (n namedNode) Value(base reflect.Value) reflect.Value { return base.FieldByName(n.name) }
