package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/vfs"
)

// disk is what outlives processes: a store in memory, or one in the folder of a file system that loses what was not synced.
type disk struct {
	memory *store.Memory
	files  *vfs.Mem // nil: memory
}

// root is the store's folder.
const root = "store"

func newDisk(files bool) *disk {
	if files {
		return &disk{files: vfs.NewMem()}
	}
	return &disk{memory: store.NewMemory()}
}

// open is the store for one process.
func (d *disk) open(owner string) store.Store {
	if d.files == nil {
		return d.memory
	}
	s := store.Dir(d.files, root)
	s.Owner = owner
	return s
}

// heal ends the faults of the disk.
func (d *disk) heal() {
	if d.files != nil {
		d.files.Heal()
	}
}

// crash is what is left of the disk.
func (d *disk) crash(seed uint64) {
	if d.files != nil {
		d.files = d.files.Crash(seed)
	}
}

// halfway does an operation that the process dies in the middle of: on a file system, one of its steps is the last.
func (w *World) halfway(do func() error) error {
	if w.disk.files == nil {
		return do()
	}
	w.disk.files.Halt(1 + w.random.Int64N(8))
	w.halted = true
	return do()
}

// faultyStore is the store as a process sees it.
type faultyStore struct {
	store.Store
	p *Process
}

func (w *World) storeOf(p *Process) store.Store {
	return &faultyStore{w.disk.open(p.String()), p}
}

// likely is how likely an operation on a name is to go wrong, in 1,000.
func likely(name string) int {
	if strings.Contains(name, "/manifests/") {
		return 60
	}
	return 25
}

func (s *faultyStore) Put(ctx context.Context, name string, data []byte) error {
	return s.p.operation(ctx, likely(name), "put "+name, func() error {
		err := s.Store.Put(ctx, name, data)
		if err == nil {
			s.p.world.wrote(name)
			_, _ = fmt.Sscanf(name, jobName+"/epochs/%d", &s.p.epoch)
		}
		return err
	})
}

func (s *faultyStore) Create(ctx context.Context, name string) (store.Writer, error) {
	var w store.Writer
	err := s.p.operation(ctx, likely(name), "create "+name, func() (err error) {
		w, err = s.Store.Create(ctx, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultyWriter{Writer: w, s: s, ctx: ctx, name: name}, nil
}

type faultyWriter struct {
	store.Writer
	s    *faultyStore
	ctx  context.Context
	name string
}

func (w *faultyWriter) Close() error {
	return w.s.p.operation(w.ctx, likely(w.name), "close "+w.name, w.Writer.Close)
}

// Abort of a process that is dead removes nothing.
func (w *faultyWriter) Abort() error {
	if w.s.p.world.turns.isDead(w.s.p) {
		return errDead
	}
	return w.Writer.Abort()
}

func (s *faultyStore) Open(ctx context.Context, name string) (store.Piece, error) {
	var piece store.Piece
	err := s.p.operation(ctx, likely(name)/2, "open "+name, func() (err error) {
		piece, err = s.Store.Open(ctx, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return piece, nil
}

func (s *faultyStore) List(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	err := s.p.operation(ctx, likely(prefix)/2, "list "+prefix, func() (err error) {
		names, err = s.Store.List(ctx, prefix)
		return err
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

func (s *faultyStore) Delete(ctx context.Context, name string) error {
	return s.p.operation(ctx, likely(name), "delete "+name, func() error {
		s.p.world.deletes(name)
		return s.Store.Delete(ctx, name)
	})
}

// wrote notes which files a manifest names; all of them are there. A process that was halted, and taken for dead, may
// write one under a number that is free again: nobody restores it, as it is not the newest, and its writer finds out.
func (w *World) wrote(name string) {
	if w.halted || !strings.Contains(name, "/manifests/") {
		return
	}
	for later := range w.named {
		if later > name {
			w.stale[name] = true
			w.trace.add("  %s is stale", name)
			return
		}
	}
	m, err := w.manifest(name)
	if err != nil {
		w.fail("manifest %s can't be read right after it was written: %v", name, err)
		return
	}
	var files []string
	for _, o := range m.Operators {
		for _, f := range o.AllFiles() {
			files = append(files, f.Name)
		}
	}
	w.named[name] = files
	for _, f := range files {
		p, err := w.disk.open("checks").Open(context.Background(), f)
		if err != nil {
			w.fail("manifest %s names %s: %v", name, f, err)
			return
		}
		_ = p.Close()
	}
}

// deletes checks that no manifest names what is about to be deleted.
func (w *World) deletes(name string) {
	if strings.Contains(name, "/manifests/") {
		delete(w.named, name)
		delete(w.stale, name)
		return
	}
	for _, manifest := range slices.Sorted(maps.Keys(w.named)) {
		if slices.Contains(w.named[manifest], name) {
			w.fail("%s is deleted, and manifest %s names it", name, manifest)
		}
	}
}

// manifest reads a manifest by its name.
func (w *World) manifest(name string) (*checkpoint.Manifest, error) {
	var sequence int64
	if _, err := fmt.Sscanf(name[strings.LastIndex(name, "/")+1:], "%d.json", &sequence); err != nil {
		return nil, fmt.Errorf("%s is no manifest's name: %w", name, err)
	}
	return checkpoint.Read(context.Background(), w.disk.open("checks"), jobName, sequence)
}
