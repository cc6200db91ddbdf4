package snapshot

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/keygroup"
)

// A key is in one of the old key groups that overlap its new one.
func TestOverlap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		hash, is, was := r.Uint64(), 1+r.IntN(keygroup.MaxMax), 1+r.IntN(keygroup.MaxMax)
		from, to := overlap(keygroup.Of(hash, is), is, was)
		if g := keygroup.Of(hash, was); g < from || g >= to || from < 0 || to > was {
			t.Fatalf("hash %x: key group %d of %d, not from %d to %d", hash, g, was, from, to)
		}
	}
	for _, c := range [][5]int{{0, 128, 128, 0, 1}, {127, 128, 128, 127, 128}, {0, 1, 128, 0, 128}, {5, 128, 64, 2, 3}, {2, 64, 128, 4, 6}, {1, 3, 2, 0, 2}} {
		if from, to := overlap(c[0], c[1], c[2]); from != c[3] || to != c[4] {
			t.Errorf("key group %d of %d: %d to %d of %d, want %d to %d", c[0], c[1], from, to, c[2], c[3], c[4])
		}
	}
}

func TestFloors(t *testing.T) {
	floor := func(from, to int, at int64) backend.Floor { return backend.Floor{From: from, To: to, Watermark: at} }
	sliced := []*written{{State: backend.State{Kind: backend.Slices}}}
	sessions := []*written{{State: backend.State{Kind: backend.Sessions}}}
	rekey := func(b []byte) ([]byte, error) { return b, nil }
	for name, c := range map[string]struct {
		part     part
		was, is  int
		want     []backend.Floor
		isFiring bool
	}{
		"nothing changed":   {part{Operator: at(floor(0, 2, 5), floor(2, 4, 6)), states: sliced}, 4, 4, []backend.Floor{floor(0, 2, 5), floor(2, 4, 6)}, false},
		"none":              {part{changed: true, states: sliced}, 4, 8, nil, false},
		"all the same":      {part{Operator: at(floor(0, 2, 5), floor(2, 4, 5)), changed: true, states: sliced}, 4, 7, []backend.Floor{floor(0, 7, 5)}, false},
		"finer":             {part{Operator: at(floor(0, 2, 5), floor(2, 4, 6)), changed: true, states: sliced}, 4, 8, []backend.Floor{floor(0, 4, 5), floor(4, 8, 6)}, false},
		"apart":             {part{Operator: at(floor(0, 2, 5), floor(2, 4, 6)), changed: true, states: sliced}, 4, 3, nil, true},
		"apart, sessions":   {part{Operator: at(floor(0, 2, 5), floor(2, 4, 6)), changed: true, states: sessions}, 4, 3, []backend.Floor{floor(0, 2, 5), floor(2, 3, 6)}, false},
		"other keys":        {part{Operator: at(floor(0, 2, 5), floor(2, 4, 6)), changed: true, rekey: rekey, states: sessions}, 4, 4, []backend.Floor{floor(0, 4, 5)}, false},
		"other keys, apart": {part{Operator: at(floor(0, 2, 5), floor(2, 4, 6)), changed: true, rekey: rekey, states: sliced}, 4, 4, nil, true},
		"some without":      {part{Operator: at(floor(1, 4, 5)), changed: true, states: sessions}, 4, 2, []backend.Floor{floor(0, 1, math.MinInt64), floor(1, 2, 5)}, false},
	} {
		got, err := c.part.floors(c.was, c.is)
		if !slices.Equal(got, c.want) || (err != nil) != c.isFiring {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
}

func at(floors ...backend.Floor) checkpoint.Operator { return checkpoint.Operator{Floors: floors} }
