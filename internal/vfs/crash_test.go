package vfs

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What was synced survives every crash, whatever was written after it; what was not is lost in some, and torn in some.
func TestCrashTearsWhatWasNotSynced(t *testing.T) {
	disk := NewMem()
	synced, rest := strings.Repeat("s", 700), strings.Repeat("r", 3000)
	f, err := disk.Create("a")
	check(t, err)
	write := func(text string) {
		_, err := f.Write([]byte(text))
		check(t, err)
	}
	write(synced)
	check(t, errors.Join(f.Sync(), disk.SyncDir("")))
	write(rest)
	var short, whole, torn int
	for seed := range uint64(300) {
		left, err := ReadFile(disk.Crash(seed), "a")
		check(t, err)
		if !bytes.HasPrefix(left, []byte(synced)) {
			t.Fatalf("seed %d: synced bytes are lost", seed)
		}
		switch {
		case !strings.HasPrefix(synced+rest, string(left)):
			torn++
		case len(left) < len(synced)+len(rest):
			short++
		default:
			whole++
		}
	}
	if short == 0 || torn == 0 {
		t.Errorf("%d short, %d whole, %d torn", short, whole, torn)
	}
}

func TestCrashIsDeterministic(t *testing.T) {
	history := func() *Mem {
		disk := NewMem()
		a := newActor(disk, "", 7)
		for range 500 {
			a.step()
		}
		return disk
	}
	one, two := history(), history()
	for seed := range uint64(20) {
		if a, b := tree(t, one.Crash(seed)), tree(t, two.Crash(seed)); a != b {
			t.Fatalf("seed %d: once\n%s\nand then\n%s", seed, a, b)
		}
	}
}

// A crash leaves a disk that is all durable, and apart from the first.
func TestDiskAfterCrash(t *testing.T) {
	disk := NewMem()
	a := newActor(disk, "", 3)
	for range 500 {
		a.step()
	}
	before := tree(t, disk)
	after := disk.Crash(1)
	left := tree(t, after)
	for seed := range uint64(20) {
		if again := tree(t, after.Crash(seed)); again != left {
			t.Fatalf("the second crash leaves\n%s\nof\n%s", again, left)
		}
	}
	write(t, after, "new", "x")
	if tree(t, disk) != before {
		t.Error("writing to the new disk changed the old one")
	}
}

func TestFlipBits(t *testing.T) {
	disk := NewMem()
	text := strings.Repeat("leat", 100)
	write(t, disk, "a", text)
	disk.FlipBits(1, 0.5)
	wrong := 0
	for range 100 {
		b, err := ReadFile(disk, "a")
		check(t, err)
		differ := 0
		for i := range b {
			for x := b[i] ^ text[i]; x != 0; x &= x - 1 {
				differ++
			}
		}
		if differ > 1 {
			t.Fatalf("%d bits are wrong", differ)
		}
		wrong += differ
	}
	if wrong < 20 || wrong > 80 {
		t.Errorf("%d of 100 reads were wrong", wrong)
	}
	disk.Heal()
	if b, err := ReadFile(disk, "a"); err != nil || string(b) != text {
		t.Errorf("the file itself has changed: %v", err)
	}
}

func TestBrokenSync(t *testing.T) {
	disk := NewMem()
	f, err := disk.Create("a")
	check(t, errors.Join(err, disk.SyncDir("")))
	_, err = f.Write([]byte("text"))
	check(t, err)
	disk.Fail(1, syscall.EIO)
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("the Sync that is to fail: %v", err)
	}
	check(t, f.Sync())
	for seed := range uint64(100) {
		if left, err := ReadFile(disk.Crash(seed), "a"); err != nil || len(left) < 4 {
			return
		}
	}
	t.Error("a second Sync made bytes durable that the first had failed to")
}

func TestClock(t *testing.T) {
	disk := NewMem()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	disk.Clock = func() time.Time { return at }
	write(t, disk, "a", "x")
	if info, err := disk.Stat("a"); err != nil || !info.Modified.Equal(at) || info.Bytes != 1 {
		t.Errorf("%+v, %v", info, err)
	}
}

// Another goroutine may remove a folder after it was made and before something was written to it.
func TestFolders(t *testing.T) {
	disk := NewMem()
	folders := NewFolders(disk)
	check(t, folders.Make("a/b/c"))
	if err := folders.Remove("a/b"); !errors.Is(err, syscall.ENOTEMPTY) {
		t.Errorf("removing a folder that holds one: %v", err)
	}
	check(t, folders.Remove("a/b/c"))
	if err := folders.Settle("a/b/c"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("settling a folder that is not there: %v", err)
	}
	check(t, folders.Make("a/b/c"))
	check(t, disk.Remove("a/b/c")) // by another process
	before := disk.Operations()
	check(t, folders.Make("a/b/c"))
	if disk.Operations() != before {
		t.Error("what is known to be durable is asked about")
	}
	folders.Forget()
	check(t, folders.Make("a/b/c"))
	for seed := range uint64(20) {
		if got := tree(t, disk.Crash(seed)); got != "a/\na/b/\na/b/c/\n" {
			t.Fatalf("after a crash there is\n%s", got)
		}
	}
}

// A folder that others made, below one that this user may not read, is used as it is.
func TestFoldersBelowOnesThatMayNotBeRead(t *testing.T) {
	disk := NewMem()
	check(t, NewFolders(disk).Make("home/store"))
	folders := NewFolders(disk)
	var lines []string
	disk.Log = func(line string) { lines = append(lines, line) }
	check(t, folders.Make("home/store"))
	last := int64(len(lines)) // the sync-dir of home
	disk.Fail(last, fs.ErrPermission)
	check(t, NewFolders(disk).Make("home/store"))
	disk.Fail(last, syscall.EIO)
	if err := NewFolders(disk).Make("home/store"); !errors.Is(err, syscall.EIO) {
		t.Errorf("a folder that can't be synced: %v", err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
