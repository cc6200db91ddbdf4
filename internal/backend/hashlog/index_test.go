package hashlog

import (
	"math/rand/v2"
	"slices"
	"testing"

	"leat.dev/leat/internal/keygroup"
)

// checkPart checks that slots are in order, none lies before its home, and no empty one lies between a slot and its home.
func checkPart(t *testing.T, p *part) {
	t.Helper()
	used, gap := 0, 0
	var last uint64
	for i, s := range p.slots {
		if s == 0 {
			gap = i + 1
			continue
		}
		used++
		if home := p.home(bitsOf(s)); bitsOf(s) < last || i < home || home < gap {
			t.Fatalf("slot %d: bits %#x after %#x, at home in %d, empty before %d", i, bitsOf(s), last, home, gap)
		}
		last = bitsOf(s)
	}
	if used != p.used {
		t.Fatalf("%d slots are used, and %d counted", used, p.used)
	}
}

func checkIndex(t *testing.T, x *index) {
	t.Helper()
	used, bytes := 0, int64(0)
	for _, g := range x.groups {
		if len(g.parts) != 1<<g.depth {
			t.Fatalf("%d parts at depth %d", len(g.parts), g.depth)
		}
		for i, p := range g.parts {
			if i > 0 && p == g.parts[i-1] {
				continue
			}
			checkPart(t, p)
			used += p.used
			if p != vacant {
				bytes += p.bytes()
			}
		}
	}
	if used != x.used || bytes != x.bytes {
		t.Fatalf("%d slots, %d bytes, counted %d and %d", used, bytes, x.used, x.bytes)
	}
}

// TestIndex compares an index with a map. Some hashes are equal, and some alike in the bits that slots have.
func TestIndex(t *testing.T) {
	for _, c := range []struct {
		from, to, max, n int
		mask             uint64
	}{
		{0, 4, 4, 3000, 1<<64 - 1},
		{2, 5, 7, 3000, 1<<64 - 1},
		{0, 1, 1, 20_000, 1<<64 - 1},
		{0, 2, 2, 2000, 0xff000000000000ff},
		{0, 32768, 32768, 5000, 1<<64 - 1},
	} {
		random := rand.New(rand.NewPCG(uint64(c.n), 3))
		x := newIndex(c.from, c.to, c.max)
		places, hashes := map[Place]uint64{}, []Place(nil)
		for range 4 * c.n {
			hash := random.Uint64() & c.mask
			switch at := Place(1 + random.Uint64N(1<<placeBits-1)); {
			case !x.owns(hash) || places[at] != 0:
			case len(places) < c.n && random.IntN(3) > 0:
				x.insert(hash, at)
				places[at] = hash
				hashes = append(hashes, at)
			case len(hashes) > 0:
				i := random.IntN(len(hashes))
				old := hashes[i]
				hash := places[old]
				delete(places, old)
				if random.IntN(2) == 0 {
					hashes = slices.Delete(hashes, i, i+1)
					if !x.remove(hash, old) || x.remove(hash, old) {
						t.Fatal("what is there can't be removed once")
					}
				} else if !x.move(hash, old, at) || x.move(hash, old, at) {
					t.Fatal("what is there can't be moved once")
				} else {
					places[at], hashes[i] = hash, at
				}
			}
		}
		checkIndex(t, &x)
		for at, hash := range places {
			if !x.has(hash, at) || x.has(hash, at^1) && places[at^1] != hash {
				t.Fatalf("hash %#x is not at %#x alone", hash, at)
			}
		}
		for at, hash := range places {
			x.remove(hash, at)
		}
		checkIndex(t, &x)
		x.drop()
	}
}

// A key group that grows beyond one part's size is split, however uneven the hashes are.
func TestIndexSplits(t *testing.T) {
	for _, low := range []uint64{0, 1 << 61} {
		x := newIndex(0, 1, 1)
		random := rand.New(rand.NewPCG(1, 4))
		hashes := make([]uint64, 300_000)
		for i := range hashes {
			hashes[i] = low + random.Uint64()>>(low>>60)
			x.insert(hashes[i], Place(i+1))
		}
		checkIndex(t, &x)
		if len(x.groups[0].parts) < 4 {
			t.Errorf("%d parts", len(x.groups[0].parts))
		}
		for i, hash := range hashes {
			if !x.remove(hash, Place(i+1)) {
				t.Fatalf("hash %#x is not there", hash)
			}
		}
		checkIndex(t, &x)
		if x.bytes > 100<<10 {
			t.Errorf("%d bytes for nothing", x.bytes)
		}
		x.drop()
	}
}

// TestIndexBytes holds what a record costs in memory, however many there are.
func TestIndexBytes(t *testing.T) {
	const max = 128
	most := 2_500_000
	if testing.Short() {
		most = 1_000_000
	}
	x := newIndex(0, max, max)
	defer x.drop()
	random := rand.New(rand.NewPCG(1, 5))
	for n := 1; n <= most; n++ {
		x.insert(random.Uint64(), Place(n))
		if n >= 500_000 && n%50_000 == 0 && float64(x.bytes) > 9.5*float64(n) {
			t.Errorf("%d records have %d bytes of slots: %.2f each", n, x.bytes, float64(x.bytes)/float64(n))
		}
	}
}

// Hash bits grow with hashes within a key group, and use their range.
func TestBits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 6))
	for _, max := range []int{1, 2, 3, 7, 128, 1000, 32767, 32768} {
		hashes := make([]uint64, 2000)
		for i := range hashes {
			hashes[i] = random.Uint64()
		}
		for g := range min(max, 1000) {
			hashes = append(hashes, firstHash(g, max), firstHash(g+1, max)-1)
			if at := keygroup.Of(firstHash(g, max), max); at != g {
				t.Fatalf("the first hash of key group %d is in %d", g, at)
			}
			if last := firstHash(g+1, max) - 1; keygroup.Of(last, max) != g {
				t.Fatalf("the last hash of key group %d is in %d", g, keygroup.Of(last, max))
			}
		}
		slices.Sort(hashes)
		for i := 1; i < len(hashes); i++ {
			a, b := hashes[i-1], hashes[i]
			if keygroup.Of(a, max) == keygroup.Of(b, max) && bitsIn(a, max) > bitsIn(b, max) || bitsIn(b, max) > hashMask {
				t.Fatalf("max %d: bits of %#x are %#x, of %#x %#x", max, a, bitsIn(a, max), b, bitsIn(b, max))
			}
		}
	}
}

func TestSortEntries(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 7))
	var scratch []entry
	for range 300 {
		entries := make([]entry, random.IntN(3000))
		mask := []uint64{1<<64 - 1, 7, 0, 0xffff << 30}[random.IntN(4)]
		for i := range entries {
			entries[i] = entry{random.Uint64() & mask, random.Uint64N(50)}
		}
		want := slices.Clone(entries)
		slices.SortFunc(want, compareEntries)
		scratch = sortEntries(entries, scratch)
		if !slices.Equal(entries, want) {
			t.Fatalf("%d entries of mask %#x are not sorted", len(entries), mask)
		}
	}
}

func TestSizes(t *testing.T) {
	for n := int64(0); n < 1<<20; n += 1 + n/100 {
		c := classOf(n)
		if endOf(c) < n || c > 0 && endOf(c-1) >= n {
			t.Fatalf("length %d is in class %d, which ends at %d", n, c, endOf(c))
		}
	}
	var s sizes
	for range 96 {
		s.add(120)
	}
	s.add(100_000)
	if got := s.most(); got != 120 {
		t.Errorf("most records have %d bytes", got)
	}
}
