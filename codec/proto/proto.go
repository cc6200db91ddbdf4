// Package proto encodes protobuf messages. It is a leaf of its own, so that package codec imports no protobuf library.
//
//	job.Encode(proto.Codec[*pb.Payment]())
package proto

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"reflect"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"leat.dev/leat/codec"
)

// Codec encodes messages of type M, which is a pointer to a generated type, as protobuf does: deterministically, and
// with the fields that this program does not know. The schema is the message's full name and, as base64, the
// FileDescriptorSet that defines it. Messages that an older definition wrote are read if every field that both have
// kept its number and a wire-compatible type. A nil message can't be encoded: use an empty one.
func Codec[M proto.Message]() codec.Codec[M] {
	m, err := messageType[M]()
	if err != nil {
		return &messages[M]{err: err}
	}
	return &messages[M]{typ: m, schema: schemaOf(m.Descriptor())}
}

type messages[M proto.Message] struct {
	typ    protoreflect.MessageType
	schema codec.Schema
	err    error // why M has no codec
}

// messageType asks a nil M for its type, which only pointers to generated types know.
func messageType[M proto.Message]() (t protoreflect.MessageType, err error) {
	var none M
	if reflect.TypeFor[M]().Kind() != reflect.Pointer {
		return nil, fmt.Errorf("type %v is no pointer to a generated protobuf message", reflect.TypeFor[M]())
	}
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("type %v does not know its message type: use a generated protobuf message", reflect.TypeFor[M]())
		}
	}()
	return none.ProtoReflect().Type(), nil
}

// Check says why M has no codec.
func (c *messages[M]) Check() error         { return c.err }
func (c *messages[M]) Schema() codec.Schema { return c.schema }

func (c *messages[M]) Append(to []byte, m M) ([]byte, error) {
	if c.err != nil {
		return to, c.err
	}
	if !m.ProtoReflect().IsValid() {
		return to, fmt.Errorf("encode %s: the message is nil: use an empty one", c.schema.Name)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(to, m)
	if err != nil {
		return to, fmt.Errorf("encode %s: %w", c.schema.Name, err)
	}
	return b, nil
}

func (c *messages[M]) Decode(from []byte) (m M, err error) {
	if c.err != nil {
		return m, c.err
	}
	m = c.typ.New().Interface().(M)
	if err := proto.Unmarshal(from, m); err != nil {
		return m, fmt.Errorf("decode %s: %w: %w", c.schema.Name, codec.ErrCorrupt, err)
	}
	return m, nil
}

// Resolve reads what an older or newer definition of the same message wrote.
func (c *messages[M]) Resolve(writer codec.Schema) (func([]byte) (M, error), error) {
	if c.err != nil {
		return nil, c.err
	}
	wrote, err := message(writer)
	if err != nil {
		return nil, err
	}
	own := c.typ.Descriptor()
	if wrote.FullName() != own.FullName() {
		return nil, fmt.Errorf("message %s was written, %s is wanted", wrote.FullName(), own.FullName())
	}
	if err := compatible(wrote, own, map[protoreflect.FullName]bool{}); err != nil {
		return nil, err
	}
	return c.Decode, nil
}

// schemaOf writes down the file that defines a message and all that it imports, so that the bytes can be read without
// the program.
func schemaOf(m protoreflect.MessageDescriptor) codec.Schema {
	set := &descriptorpb.FileDescriptorSet{}
	collect(set, m.ParentFile(), map[string]bool{})
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		panic(fmt.Sprintf("the descriptor of %s can't be encoded: %v", m.FullName(), err)) // it was decoded from bytes
	}
	name := string(m.FullName())
	sum := sha256.Sum256(append([]byte(name+"\n"), b...))
	return codec.Schema{Name: name, Fingerprint: hex.EncodeToString(sum[:8]), Definition: base64.StdEncoding.EncodeToString(b)}
}

// collect adds a file after those that it imports.
func collect(set *descriptorpb.FileDescriptorSet, f protoreflect.FileDescriptor, done map[string]bool) {
	if done[f.Path()] {
		return
	}
	done[f.Path()] = true
	for i := range f.Imports().Len() {
		collect(set, f.Imports().Get(i).FileDescriptor, done)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
}

// message finds the message that a schema defines.
func message(s codec.Schema) (protoreflect.MessageDescriptor, error) {
	b, err := base64.StdEncoding.DecodeString(s.Definition)
	if err != nil || s.Definition == "" {
		return nil, fmt.Errorf("schema %s is none of protobuf", s.Name)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(b, set); err != nil {
		return nil, fmt.Errorf("schema %s is none of protobuf: %w", s.Name, err)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", s.Name, err)
	}
	d, err := files.FindDescriptorByName(protoreflect.FullName(s.Name))
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", s.Name, err)
	}
	m, ok := d.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, fmt.Errorf("schema %s: it defines no message of this name", s.Name)
	}
	return m, nil
}

// compatible checks that fields with the same number can be read without loss.
func compatible(wrote, own protoreflect.MessageDescriptor, done map[protoreflect.FullName]bool) error {
	if done[wrote.FullName()] {
		return nil
	}
	done[wrote.FullName()] = true
	for i := range wrote.Fields().Len() {
		from := wrote.Fields().Get(i)
		to := own.Fields().ByNumber(from.Number())
		if to == nil {
			continue
		}
		same := from.IsMap() == to.IsMap() && from.IsList() == to.IsList()
		if !same || from.Kind() != to.Kind() && !widened[[2]protoreflect.Kind{from.Kind(), to.Kind()}] {
			return fmt.Errorf("field %s (number %d) was %s, and is %s", from.FullName(), from.Number(), text(from), text(to))
		}
		if from.Message() == nil {
			continue
		}
		if err := compatible(from.Message(), to.Message(), done); err != nil {
			return err
		}
	}
	return nil
}

// widened has the kinds whose bytes another kind reads as the same values.
var widened = map[[2]protoreflect.Kind]bool{
	{protoreflect.BoolKind, protoreflect.Int32Kind}:    true,
	{protoreflect.BoolKind, protoreflect.Int64Kind}:    true,
	{protoreflect.BoolKind, protoreflect.Uint32Kind}:   true,
	{protoreflect.BoolKind, protoreflect.Uint64Kind}:   true,
	{protoreflect.EnumKind, protoreflect.Int32Kind}:    true,
	{protoreflect.EnumKind, protoreflect.Int64Kind}:    true,
	{protoreflect.Int32Kind, protoreflect.EnumKind}:    true,
	{protoreflect.Int32Kind, protoreflect.Int64Kind}:   true,
	{protoreflect.Uint32Kind, protoreflect.Uint64Kind}: true,
	{protoreflect.Uint32Kind, protoreflect.Int64Kind}:  true,
	{protoreflect.Sint32Kind, protoreflect.Sint64Kind}: true,
	{protoreflect.StringKind, protoreflect.BytesKind}:  true,
}

func text(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "a map"
	case f.IsList():
		return "repeated " + f.Kind().String()
	}
	return f.Kind().String()
}
