package joining

import (
	"bytes"
	"errors"
	"testing"

	"leat.dev/leat/codec"
)

// Whatever bytes a snapshot has, they are read as values that are written the same again, or refused as corrupt.
func FuzzDecode(f *testing.F) {
	kept, err := newKeptCodec[left, right](nil)
	if err != nil {
		f.Fatal(err)
	}
	cells, err := newCellCodec[right](nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, k := range keptOfAllKinds() {
		text, err := kept.Append(nil, k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, c := range []cell[right]{{one: [1]right{newRight(1)}}, {several: []right{newRight(1), newRight(2)}, paired: true}} {
		text, err := cells.Append(nil, c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		readAndWrite(t, kept, text)
		readAndWrite(t, cells, text)
	})
}

func keptOfAllKinds() []Kept[left, right] {
	var none, one, many, parts Kept[left, right]
	one.Add(Side[left, right]{First: &left{1}})
	for i := range 3 {
		u := newRight(i)
		many.Add(Side[left, right]{Second: &u})
		parts.Add(Side[left, right]{Second: &u})
		parts.Emitted()
	}
	return []Kept[left, right]{none, one, many, parts}
}

func readAndWrite[M any](t *testing.T, c codec.Codec[M], text []byte) {
	m, err := c.Decode(text)
	if err != nil {
		if !errors.Is(err, codec.ErrCorrupt) {
			t.Fatalf("%x: %v", text, err)
		}
		return
	}
	first, err := c.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Decode(first)
	if err != nil {
		t.Fatalf("%x was read, and %x written: %v", text, first, err)
	}
	if second, err := c.Append(nil, again); err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%x was written as %x, and then as %x: %v", text, first, second, err)
	}
}

// A record gets a field: what an older version of the job has kept is read.
func TestRecordsEvolve(t *testing.T) {
	type now struct {
		ID   int
		Note string
		More []int
	}
	was, err := newKeptCodec[left, right](nil)
	if err != nil {
		t.Fatal(err)
	}
	is, err := newKeptCodec[left, now](nil)
	if err != nil {
		t.Fatal(err)
	}
	read, err := codec.ReaderOf(is, was.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keptOfAllKinds() {
		text, err := was.Append(nil, k)
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(text)
		if err != nil {
			t.Fatal(err)
		}
		_, before := k.All()
		_, after := got.All()
		if len(before) != len(after) || len(after) > 0 && after[len(after)-1].Note != before[len(before)-1].Note {
			t.Errorf("%v has become %v", before, after)
		}
	}
}
