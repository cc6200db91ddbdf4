package checkpoint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/store"
)

const pointGroups = 16

// pointed is a snapshot of a state over many frames, in two files, and what it has by key.
func pointed(t testing.TB) (*Snapshot, *faulty, map[string]string) {
	t.Helper()
	rnd, want := rand.New(rand.NewPCG(1, 2)), map[string]string{}
	groups := make([][][3]string, pointGroups)
	for i := range 20_000 {
		key := fmt.Sprint("key ", rnd.IntN(5000))
		item, value := fmt.Sprint(i), strings.Repeat("v", rnd.IntN(60))
		g := keygroup.OfBytes([]byte(key), pointGroups)
		groups[g] = append(groups[g], [3]string{key, item, value})
		want[key] += item + "=" + value + " "
	}
	s := &faulty{Memory: store.NewMemory()}
	o := Operator{Name: "detect", States: []backend.State{{Name: "other"}, {Name: "items"}}}
	for file := range 2 {
		from, to := keygroup.Range(file, 2, pointGroups)
		var all []rows
		for g := from; g < to; g++ {
			all = append(all, rows{"other", g, [][3]string{{"key 1", "", "wrong"}}}, rows{"items", g, groups[g]})
		}
		f := File{Name: fmt.Sprintf("detect-%d.seg", file), From: from, To: to}
		if err := s.Put(t.Context(), f.Name, segmentOf(t, all...)); err != nil {
			t.Fatal(err)
		}
		o.Files = append(o.Files, f)
	}
	return &Snapshot{Manifest: &Manifest{MaxParallelism: pointGroups, Operators: []Operator{o}}, Store: s}, s, want
}

func point(t testing.TB, p *Points, key string) (string, error) {
	got := ""
	err := p.Read(t.Context(), "detect", "items", []byte(key), func(h backend.Held) error {
		got += string(h.Item) + "=" + string(h.Value) + " "
		return nil
	})
	return got, err
}

// Every key is found, and no other one, however little may be kept, and whoever else looks meanwhile.
func TestPoints(t *testing.T) {
	s, _, want := pointed(t)
	for _, most := range []int64{0, 1000, 100_000, 64 << 20} {
		p := s.Points(most)
		var looking sync.WaitGroup
		for part := range 4 {
			looking.Go(func() {
				step := 4
				if most < 100_000 {
					step = 400 // each reads a whole section
				}
				for i := part; i < 5100; i += step {
					key := fmt.Sprint("key ", i)
					if got, err := point(t, p, key); err != nil || got != want[key] {
						t.Errorf("%d bytes kept: %s has %q, want %q: %v", most, key, got, want[key], err)
						return
					}
				}
			})
		}
		looking.Wait()
		if p.bytes > most || p.bytes < 0 {
			t.Errorf("%d bytes are kept, of %d at most", p.bytes, most)
		}
	}
	p := s.Points(0)
	for _, c := range [][2]string{{"detect", "lost"}, {"nobody", "items"}} {
		err := p.Read(t.Context(), c[0], c[1], []byte("key 1"), func(h backend.Held) error { return errFull })
		if err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// The second key of a key group costs a frame, not the section.
func TestPointsKeepIndexes(t *testing.T) {
	s, _, _ := pointed(t)
	p := s.Points(1 << 20)
	if _, err := point(t, p, "key 1"); err != nil {
		t.Fatal(err)
	}
	before := p.bytes
	if _, err := point(t, p, "key 1"); err != nil || p.bytes != before || before < 8*200 {
		t.Errorf("%d bytes are kept, then %d: %v", before, p.bytes, err)
	}
}

func TestPointsErrors(t *testing.T) {
	s, faults, _ := pointed(t)
	for i := range 2 {
		name := fmt.Sprintf("detect-%d.seg", i)
		p, err := faults.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, p.Size())
		if _, err := p.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		replace(t, faults, name, b)
	}
	damaged := 0
	p := s.Points(1 << 20)
	for i := range 100 {
		if _, err := point(t, p, fmt.Sprint("key ", i)); errors.Is(err, ErrDamaged) && strings.HasPrefix(err.Error(), "operator detect: detect-") {
			damaged++
		} else if err != nil {
			t.Error(err)
		}
	}
	if damaged == 0 {
		t.Error("nobody has found the damage")
	}
	for _, f := range s.Manifest.Operators[0].Files {
		if err := faults.Delete(t.Context(), f.Name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := point(t, p, "key 1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("files that are gone: %v", err)
	}
}
