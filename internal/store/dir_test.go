package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/store/storetest"
	"leat.dev/leat/internal/vfs"
)

func TestDirOnTheOS(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.Store {
		return store.Dir(vfs.OS{}, filepath.Join(t.TempDir(), "some", "store"))
	})
}

func TestDirOnMem(t *testing.T) {
	storetest.Test(t, func(*testing.T) store.Store { return store.Dir(vfs.NewMem(), "store") })
}

// TestTraces runs testdata/traces, which pin the operations that durability hangs on.
//
//	put N TEXT | create N TEXT | abort N TEXT | open N | list PREFIX | delete N | sweep
//	another OWNER       the folder is opened anew, as by another process
//	halt at=K           the process dies at its K-th operation from here; another heals
func TestTraces(t *testing.T) {
	datadriven.Walk(t, "testdata/traces", func(t *testing.T, path string) {
		disk := vfs.NewMem()
		d := store.Dir(disk, "store")
		d.Owner = "me"
		datadriven.RunTest(t, path, func(t *testing.T, c *datadriven.TestData) string {
			var out strings.Builder
			switch c.Cmd {
			case "halt":
				var k int64
				c.ScanArgs(t, "at", &k)
				disk.Halt(k)
				return ""
			case "another":
				disk.Heal()
				d = store.Dir(disk, "store")
				d.Owner = c.CmdArgs[0].Key
				return ""
			}
			disk.Log = func(line string) { fmt.Fprintln(&out, line) }
			said, err := command(t.Context(), d, c)
			disk.Log = nil
			if said != "" {
				fmt.Fprintln(&out, "=>", said)
			}
			if err != nil {
				fmt.Fprintln(&out, "=> error:", err)
			}
			return out.String()
		})
	})
}

func command(ctx context.Context, d *store.Directory, c *datadriven.TestData) (string, error) {
	name, text := "", ""
	if len(c.CmdArgs) > 0 {
		name, text = c.CmdArgs[0].Key, c.CmdArgs[len(c.CmdArgs)-1].Key
	}
	switch c.Cmd {
	case "put":
		return "", d.Put(ctx, name, []byte(text))
	case "create", "abort":
		w, err := d.Create(ctx, name)
		if err != nil {
			return "", err
		}
		_, err = io.WriteString(w, text)
		if c.Cmd == "abort" {
			return "", errors.Join(err, w.Abort())
		}
		return "", errors.Join(err, w.Close())
	case "open":
		return read(ctx, d, name)
	case "list":
		names, err := d.List(ctx, name)
		return strings.Join(names, " "), err
	case "delete":
		return "", d.Delete(ctx, name)
	case "sweep":
		n, err := d.Sweep(ctx, func(store.Temporary) bool { return true })
		return fmt.Sprint(n, " removed"), err
	}
	return "", fmt.Errorf("unknown command %s", c.Cmd)
}

func read(ctx context.Context, s store.Store, name string) (string, error) {
	p, err := s.Open(ctx, name)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.NewSectionReader(p, 0, p.Size()))
	return string(b), errors.Join(err, p.Close())
}

