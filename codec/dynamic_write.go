package codec

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// AppendJSON appends the encoding of a value that is given as JSON, as [JSON] writes it: what a [Codec] of the same
// schema appends for it. Fields that an object lacks are zero. Of what only a codec of its own understands,
// {"codec": …, "hex": …} is taken.
func (d *Dynamic) AppendJSON(to, text []byte) ([]byte, error) {
	var v any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return to, fmt.Errorf("%s: %s is no JSON: %w", d.schema.Name, text, err)
	}
	if decoder.More() {
		return to, fmt.Errorf("%s: %s is more than one JSON value", d.schema.Name, text)
	}
	var err error
	if d.shape == nil {
		to, err = writeOpaque(to, d.schema, v)
	} else {
		to, err = write(to, d.shape, v, maxDepth)
	}
	if err != nil {
		return to, fmt.Errorf("%s: %w", d.schema.Name, err)
	}
	return to, nil
}

func wanted(what string, v any) error {
	return fmt.Errorf("%s is wanted, not %s", what, JSON(nil, v))
}

// write appends a value of a shape.
func write(to []byte, s *shape, v any, depth int) ([]byte, error) {
	if n, ok := numbers[s.kind]; ok {
		return writeNumber(to, s.kind, n, v)
	}
	switch s.kind {
	case kindBool:
		set, ok := v.(bool)
		if !ok && v != nil {
			return to, wanted("true or false", v)
		}
		if set {
			return append(to, 1), nil
		}
		return append(to, 0), nil
	case kindString:
		text, ok := v.(string)
		if !ok && v != nil {
			return to, wanted("a string", v)
		}
		return append(appendUvarint(to, uint64(len(text))), text...), nil
	case kindTime:
		return writeTime(to, v)
	case kindStruct:
		return writeFields(to, s, v, depth)
	case kindOpaque:
		return writeNested(to, s.opaque, v)
	}
	if depth == 0 {
		return to, errTooDeep
	}
	switch s.kind {
	case kindArray:
		return writeArray(to, s, v, depth-1)
	case kindSlice:
		return writeSlice(to, s, v, depth-1)
	case kindMap:
		return writeMap(to, s, v, depth-1)
	}
	if v == nil { // a pointer
		return append(to, 0), nil
	}
	return write(append(to, 1), s.elem, v, depth-1)
}

func writeNumber(to []byte, k kind, n number, v any) ([]byte, error) {
	number, ok := v.(json.Number)
	if text, isText := v.(string); isText && (n.float || n.complex) {
		number, ok = json.Number(text), true
	}
	if v == nil {
		number, ok = "0", true
	}
	if !ok {
		return to, wanted("a number", v)
	}
	bits := uint64(0)
	var err error
	switch {
	case n.complex:
		return writeComplex(to, n, number)
	case n.float:
		var f float64
		f, err = strconv.ParseFloat(string(number), 8*n.width)
		if bits = math.Float64bits(f); n.width == 4 {
			bits = uint64(math.Float32bits(float32(f)))
		}
	case n.signed:
		var i int64
		i, err = strconv.ParseInt(string(number), 10, 8*n.width)
		bits = uint64(i)
	default:
		bits, err = strconv.ParseUint(string(number), 10, 8*n.width)
	}
	if err != nil {
		return to, wanted("a number of type "+string(k), v)
	}
	return append(to, binary.LittleEndian.AppendUint64(nil, bits)[:n.width]...), nil
}

func writeComplex(to []byte, n number, text json.Number) ([]byte, error) {
	c, err := strconv.ParseComplex(string(text), 8*n.width)
	if err != nil {
		return to, wanted("a complex number", string(text))
	}
	if n.width == 8 {
		to = binary.LittleEndian.AppendUint32(to, math.Float32bits(float32(real(c))))
		return binary.LittleEndian.AppendUint32(to, math.Float32bits(float32(imag(c)))), nil
	}
	to = binary.LittleEndian.AppendUint64(to, math.Float64bits(real(c)))
	return binary.LittleEndian.AppendUint64(to, math.Float64bits(imag(c))), nil
}

func writeTime(to []byte, v any) ([]byte, error) {
	var at time.Time
	if v != nil {
		text, _ := v.(string)
		var err error
		if at, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return to, wanted("a time as 2026-11-22T12:00:00Z", v)
		}
	}
	return appendTime(to, &at), nil
}

func writeFields(to []byte, s *shape, v any, depth int) ([]byte, error) {
	object, ok := v.(map[string]any)
	if !ok && v != nil {
		return to, wanted("an object", v)
	}
	for name := range object {
		if !slices.ContainsFunc(s.fields, func(f field) bool { return f.name == name }) {
			return to, fmt.Errorf("there is no field %q", name)
		}
	}
	if least, fixed := s.measure(); fixed && least == 0 {
		return to, nil
	}
	var err error
	for i := range s.fields {
		f := &s.fields[i]
		if to, err = write(to, f.shape, object[f.name], depth); err != nil {
			return to, within("."+f.name, err)
		}
	}
	return to, nil
}

