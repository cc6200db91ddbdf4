package heap_test

import (
	"strconv"
	"testing"

	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/backend/heap/heaptest"
	"leat.dev/leat/internal/keygroup"
)

func TestConformance(t *testing.T) {
	t.Run("strings", func(t *testing.T) { conform(t, func(i int) string { return "key " + strconv.Itoa(i) }) })
	t.Run("ints", func(t *testing.T) { conform(t, func(i int) int64 { return int64(i) * 0x9E3779B9 }) })
	t.Run("structs", func(t *testing.T) { conform(t, func(i int) route { return route{strconv.Itoa(i % 10), int32(i)} }) })
}

type route struct {
	From string
	No   int32
}

func conform[K comparable](t *testing.T, key func(int) K) {
	keys := derive[K](t)
	budget := heap.NewBudget(0)
	backendtest.Suite[K]{
		Keys: keys, Key: key,
		Open: func(from, to, max int) *backendtest.Store[K] {
			return heaptest.States(heap.New(heap.Config{From: from, To: to, Max: max, Budget: budget}, keys))
		},
	}.Run(t)
	if used := budget.UsedBytes(); used != 0 {
		t.Errorf("%d bytes of the budget are still taken after all stores were closed", used)
	}
}

func derive[K comparable](t testing.TB) *keygroup.Keys[K] {
	t.Helper()
	keys, err := keygroup.Derive[K](nil)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
