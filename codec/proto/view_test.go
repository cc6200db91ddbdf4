package proto_test

import (
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"leat.dev/leat/codec"
	"leat.dev/leat/codec/proto"
)

func TestMessagesAreShownByTheirDescriptors(t *testing.T) {
	c := proto.Codec[*structpb.Value]()
	b, err := c.Append(nil, structpb.NewStringValue("x"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := codec.NewDynamic(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	v, err := d.Decode(b)
	if text := string(codec.JSON(nil, v)); text != `"x"` || err != nil {
		t.Errorf("shown as %s, %v", text, err)
	}
}

func TestMessagesWithinOtherValues(t *testing.T) {
	type call struct {
		Name string
		Took *durationpb.Duration
		None *durationpb.Duration
	}
	var set codec.Set
	if err := set.Add(proto.Codec[*durationpb.Duration]()); err != nil {
		t.Fatal(err)
	}
	c, err := codec.Derive[call](&set)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Append(nil, call{Name: "a", Took: &durationpb.Duration{Seconds: 2}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := codec.NewDynamic(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	v, err := d.Decode(b)
	if text := string(codec.JSON(nil, v)); text != `{"Name":"a","Took":"2s","None":null}` || err != nil {
		t.Errorf("shown as %s, %v", text, err)
	}
}
