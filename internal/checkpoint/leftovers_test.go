package checkpoint

import (
	"errors"
	"sync/atomic"
	"testing"

	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/vfs"
)

// A segment that fails, in whatever way, leaves nothing in the store's folder.
func TestFailedSegmentsLeaveNothing(t *testing.T) {
	for name, spoil := range map[string]func(*vfs.Mem, *frozen){
		"persist fails": func(_ *vfs.Mem, f *frozen) { f.err = errors.New("no room") },
		"codec panics":  func(_ *vfs.Mem, f *frozen) { f.panics = true },
		"disk full":     func(disk *vfs.Mem, _ *frozen) { disk.Fill(10) },
	} {
		t.Run(name, func(t *testing.T) {
			disk, released := vfs.NewMem(), new(atomic.Int32)
			all := parts(released)
			f := frozen{released: released}
			spoil(disk, &f)
			all[2].Operators[0].Keyed[0] = f
			if _, err := take(t, job(store.Dir(disk, "snapshots")), all); err == nil {
				t.Fatal("no error")
			}
			if left, err := disk.ReadDir("snapshots/.writing"); err != nil || len(left) > 0 {
				t.Errorf("left are %v, %v", left, err)
			}
		})
	}
}
