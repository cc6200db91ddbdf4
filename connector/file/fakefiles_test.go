package file

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// fakeFiles is a file system in memory that can end at any operation and forget what was not synced.
type fakeFiles struct {
	now     map[string]*fakeFile // what processes see
	durable map[string]*fakeFile // what is left after a crash
	journal []change             // what is in now and not in durable, in order
	// ops counts operations; the one numbered failAt, from 1, fails with err.
	ops, failAt int
	err         error
	// after has an operation that fails take effect first; forever has all later ones fail too.
	after, forever bool
	failed         bool
}

type fakeFile struct {
	dir    bool
	data   []byte
	synced int
}

// change is a file that appears, moves or goes.
type change struct {
	from, to string
	file     *fakeFile
}

var errCrash, errFull = errors.New("the machine is off"), errors.New("no space left")

func newFakeFiles() *fakeFiles {
	root := &fakeFile{dir: true}
	return &fakeFiles{now: map[string]*fakeFile{"/": root}, durable: map[string]*fakeFile{"/": root}}
}

// crash is what a machine finds when it starts again: what was synced, and of the rest nothing, or as much as random says.
func (f *fakeFiles) crash(random *rand.Rand) *fakeFiles {
	if random != nil {
		for _, c := range f.journal[:random.IntN(len(f.journal)+1)] {
			c.apply(f.durable)
		}
	}
	g := newFakeFiles()
	for _, name := range sorted(f.durable) {
		file := f.durable[name]
		if above, ok := g.now[path.Dir(name)]; !ok || !above.dir {
			continue
		}
		kept := file.synced
		if random != nil {
			kept += random.IntN(len(file.data) - kept + 1)
		}
		h := &fakeFile{file.dir, slices.Clone(file.data[:kept]), kept}
		g.now[name], g.durable[name] = h, h
	}
	return g
}

// restart is what the next process finds if only this one ends.
func (f *fakeFiles) restart() *fakeFiles {
	f.failAt, f.failed = 0, false
	return f
}

// do is an operation on the file system.
func (f *fakeFiles) do(name string, effect func() error) error {
	f.ops++
	fails := f.ops == f.failAt || f.failed && f.forever
	if !fails {
		return effect()
	}
	if f.after && !f.failed {
		_ = effect() // it fails all the same
	}
	f.failed = true
	return &fs.PathError{Op: "fake", Path: name, Err: f.err}
}

func (f *fakeFiles) get(name string) (*fakeFile, error) {
	if file, ok := f.now[name]; ok {
		return file, nil
	}
	return nil, &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}
}

func (f *fakeFiles) change(c change) {
	c.apply(f.now)
	f.journal = append(f.journal, c)
}

func (c change) apply(to map[string]*fakeFile) {
	if c.from != "" {
		delete(to, c.from)
	}
	if c.to != "" {
		to[c.to] = c.file
	}
}

func (f *fakeFiles) add(name string, file *fakeFile) error {
	if _, err := f.get(path.Dir(name)); err != nil {
		return err
	}
	if _, err := f.get(name); err == nil {
		return &fs.PathError{Op: "make", Path: name, Err: fs.ErrExist}
	}
	f.change(change{to: name, file: file})
	return nil
}

func (f *fakeFiles) create(name string) (h handle, err error) {
	err = f.do(name, func() error {
		file := new(fakeFile)
		h = &fakeHandle{f, name, file}
		return f.add(name, file)
	})
	return h, err
}

func (f *fakeFiles) mkdir(name string) error {
	return f.do(name, func() error {
		if file, err := f.get(name); err == nil && file.dir {
			return nil
		}
		return f.add(name, &fakeFile{dir: true})
	})
}

func (f *fakeFiles) open(name string) (r io.ReadCloser, err error) {
	err = f.do(name, func() error {
		file, err := f.get(name)
		if err == nil {
			r = io.NopCloser(bytes.NewReader(file.data))
		}
		return err
	})
	return r, err
}

func (f *fakeFiles) size(name string) (n int64, err error) {
	err = f.do(name, func() error {
		file, err := f.get(name)
		if err == nil {
			n = int64(len(file.data))
		}
		return err
	})
	return n, err
}

func (f *fakeFiles) list(dir string) (entries []fs.DirEntry, err error) {
	err = f.do(dir, func() error {
		for _, name := range sorted(f.now) {
			if name != dir && path.Dir(name) == dir {
				entries = append(entries, fakeEntry{name: path.Base(name), dir: f.now[name].dir})
			}
		}
		_, err := f.get(dir)
		return err
	})
	return entries, err
}

func (f *fakeFiles) rename(from, to string) error {
	return f.do(from, func() error {
		file, err := f.get(from)
		if err != nil {
			return err
		}
		if _, err := f.get(path.Dir(to)); err != nil {
			return err
		}
		f.change(change{from, to, file})
		return nil
	})
}

func (f *fakeFiles) remove(name string) error {
	return f.do(name, func() error {
		if _, err := f.get(name); err != nil {
			return err
		}
		for other := range f.now {
			if strings.HasPrefix(other, name+"/") {
				return &fs.PathError{Op: "remove", Path: name, Err: errors.New("not empty")}
			}
		}
		f.change(change{from: name})
		return nil
	})
}

// sync makes durable the changes in a folder, and those before that they build on.
func (f *fakeFiles) sync(dir string) error {
	return f.do(dir, func() error {
		needed := map[string]bool{}
		chosen := make([]bool, len(f.journal))
		for i, c := range slices.Backward(f.journal) {
			chosen[i] = path.Dir(c.from) == dir || path.Dir(c.to) == dir || needed[c.from] || needed[c.to]
			if chosen[i] {
				needed[c.from], needed[c.to] = c.from != "", c.to != ""
			}
		}
		var rest []change
		for i, c := range f.journal {
			if chosen[i] {
				c.apply(f.durable)
			} else {
				rest = append(rest, c)
			}
		}
		f.journal = rest
		return nil
	})
}

type fakeHandle struct {
	fs   *fakeFiles
	name string
	file *fakeFile
}

// Write writes half of it if it fails.
func (h *fakeHandle) Write(b []byte) (int, error) {
	n := len(b)
	err := h.fs.do(h.name, func() error {
		if h.fs.ops == h.fs.failAt {
			n /= 2
		}
		h.file.data = append(h.file.data, b[:n]...)
		return nil
	})
	return n, err
}

func (h *fakeHandle) Sync() error {
	return h.fs.do(h.name, func() error {
		h.file.synced = len(h.file.data)
		return nil
	})
}

func (h *fakeHandle) Close() error { return h.fs.do(h.name, func() error { return nil }) }

type fakeEntry struct {
	fs.DirEntry
	name string
	dir  bool
}

func (e fakeEntry) Name() string { return e.name }

func (e fakeEntry) IsDir() bool { return e.dir }
