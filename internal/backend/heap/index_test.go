package heap

import (
	"math/rand/v2"
	"testing"
)

// Few distinct hashes, so that runs are long and wrap around, and several rows have the same hash.
func TestIndex(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	x := NewIndex(NewSpace(nil))
	model := map[uint32]uint64{}
	for i := range 50_000 {
		row := rnd.Uint32N(300)
		hash, there := model[row]
		switch {
		case there:
			if !x.Delete(hash, row) || x.Delete(hash, row) {
				t.Fatalf("row %d is deleted not once", row)
			}
			delete(model, row)
		default:
			hash = rnd.Uint64N(64) * 0x100000001
			x.Insert(hash, row)
			model[row] = hash
		}
		if x.Len() != len(model) {
			t.Fatalf("%d rows, want %d", x.Len(), len(model))
		}
		if i%500 == 0 {
			checkIndex(t, &x, model)
		}
	}
	if _, ok := x.Find(12345); ok {
		t.Error("a hash that is not there is found")
	}
	x.Drop()
	if x.Len() != 0 || x.space.used != 0 {
		t.Errorf("a dropped index has %d rows and %d bytes", x.Len(), x.space.used)
	}
}

// An index of many rows is split into parts again and again, and emptied.
func TestIndexOfManyParts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, reserve := range []int{0, 5, 100_000} {
		x := NewIndex(NewSpace(nil))
		x.Reserve(reserve)
		model := map[uint32]uint64{}
		for row := range uint32(100_000) {
			hash := rnd.Uint64() >> 7
			if row%50 == 0 && row > 0 {
				hash = model[row-1] // once more
			}
			x.Insert(hash, row)
			model[row] = hash
		}
		if len(x.parts) < 8 || x.Len() != len(model) {
			t.Fatalf("%d parts, %d rows", len(x.parts), x.Len())
		}
		checkIndex(t, &x, model)
		for row := range uint32(90_000) {
			if !x.Delete(model[row], row) {
				t.Fatalf("row %d is not there", row)
			}
			delete(model, row)
		}
		checkIndex(t, &x, model)
		if x.Drop(); x.Len() != 0 || x.space.used != 0 {
			t.Errorf("a dropped index has %d rows and %d bytes", x.Len(), x.space.used)
		}
	}
}

// Hashes that differ in nothing can't be told apart by splitting.
func TestIndexOfEqualHashes(t *testing.T) {
	x := NewIndex(NewSpace(nil))
	for row := range uint32(partSlots) {
		x.Insert(uint64(row%16), row)
	}
	for hash := range uint64(16) {
		n, at := 0, hash
		for {
			_, next, ok := x.Seek(hash, at)
			if !ok {
				break
			}
			n, at = n+1, next
		}
		if n != partSlots/16 {
			t.Fatalf("%d rows of hash %d", n, hash)
		}
	}
	if x.Drop(); x.space.used != 0 {
		t.Errorf("a dropped index has %d bytes", x.space.used)
	}
}

func checkIndex(t *testing.T, x *Index, model map[uint32]uint64) {
	t.Helper()
	for row, hash := range model {
		found := false
		for at := hash; !found; {
			r, next, ok := x.Seek(hash, at)
			if !ok {
				t.Fatalf("row %d with hash %d is not found", row, hash)
			}
			found, at = r == row, next
		}
	}
}
