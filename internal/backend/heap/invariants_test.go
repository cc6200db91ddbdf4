//go:build invariants

package heap_test

import (
	"strings"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
)

func TestChangingAGotValueIsFound(t *testing.T) {
	for name, change := range map[string]func(v *heap.Value[[]int]){
		"changed":         func(v *heap.Value[[]int]) { v.Get()[0] = 7 },
		"changed and set": func(v *heap.Value[[]int]) { x := v.Get(); x[0] = 7; v.Set(x) },
	} {
		s := newStore[string](t, nil)
		v := heap.AddValue(s.Store, "v", codec.Struct[[]int]())
		s.at("a")
		v.Set([]int{1})
		s.End()
		s.at("a")
		change(v)
		expectPanic(t, name, "use Ref", s.End)
	}
	s := newStore[string](t, nil)
	v := heap.AddValue(s.Store, "v", codec.Struct[[]int]())
	s.at("a")
	v.Set([]int{1})
	v.Get()
	(*v.Ref())[0] = 7
	s.End()
}

func TestSnapshotInABatchIsFound(t *testing.T) {
	s := newStore[string](t, nil)
	s.Begin([]string{"a"}, []uint64{s.keys.Hash("a")})
	expectPanic(t, "snapshot", "in the middle of a batch", func() { s.Snapshot(backend.Request{}) })
}

func expectPanic(t *testing.T, name, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if text, _ := recover().(string); !strings.Contains(text, want) {
			t.Errorf("%s: panic %q, want %q", name, text, want)
		}
	}()
	f()
}
