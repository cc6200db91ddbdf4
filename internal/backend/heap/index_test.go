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
