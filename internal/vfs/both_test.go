package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMemBehavesLikeTheOS does the same random operations on both and compares what they answer.
func TestMemBehavesLikeTheOS(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			real, mem := newActor(OS{}, t.TempDir(), seed), newActor(NewMem(), "/disk", seed)
			check(t, NewFolders(mem.fsys).Make("/disk"))
			for range 300 {
				r, m := real.step(), mem.step()
				if r != m {
					t.Fatalf("the OS says   %s\nMem says      %s", r, m)
				}
			}
		})
	}
}

// actor does random operations on few names, so that they meet.
type actor struct {
	fsys   FS
	root   string
	random *rand.Rand
	open   []File
}

func newActor(fsys FS, root string, seed uint64) *actor {
	return &actor{fsys: fsys, root: root, random: rand.New(rand.NewPCG(seed, 1))}
}

var someNames = []string{"a", "b", "a/x", "a/y", "b/x", "b/x/p", "a/./x", "c"}

func (a *actor) name() string {
	return filepath.ToSlash(filepath.Join(a.root, someNames[a.random.IntN(len(someNames))]))
}

// step does one operation and returns it with its outcome.
func (a *actor) step() string {
	name, other, choice := a.name(), a.name(), a.random.IntN(12)
	said := ""
	var err error
	switch choice {
	case 0, 1:
		err = a.keep(a.fsys.Create(name))
	case 2:
		if info, statErr := a.fsys.Stat(name); statErr == nil && !info.Dir {
			err = a.keep(a.fsys.Open(name))
		}
	case 3:
		err = a.fsys.Link(name, other)
	case 4:
		if info, statErr := a.fsys.Stat(name); statErr == nil && !info.Dir { // folders are not renamed
			err = a.fsys.Rename(name, other)
		}
	case 5:
		err = a.fsys.Remove(name)
	case 6, 7:
		err = a.fsys.Mkdir(name)
	case 8:
		said, err = a.list(name)
	case 9:
		var info Info
		info, err = a.fsys.Stat(name)
		said = fmt.Sprint(info.Name, info.Dir)
	case 10:
		if info, statErr := a.fsys.Stat(name); statErr != nil || info.Dir { // a file is not a folder to sync
			err = a.fsys.SyncDir(name)
		}
	default:
		said, err = a.use()
	}
	return strings.ReplaceAll(fmt.Sprint(choice, " ", name, " ", other, " ", said, " ", kind(err)), a.root+"/", "")
}

func (a *actor) keep(f File, err error) error {
	if err == nil {
		a.open = append(a.open, f)
	}
	return err
}

func (a *actor) list(name string) (string, error) {
	infos, err := a.fsys.ReadDir(name)
	said := ""
	for _, i := range infos {
		said += fmt.Sprintf("%s:%t ", i.Name, i.Dir)
		if !i.Dir {
			said += fmt.Sprint(i.Bytes, " ")
		}
	}
	return said, err
}

// use does something with an open file, also with one that is closed or has lost its name.
func (a *actor) use() (string, error) {
	if len(a.open) == 0 {
		return "", nil
	}
	f := a.open[a.random.IntN(len(a.open))]
	switch a.random.IntN(6) {
	case 0:
		return "close", f.Close()
	case 1:
		return "sync", f.Sync()
	case 2:
		size, err := f.Size()
		return fmt.Sprint("size ", size), err
	case 3:
		b := make([]byte, a.random.IntN(9))
		n, err := f.ReadAt(b, int64(a.random.IntN(9)))
		return fmt.Sprintf("read %q", b[:n]), err
	default:
		n, err := f.Write([]byte("hello, "[:a.random.IntN(8)]))
		return fmt.Sprint("write ", n), err
	}
}

// kind is what callers may tell errors apart by.
func kind(err error) string {
	for _, known := range []error{
		fs.ErrNotExist, fs.ErrExist, fs.ErrClosed, fs.ErrInvalid, io.EOF, syscall.ENOTDIR, syscall.ENOTEMPTY,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		return "another error"
	}
	return "done"
}

func TestReadFile(t *testing.T) {
	for name, fsys := range map[string]FS{t.TempDir(): OS{}, "": NewMem()} {
		file := filepath.Join(name, "a")
		write(t, fsys, file, "hello")
		if b, err := ReadFile(fsys, file); err != nil || string(b) != "hello" {
			t.Errorf("%T: read %q, %v", fsys, b, err)
		}
		if _, err := ReadFile(fsys, filepath.Join(name, "b")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%T: a file that is not there: %v", fsys, err)
		}
	}
}

// write writes a file and syncs it, but not its name.
func write(t *testing.T, fsys FS, name, text string) {
	t.Helper()
	f, err := fsys.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write([]byte(text))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
