package store_test

import (
	"errors"
	"testing"

	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Test(t, func(*testing.T) store.Store { return store.NewMemory() })
}

func TestErrorsNameThePiece(t *testing.T) {
	m := store.NewMemory()
	if _, err := m.Open(t.Context(), "job/a"); !errors.Is(err, store.ErrNotFound) || err.Error() != "job/a: it does not exist" {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(m.Put(t.Context(), "job/a", nil), m.Put(t.Context(), "job/a", nil)); err == nil || err.Error() != "job/a: it exists already" {
		t.Errorf("got %v", err)
	}
}
