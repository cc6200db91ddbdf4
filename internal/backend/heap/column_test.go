package heap

import (
	"math/rand/v2"
	"testing"
)

// TestRuns extends a column by runs of any length, with and without snapshots in flight, and reads it by runs: each row is there with
// its own value, and what a snapshot has stays as it was.
func TestRuns(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := NewSpace(nil)
		f := NewFamily[uint64](s, nil, seed%2 == 0)
		if seed%3 == 0 {
			f.Bare()
		}
		used := f.Column()
		for row := range uint32(700) {
			used.Set(row, 7)
		}
		used.Drop()
		col := f.Column()
		var frozen Frozen[uint64]
		n, then := uint32(0), uint32(0)
		for n < 2000 {
			if r.IntN(10) == 0 {
				then, frozen = n, col.Freeze(s.Freeze())
			}
			for want := 1 + r.IntN(300); want > 0; {
				rows := col.Extend(n, want)
				if len(rows) == 0 || len(rows) > want {
					t.Fatalf("seed %d: %d rows of %d", seed, len(rows), want)
				}
				for i := range rows {
					if rows[i] != 0 {
						t.Fatalf("seed %d: row %d was %d", seed, n+uint32(i), rows[i])
					}
					rows[i] = uint64(n) + uint64(i) + 1
				}
				n, want = n+uint32(len(rows)), want-len(rows)
			}
			checkRuns(t, seed, &col, n)
		}
		for row := range n {
			if v := frozen.At(row); (v != nil) != (row < then) || v != nil && *v != uint64(row)+1 {
				t.Fatalf("seed %d: row %d of a snapshot with %d", seed, row, then)
			}
		}
	}
}

func checkRuns(t *testing.T, seed uint64, col *Column[uint64], n uint32) {
	t.Helper()
	for row := uint32(0); row < n; {
		run := col.Run(row, n)
		if len(run) == 0 || row+uint32(len(run)) > n {
			t.Fatalf("seed %d: a run of %d rows from %d of %d", seed, len(run), row, n)
		}
		for _, v := range run {
			if row++; v != uint64(row) || !col.Has(row-1) {
				t.Fatalf("seed %d: row %d is %d", seed, row-1, v)
			}
		}
	}
	if col.Has(n) {
		t.Fatalf("seed %d: row %d is there, of %d", seed, n, n)
	}
}
