package keygroup

import (
	"testing"

	"github.com/zeebo/xxh3"
)

func TestKeys(t *testing.T) {
	check(t, int64(-7))
	check(t, 7)
	check(t, uint8(200))
	check(t, int16(-2))
	check(t, uint32(1<<31))
	check(t, "hello")
	check(t, "")
	check(t, struct{}{})
	check(t, true)
	check(t, struct {
		A int32
		B string
	}{1, "x"})
	check(t, [3]byte{1, 2, 3})
	check(t, struct{ A, b int32 }{1, 2})
}

func check[K comparable](t *testing.T, key K) {
	t.Helper()
	k, err := Derive[K](nil)
	if err != nil {
		t.Fatal(err)
	}
	b := k.Append(nil, key)
	var to [3]uint64
	k.HashAll([]K{key, key, key}, to[:])
	if h := xxh3.Hash(b); h != to[0] || h != to[2] || h != k.Hash(key) {
		t.Errorf("%v: hashes %x and %x, want %x", key, to, k.Hash(key), h)
	}
	back, err := k.Decode(b)
	if err != nil || back != key {
		t.Errorf("%v comes back as %v (%v)", key, back, err)
	}
	if n := testing.AllocsPerRun(100, func() { k.Hash(key) }); n != 0 {
		t.Errorf("%T: Hash allocates %v times", key, n)
	}
}
