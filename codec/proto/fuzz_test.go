package proto

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"leat.dev/leat/codec"
)

// FuzzDecode holds that what is read is written and read again as an equal message.
func FuzzDecode(f *testing.F) {
	c := Codec[*structpb.Value]()
	for _, v := range []*structpb.Value{structpb.NewStringValue("x"), structpb.NewNumberValue(1.5), structpb.NewNullValue()} {
		b, err := c.Append(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := c.Decode(b)
		if err != nil {
			if !errors.Is(err, codec.ErrCorrupt) {
				t.Fatalf("not an ErrCorrupt: %v", err)
			}
			return
		}
		again, err := c.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := c.Decode(again); err != nil || !proto.Equal(back, v) && v.GetNumberValue() == v.GetNumberValue() {
			t.Fatalf("% x was read as %v, then as %v (%v)", b, v, back, err)
		}
	})
}

// FuzzResolve takes definitions that are corrupt: they are errors.
func FuzzResolve(f *testing.F) {
	own := Codec[*structpb.Value]()
	f.Add(own.Schema().Definition)
	f.Fuzz(func(t *testing.T, definition string) {
		s := codec.Schema{Name: own.Schema().Name, Fingerprint: "x", Definition: definition}
		if read, err := own.(codec.Resolver[*structpb.Value]).Resolve(s); (read == nil) == (err == nil) {
			t.Fatalf("neither a reader nor an error, or both: %v", err)
		}
	})
}
