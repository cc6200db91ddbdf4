package heap_test

import (
	"strings"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/backend/heap/heaptest"
	"leat.dev/leat/internal/keygroup"
)

var allStates = []string{"value", "shared", "list", "map", "ordered", "reducing", "aggregating", "timer", "timers"}

func TestRestoreRefuses(t *testing.T) {
	keys := derive[string](t)
	group := keygroup.Of(keys.Hash("a"), 4)
	key, number := []byte("a"), encode(t, int64(1))
	entry := func(item, value []byte) backendtest.Entry {
		return backendtest.Entry{Key: key, Item: item, Value: value}
	}
	for want, c := range map[string]struct {
		state   string
		group   int
		entries []backendtest.Entry
	}{
		"no such state":            {"other", group, nil},
		"this subtask has":         {"value", 4, nil},
		"belongs to key group":     {"value", (group + 1) % 4, []backendtest.Entry{entry(nil, number)}},
		"entry 1: key a: a second": {"value", group, []backendtest.Entry{entry(nil, number), entry(nil, number)}},
		"an item, where":           {"value", group, []backendtest.Entry{entry(key, number)}},
		"decode":                   {"value", group, []backendtest.Entry{entry(nil, key)}},
		"8 bytes":                  {"timer", group, []backendtest.Entry{entry(nil, key)}},
		"corrupt list":             {"list", group, []backendtest.Entry{entry(nil, []byte{9, 1})}},
	} {
		s := heaptest.States(heap.New(heap.Config{From: 0, To: 4, Max: 4}, keys))
		err := s.Restore(described(s, c.state), c.state, c.group, backendtest.Read(c.entries...))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.state) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for _, state := range allStates {
		twice := []backendtest.Entry{entry(nil, nil), entry(nil, nil)}
		s := heaptest.States(heap.New(heap.Config{From: 0, To: 4, Max: 4}, keys))
		if err := s.Restore(described(s, state), state, group, backendtest.Read(twice...)); err == nil && state != "list" {
			t.Errorf("%s: two empty entries were read", state)
		}
	}
}

// FuzzRestore reads arbitrary entries: an error is fine, a panic is not, and what was read can be written again.
func FuzzRestore(f *testing.F) {
	keys := derive[string](f)
	text, number := encode(f, "x"), encode(f, int64(7))
	f.Add(uint8(0), "a", []byte(nil), number)
	f.Add(uint8(1), "a", []byte(nil), encode(f, []int64{1, 2}))
	f.Add(uint8(2), "a", []byte(nil), []byte{2, 1, 'x', 1, 0})
	f.Add(uint8(2), "a", []byte(nil), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add(uint8(3), "b", text, number)
	f.Add(uint8(4), "b", number, number)
	f.Add(uint8(7), "", []byte(nil), number)
	f.Add(uint8(8), "c", text, number)
	f.Fuzz(func(t *testing.T, state uint8, key string, item, value []byte) {
		s := heaptest.States(heap.New(heap.Config{From: 0, To: 4, Max: 4}, keys))
		e := backendtest.Entry{Key: []byte(key), Item: item, Value: value}
		name := allStates[int(state)%len(allStates)]
		if err := s.Restore(described(s, name), name, keygroup.Of(keys.Hash(key), 4), backendtest.Read(e)); err != nil {
			return
		}
		persist(t, s.Snapshot(backend.Request{}))
	})
}

// described is a state as a store describes it; of a name that it has not, one with no more than that.
func described(k backend.Keyed, name string) backend.State {
	for _, s := range k.States() {
		if s.Name == name {
			return s
		}
	}
	return backend.State{Name: name}
}
