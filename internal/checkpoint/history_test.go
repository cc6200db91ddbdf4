package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"leat.dev/leat/internal/store"
)

func TestRetain(t *testing.T) {
	for _, test := range []struct {
		have []int64
		keep int
		drop []int64
	}{
		{nil, 3, nil},
		{[]int64{1, 2, 3}, 3, nil},
		{[]int64{4, 1, 3, 2}, 3, []int64{1}},
		{[]int64{1, 2, 3}, 0, []int64{1, 2}}, // the newest is never dropped
	} {
		if drop := Retain(slices.Clone(test.have), test.keep); !slices.Equal(drop, test.drop) && len(drop)+len(test.drop) > 0 {
			t.Errorf("of %v keep %d: drop %v, not %v", test.have, test.keep, drop, test.drop)
		}
	}
}

// TestClaim has many attempts claim at once: no two have the same epoch.
func TestClaim(t *testing.T) {
	s := store.NewMemory()
	var all sync.Map
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			epoch, err := Claim(context.Background(), s, "job", 0)
			if err != nil {
				t.Error(err)
			}
			if _, twice := all.LoadOrStore(epoch, true); twice {
				t.Errorf("epoch %d was claimed twice", epoch)
			}
		})
	}
	wait.Wait()
	if _, err := Claim(t.Context(), s, "job", 19); !errors.Is(err, ErrFenced) {
		t.Errorf("who had epoch 19 claims after 20: %v", err)
	}
	if epoch, err := Claim(t.Context(), s, "job", 20); epoch != 21 || err != nil {
		t.Errorf("who had epoch 20 claims: %d, %v", epoch, err)
	}
}

// put writes a snapshot's file and its manifest; files are what it names besides.
func put(t *testing.T, s store.Store, sequence, epoch, id int64, files ...string) *Manifest {
	t.Helper()
	own := segmentName("job", epoch, id, "op", 0)
	if err := s.Put(t.Context(), own, []byte("x")); err != nil {
		t.Fatal(err)
	}
	m := &Manifest{Format: FormatVersion, Job: "job", Sequence: sequence, Epoch: epoch, Checkpoint: id}
	o := Operator{Name: "op"}
	for _, f := range append(files, own) {
		o.Files = append(o.Files, File{Name: f})
	}
	m.Operators = []Operator{o}
	writeManifest(t, s, m)
	return m
}

func writeManifest(t *testing.T, s store.Store, m *Manifest) {
	t.Helper()
	data := fmt.Appendf(nil, `{"format":1,"job":"job","sequence":%d,"epoch":%d,"checkpoint":%d,"operators":[{"name":"op","files":[`, m.Sequence, m.Epoch, m.Checkpoint)
	for i, f := range m.Operators[0].Files {
		if i > 0 {
			data = append(data, ',')
		}
		data = fmt.Appendf(data, `{"name":%q}`, f.Name)
	}
	if err := s.Put(t.Context(), manifestName("job", m.Sequence), sealed(append(data, `]}]}`...))); err != nil {
		t.Fatal(err)
	}
}

// TestTidy goes through random histories of attempts that complete checkpoints, leave others unfinished, and end at any
// point: every file that a retained manifest names stays, and nothing else of what came before the newest does.
func TestTidy(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, sequence, id := store.NewMemory(), int64(0), int64(0)
		var manifests []*Manifest
		for epoch := int64(1); epoch <= 4; epoch++ {
			for range 1 + r.IntN(4) {
				id++
				if r.IntN(3) == 0 { // it comes to nothing
					if err := s.Put(t.Context(), segmentName("job", epoch, id, "op", 0), []byte("x")); err != nil {
						t.Fatal(err)
					}
					continue
				}
				sequence++
				var shared []string // an older one's file that this one goes on using
				if len(manifests) > 0 && r.IntN(2) == 0 {
					shared = append(shared, manifests[len(manifests)-1].Operators[0].Files[0].Name)
				}
				manifests = append(manifests, put(t, s, sequence, epoch, id, shared...))
				if r.IntN(4) > 0 {
					tidied(t, s, manifests, 1+r.IntN(3))
				}
			}
		}
	}
}

