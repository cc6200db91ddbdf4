package keygroup

import (
	"net/netip"
	"testing"

	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"leat.dev/leat/codec"
)

type route struct {
	From, to string
	Leg      int16
}

type cell struct{ X, Y int32 }

type small struct {
	A uint16
	B bool
	C int8
}

type gap struct {
	A uint8
	B uint32
}

func derive[K comparable](t testing.TB) *Keys[K] {
	t.Helper()
	k, err := Derive[K](nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// check holds that hashes are XXH3 of the canonical bytes, by themselves and in batches, and that the bytes come back.
func check[K comparable](t *testing.T, exact bool, keys ...K) {
	t.Helper()
	k := derive[K](t)
	if k.Exact() != exact {
		t.Errorf("%T: Exact is %v", keys[0], k.Exact())
	}
	to := make([]uint64, len(keys)+1)
	k.HashAll(keys, to)
	for i, key := range keys {
		b := k.Append(nil, key)
		if h := xxh3.Hash(b); h != to[i] || h != k.Hash(key) {
			t.Errorf("%T %v: hashes %x and %x, want %x", key, key, to[i], k.Hash(key), h)
		}
		if back, err := k.Decode(b); err != nil || back != key {
			t.Errorf("%T %v comes back as %v (%v)", key, key, back, err)
		}
	}
	if n := testing.AllocsPerRun(100, func() { k.HashAll(keys, to) }); n >= 1 {
		t.Errorf("%T: HashAll allocates %v times", keys[0], n)
	}
}

func TestKeys(t *testing.T) {
	check(t, true, int64(-7), 0, 1<<62)
	check(t, true, -7, 7)
	check(t, true, uint(7))
	check(t, true, int32(-1), 2)
	check(t, true, uint32(1<<31))
	check(t, true, int16(-2), 300)
	check(t, true, uint16(65535))
	check(t, true, int8(-1), 5)
	check(t, true, uint8(200))
	check(t, true, true, false)
	check(t, true, struct{}{}, struct{}{})
	check(t, true, cell{1, 2}, cell{-1, 1 << 30})
	check(t, true, small{1, true, -1})
	check(t, true, gap{1, 2}, gap{255, 1})
	check(t, true, [3]byte{1, 2, 3}, [3]byte{})
	check(t, true, [2][2]bool{{true, false}, {false, true}})
	check(t, false, [16]byte{1, 2, 3}, [16]byte{15: 1})
	check(t, false, "", "a", "hello, a longer key than sixteen bytes")
	check(t, false, route{"FRA", "JFK", 1}, route{"FR", "AJFK", 1}, route{})
	check(t, false, [2]string{"a", "bc"}, [2]string{"ab", "c"})
	check(t, false, netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1%eth0"))
}

type named string

func TestNamedTypesAreKeysLikeTheirOwn(t *testing.T) {
	type id int32
	if derive[id](t).Hash(7) != derive[int32](t).Hash(7) || derive[named](t).Hash("x") != derive[string](t).Hash("x") {
		t.Error("a named type hashes differently")
	}
	if derive[named](t).Schema().Fingerprint != derive[string](t).Schema().Fingerprint {
		t.Error("a named string has another fingerprint")
	}
	if derive[string](t).Schema().Fingerprint == codec.Struct[string]().Schema().Fingerprint {
		t.Error("a key that is a string alone is written without its length, unlike values, and needs another fingerprint")
	}
}

func TestPaddingIsNoPartOfAKey(t *testing.T) {
	k := derive[gap](t)
	if b := k.Append(nil, gap{1, 2}); string(b) != "\x01\x02\x00\x00\x00" {
		t.Errorf("got % x", b)
	}
}

func TestSpecialisedHashes(t *testing.T) {
	for v := range 1 << 16 {
		if v < 1<<8 && hash1(uint8(v)) != xxh3.Hash([]byte{byte(v)}) {
			t.Fatalf("hash1(%d)", v)
		}
		if hash2(uint16(v)) != xxh3.Hash([]byte{byte(v), byte(v >> 8)}) {
			t.Fatalf("hash2(%d)", v)
		}
	}
	four, eight := derive[uint32](t), derive[uint64](t)
	rapid.Check(t, func(r *rapid.T) {
		x, y := rapid.Uint32().Draw(r, "x"), rapid.Uint64().Draw(r, "y")
		if hash4(x) != xxh3.Hash(four.Append(nil, x)) {
			r.Fatalf("hash4(%d)", x)
		}
		if hash8(y) != xxh3.Hash(eight.Append(nil, y)) {
			r.Fatalf("hash8(%d)", y)
		}
	})
}

func TestCustomCodec(t *testing.T) {
	folded := codec.Of("price/1",
		func(to []byte, v float64) ([]byte, error) { return append(to, byte(v)), nil },
		func(from []byte) (float64, error) { return float64(from[0]), nil })
	k, err := Derive(folded)
	if err != nil {
		t.Fatal(err)
	}
	if h := k.Hash(7.5); h != xxh3.Hash([]byte{7}) || k.Exact() || k.Schema().Name != "price/1" {
		t.Errorf("hash %x, exact %v, schema %v", h, k.Exact(), k.Schema())
	}
	if back, err := k.Decode([]byte{7}); err != nil || back != 7 {
		t.Errorf("came back as %v (%v)", back, err)
	}
	if _, err := Derive(codec.Struct[chan int]()); err == nil {
		t.Error("a codec that can't work was taken")
	}
}

func TestGroupsAndSubtasks(t *testing.T) {
	for _, max := range []int{1, 2, 7, 128, MaxMax} {
		for _, parallelism := range []int{1, 2, 3, 7, 64, 128} {
			if parallelism > max {
				continue
			}
			next := 0
			for s := range parallelism {
				from, to := Range(s, parallelism, max)
				if from != next || to <= from {
					t.Fatalf("subtask %d of %d has groups %d to %d of %d, want them to begin at %d", s, parallelism, from, to, max, next)
				}
				for _, g := range []int{from, to - 1} {
					if Subtask(g, parallelism, max) != s {
						t.Fatalf("group %d of %d goes to subtask %d of %d, want %d", g, max, Subtask(g, parallelism, max), parallelism, s)
					}
				}
				next = to
			}
			if next != max {
				t.Fatalf("%d subtasks have %d groups of %d", parallelism, next, max)
			}
		}
		if Of(0, max) != 0 || Of(1<<64-1, max) != max-1 {
			t.Errorf("of %d groups, the ends of the hashes are in %d and %d", max, Of(0, max), Of(1<<64-1, max))
		}
	}
}