// Racers in many stores over one real folder, as many processes are, for many names: each name has one winner and its bytes. Others
// delete what makes the same folders come and go.
func TestRacersOnOneFolder(t *testing.T) {
	const rounds, racers = 40, 6
	root := t.TempDir()
	winners := make([]int, rounds)
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range racers {
		d := store.Dir(vfs.OS{}, root)
		all.Go(func() {
			for round := range rounds {
				folder := fmt.Sprintf("job/chk-%d", round)
				err := d.Put(t.Context(), folder+"/manifest", fmt.Append(nil, "racer ", i))
				if err == nil {
					mu.Lock()
					winners[round]++
					mu.Unlock()
				} else if !errors.Is(err, store.ErrExists) {
					t.Errorf("racer %d: %v", i, err)
				}
				other := fmt.Sprintf("other/chk/%d", i)
				if err := errors.Join(d.Put(t.Context(), other, nil), d.Delete(t.Context(), other)); err != nil {
					t.Errorf("racer %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	for round, n := range winners {
		if n != 1 {
			t.Errorf("round %d has %d winners", round, n)
		}
	}
	names, err := store.Dir(vfs.OS{}, root).List(t.Context(), "")
	if err != nil || len(names) != rounds {
		t.Errorf("%d names are listed, %v", len(names), err)
	}
	left, err := os.ReadDir(filepath.Join(root, ".writing"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporaries are left: %v, %v", left, err)
	}
}

func TestDeleteRemovesEmptyFolders(t *testing.T) {
	root := t.TempDir()
	d := store.Dir(vfs.OS{}, root)
	for _, name := range []string{"job/chk-1/a", "job/chk-1/b", "job/deep/er/c"} {
		must(t, d.Put(t.Context(), name, nil))
	}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err == nil
	}
	must(t, d.Delete(t.Context(), "job/chk-1/a"))
	must(t, d.Delete(t.Context(), "job/deep/er/c"))
	must(t, d.Delete(t.Context(), "job/chk-1")) // a folder is no piece
	if !there("job/chk-1/b") || there("job/deep") {
		t.Error("a folder was removed that holds something, or one is left that does not")
	}
	must(t, d.Delete(t.Context(), "job/chk-1/b"))
	if there("job") || !there("") {
		t.Error("the root was removed, or an empty folder is left")
	}
	must(t, d.Put(t.Context(), "job/chk-1/a", nil))
}

func TestSweep(t *testing.T) {
	disk := vfs.NewMem()
	now := time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)
	disk.Clock = func() time.Time { return now }
	mine, old, recent := store.Dir(disk, "s"), store.Dir(disk, "s"), store.Dir(disk, "s")
	begin := func(d *store.Directory) store.Writer {
		w, err := d.Create(t.Context(), "job/"+d.Owner)
		must(t, err)
		_, err = io.WriteString(w, "text")
		must(t, err)
		return w
	}
	sweep := func(want int, stale func(store.Temporary) bool) {
		t.Helper()
		if n, err := mine.Sweep(t.Context(), stale); err != nil || n != want {
			t.Errorf("%d were removed, %v, want %d", n, err, want)
		}
	}
	everything := func(store.Temporary) bool { return true }
	sweep(0, everything)
	ofMine, ofOld := begin(mine), begin(old)
	now = now.Add(time.Hour)
	ofRecent := begin(recent)
	sweep(1, func(f store.Temporary) bool { return f.Bytes == 4 && now.Sub(f.Modified) >= time.Hour })
	sweep(0, func(f store.Temporary) bool { return f.Owner == old.Owner })
	if err := ofOld.Close(); err == nil {
		t.Error("a piece appeared whose temporary is gone")
	}
	sweep(1, func(f store.Temporary) bool { return f.Owner == recent.Owner })
	must(t, ofRecent.Abort())
	sweep(0, everything)
	must(t, ofMine.Close())
	if names, err := mine.List(t.Context(), ""); err != nil || !slices.Equal(names, []string{"job/" + mine.Owner}) {
		t.Errorf("there is %v, %v", names, err)
	}
}

// What others put into a store's folder is not listed: files of the system, folders that begin with a dot.
func TestForeignFiles(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, ".snapshot", "x"), 0o700))
	must(t, os.WriteFile(filepath.Join(root, ".DS_Store"), nil, 0o600))
	must(t, os.Symlink("nowhere", filepath.Join(root, "dangling")))
	d := store.Dir(vfs.OS{}, root)
	must(t, d.Put(t.Context(), "a", nil))
	if names, err := d.List(t.Context(), ""); err != nil || !slices.Equal(names, []string{"a"}) {
		t.Errorf("there is %v, %v", names, err)
	}
}

func TestErrorsOfDirSayWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	d := store.Dir(vfs.OS{}, file)
	_, opened := d.Open(t.Context(), "job/a")
	_, listed := d.List(t.Context(), "job/")
	_, all := d.List(t.Context(), "")
	_, swept := d.Sweep(t.Context(), nil)
	for what, err := range map[string]error{
		"put": d.Put(t.Context(), "job/a", nil), "open": opened, "list": listed, "list all": all, "sweep": swept, "delete": d.Delete(t.Context(), "job/a"),
	} {
		if !errors.Is(err, syscall.ENOTDIR) || !strings.HasPrefix(err.Error(), "store "+file+": ") || !strings.Contains(err.Error(), "a store is a folder") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := store.Dir(vfs.OS{}, "nowhere").Open(t.Context(), "job/a"); err == nil || err.Error() != "store nowhere: open job/a: it does not exist" {
		t.Errorf("a piece that is not there: %v", err)
	}
}

func TestFaultsOfDirSayWhatToDo(t *testing.T) {
	for fault, advice := range map[error]string{
		syscall.ENOSPC: "make room", syscall.EROFS: "read-only", syscall.EXDEV: "hard links", syscall.EIO: "its disk fails", fs.ErrPermission: "the user that runs this",
	} {
		disk := vfs.NewMem()
		d := store.Dir(disk, "/var/snapshots")
		must(t, d.Put(t.Context(), "job/a", nil))
		disk.Fail(1, fault)
		err := d.Put(t.Context(), "job/b", nil)
		if !errors.Is(err, fault) || !strings.HasPrefix(err.Error(), "store /var/snapshots: put job/b: ") || !strings.Contains(err.Error(), advice) {
			t.Errorf("%v: %v", fault, err)
		}
	}
}

// A full disk fails what is written, leaves no temporary and no piece, and takes all again once there is room.
func TestFullDisk(t *testing.T) {
	disk := vfs.NewMem()
	d := store.Dir(disk, "s")
	disk.Fill(10)
	if err := d.Put(t.Context(), "job/a", make([]byte, 11)); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "store s: write job/a: ") {
		t.Errorf("put: %v", err)
	}
	w, err := d.Create(t.Context(), "job/a")
	must(t, err)
	_, first := w.Write(make([]byte, 8))
	_, second := w.Write(make([]byte, 8))
	if err := w.Close(); first != nil || !errors.Is(second, syscall.ENOSPC) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("create: %v, %v, %v", first, second, err)
	}
	if left, err := disk.ReadDir("s/.writing"); err != nil || len(left) > 0 {
		t.Errorf("temporaries are left: %v, %v", left, err)
	}
	must(t, d.Put(t.Context(), "job/a", make([]byte, 10)))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// FuzzNames: a name is refused, or is listed as it was put; nothing is written outside the store.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"job/chk-1/a", "../a", "a/..b/c", ".writing/x", "a//b", "a\\b", "Zürich/a (2)"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		disk := vfs.NewMem()
		d := store.Dir(disk, "/var/store")
		err := d.Put(t.Context(), name, []byte("x"))
		names, listed := d.List(t.Context(), "")
		must(t, listed)
		if errors.Is(err, store.ErrName) != (len(names) == 0) || err == nil && !slices.Equal(names, []string{name}) {
			t.Fatalf("put %q: %v; there is %q", name, err, names)
		}
		for _, folder := range []string{"/", "/var"} {
			if infos, err := disk.ReadDir(folder); err == nil && len(infos) > 1 {
				t.Fatalf("put %q wrote to %s: %v", name, folder, infos)
			}
		}
	})
}
