package checkpoint

import (
	"strings"
	"testing"

	"leat.dev/leat/internal/backend"
)

// TestDraft writes a savepoint from outside a job and reads it.
func TestDraft(t *testing.T) {
	place := "mem:" + t.Name()
	d, err := Create(t.Context(), place, Manifest{Job: "job", MaxParallelism: 8, Operators: []Operator{{Name: "op"}}})
	if err != nil {
		t.Fatal(err)
	}
	seg, err := d.Segment(t.Context(), "op", 0, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := seg.Begin("n", 3); err != nil {
		t.Fatal(err)
	}
	if err := seg.Entry([]byte("key"), nil, []byte("value")); err != nil {
		t.Fatal(err)
	}
	if err := seg.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), place); err == nil {
		t.Error("it opens before it is committed")
	}
	if _, err := d.Segment(t.Context(), "other", 0, 0, 8); err == nil {
		t.Error("a segment of an operator that is not there")
	}
	if err := d.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = s.Keyed(t.Context(), "op", 0, 8, nil, func(state string, group int, r backend.Reader) error {
		k, _, v, err := r.Next()
		got = append(got, state, string(k), string(v))
		return err
	})
	if err != nil || strings.Join(got, " ") != "n key value" || s.Manifest.ID != d.Target.ID {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Create(t.Context(), place, Manifest{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a second savepoint in the folder: %v", err)
	}
}
