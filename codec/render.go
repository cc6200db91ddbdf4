package codec

import (
	"encoding/json"
	"fmt"
	"strings"
)

// String shows the schema to people, nearly as Go writes types: struct{Account string; Cents int64}. A type that occurs
// again, or contains itself, is named where it occurs first. What only its own codec understands is shown by name.
func (s Schema) String() string {
	var d definition
	if s.Definition == "" || json.Unmarshal([]byte(s.Definition), &d) != nil {
		return s.Name
	}
	r := renderer{names: map[int]string{}}
	r.write(&d)
	return r.text.String()
}

type renderer struct {
	text  strings.Builder
	names map[int]string // of types that have an id
}

func (r *renderer) write(d *definition) {
	switch {
	case d == nil:
		r.text.WriteString("?")
		return
	case d.Ref != 0:
		r.text.WriteString(r.name(d.Ref, ""))
		return
	case d.ID != 0:
		r.text.WriteString(r.name(d.ID, d.GoType))
		r.text.WriteByte(' ')
	}
	switch d.Kind {
	case kindStruct:
		r.fields(d.Fields)
	case kindTime:
		r.text.WriteString("time.Time")
	case kindOpaque:
		if d.Opaque != nil {
			r.text.WriteString(d.Opaque.Name)
		}
	case kindArray:
		fmt.Fprintf(&r.text, "[%d]", d.Length)
		r.write(d.Elem)
	case kindSlice:
		r.text.WriteString("[]")
		r.write(d.Elem)
	case kindPointer:
		r.text.WriteByte('*')
		r.write(d.Elem)
	case kindMap:
		r.text.WriteString("map[")
		r.write(d.Key)
		r.text.WriteByte(']')
		r.write(d.Elem)
	default:
		r.text.WriteString(string(d.Kind))
	}
}

// name is what a type with an id is called: as in Go, where it has a name there.
func (r *renderer) name(id int, goType string) string {
	if r.names[id] == "" {
		if r.names[id] = goType; goType == "" || strings.ContainsAny(goType, " {") {
			r.names[id] = fmt.Sprintf("#%d", id)
		}
	}
	return r.names[id]
}

func (r *renderer) fields(fields []fieldDefinition) {
	r.text.WriteString("struct{")
	for i := range fields {
		if i > 0 {
			r.text.WriteString("; ")
		}
		r.text.WriteString(fields[i].Name)
		r.text.WriteByte(' ')
		r.write(&fields[i].definition)
	}
	r.text.WriteByte('}')
}
