package spill

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// random makes records whose hashes and keys often are equal.
func random(seed uint64, n int) []Record {
	r := rand.New(rand.NewPCG(seed, 1))
	all := make([]Record, n)
	for i := range all {
		key := r.IntN(n/3 + 1)
		all[i] = Record{
			Hash: uint64(key % 7), Key: fmt.Append(nil, key), Item: fmt.Append(nil, r.IntN(5)), Value: fmt.Append(nil, i),
		}
	}
	return all
}

func TestSorter(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, byItem := range []bool{false, true} {
		for _, limit := range []int{64, 1000, 1 << 20} {
			all := random(uint64(limit), 2000)
			s := New(byItem, limit)
			for _, r := range all {
				if err := s.Add(r); err != nil {
					t.Fatal(err)
				}
			}
			slices.SortStableFunc(all, func(a, b Record) int {
				c := cmp.Or(cmp.Compare(a.Hash, b.Hash), bytes.Compare(a.Key, b.Key))
				if c == 0 && byItem {
					c = bytes.Compare(a.Item, b.Item)
				}
				return c
			})
			for range 2 {
				check(t, s, all)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
}

func check(t *testing.T, s *Sorter, want []Record) {
	t.Helper()
	i := 0
	err := s.Each(func(r Record) error {
		w := want[i]
		if r.Hash != w.Hash || !bytes.Equal(r.Key, w.Key) || !bytes.Equal(r.Item, w.Item) || !bytes.Equal(r.Value, w.Value) {
			return fmt.Errorf("record %d is %s, want %s", i, r.Value, w.Value)
		}
		i++
		return nil
	})
	if err != nil || i != len(want) || s.Len() != int64(i) {
		t.Errorf("%d of %d records: %v", i, len(want), err)
	}
}