// elements are those of an array or a slice; bytes may stand in base64.
func elements(s *shape, v any) ([]any, error) {
	if text, ok := v.(string); ok && s.elem.kind == "uint8" {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, wanted("base64", v)
		}
		all := make([]any, len(b))
		for i := range b {
			all[i] = json.Number(strconv.Itoa(int(b[i])))
		}
		return all, nil
	}
	all, ok := v.([]any)
	if !ok {
		return nil, wanted("an array", v)
	}
	return all, nil
}

func writeArray(to []byte, s *shape, v any, depth int) ([]byte, error) {
	if v == nil { // zeros
		v = []any{}
		if least, _ := s.measure(); least > 0 && s.length <= maxZeros {
			v = make([]any, s.length)
		}
	}
	all, err := elements(s, v)
	if err != nil {
		return to, err
	}
	if least, _ := s.measure(); len(all) != s.length && least > 0 {
		return to, wanted(fmt.Sprintf("an array of %d", s.length), v)
	}
	return writeEach(to, s.elem, all, depth)
}

// maxZeros bounds an array that is not given.
const maxZeros = 1 << 20

func writeEach(to []byte, elem *shape, all []any, depth int) (_ []byte, err error) {
	for i, v := range all {
		if to, err = write(to, elem, v, depth); err != nil {
			return to, within(fmt.Sprintf("[%d]", i), err)
		}
	}
	return to, nil
}

func writeSlice(to []byte, s *shape, v any, depth int) ([]byte, error) {
	if v == nil {
		return append(to, 0), nil
	}
	all, err := elements(s, v)
	if err != nil {
		return to, err
	}
	to = appendUvarint(to, uint64(len(all))+1)
	if least, fixed := s.elem.measure(); fixed && least == 0 {
		return append(to, make([]byte, len(all))...), nil
	}
	return writeEach(to, s.elem, all, depth)
}

// writeMap writes the entries in order of their keys' bytes.
func writeMap(to []byte, s *shape, v any, depth int) ([]byte, error) {
	if v == nil {
		return append(to, 0), nil
	}
	given, err := pairsOf(s, v)
	if err != nil {
		return to, err
	}
	entries := make([][2][]byte, len(given))
	for i, p := range given {
		if entries[i][0], err = write(nil, s.key, p.Key, depth); err != nil {
			return to, within("[key]", err)
		}
		if entries[i][1], err = write(nil, s.elem, p.Value, depth); err != nil {
			return to, within("[value]", err)
		}
	}
	slices.SortStableFunc(entries, func(a, b [2][]byte) int { return bytes.Compare(a[0], b[0]) })
	to = appendUvarint(to, uint64(len(entries))+1)
	for i, e := range entries {
		if i > 0 && bytes.Equal(e[0], entries[i-1][0]) {
			return to, errors.New("a key occurs twice")
		}
		to = append(append(to, e[0]...), e[1]...)
	}
	return to, nil
}

// pairsOf takes a map as an object or as an array of keys and values.
func pairsOf(s *shape, v any) ([]Pair, error) {
	var all []Pair
	switch v := v.(type) {
	case map[string]any:
		for k, value := range v {
			var key any = k
			if s.key.kind != kindString {
				key = json.Number(k)
			}
			all = append(all, Pair{key, value})
		}
		if !objectKeys(s.key) {
			return nil, wanted(`an array of {"key": …, "value": …}`, v)
		}
		return all, nil
	case []any:
		for _, e := range v {
			o, _ := e.(map[string]any)
			if _, ok := o["key"]; !ok {
				return nil, wanted(`{"key": …, "value": …}`, e)
			}
			all = append(all, Pair{o["key"], o["value"]})
		}
		return all, nil
	}
	return nil, wanted("an object, or an array of keys and values", v)
}

func writeNested(to []byte, s Schema, v any) ([]byte, error) {
	body, err := writeOpaque(nil, s, v)
	if err != nil {
		return to, err
	}
	to = binary.LittleEndian.AppendUint32(to, uint32(len(body)))
	return append(to, body...), nil
}

// writeOpaque takes hexadecimal digits, or an address as text.
func writeOpaque(to []byte, s Schema, v any) ([]byte, error) {
	if o, ok := v.(map[string]any); ok && o["codec"] == s.Name {
		text, _ := o["hex"].(string)
		b, err := hex.DecodeString(text)
		return append(to, b...), err
	}
	if text, ok := v.(string); ok || v == nil {
		if b, err := addressOf(s.Name, text); b != nil || err != nil {
			return append(to, b...), err
		}
	}
	return to, wanted(fmt.Sprintf(`{"codec": %q, "hex": …}`, s.Name), v)
}

// addressOf encodes the addresses that derived codecs write by themselves; nil for all else. No text is the zero address.
func addressOf(name, text string) ([]byte, error) {
	switch name {
	case "binary:netip.Addr":
		return parsed(text, netip.ParseAddr)
	case "binary:netip.AddrPort":
		return parsed(text, netip.ParseAddrPort)
	case "binary:netip.Prefix":
		return parsed(text, netip.ParsePrefix)
	}
	return nil, nil
}

func parsed[A encoding.BinaryAppender](text string, parse func(string) (A, error)) ([]byte, error) {
	var a A
	if text != "" {
		var err error
		if a, err = parse(text); err != nil {
			return nil, err
		}
	}
	return a.AppendBinary([]byte{})
}
