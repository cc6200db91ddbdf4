package heap

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// TestChanges compares the rows that a column says have changed since the newest complete snapshot with a model, while snapshots
// are written, fail or complete in between.
func TestChanges(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := NewSpace(nil)
		f := NewFamily[uint64](s, nil, false)
		col := f.Column()
		since := map[uint32]bool{} // changed since the newest complete snapshot
		var later map[uint32]bool  // changed since the snapshot in flight
		var ticket *Ticket
		var frozen Frozen[uint64]
		for range 300 {
			row := uint32(r.IntN(600))
			switch op := r.IntN(20); {
			case op < 12:
				col.Set(row, r.Uint64())
				since[row] = true
				if later != nil {
					later[row] = true
				}
			case op < 15:
				if col.Delete(row) {
					since[row] = true
					if later != nil {
						later[row] = true
					}
				}
			case op < 17 && ticket == nil:
				ticket = s.Freeze()
				frozen = col.Freeze(ticket)
				checkChanged(t, seed, &frozen, s.saved, since)
				later = map[uint32]bool{}
			case ticket != nil:
				checkAtLeast(t, seed, &frozen, s.saved)
				if r.IntN(2) == 0 {
					frozen.DoneAll()
				}
				ticket.Release()
				if r.IntN(3) > 0 { // it is complete
					s.Saved(ticket)
					since = later
				}
				ticket, later = nil, nil
			}
		}
	}
}

// checkChanged checks that a snapshot without a failed one before it has exactly what changed, and otherwise at least that.
func checkChanged(t *testing.T, seed uint64, z *Frozen[uint64], saved uint64, want map[uint32]bool) {
	t.Helper()
	got := map[uint32]bool{}
	for i := range z.Chunks() {
		for w, set := range z.Changed(i, saved) {
			for ; set != 0; set &= set - 1 {
				got[uint32(i<<chunkShift|w<<6|bits.TrailingZeros64(set))] = true
			}
		}
	}
	for row := range want {
		if !got[row] {
			t.Fatalf("seed %d: row %d has changed and is not said to", seed, row)
		}
	}
	if len(z.ticket.before) == 0 && len(got) > len(want) && saved+1 == z.ticket.epoch {
		t.Fatalf("seed %d: %d rows are said to have changed, and %d have", seed, len(got), len(want))
	}
}

// checkAtLeast checks that with nothing saved all rows that are there count as changed.
func checkAtLeast(t *testing.T, seed uint64, z *Frozen[uint64], saved uint64) {
	t.Helper()
	if saved > 0 {
		return
	}
	for i := range z.Chunks() {
		changed := z.Changed(i, 0)
		for row := range z.Rows(i) {
			if lo := row & (chunkRows - 1); changed[lo>>6]&(1<<(lo&63)) == 0 {
				t.Fatalf("seed %d: row %d is there and did not change since the beginning", seed, row)
			}
		}
	}
}
