package connector_test

import (
	"bytes"
	"math"
	"testing"

	"leat.dev/leat/connector"
)

func TestPositionRoundTrip(t *testing.T) {
	for _, want := range [][2]uint64{{0, 0}, {1, 127}, {128, 300}, {math.MaxUint64, 1 << 40}} {
		var got [2]uint64
		if err := connector.DecodePosition(connector.EncodePosition(want[0], want[1]), &got[0], &got[1]); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if p := connector.EncodePosition(); p == nil {
		t.Error("a position of no numbers is nil")
	}
}

func TestPositionDamaged(t *testing.T) {
	for _, c := range []struct {
		position []byte
		want     string
	}{
		{nil, "position  is damaged: want 1 numbers"},
		{[]byte{0x80}, "position 80 is damaged: want 1 numbers"},
		{[]byte{0x80, 0}, "position 8000 is damaged: want 1 numbers"},
		{[]byte{5, 6}, "position 0506 is damaged: 1 bytes too many"},
	} {
		var n uint64
		if err := connector.DecodePosition(c.position, &n); err == nil || err.Error() != c.want {
			t.Errorf("position %x: got %v, want %s", c.position, err, c.want)
		}
	}
}

func FuzzPosition(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{5, 6})
	f.Add([]byte{0x80, 0, 1})
	f.Add(connector.EncodePosition(math.MaxUint64, 1<<40))
	f.Fuzz(func(t *testing.T, position []byte) {
		var a, b uint64
		if connector.DecodePosition(position, &a, &b) != nil {
			return
		}
		if again := connector.EncodePosition(a, b); !bytes.Equal(again, position) {
			t.Errorf("%x decodes to %d and %d, which encode to %x", position, a, b, again)
		}
	})
}
