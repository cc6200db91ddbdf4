package codec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// kind is what a shape is, by the word that schemas use.
type kind string

const (
	kindBool    kind = "bool"
	kindString  kind = "string"
	kindTime    kind = "time"
	kindStruct  kind = "struct"
	kindArray   kind = "array"
	kindSlice   kind = "slice"
	kindMap     kind = "map"
	kindPointer kind = "pointer"
	kindOpaque  kind = "opaque"
)

// number describes the kinds of fixed width.
type number struct {
	width   int
	signed  bool
	float   bool
	complex bool
}

// numbers has int and uint as 8 bytes: that is what they are on the machines that matter.
var numbers = map[kind]number{
	"int8": {width: 1, signed: true}, "int16": {width: 2, signed: true},
	"int32": {width: 4, signed: true}, "int64": {width: 8, signed: true},
	"uint8": {width: 1}, "uint16": {width: 2}, "uint32": {width: 4}, "uint64": {width: 8},
	"float32": {width: 4, float: true}, "float64": {width: 8, float: true},
	"complex64": {width: 8, complex: true}, "complex128": {width: 16, complex: true},
}

// widens says whether every number of kind w is one of kind r too.
func widens(w, r kind) bool {
	from, to := numbers[w], numbers[r]
	switch {
	case from.width == 0 || to.width == 0 || from.complex != to.complex:
		return false
	case from.complex || from.float:
		return to.width > from.width && from.float == to.float
	case to.float:
		return 2*from.width <= to.width // a float's fraction holds integers of half its width
	}
	return to.width > from.width && (from.signed == to.signed || to.signed)
}

// shape is a type as far as its encoding goes. Shapes of recursive types are cyclic graphs.
type shape struct {
	kind   kind
	name   string // of the Go type, for people
	fields []field
	elem   *shape // of arrays, slices, maps and pointers
	key    *shape // of maps
	length int    // of arrays
	opaque Schema // of opaque shapes

	// measure fills these in.
	measured, fixed bool
	least           int

	// Only shapes of this program's types have these.
	typ reflect.Type
	via *custom
}

// field is a field of a struct shape.
type field struct {
	name   string
	was    []string // what the field was called in older schemas
	shape  *shape
	offset uintptr
}

// find returns the field that is called name now, or else the one that was.
func (s *shape) find(name string) *field {
	for i := range s.fields {
		if s.fields[i].name == name {
			return &s.fields[i]
		}
	}
	for i := range s.fields {
		for _, old := range s.fields[i].was {
			if old == name {
				return &s.fields[i]
			}
		}
	}
	return nil
}

// takes returns the field that reads what the field name of w holds; nil if none does. Of a name now and one that was, both
// of which w has, the first is read; of two that were, neither can be.
func (s *shape) takes(name string, w *shape) (*field, error) {
	to := s.find(name)
	if to == nil || to.name == name {
		return to, nil
	}
	for i := range w.fields {
		switch other := w.fields[i].name; {
		case other == to.name:
			return nil, nil
		case other != name && slices.Contains(to.was, other):
			return nil, within("."+to.name, fmt.Errorf("%w: both %s and %s were written", errMismatch, name, other))
		}
	}
	return to, nil
}

// String is the shape as an error shows it.
func (s *shape) String() string {
	switch s.kind {
	case kindOpaque:
		return s.opaque.Name
	case kindStruct:
		if s.name == "" {
			return "a struct"
		}
		return "struct " + s.name
	case kindArray, kindSlice, kindMap, kindPointer:
		return "a " + string(s.kind)
	}
	return string(s.kind)
}

// maxWidth bounds the width that is reckoned with; no value is as long.
const maxWidth = 1 << 32

// measure works out how many bytes a value takes at least, and whether all take as many. What lies behind slices, maps
// and pointers does not count, so recursion ends there.
func (s *shape) measure() (least int, fixed bool) {
	if !s.measured {
		s.least, s.fixed = s.width()
		s.least, s.measured = min(s.least, maxWidth), true
	}
	return s.least, s.fixed
}

func (s *shape) width() (least int, fixed bool) {
	if n, ok := numbers[s.kind]; ok {
		return n.width, true
	}
	switch s.kind {
	case kindBool:
		return 1, true
	case kindTime:
		return timeBytes, true
	case kindArray:
		least, fixed = s.elem.measure()
		return s.length * least, fixed || s.length == 0
	case kindStruct:
		fixed = true
		for i := range s.fields {
			n, f := s.fields[i].shape.measure()
			least, fixed = min(least+n, maxWidth), fixed && f
		}
		return least, fixed
	case kindOpaque:
		return opaqueLengthBytes, false
	}
	return 1, false
}

// parseTag reads `leat:"name,was=old|older"`. skip is `leat:"-"`.
func parseTag(tag reflect.StructTag) (name string, was []string, skip bool, unknown string) {
	text := tag.Get("leat")
	if text == "-" {
		return "", nil, true, ""
	}
	name, options, _ := strings.Cut(text, ",")
	for option := range strings.SplitSeq(options, ",") {
		old, ok := strings.CutPrefix(option, "was=")
		switch {
		case ok && old != "":
			was = strings.Split(old, "|")
		case option != "":
			unknown = option
		}
	}
	return name, was, false, unknown
}
