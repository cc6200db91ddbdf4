package keygroup

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zeebo/xxh3"

	"leat.dev/leat/codec"
)

// HashBytes is the hash of a key of which only the canonical bytes are known: what [Keys.Hash] is of the key itself.
func HashBytes(canonical []byte) uint64 { return xxh3.Hash(canonical) }

// OfBytes is the key group of a key of which only the canonical bytes are known.
func OfBytes(canonical []byte, max int) int { return Of(HashBytes(canonical), max) }

// Dynamic reads and writes canonical bytes by their recorded schema, without the key's Go type.
type Dynamic struct {
	text   bool // the key is a string alone, whose bytes have no length before them
	values *codec.Dynamic
}

// definitionsOf are schemas of Go types, for snapshots that recorded no more than the key's type.
var definitionsOf = map[string]string{
	"string": `{"type":"string"}`, "bool": `{"type":"bool"}`, "struct {}": `{"type":"struct"}`,
	"int": `{"type":"int64"}`, "int8": `{"type":"int8"}`, "int16": `{"type":"int16"}`, "int32": `{"type":"int32"}`, "int64": `{"type":"int64"}`,
	"uint": `{"type":"uint64"}`, "uint8": `{"type":"uint8"}`, "uint16": `{"type":"uint16"}`, "uint32": `{"type":"uint32"}`, "uint64": `{"type":"uint64"}`,
}

// NewDynamic returns what reads keys of a schema. Without one, the name of a built-in Go type will do; keys of other
// types are then shown as they are, in hexadecimal.
func NewDynamic(s codec.Schema, goType string) (*Dynamic, error) {
	text := s.Fingerprint == codec.Opaque("key string").Fingerprint
	if s.Fingerprint == "" && s.Definition == "" {
		s = codec.Schema{Name: goType, Definition: definitionsOf[goType]}
		text = goType == "string"
	}
	if text {
		s = codec.Schema{Name: s.Name, Definition: definitionsOf["string"]}
	}
	values, err := codec.NewDynamic(s)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return &Dynamic{text, values}, nil
}

// Decode reads the canonical bytes of one key.
func (d *Dynamic) Decode(canonical []byte) (any, error) {
	if d.text {
		return string(canonical), nil
	}
	return d.values.Decode(canonical)
}

// Parse returns the canonical bytes of a key that is given as JSON, or, where that is a string, as it is.
func (d *Dynamic) Parse(key string) ([]byte, error) {
	quoted, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	if d.text {
		var text string
		if json.Unmarshal([]byte(key), &text) == nil {
			return []byte(text), nil
		}
		return []byte(key), nil
	}
	b, err := d.values.AppendJSON([]byte{}, []byte(key))
	if err == nil {
		return b, nil
	}
	if b, again := d.values.AppendJSON([]byte{}, quoted); again == nil {
		return b, nil
	}
	return nil, errors.Join(fmt.Errorf("key %s", key), err)
}

// Layout is what keys are like; the second result is false if only a codec of its own understands them.
func (d *Dynamic) Layout() (codec.Layout, bool) { return d.values.Layout() }
