package proto

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"leat.dev/leat/codec"
)

func TestMessageComesBack(t *testing.T) {
	c := Codec[*structpb.Struct]()
	v, err := structpb.NewStruct(map[string]any{"a": 1.5, "b": []any{"x", nil}, "c": map[string]any{"d": true}})
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.Append([]byte("before"), v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := c.Decode(first[len("before"):])
	if err != nil || !proto.Equal(back, v) {
		t.Errorf("came back as %v (%v)", back, err)
	}
	for range 10 { // maps are written in order
		if again, err := c.Append([]byte("before"), back); err != nil || string(again) != string(first) {
			t.Fatalf("written differently: % x (%v), % x", again, err, first)
		}
	}
}

func TestNilMessageIsRefused(t *testing.T) {
	if _, err := Codec[*timestamppb.Timestamp]().Append(nil, nil); err == nil || !strings.Contains(err.Error(), "empty one") {
		t.Errorf("a nil message: %v", err)
	}
}

func TestCorruptMessage(t *testing.T) {
	if _, err := Codec[*timestamppb.Timestamp]().Decode([]byte{0xff}); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("corrupt bytes: %v", err)
	}
}

func TestTypesWithoutMessageTypeAreRefused(t *testing.T) {
	c := Codec[proto.Message]()
	var set codec.Set
	_, appendErr := c.Append(nil, nil)
	_, decodeErr := c.Decode(nil)
	for _, err := range []error{codec.Check(c), set.Add(c), appendErr, decodeErr} {
		if err == nil || !strings.Contains(err.Error(), "generated protobuf message") {
			t.Errorf("an interface as message type: %v", err)
		}
	}
}

func TestNestedInADerivedType(t *testing.T) {
	type event struct {
		At, Never *timestamppb.Timestamp
		Name      string
	}
	if _, err := codec.Derive[event](nil); err == nil || !strings.Contains(err.Error(), "proto.Codec[*timestamppb.Timestamp]") {
		t.Errorf("a message without its codec: %v", err)
	}
	var set codec.Set
	if err := set.Add(Codec[*timestamppb.Timestamp]()); err != nil {
		t.Fatal(err)
	}
	c, err := codec.Derive[event](&set)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 0, 0, 0, 5, time.UTC)
	b, err := c.Append(nil, event{At: timestamppb.New(at), Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	back, err := c.Decode(b)
	if err != nil || !back.At.AsTime().Equal(at) || back.Never != nil || back.Name != "x" {
		t.Errorf("came back as %v (%v)", back, err)
	}
}

// timestampWith is the schema of a google.protobuf.Timestamp whose definition has been changed.
func timestampWith(t *testing.T, change func(*descriptorpb.DescriptorProto)) codec.Schema {
	t.Helper()
	s := Codec[*timestamppb.Timestamp]().Schema()
	b, err := base64.StdEncoding.DecodeString(s.Definition)
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(b, set); err != nil {
		t.Fatal(err)
	}
	change(set.File[0].MessageType[0])
	if b, err = proto.Marshal(set); err != nil {
		t.Fatal(err)
	}
	return codec.Schema{Name: s.Name, Fingerprint: "other", Definition: base64.StdEncoding.EncodeToString(b)}
}

func TestOlderDefinitions(t *testing.T) {
	kind := func(field int, k descriptorpb.FieldDescriptorProto_Type) func(*descriptorpb.DescriptorProto) {
		return func(m *descriptorpb.DescriptorProto) { m.Field[field].Type = k.Enum() }
	}
	for name, test := range map[string]struct {
		change func(*descriptorpb.DescriptorProto)
		want   string // in the error
	}{
		"same fields":    {func(*descriptorpb.DescriptorProto) {}, ""},
		"field missing":  {func(m *descriptorpb.DescriptorProto) { m.Field = m.Field[:1] }, ""},
		"field renamed":  {func(m *descriptorpb.DescriptorProto) { m.Field[0].Name = proto.String("sec") }, ""},
		"field widened":  {kind(0, descriptorpb.FieldDescriptorProto_TYPE_INT32), ""},
		"field narrowed": {kind(1, descriptorpb.FieldDescriptorProto_TYPE_INT64), "was int64, and is int32"},
		"another type":   {kind(0, descriptorpb.FieldDescriptorProto_TYPE_STRING), "was string, and is int64"},
		"repeated": {func(m *descriptorpb.DescriptorProto) {
			m.Field[0].Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}, "was repeated int64, and is int64"},
	} {
		read, err := codec.Resolve[*timestamppb.Timestamp](setOf(t), timestampWith(t, test.change))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
			continue
		}
		if err == nil {
			if v, err := read([]byte{8, 7}); err != nil || v.Seconds != 7 {
				t.Errorf("%s: read %v (%v)", name, v, err)
			}
		}
	}
}

func setOf(t *testing.T) *codec.Set {
	t.Helper()
	set := &codec.Set{}
	if err := set.Add(Codec[*timestamppb.Timestamp]()); err != nil {
		t.Fatal(err)
	}
	return set
}

func TestOtherSchemasAreRefused(t *testing.T) {
	good := Codec[*timestamppb.Timestamp]().Schema()
	for _, s := range []codec.Schema{
		Codec[*structpb.Value]().Schema(),
		codec.Opaque("google.protobuf.Timestamp"),
		{Name: good.Name, Fingerprint: "x", Definition: "%"},
		{Name: good.Name, Fingerprint: "x", Definition: base64.StdEncoding.EncodeToString([]byte{0xff})},
		{Name: "google.protobuf.None", Fingerprint: "x", Definition: good.Definition},
		{Name: "google.protobuf.Timestamp.seconds", Fingerprint: "x", Definition: good.Definition},
	} {
		if _, err := codec.Resolve[*timestamppb.Timestamp](setOf(t), s); err == nil {
			t.Errorf("schema %s was accepted", s.Name)
		}
	}
}
