// Package codec turns values into bytes and back, with a recorded schema.
//
// Most types need nothing: [Derive] works out an encoding by reflection when the job is planned and refuses, with the
// path of the field, what it can't encode. The schema goes into every snapshot, so that a later version of the program
// can read what an earlier one wrote ([Resolve]): fields may be added, removed, renamed and widened.
//
// A type with an encoding of its own is given to the job, which then uses it wherever the type occurs:
//
//	job.Encode(codec.Of("route/1", encodeRoute, decodeRoute))
//	job.Encode(codec.Binary[netip.Prefix]())
//
// A field's tag renames it in the schema, lists what it was called before, or leaves it out:
//
//	type Txn struct {
//		Account string `leat:"account,was=acct|customer"`
//		cached  []byte `leat:"-"`
//	}
//
// The bytes are drawn in docs/format/values.md.
package codec

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
)

// Codec turns values into bytes and back. It is used by several goroutines at once and keeps no state between calls.
type Codec[T any] interface {
	// Append appends the encoding of v to the slice and returns it. An error fails the attempt.
	Append(to []byte, v T) ([]byte, error)

	// Decode reads a value that Append, or an Append of the same schema, has written. It is given exactly the bytes of
	// one value and must refuse anything else with an error, never a panic. It may not keep from.
	Decode(from []byte) (T, error)

	// Schema describes what Append writes.
	Schema() Schema
}

// InPlace is what a codec may offer beside [Codec] to spare copies of large values. Derived codecs do.
type InPlace[T any] interface {
	// AppendPtr appends the encoding of *v, which it does not change and does not keep.
	AppendPtr(to []byte, v *T) ([]byte, error)

	// DecodePtr overwrites *v with the value that from holds. After an error *v is unspecified.
	DecodePtr(from []byte, v *T) error
}

// Resolver is what a codec may offer beside [Codec] if it can read what other schemas wrote. Derived codecs and
// protobuf's do. Of all other codecs only the same name and fingerprint can be read.
type Resolver[T any] interface {
	// Resolve returns a function that reads what writer wrote, or an error that says why this can't be.
	Resolve(writer Schema) (func(from []byte) (T, error), error)
}

// Schema describes what a codec writes, so that a restore can compare.
type Schema struct {
	// Name is for people: the Go type, the protobuf message, or what a user's codec is called.
	Name string `json:"name"`
	// Fingerprint is equal for schemas that write the same bytes for the same values. The names of types are no part
	// of a derived schema's fingerprint; those of fields are.
	Fingerprint string `json:"fingerprint"`
	// Definition is the whole schema: JSON for derived codecs, base64 of a descriptor for protobuf, and empty if only
	// the codec itself understands its bytes.
	Definition string `json:"definition,omitempty"`
}

// ErrCorrupt is wrapped by the errors of decoding bytes that are no value of the schema.
var ErrCorrupt = errors.New("corrupt value")

// Opaque is the schema of a codec that only itself understands its bytes: a name, which should carry a version.
func Opaque(name string) Schema {
	return Schema{Name: name, Fingerprint: fingerprint("opaque " + name)}
}

func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Struct derives the codec of T by reflection, as the job does for types that it was given no codec for. If T can't be
// encoded, the codec's methods return the reason, and [Check] reveals it.
func Struct[T any]() Codec[T] {
	c, err := Derive[T](nil)
	if err != nil {
		return broken[T]{err}
	}
	return c
}

// Check returns the reason why a codec can't work, or nil. It asks the codec if that has a method Check() error.
func Check[T any](c Codec[T]) error {
	if b, ok := c.(interface{ Check() error }); ok {
		return b.Check()
	}
	return nil
}

// broken is the codec of a type that can't be encoded: Struct has no error to return.
type broken[T any] struct{ err error }

func (b broken[T]) Check() error                          { return b.err }
func (b broken[T]) Append(to []byte, _ T) ([]byte, error) { return to, b.err }
func (b broken[T]) Decode([]byte) (zero T, err error)     { return zero, b.err }
func (b broken[T]) Schema() Schema                        { return Opaque(reflect.TypeFor[T]().String()) }

// Of makes a codec of two functions. schema names the format and its version, such as "route/1": a snapshot is read
// only by a codec of the same name. The functions obey the rules of [Codec].
func Of[T any](schema string, enc func(to []byte, v T) ([]byte, error), dec func(from []byte) (T, error)) Codec[T] {
	return &functions[T]{enc, dec, Opaque(schema)}
}

type functions[T any] struct {
	enc    func([]byte, T) ([]byte, error)
	dec    func([]byte) (T, error)
	schema Schema
}

func (f *functions[T]) Append(to []byte, v T) ([]byte, error) { return f.enc(to, v) }
func (f *functions[T]) Decode(from []byte) (T, error)         { return f.dec(from) }
func (f *functions[T]) Schema() Schema                        { return f.schema }

// Binary encodes a type by its own MarshalBinary and UnmarshalBinary. Its schema is the name of the type: what these
// methods write must stay readable by their later versions.
func Binary[T encoding.BinaryMarshaler, P interface {
	*T
	encoding.BinaryUnmarshaler
}]() Codec[T] {
	return marshaled[T, P]{Opaque(binaryName(reflect.TypeFor[T]()))}
}

func binaryName(t reflect.Type) string { return "binary:" + t.String() }

type marshaled[T encoding.BinaryMarshaler, P interface {
	*T
	encoding.BinaryUnmarshaler
}] struct{ schema Schema }

func (m marshaled[T, P]) Append(to []byte, v T) ([]byte, error) {
	return appendBinary(to, v)
}

func (m marshaled[T, P]) Decode(from []byte) (v T, err error) {
	if err := P(&v).UnmarshalBinary(from); err != nil {
		return v, fmt.Errorf("decode %T: %w", v, err)
	}
	return v, nil
}

func (m marshaled[T, P]) Schema() Schema { return m.schema }

// appendBinary spares the copy of MarshalBinary where a type can append.
func appendBinary(to []byte, v encoding.BinaryMarshaler) ([]byte, error) {
	if a, ok := v.(encoding.BinaryAppender); ok {
		return a.AppendBinary(to)
	}
	b, err := v.MarshalBinary()
	return append(to, b...), err
}
