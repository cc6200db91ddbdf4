package codec

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"
)

// Dynamic reads values by the schema that was recorded with them, without their Go type, so that they can be looked at
// by programs that do not have it. It is used by several goroutines at once.
type Dynamic struct {
	schema Schema
	shape  *shape // nil if only a codec of its own understands the bytes
	view   viewer
	views  map[*shape]viewer // of the opaque parts
}

// The values that a Dynamic returns are nil, bool, int64, uint64, float32, float64, complex128, string, time.Time,
// []byte (of slices and arrays of uint8), []any, and the following. [JSON] writes them down.

// Record is a struct, its fields in order.
type Record []Field

// Field is one of a [Record].
type Field struct {
	Name  string
	Value any
}

// Pairs is a map, in order of its keys' bytes.
type Pairs struct {
	All []Pair
	// Object says that the keys are strings or integers, which JSON can have as an object's.
	Object bool
}

// Pair is an entry of [Pairs].
type Pair struct{ Key, Value any }

// Unread is a value that only a codec of its own understands.
type Unread struct {
	Codec string // the name of its schema
	Bytes []byte
}

// Document is a value that a [Viewer] has turned into JSON.
type Document []byte

// A Viewer shows values of schemas that package codec does not know. It returns a function that turns a value's bytes
// into one of the types that a [Dynamic] returns, or nil for schemas that it does not know either. Nilable says that
// values are written behind a byte that tells nil from a value where they are part of another.
type Viewer func(s Schema) (view func(from []byte) (any, error), nilable bool)

type viewer struct {
	view    func(from []byte) (any, error)
	nilable bool
}

var viewers []Viewer

// AddViewer adds a viewer, for every Dynamic that is made from then on. Packages call it while they are initialised.
func AddViewer(v Viewer) { viewers = append(viewers, v) }

// NewDynamic returns what reads the values of a schema. Values of a schema that only its codec understands are read as
// [Unread], unless a [Viewer] knows it. The error says what is wrong with the schema's definition.
func NewDynamic(s Schema) (*Dynamic, error) {
	d := &Dynamic{schema: s}
	if !strings.HasPrefix(s.Definition, "{") {
		d.view = viewerOf(s)
		return d, nil
	}
	root, err := parse(s.Definition)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", s.Name, err)
	}
	seen := map[*shape]bool{}
	root.measureAll(seen)
	d.shape, d.views = root, map[*shape]viewer{}
	for each := range seen {
		if each.kind == kindOpaque {
			d.views[each] = viewerOf(each.opaque)
		}
	}
	return d, nil
}

// Schema is what values are read by.
func (d *Dynamic) Schema() Schema { return d.schema }

// Decode reads a value. It keeps nothing of from. The error wraps [ErrCorrupt] if the bytes are none of the schema's.
func (d *Dynamic) Decode(from []byte) (any, error) {
	if d.shape == nil {
		v, err := d.view.view(from)
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", d.schema.Name, err)
		}
		return v, nil
	}
	v, rest, err := d.show(d.shape, from, maxDepth)
	if err == nil && len(rest) > 0 {
		err = trailing(len(rest))
	}
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", d.schema.Name, err)
	}
	return v, nil
}

// viewerOf finds who shows what only a codec of its own understands.
func viewerOf(s Schema) viewer {
	for _, v := range viewers {
		if view, nilable := v(s); view != nil {
			return viewer{view, nilable}
		}
	}
	if view := addressViews[s.Name]; view != nil {
		return viewer{view: view}
	}
	return viewer{view: func(from []byte) (any, error) { return Unread{s.Name, bytes.Clone(from)}, nil }}
}

// addressViews show the addresses that derived codecs write by themselves.
var addressViews = map[string]func([]byte) (any, error){
	"binary:netip.Addr": func(b []byte) (any, error) {
		var a netip.Addr
		err := a.UnmarshalBinary(b)
		return addressText(a.IsValid(), a), corruptBy(err)
	},
	"binary:netip.AddrPort": func(b []byte) (any, error) {
		var a netip.AddrPort
		err := a.UnmarshalBinary(b)
		return addressText(a.IsValid(), a), corruptBy(err)
	},
	"binary:netip.Prefix": func(b []byte) (any, error) {
		var a netip.Prefix
		err := a.UnmarshalBinary(b)
		return addressText(a.IsValid(), a), corruptBy(err)
	},
}

func addressText(valid bool, a fmt.Stringer) any {
	if !valid {
		return ""
	}
	return a.String()
}

