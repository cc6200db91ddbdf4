package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/internal/store"
)

// storeWithHistory has three checkpoints of job "j", of which neighbours share files.
func storeWithHistory(t *testing.T) (place string, s store.Store) {
	t.Helper()
	ctx, place := context.Background(), "mem:"+strings.ReplaceAll(t.Name(), "/", "-")
	s, err := store.Locate(place)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(3) {
		m := &Manifest{Format: FormatVersion, Job: "j", Checkpoint: i + 1, Sequence: i + 1, Epoch: 1, MaxParallelism: 4, Taken: time.Unix(i, 0)}
		o := Operator{Name: "o", Kind: "keyed process", Key: "string"}
		for _, n := range []int64{i, i + 1} {
			name := fmt.Sprintf("j/data/%d.seg", n)
			if err := s.Put(ctx, name, []byte("x")); err != nil && !errors.Is(err, store.ErrExists) {
				t.Fatal(err)
			}
			o.Files = append(o.Files, File{Name: name, Bytes: 1, From: 0, To: 4})
		}
		m.Operators = []Operator{o}
		if err := write(ctx, s, m); err != nil {
			t.Fatal(err)
		}
	}
	return place, s
}

func namesIn(t *testing.T, s store.Store) []string {
	t.Helper()
	names, err := s.List(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDelete(t *testing.T) {
	ctx := context.Background()
	place, s := storeWithHistory(t)
	if err := Delete(ctx, place+"/j/manifests/0000000002.json", false); err != nil {
		t.Fatal(err)
	}
	want := []string{"j/data/0.seg", "j/data/1.seg", "j/data/2.seg", "j/data/3.seg", "j/manifests/0000000001.json", "j/manifests/0000000003.json"}
	if got := namesIn(t, s); !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	if err := Delete(ctx, place+"/j/manifests/0000000001.json", false); err != nil {
		t.Fatal(err)
	}
	want = []string{"j/data/2.seg", "j/data/3.seg", "j/manifests/0000000003.json"}
	if got := namesIn(t, s); !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	for _, newest := range []string{place, place + "/j/manifests/0000000003.json"} {
		if err := Delete(ctx, newest, false); !errors.Is(err, ErrNewest) {
			t.Errorf("%s: %v", newest, err)
		}
	}
	if err := Delete(ctx, place, true); err != nil {
		t.Fatal(err)
	}
	if got := namesIn(t, s); len(got) > 0 {
		t.Errorf("left are %q", got)
	}
	if err := Delete(ctx, place, true); err == nil {
		t.Error("nothing was deleted")
	}
}

// What a manifest names that can't be read is not known: nothing is deleted then.
func TestDeleteBesideADamagedManifest(t *testing.T) {
	ctx := context.Background()
	place, s := storeWithHistory(t)
	if err := s.Put(ctx, "j/manifests/0000000004.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	before := namesIn(t, s)
	if err := Delete(ctx, place+"/j/manifests/0000000001.json", false); err == nil || !strings.Contains(err.Error(), "can't be known") {
		t.Errorf("error %v", err)
	}
	if got := namesIn(t, s); !slices.Equal(got, before) {
		t.Errorf("left are %q, want %q", got, before)
	}
}

// A manifest that stands for a savepoint leaves that alone.
func TestDeleteOfWhatStandsForASavepoint(t *testing.T) {
	ctx := context.Background()
	place, s := storeWithHistory(t)
	at := place + "/sp"
	draft, err := Create(ctx, at, Manifest{Job: "j", Checkpoint: 4, MaxParallelism: 4, Operators: []Operator{{Name: "o", Kind: "keyed process", Key: "string"}}})
	if err != nil {
		t.Fatal(err)
	}
	file, err := draft.Segment(ctx, "o", 0, 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Close(), draft.Commit(ctx)); err != nil {
		t.Fatal(err)
	}
	point := *draft.Manifest
	point.Sequence, point.Epoch, point.Place = 4, 1, at
	if err := write(ctx, s, &point); err != nil {
		t.Fatal(err)
	}
	if err := Delete(ctx, place+"/j/manifests/0000000004.json", true); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, at); err != nil {
		t.Errorf("the savepoint is gone: %v", err)
	}
	if err := Delete(ctx, at, false); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, at); err == nil {
		t.Error("the savepoint is still there")
	}
}