func tidied(t *testing.T, s store.Store, manifests []*Manifest, keep int) {
	t.Helper()
	newest := manifests[len(manifests)-1]
	if err := Tidy(t.Context(), s, newest, keep); err != nil {
		t.Fatal(err)
	}
	files, err := s.List(t.Context(), dataFolder("job"))
	if err != nil {
		t.Fatal(err)
	}
	left, err := numbers(t.Context(), s, manifestFolder("job"), ".json")
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > keep || !slices.Contains(left, newest.Sequence) {
		t.Fatalf("manifests %v are left, of which %d should be", left, keep)
	}
	named := map[string]bool{}
	for _, m := range manifests {
		if !slices.Contains(left, m.Sequence) {
			continue
		}
		for _, f := range m.Operators[0].Files {
			named[f.Name] = true
			if !slices.Contains(files, f.Name) {
				t.Fatalf("%s is gone, which manifest %d names", f.Name, m.Sequence)
			}
		}
	}
	for _, f := range files {
		if !named[f] {
			t.Fatalf("%s is left, which no retained manifest names", f)
		}
	}
}

func TestNewest(t *testing.T) {
	s := store.NewMemory()
	if found, damaged, err := Newest(t.Context(), s, "job"); found != nil || damaged != nil || err != nil {
		t.Fatalf("of nothing: %v, %v, %v", found, damaged, err)
	}
	put(t, s, 1, 1, 5)
	put(t, s, 2, 1, 6)
	if err := s.Put(t.Context(), manifestName("job", 3), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	found, damaged, err := Newest(t.Context(), s, "job")
	if err != nil || len(damaged) != 1 || !errors.Is(damaged[0], ErrDamaged) {
		t.Fatalf("damaged %v, %v", damaged, err)
	}
	if m := found.Manifest; m.Checkpoint != 6 || m.Sequence != 2 {
		t.Errorf("checkpoint %d, sequence %d: the one before the damaged one", m.Checkpoint, m.Sequence)
	}
	taken, err := Take(t.Context(), s, "job", 2, Origin{})
	if err != nil || taken.Manifest.Sequence != 4 || len(taken.Damaged) != 1 {
		t.Errorf("%+v, %v: what is damaged keeps its number", taken, err)
	}
}

// lying is a store that writes what it says it could not.
type lying struct {
	store.Store
	lies int
}

func (l *lying) Put(ctx context.Context, name string, data []byte) error {
	if err := l.Store.Put(ctx, name, data); err != nil {
		return err
	}
	if l.lies > 0 {
		l.lies--
		return errors.New("the answer was lost")
	}
	return nil
}

// A manifest whose writing seemed to fail does not make the attempt take itself for another process.
func TestLostAnswer(t *testing.T) {
	s := &lying{store.NewMemory(), 1}
	c := job(s)
	if err := c.write(&Manifest{Job: "fraud", Format: FormatVersion, Epoch: 1}); err == nil {
		t.Fatal("the answer was not lost")
	}
	second := &Manifest{Job: "fraud", Format: FormatVersion, Epoch: 1}
	if err := c.write(second); err != nil || second.Sequence != 2 {
		t.Errorf("sequence %d, %v", second.Sequence, err)
	}
	other := job(s)
	other.Epoch = 2
	if err := other.write(&Manifest{Job: "fraud", Format: FormatVersion, Epoch: 2}); !errors.Is(err, store.ErrExists) {
		t.Errorf("another attempt's number: %v", err)
	}
}

// A process that was halted for long comes back when its next number is free again, as the one that has taken the job over has
// deleted what it wrote there: it completes nothing, and takes nothing over.
func TestFencedAfterTidy(t *testing.T) {
	s := store.NewMemory()
	old := job(s)
	old.Epoch, _ = Claim(t.Context(), s, "fraud", 0)
	if _, err := take(t, old, parts(new(atomic.Int32))); err != nil {
		t.Fatal(err)
	}
	epoch, _ := Claim(t.Context(), s, "fraud", 0)
	var taken *Taken
	for range 3 {
		var err error
		if taken, err = Take(t.Context(), s, "fraud", epoch, Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := Tidy(t.Context(), s, taken.Manifest, 1); err != nil {
		t.Fatal(err)
	}
	err := old.write(&Manifest{Job: "fraud", Format: FormatVersion, Epoch: old.Epoch})
	if !errors.Is(err, ErrFenced) {
		t.Errorf("a manifest after the job was taken over: %v", err)
	}
	if _, err := Take(t.Context(), s, "fraud", old.Epoch, Origin{}); !errors.Is(err, ErrFenced) {
		t.Errorf("take over after another attempt has: %v", err)
	}
}
