package keygroup

import (
	"bytes"
	"math"
	"net/netip"
	"strings"
	"testing"

	"leat.dev/leat/codec"
)

type stop struct {
	City string
	No   int16
}

// sameBytes holds that canonical bytes alone lead to the key group of the key, and can be shown and given back.
func sameBytes[K comparable](t *testing.T, shown string, key K) {
	t.Helper()
	keys, err := Derive[K](nil)
	if err != nil {
		t.Fatal(err)
	}
	canonical := keys.Append(nil, key)
	if HashBytes(canonical) != keys.Hash(key) {
		t.Errorf("%v: the hash of its bytes is %x, its own is %x", key, HashBytes(canonical), keys.Hash(key))
	}
	for _, max := range []int{1, 128, MaxMax} {
		if OfBytes(canonical, max) != Of(keys.Hash(key), max) {
			t.Errorf("%v: another key group of %d", key, max)
		}
	}
	d, err := NewDynamic(keys.Schema(), "")
	if err != nil {
		t.Fatal(err)
	}
	v, err := d.Decode(canonical)
	if text := string(codec.JSON(nil, v)); err != nil || text != shown {
		t.Errorf("%v is shown as %s, want %s (%v)", key, text, shown, err)
	}
	if back, err := d.Parse(shown); err != nil || !bytes.Equal(back, canonical) {
		t.Errorf("%s is % x, want % x (%v)", shown, back, canonical, err)
	}
}

func TestCanonicalBytesAlone(t *testing.T) {
	sameBytes(t, "0", 0)
	sameBytes(t, "-1", int8(-1))
	sameBytes(t, "513", uint16(513))
	sameBytes(t, "-70000", int32(-70000))
	sameBytes(t, "18446744073709551615", uint64(math.MaxUint64))
	sameBytes(t, "true", true)
	sameBytes(t, `""`, "")
	sameBytes(t, `"Zürich"`, "Zürich")
	sameBytes(t, `"`+strings.Repeat("long", 100)+`"`, strings.Repeat("long", 100))
	sameBytes(t, `{"City":"FRA","No":7}`, stop{"FRA", 7})
	sameBytes(t, `["a","bc"]`, [2]string{"a", "bc"})
	sameBytes(t, `{}`, struct{}{})
	sameBytes(t, `"10.0.0.1"`, netip.MustParseAddr("10.0.0.1"))
}

func TestKeysOfRecordedTypes(t *testing.T) {
	for goType, want := range map[string]string{"string": `"*"`, "uint8": "42", "main.ID": `{"codec":"main.ID","hex":"2a"}`} {
		d, err := NewDynamic(codec.Schema{}, goType)
		if err != nil {
			t.Fatal(err)
		}
		v, err := d.Decode([]byte{'*'})
		if got := string(codec.JSON(nil, v)); got != want || err != nil {
			t.Errorf("%s: %s, want %s (%v)", goType, got, want, err)
		}
	}
}

func TestParseOfPlainText(t *testing.T) {
	keys, _ := Derive[netip.Addr](nil)
	d, _ := NewDynamic(keys.Schema(), "")
	if b, err := d.Parse("10.0.0.1"); err != nil || !bytes.Equal(b, keys.Append(nil, netip.MustParseAddr("10.0.0.1"))) {
		t.Errorf("% x, %v", b, err)
	}
	texts, _ := NewDynamic(codec.Schema{}, "string")
	if b, err := texts.Parse("a-17"); err != nil || string(b) != "a-17" {
		t.Errorf("%s, %v", b, err)
	}
	numbers, _ := NewDynamic(codec.Schema{}, "int64")
	if _, err := numbers.Parse("a-17"); err == nil || !strings.Contains(err.Error(), "key a-17") {
		t.Errorf("error %v", err)
	}
}

func FuzzDynamicKeys(f *testing.F) {
	keys, err := Derive[stop](nil)
	if err != nil {
		f.Fatal(err)
	}
	d, err := NewDynamic(keys.Schema(), "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(keys.Append(nil, stop{"FRA", 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := d.Decode(b)
		if err != nil {
			return
		}
		key, err := keys.Decode(b)
		if err != nil {
			t.Fatalf("% x is shown as %v, but is no key: %v", b, v, err)
		}
		if HashBytes(b) != keys.Hash(key) {
			t.Fatalf("% x: the hash of the bytes is another than the key's", b)
		}
	})
}
