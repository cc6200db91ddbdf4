package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/keygroup"
)

// faultyDisk is a file system whose sorted files fail from an operation on.
type faultyDisk struct {
	kind    errorfs.OpReadWrite
	left    atomic.Int64 // operations until then
	failing atomic.Bool
	with    error
}

func (d *faultyDisk) String() string { return "disk" }

func (d *faultyDisk) MaybeError(op errorfs.Op) error {
	if !strings.HasSuffix(op.Path, ".sst") || op.Kind.ReadOrWrite() != d.kind {
		return nil
	}
	if d.left.Add(-1) < 0 && d.failing.Load() {
		return d.with
	}
	return nil
}

// TestFaults has a disk fail at one operation after another: there is an error soon, nothing hangs, and what is read is right.
func TestFaults(t *testing.T) {
	for _, d := range []*faultyDisk{{kind: errorfs.OpIsWrite, with: syscall.ENOSPC}, {kind: errorfs.OpIsRead, with: syscall.EIO}} {
		for at := int64(0); at < 400; at = at*3/2 + 1 {
			t.Run(fmt.Sprintf("%v %v at %d", d.kind, d.with, at), func(t *testing.T) { fail(t, d, at) })
		}
	}
}

func fail(t *testing.T, d *faultyDisk, at int64) {
	d.left.Store(at)
	d.failing.Store(true)
	home := New(Options{Dir: t.TempDir(), CacheBytes: 64 << 10, MemtableBytes: 64 << 10, FS: errorfs.Wrap(vfs.Default, d)})
	cold, err := home.Open(0, 8, 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	u := user{t: t, table: cold}
	for ; u.round < 400 && err == nil; u.round++ {
		err = u.turn()
	}
	if !errors.Is(err, d.with) {
		t.Errorf("after %d rounds: %v", u.round, err)
	}
	d.failing.Store(false)
	if err := u.table.Close(); err != nil && !errors.Is(err, d.with) {
		t.Error(err)
	}
}

// user reads and writes all keys of a table.
type user struct {
	t     *testing.T
	table heap.Cold
	round int
}

const faultKeys = 200

func (u *user) turn() error {
	var b heap.ColdBatch
	for n := range faultKeys {
		key := binary.LittleEndian.AppendUint64(nil, uint64(n))
		b.Keys, b.Hashes = append(b.Keys, key), append(b.Hashes, keygroup.HashBytes(key))
	}
	if err := u.table.Get(&b); err != nil {
		return err
	}
	value := make([]byte, 400)
	for i, key := range b.Keys {
		if (b.Places[i] != 0) != (u.round > 0) || u.round > 0 && binary.LittleEndian.Uint64(b.Values[i]) != uint64(u.round-1) {
			u.t.Fatalf("round %d: key %d has %x", u.round, i, b.Values[i])
		}
		for at := range value {
			value[at] = byte(i * at)
		}
		binary.LittleEndian.PutUint64(value, uint64(u.round))
		if _, err := u.table.Put(b.Hashes[i], key, value); err != nil {
			return err
		}
	}
	if err := u.table.Tend(); err != nil || u.round%10 > 0 {
		return err
	}
	d, err := u.table.Seal()
	if err != nil {
		return err
	}
	err = d.Close()
	if _, adopted := u.table.Adopt(d, 1, nil); adopted != nil {
		u.t.Error(adopted)
	}
	d.Release()
	return err
}
