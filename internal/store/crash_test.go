package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/vfs"
)

// crashSeeds is how many crashes are tried at each operation.
const crashSeeds = 40

// content is a piece's bytes: more than a sector, so that it can be torn.
var content = strings.Repeat("0123456789", 300)

// step is what a process dies in.
type step struct {
	name string
	do   func(ctx context.Context, s store.Store) error
	// before and after are what is in job/chk-1/a; "" is nothing.
	before, after string
}

var steps = []step{
	{"put", func(ctx context.Context, s store.Store) error { return s.Put(ctx, "job/chk-1/a", []byte(content)) }, "", content},
	{"create", func(ctx context.Context, s store.Store) error {
		w, err := s.Create(ctx, "job/chk-1/a")
		if err != nil {
			return err
		}
		for part := range slices.Chunk([]byte(content), 1000) {
			if _, err := w.Write(part); err != nil {
				return errors.Join(err, w.Abort())
			}
		}
		return w.Close()
	}, "", content},
	{"delete", func(ctx context.Context, s store.Store) error { return s.Delete(ctx, "job/chk-1/a") }, content, ""},
}

// prepared is a disk with what the step needs, and a piece that it must not harm, both durable.
func (c step) prepared(t *testing.T) *vfs.Mem {
	disk := vfs.NewMem()
	d := store.Dir(disk, "/var/store")
	must(t, d.Put(t.Context(), "job/old", []byte("old")))
	if c.before != "" {
		must(t, d.Put(t.Context(), "job/chk-1/a", []byte(c.before)))
	}
	return disk
}

// found is what a fresh process finds in a store.
func found(t *testing.T, fsys vfs.FS) map[string]string {
	t.Helper()
	d := store.Dir(fsys, "/var/store")
	names, err := d.List(t.Context(), "")
	must(t, err)
	pieces := map[string]string{}
	for _, name := range names {
		pieces[name], err = read(t.Context(), d, name)
		must(t, err)
	}
	return pieces
}

// The process dies at each operation of a step, and the machine with it: the step has happened, if it was acknowledged, or has not,
// and the same step can be done again.
func TestCrashAtEachOperation(t *testing.T) {
	for _, c := range steps {
		t.Run(c.name, func(t *testing.T) {
			for k, acknowledged := int64(1), false; !acknowledged; k++ {
				disk := c.prepared(t)
				disk.Halt(k)
				acknowledged = c.do(t.Context(), store.Dir(disk, "/var/store")) == nil
				for seed := range uint64(crashSeeds) {
					where := fmt.Sprintf("dead at operation %d, seed %d", k, seed)
					after := disk.Crash(seed)
					c.expect(t, where, found(t, after), acknowledged)
					c.again(t, where, after)
				}
			}
		})
	}
}

func (c step) expect(t *testing.T, where string, pieces map[string]string, acknowledged bool) {
	t.Helper()
	if pieces["job/old"] != "old" {
		t.Fatalf("%s: the piece beside is lost", where)
	}
	switch got := pieces["job/chk-1/a"]; {
	case got == c.after:
	case acknowledged:
		t.Fatalf("%s: %s was acknowledged, and is lost: there are %d bytes", where, c.name, len(got))
	case got != c.before:
		t.Fatalf("%s: %d bytes, neither as before nor as after", where, len(got))
	}
}

func (c step) again(t *testing.T, where string, disk *vfs.Mem) {
	t.Helper()
	d := store.Dir(disk, "/var/store")
	if err := c.do(t.Context(), d); err != nil && !errors.Is(err, store.ErrExists) {
		t.Fatalf("%s: once more: %v", where, err)
	}
	if _, err := d.Sweep(t.Context(), func(store.Temporary) bool { return true }); err != nil {
		t.Fatalf("%s: sweep: %v", where, err)
	}
	if left, err := disk.ReadDir("/var/store/.writing"); err != nil && !strings.Contains(err.Error(), "not exist") || len(left) > 0 {
		t.Fatalf("%s: temporaries are left: %v, %v", where, left, err)
	}
	c.expect(t, where+", once more", found(t, disk.Crash(1)), true)
}

// The process dies, another one looks, by opening, listing or wanting the name, and then the machine dies: what was seen is there.
func TestWhatIsSeenSurvives(t *testing.T) {
	looks := map[string]func(ctx context.Context, s store.Store) (bool, error){
		"open": func(ctx context.Context, s store.Store) (bool, error) {
			p, err := s.Open(ctx, "job/chk-1/a")
			if errors.Is(err, store.ErrNotFound) {
				return false, nil
			}
			return err == nil, errors.Join(err, p.Close())
		},
		"list": func(ctx context.Context, s store.Store) (bool, error) {
			names, err := s.List(ctx, "job/chk-")
			return len(names) > 0, err
		},
		"put": func(ctx context.Context, s store.Store) (bool, error) {
			err := s.Put(ctx, "job/chk-1/a", []byte(content))
			return errors.Is(err, store.ErrExists) || err == nil, nil
		},
	}
	for look, see := range looks {
		for k, acknowledged := int64(1), false; !acknowledged; k++ {
			disk := vfs.NewMem()
			disk.Halt(k)
			acknowledged = steps[0].do(t.Context(), store.Dir(disk, "/var/store")) == nil
			disk.Heal()
			seen, err := see(t.Context(), store.Dir(disk, "/var/store"))
			must(t, err)
			for seed := range uint64(crashSeeds) {
				if got := found(t, disk.Crash(seed))["job/chk-1/a"]; seen && got != content {
					t.Fatalf("%s after death at operation %d, seed %d: what was seen is lost", look, k, seed)
				}
			}
		}
	}
}

