package codec_test

import (
	"net/netip"
	"testing"
	"time"

	"leat.dev/leat/codec"
)

func TestHoldsReferences(t *testing.T) {
	for _, test := range []struct {
		what      string
		got, want bool
	}{
		{"int", codec.HoldsReferences[int](), false},
		{"string", codec.HoldsReferences[string](), false},
		{"time", codec.HoldsReferences[time.Time](), false},
		{"a type defined as a time", codec.HoldsReferences[stamp](), false},
		{"struct of scalars", codec.HoldsReferences[scalars](), false},
		{"array of structs", codec.HoldsReferences[[2]line](), false},
		{"address", codec.HoldsReferences[netip.Addr](), false},
		{"empty array of slices", codec.HoldsReferences[[0][]int](), false},
		{"slice", codec.HoldsReferences[[]int](), true},
		{"map", codec.HoldsReferences[map[int]int](), true},
		{"pointer", codec.HoldsReferences[*int](), true},
		{"interface", codec.HoldsReferences[error](), true},
		{"func", codec.HoldsReferences[func()](), true},
		{"chan", codec.HoldsReferences[chan int](), true},
		{"nested", codec.HoldsReferences[[1]struct{ A struct{ B []int } }](), true},
	} {
		if test.got != test.want {
			t.Errorf("%s: %v, want %v", test.what, test.got, test.want)
		}
	}
}
