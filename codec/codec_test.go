package codec_test

import (
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"leat.dev/leat/codec"
)

func derive[T any](t testing.TB) codec.Codec[T] {
	t.Helper()
	c, err := codec.Derive[T](nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// roundTrip encodes by value and in place, and returns what comes back.
func roundTrip[T any](t testing.TB, c codec.Codec[T], v T) T {
	t.Helper()
	b, err := c.Append([]byte("before"), v)
	if err != nil {
		t.Fatal(err)
	}
	b = b[len("before"):]
	back, err := c.Decode(b)
	if err != nil {
		t.Fatalf("%v: % x", err, b)
	}
	if in, ok := c.(codec.InPlace[T]); ok {
		again, err := in.AppendPtr(nil, &v)
		if err != nil || string(again) != string(b) {
			t.Fatalf("AppendPtr wrote % x (%v), Append % x", again, err, b)
		}
		dirty := v
		if err := in.DecodePtr(b, &dirty); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(dirty, back) {
			t.Fatalf("DecodePtr read %+v, Decode %+v", dirty, back)
		}
	}
	return back
}

func sample() txn {
	return txn{
		base: base{"x"}, Account: "a-17", Amount: -5, Rate: 1.5, Flag: true, Small: -3, Wide: 1 << 31, Level: 9,
		At:   time.Date(2026, 7, 1, 12, 0, 0, 123456789, time.UTC),
		Meta: meta{Source: "web", Tags: map[string]int{"b": 2, "a": 1, "": 3}, note: "unexported"},
		Next: &meta{}, Lines: []line{{"s", 1}, {"", -1}}, Raw: []byte{}, Grid: [2][3]int16{{1, 2, 3}, {4, 5, 6}},
		Texts: [2]string{"p", "q"}, Peer: netip.MustParseAddrPort("[::1%eth0]:80"), Big: big.NewInt(-1 << 60),
		Floats: map[float64]bool{1.5: true, -1: false}, Z: 1 + 2i, Empty: make([]struct{}, 3),
	}
}

func TestStructComesBack(t *testing.T) {
	c := derive[txn](t)
	for _, v := range []txn{sample(), {}} {
		if back := roundTrip(t, c, v); !reflect.DeepEqual(back, v) {
			t.Errorf("got  %+v\nwant %+v", back, v)
		}
	}
}

func TestTaggedFieldIsLeftOut(t *testing.T) {
	v := sample()
	v.cached = []byte("dropped")
	if back := roundTrip(t, derive[txn](t), v); back.cached != nil {
		t.Errorf("a field with the tag - came back as %q", back.cached)
	}
}