// A name was deleted by one process and put again by another, which died: who has known the first piece makes the second durable.
func TestSecondPieceOfAName(t *testing.T) {
	disk := vfs.NewMem()
	mine, other := store.Dir(disk, "/var/store"), store.Dir(disk, "/var/store")
	must(t, errors.Join(mine.Put(t.Context(), "job/a", []byte("first")), other.Put(t.Context(), "job/b", nil), other.Delete(t.Context(), "job/a")))
	disk.Halt(6) // after the link
	if err := other.Put(t.Context(), "job/a", []byte("second")); !errors.Is(err, vfs.ErrHalted) {
		t.Fatal(err)
	}
	disk.Heal()
	if text, err := read(t.Context(), mine, "job/a"); err != nil || text != "second" {
		t.Fatalf("read %q, %v", text, err)
	}
	for seed := range uint64(crashSeeds) {
		if got := found(t, disk.Crash(seed))["job/a"]; got != "second" {
			t.Fatalf("seed %d: after a crash it is %q", seed, got)
		}
	}
}

// A store was copied, and its files were synced but not its folders: who lists it makes them durable.
func TestFoldersOfACopy(t *testing.T) {
	disk := vfs.NewMem()
	must(t, errors.Join(disk.Mkdir("/var"), disk.Mkdir("/var/store"), disk.Mkdir("/var/store/job")))
	f, err := disk.Create("/var/store/job/a")
	must(t, err)
	_, err = io.WriteString(f, content)
	must(t, errors.Join(err, f.Sync(), f.Close()))
	if names, err := store.Dir(disk, "/var/store").List(t.Context(), "job/"); err != nil || len(names) != 1 {
		t.Fatalf("there is %v, %v", names, err)
	}
	for seed := range uint64(crashSeeds) {
		if got := found(t, disk.Crash(seed))["job/a"]; got != content {
			t.Fatalf("seed %d: what was listed is lost", seed)
		}
	}
}

// One operation fails with an error of the disk: the step says so, or has happened. Nothing is half there.
func TestErrorAtEachOperation(t *testing.T) {
	for _, c := range steps {
		for k := int64(1); ; k++ {
			disk := c.prepared(t)
			before := disk.Operations()
			disk.Fail(k, syscall.EIO)
			err := c.do(t.Context(), store.Dir(disk, "/var/store"))
			if disk.Operations() < before+k {
				break
			}
			disk.Heal()
			where := fmt.Sprintf("operation %d fails", k)
			for seed := range uint64(crashSeeds) {
				c.expect(t, where, found(t, disk.Crash(seed)), err == nil)
			}
			c.expect(t, where, found(t, disk), err == nil)
			c.again(t, where, disk)
		}
	}
}

// Random histories of several processes, each of which dies at a random operation; after some the machine dies too. What was
// acknowledged is what is found; of what was under way, either.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 5))
		h := history{T: t, seed: seed, random: random, disk: vfs.NewMem(), acknowledged: map[string]string{}}
		for range 12 {
			h.process()
		}
	}
}

type history struct {
	*testing.T
	seed         uint64
	random       *rand.Rand
	disk         *vfs.Mem
	acknowledged map[string]string
	serial       int
}

// process lives until it dies, and compares what is left.
func (h *history) process() {
	d := store.Dir(h.disk, "/var/store")
	h.disk.Halt(int64(1 + h.random.IntN(60)))
	name, value, err := "", "", error(nil)
	for err == nil {
		if name, value, err = h.act(d); err == nil {
			h.set(h.acknowledged, name, value)
		}
	}
	if !errors.Is(err, vfs.ErrHalted) {
		h.Fatalf("seed %d: %v", h.seed, err)
	}
	h.disk.Heal()
	if h.random.IntN(2) == 0 {
		h.disk = h.disk.Crash(h.random.Uint64())
	}
	done := maps.Clone(h.acknowledged)
	h.set(done, name, value)
	got := found(h.T, h.disk)
	if !maps.Equal(got, h.acknowledged) && !maps.Equal(got, done) {
		h.Fatalf("seed %d: there is %v, but acknowledged was %v; under way was %s = %q", h.seed, got, h.acknowledged, name, value)
	}
	h.acknowledged = got
}

func (h *history) set(pieces map[string]string, name, value string) {
	if value == "" {
		delete(pieces, name)
	} else {
		pieces[name] = value
	}
}

// act does something with a random name, and returns what the name holds if it has succeeded: "" for nothing.
func (h *history) act(d *store.Directory) (name, value string, err error) {
	name = fmt.Sprintf("job-%d/chk-%d/%d", h.random.IntN(2), h.random.IntN(2), h.random.IntN(2))
	held := h.acknowledged[name]
	if h.random.IntN(3) == 0 {
		return name, "", d.Delete(h.Context(), name)
	}
	h.serial++
	value = fmt.Sprint("version ", h.serial)
	if h.random.IntN(2) == 0 {
		err = d.Put(h.Context(), name, []byte(value))
	} else {
		var w store.Writer
		if w, err = d.Create(h.Context(), name); err == nil {
			_, _ = io.WriteString(w, value)
			err = w.Close()
		}
	}
	switch {
	case held == "" && errors.Is(err, store.ErrExists):
		return name, value, fmt.Errorf("%s is taken by nobody: %w", name, errors.ErrUnsupported)
	case errors.Is(err, store.ErrExists):
		return name, held, nil
	case held != "" && err == nil:
		return name, value, fmt.Errorf("%s was taken, and is overwritten: %w", name, errors.ErrUnsupported)
	case held != "":
		return name, held, err
	}
	return name, value, err
}
