package codec_test

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"leat.dev/leat/codec"
)

// fuzzDecode holds that what is read is written again as the same bytes, and that everything else is an error.
func fuzzDecode[T any](f *testing.F, seeds ...T) {
	c := derive[T](f)
	for _, v := range seeds {
		b, err := c.Append(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := c.Decode(b)
		if err != nil {
			return
		}
		again, err := c.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != string(b) {
			t.Fatalf("% x was read as %+v, which is written as % x", b, v, again)
		}
	})
}

func FuzzScalars(f *testing.F) { fuzzDecode(f, scalars{I: "text", G: true, H: time.Unix(1, 2)}) }
func FuzzString(f *testing.F)  { fuzzDecode(f, "", "text", string(make([]byte, 200))) }
func FuzzTime(f *testing.F)    { fuzzDecode(f, time.Time{}, time.Unix(1, 2)) }
func FuzzLines(f *testing.F)   { fuzzDecode(f, []line{}, nil, []line{{"a", 1}, {"", -1}}) }
func FuzzTree(f *testing.F) {
	fuzzDecode(f, tree{}, tree{Left: &tree{}, Kids: []tree{{Value: 1}}, Named: map[string]tree{"": {}, "a": {}}})
}

func FuzzContainers(f *testing.F) {
	type containers struct {
		A map[point][]string
		B [][]*uint16
		C [2]map[uint8]bool
		D []struct{}
		E map[struct{}]string
	}
	one := uint16(1)
	fuzzDecode(f, containers{}, containers{
		A: map[point][]string{{1, 2}: {"a"}, {1, 3}: nil}, B: [][]*uint16{nil, {nil, &one}},
		C: [2]map[uint8]bool{{1: true}, nil}, D: make([]struct{}, 5), E: map[struct{}]string{{}: "x"},
	})
}

// FuzzTxn has parts with encodings of their own, which may accept several bytes for a value.
func FuzzTxn(f *testing.F) {
	c := derive[txn](f)
	b, err := c.Append(nil, sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := c.Decode(b)
		if err != nil || v.Rate != v.Rate || real(v.Z) != real(v.Z) || imag(v.Z) != imag(v.Z) || v.Peer.Addr() == (netip.Addr{}) {
			return
		}
		for k := range v.Floats {
			if k != k {
				return
			}
		}
		if back := roundTrip(t, c, v); !reflect.DeepEqual(back, v) {
			t.Fatalf("got %+v\nwant %+v", back, v)
		}
	})
}

// FuzzResolve reads arbitrary bytes by arbitrary definitions: whatever comes, it is a value or an error.
func FuzzResolve(f *testing.F) {
	add := func(s codec.Schema, b []byte, err error) {
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s.Definition, b)
	}
	lines, trees, olds := derive[lineV1](f), derive[tree](f), derive[v1](f)
	b, err := lines.Append(nil, lineV1{"s", 1, [2]string{"a", ""}})
	add(lines.Schema(), b, err)
	b, err = trees.Append(nil, tree{Left: &tree{}})
	add(trees.Schema(), b, err)
	b, err = olds.Append(nil, v1{Gone: map[string][]time.Time{"a": {{}}}, Items: []lineV1{{}}, Lost: &tree{Kids: []tree{{}}}})
	add(olds.Schema(), b, err)
	f.Fuzz(func(t *testing.T, definition string, b []byte) {
		read, err := codec.Resolve[v2](nil, codec.Schema{Name: "old", Fingerprint: "x", Definition: definition})
		if err != nil {
			return
		}
		if _, err := read(b); err != nil && !errors.Is(err, codec.ErrCorrupt) {
			t.Fatalf("not an ErrCorrupt: %v", err)
		}
	})
}