func corruptBy(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// show reads one value and returns what is left.
func (d *Dynamic) show(s *shape, from []byte, depth int) (v any, rest []byte, err error) {
	if n, ok := numbers[s.kind]; ok {
		return showNumber(n, from)
	}
	switch s.kind {
	case kindBool:
		return showFlag(from)
	case kindString:
		size, from, err := readLength(from, 1, 0)
		if err != nil {
			return nil, from, err
		}
		return string(from[:size]), from[size:], nil
	case kindTime:
		var t time.Time
		from, err := decodeTime(from, &t)
		return t, from, err
	case kindOpaque:
		return d.showOpaque(s, from)
	case kindStruct:
		return d.showFields(s, from, depth)
	}
	if depth == 0 {
		return nil, from, corrupt("%v", errTooDeep)
	}
	switch s.kind {
	case kindArray:
		return d.showArray(s, from, depth-1)
	case kindSlice:
		return d.showSlice(s, from, depth-1)
	case kindMap:
		return d.showMap(s, from, depth-1)
	}
	present, from, err := readFlag(from) // a pointer
	if err != nil || !present {
		return nil, from, err
	}
	return d.show(s.elem, from, depth-1)
}

func showFlag(from []byte) (any, []byte, error) {
	set, rest, err := readFlag(from)
	return set, rest, err
}

func showNumber(n number, from []byte) (any, []byte, error) {
	if len(from) < n.width {
		return nil, from, short(n.width, len(from))
	}
	b, rest := from[:n.width], from[n.width:]
	switch {
	case n.complex && n.width == 8:
		return complex128(complex(float32At(b), float32At(b[4:]))), rest, nil
	case n.complex:
		return complex(float64At(b), float64At(b[8:])), rest, nil
	case n.float && n.width == 4:
		return float32At(b), rest, nil
	case n.float:
		return float64At(b), rest, nil
	}
	bits := uint64(0)
	for i := n.width - 1; i >= 0; i-- {
		bits = bits<<8 | uint64(b[i])
	}
	if n.signed {
		return int64(signExtend(bits, n.width)), rest, nil
	}
	return bits, rest, nil
}

func float32At(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
func float64At(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

func (d *Dynamic) showOpaque(s *shape, from []byte) (any, []byte, error) {
	body, rest, err := readOpaque(from)
	if err != nil {
		return nil, rest, err
	}
	v := d.views[s]
	if v.nilable {
		present, of, err := readFlag(body)
		if err != nil || !present {
			return nil, rest, err
		}
		body = of
	}
	value, err := v.view(body)
	return value, rest, err
}

// showFields reads a struct. One without bytes may have any number of fields in a corrupt definition: none is shown.
func (d *Dynamic) showFields(s *shape, from []byte, depth int) (any, []byte, error) {
	if least, fixed := s.measure(); fixed && least == 0 {
		return Record{}, from, nil
	}
	r := make(Record, 0, min(len(s.fields), len(from)+1))
	for i := range s.fields {
		v, rest, err := d.show(s.fields[i].shape, from, depth)
		if err != nil {
			return nil, rest, err
		}
		r, from = append(r, Field{s.fields[i].name, v}), rest
	}
	return r, from, nil
}

func (d *Dynamic) showArray(s *shape, from []byte, depth int) (any, []byte, error) {
	least, _ := s.measure()
	if least > len(from) {
		return nil, from, short(least, len(from))
	}
	if least == 0 {
		return []any{}, from, nil
	}
	if s.elem.kind == "uint8" {
		return bytes.Clone(from[:s.length]), from[s.length:], nil
	}
	return d.showEach(s.elem, s.length, from, depth)
}

func (d *Dynamic) showSlice(s *shape, from []byte, depth int) (any, []byte, error) {
	least, fixed := s.elem.measure()
	count, from, err := readLength(from, max(least, 1), 1)
	switch {
	case err != nil:
		return nil, from, err
	case count < 0 && s.elem.kind == "uint8":
		return []byte(nil), from, nil
	case count < 0:
		return []any(nil), from, nil
	case s.elem.kind == "uint8":
		return append([]byte{}, from[:count]...), from[count:], nil
	case fixed && least == 0:
		from, err = skipZeros(from, count)
		empty, _, _ := d.show(s.elem, nil, depth)
		all := make([]any, count)
		for i := range all {
			all[i] = empty
		}
		return all, from, err
	}
	return d.showEach(s.elem, count, from, depth)
}

func (d *Dynamic) showEach(elem *shape, count int, from []byte, depth int) (any, []byte, error) {
	all := make([]any, 0, count)
	for range count {
		v, rest, err := d.show(elem, from, depth)
		if err != nil {
			return nil, rest, err
		}
		all, from = append(all, v), rest
	}
	return all, from, nil
}

func (d *Dynamic) showMap(s *shape, from []byte, depth int) (any, []byte, error) {
	least, _ := s.key.measure()
	count, from, err := readLength(from, max(least, 1), 1)
	if err != nil {
		return nil, from, err
	}
	m := Pairs{Object: objectKeys(s.key)}
	if count >= 0 {
		m.All = make([]Pair, 0, count)
	}
	for range count {
		k, rest, err := d.show(s.key, from, depth)
		if err != nil {
			return nil, rest, err
		}
		v, rest, err := d.show(s.elem, rest, depth)
		if err != nil {
			return nil, rest, err
		}
		m.All, from = append(m.All, Pair{k, v}), rest
	}
	return m, from, nil
}

// objectKeys says whether keys can be those of a JSON object.
func objectKeys(s *shape) bool {
	n, isNumber := numbers[s.kind]
	return s.kind == kindString || isNumber && !n.float && !n.complex
}

// hexText is bytes as people see them.
func hexText(b []byte) string { return hex.EncodeToString(b) }
