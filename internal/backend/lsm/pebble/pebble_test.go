package pebble

import (
	"testing"

	"leat.dev/leat/internal/backend/lsm"
	"leat.dev/leat/internal/backend/lsm/lsmtest"
)

func open(dir string) *lsm.Home {
	return New(Options{Dir: dir, CacheBytes: 1 << 20, MemtableBytes: 64 << 10})
}

func TestSuite(t *testing.T) { lsmtest.Run(t, open) }
