package codec

import (
	"encoding/json"
	"errors"
	"fmt"
)

// definition is a shape as JSON. A shape that occurs more than once has an ID where it occurs first, and is a
// reference to it where it occurs again.
type definition struct {
	Kind   kind              `json:"type,omitempty"`
	ID     int               `json:"id,omitempty"`
	Ref    int               `json:"ref,omitempty"`
	GoType string            `json:"go,omitempty"`
	Fields []fieldDefinition `json:"fields,omitempty"`
	Key    *definition       `json:"key,omitempty"`
	Elem   *definition       `json:"elem,omitempty"`
	Length int               `json:"length,omitempty"`
	Opaque *Schema           `json:"schema,omitempty"`
}

type fieldDefinition struct {
	Name string `json:"name"`
	definition
}

// schema writes the shape down. The fingerprint leaves the names of types out: a type may be renamed and moved.
func (s *shape) schema(name string) Schema {
	return Schema{Name: name, Fingerprint: fingerprint(s.define(false)), Definition: s.define(true)}
}

func (s *shape) define(names bool) string {
	w := definer{names: names, times: map[*shape]int{}, ids: map[*shape]int{}}
	w.count(s)
	b, err := json.Marshal(w.define(s))
	if err != nil {
		panic(fmt.Sprintf("codec: a schema that is no JSON: %v", err)) // it holds strings and numbers only
	}
	return string(b)
}

type definer struct {
	names bool
	times map[*shape]int
	ids   map[*shape]int
}

func (w *definer) count(s *shape) {
	if s == nil {
		return
	}
	if w.times[s]++; w.times[s] > 1 {
		return
	}
	for i := range s.fields {
		w.count(s.fields[i].shape)
	}
	w.count(s.key)
	w.count(s.elem)
}

func (w *definer) define(s *shape) *definition {
	if s == nil {
		return nil
	}
	if id := w.ids[s]; id != 0 {
		return &definition{Ref: id}
	}
	d := &definition{Kind: s.kind, Length: s.length}
	if s.kind == kindOpaque {
		d.Opaque = &s.opaque
	}
	if w.times[s] > 1 && (s.fields != nil || s.elem != nil) {
		w.ids[s] = len(w.ids) + 1
		d.ID = w.ids[s]
	}
	if w.names && s.kind == kindStruct {
		d.GoType = s.name
	}
	for _, f := range s.fields {
		d.Fields = append(d.Fields, fieldDefinition{f.name, *w.define(f.shape)})
	}
	d.Key, d.Elem = w.define(s.key), w.define(s.elem)
	return d
}

// parse reads a definition that another version of the program may have written.
func parse(text string) (*shape, error) {
	var d definition
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, fmt.Errorf("read a schema's definition: %w", err)
	}
	r := definitionReader{byID: map[int]*shape{}, open: map[*shape]bool{}}
	s, err := r.read(&d)
	if err != nil {
		return nil, fmt.Errorf("read a schema's definition: %w", err)
	}
	if err := r.finite(s, map[*shape]bool{}); err != nil {
		return nil, fmt.Errorf("read a schema's definition: %w", err)
	}
	return s, nil
}

type definitionReader struct {
	byID map[int]*shape
	open map[*shape]bool // structs and arrays whose content is being walked by finite
}

func (r *definitionReader) read(d *definition) (*shape, error) {
	if d.Ref != 0 {
		if s := r.byID[d.Ref]; s != nil {
			return s, nil
		}
		return nil, fmt.Errorf("no type has the id %d", d.Ref)
	}
	s := &shape{kind: d.Kind, name: d.GoType, length: d.Length}
	if d.ID != 0 {
		r.byID[d.ID] = s
	}
	return s, r.fill(s, d)
}

func (r *definitionReader) fill(s *shape, d *definition) (err error) {
	if _, ok := numbers[s.kind]; ok {
		return nil
	}
	switch s.kind {
	case kindBool, kindString, kindTime:
		return nil
	case kindOpaque:
		if d.Opaque == nil {
			return errors.New("an opaque type without a schema")
		}
		s.opaque = *d.Opaque
		return nil
	case kindStruct:
		return r.fields(s, d)
	case kindMap:
		if d.Key == nil {
			return errors.New("a map without a key type")
		}
		if s.key, err = r.read(d.Key); err != nil {
			return err
		}
	case kindArray, kindSlice, kindPointer:
	default:
		return fmt.Errorf("unknown type %q", s.kind)
	}
	if d.Elem == nil || d.Length < 0 || d.Length > maxArray {
		return fmt.Errorf("a %s of length %d without an element type, or too long", s.kind, d.Length)
	}
	s.elem, err = r.read(d.Elem)
	return err
}

// maxArray bounds the length of an array in a definition, so that a corrupt one can't keep a reader busy.
const maxArray = 1 << 30

func (r *definitionReader) fields(s *shape, d *definition) error {
	for i := range d.Fields {
		f := &d.Fields[i]
		sub, err := r.read(&f.definition)
		if err != nil {
			return err
		}
		s.fields = append(s.fields, field{name: f.Name, shape: sub})
	}
	return nil
}

// finite refuses structs and arrays that contain themselves without a slice, map or pointer between, which no Go type
// does.
func (r *definitionReader) finite(s *shape, done map[*shape]bool) error {
	if r.open[s] {
		return errors.New("a type that contains itself")
	}
	if done[s] {
		return nil
	}
	done[s] = true
	inline := s.kind == kindStruct || s.kind == kindArray
	outer := r.open
	if inline {
		r.open[s] = true
		defer delete(r.open, s)
	} else {
		r.open = map[*shape]bool{}
		defer func() { r.open = outer }()
	}
	for i := range s.fields {
		if err := r.finite(s.fields[i].shape, done); err != nil {
			return err
		}
	}
	for _, sub := range []*shape{s.key, s.elem} {
		if sub == nil {
			continue
		}
		if err := r.finite(sub, done); err != nil {
			return err
		}
	}
	return nil
}
