package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is a file system in memory, for tests. It keeps apart what is there and what is durable: Crash drops the difference, in
// part, as a seed decides. What it does depends on nothing but what it is told.
//
//	Write ──▶ bytes ──Sync──▶ durable bytes
//	Create, Link, Rename, Remove, Mkdir ──▶ names ──SyncDir──▶ durable names
//
// A rename is one change, also between two folders: whichever of them is synced makes it durable in both, with all that was
// changed in either before.
type Mem struct {
	// Log hears of each operation, as "link: a/x -> a/y" or "create: a/x: file already exists"; nil: nobody does. It is called
	// under the file system's lock.
	Log func(line string)
	// Clock is the time that files are stamped with; nil: the number of operations until then, as seconds since 1970.
	Clock func() time.Time

	mu      sync.Mutex // guards all below, and all nodes
	root    *node
	nodes   int64
	pending []change // of names that no SyncDir has made durable, oldest first
	faults  faults
}

// node is a file or a folder.
type node struct {
	id       int64
	dir      bool
	modified time.Time
	names    map[string]*node // of a folder

	data   []byte // of a file
	synced int    // so many bytes of data are durable
	broken bool   // a Sync failed: later ones make nothing durable
	links  int    // names that it has

	durable map[string]*node // of a folder: the names that a crash leaves
}

// change is of names, and happens whole or not at all.
type change []binding

// binding gives a name in a folder to a node; nil: to none.
type binding struct {
	dir  *node
	name string
	to   *node
}

// NewMem makes an empty disk. Names are cleaned and begin at its root, whether they begin with a slash or not.
func NewMem() *Mem {
	m := &Mem{faults: noFaults}
	m.root = m.newNode(true)
	return m
}

func (m *Mem) newNode(dir bool) *node {
	m.nodes++
	n := &node{id: m.nodes, dir: dir, modified: m.now()}
	if dir {
		n.names, n.durable = map[string]*node{}, map[string]*node{}
	}
	return n
}

func (m *Mem) now() time.Time {
	if m.Clock != nil {
		return m.Clock()
	}
	return time.Unix(m.faults.operations, 0).UTC()
}

// do does an operation, unless a fault is due, and logs it.
func (m *Mem) do(op, name, detail string, f func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.faults.next()
	if err == nil {
		err = f()
	}
	if m.Log != nil {
		line := op + ": " + name + detail
		if err != nil {
			line += ": " + err.Error()
		}
		m.Log(line)
	}
	if err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// find follows a path.
func (m *Mem) find(name string) (*node, error) {
	at := m.root
	for _, part := range parts(name) {
		if !at.dir {
			return nil, syscall.ENOTDIR
		}
		next := at.names[part]
		if next == nil {
			return nil, fs.ErrNotExist
		}
		at = next
	}
	return at, nil
}

func parts(name string) []string {
	clean := strings.Trim(path.Clean("/"+name), "/")
	if clean == "" {
		return nil
	}
	return strings.Split(clean, "/")
}

// findIn finds the folder that a name is in, and what has the name: nil if nothing has.
func (m *Mem) findIn(name string) (dir *node, base string, old *node, err error) {
	all := parts(name)
	if len(all) == 0 {
		return nil, "", nil, syscall.EINVAL
	}
	base = all[len(all)-1]
	dir, err = m.find(path.Join(all[:len(all)-1]...))
	if err == nil && !dir.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, "", nil, err
	}
	return dir, base, dir.names[base], nil
}

// apply changes names; the change is durable once one of its folders is synced.
func (m *Mem) apply(c change) {
	for _, b := range c {
		if old := b.dir.names[b.name]; old != nil {
			old.links--
			m.faults.release(old)
		}
		b.dir.bind(b.dir.names, b)
		if b.to != nil {
			b.to.links++
		}
		b.dir.modified = m.now()
	}
	m.pending = append(m.pending, c)
}

func (n *node) bind(names map[string]*node, b binding) {
	if b.to == nil {
		delete(names, b.name)
	} else {
		names[b.name] = b.to
	}
}

// Create makes a file.
func (m *Mem) Create(name string) (f File, err error) {
	err = m.do("create", name, "", func() error {
		dir, base, old, err := m.findIn(name)
		if err != nil {
			return err
		}
		if old != nil {
			return fs.ErrExist
		}
		n := m.newNode(false)
		m.apply(change{{dir, base, n}})
		f = &memFile{disk: m, node: n, name: name, writable: true}
		return nil
	})
	return f, err
}

// Open opens a file.
func (m *Mem) Open(name string) (f File, err error) {
	err = m.do("open", name, "", func() error {
		n, err := m.find(name)
		if err != nil {
			return err
		}
		f = &memFile{disk: m, node: n, name: name}
		return nil
	})
	return f, err
}

// Link gives a file a second name.
func (m *Mem) Link(file, name string) error {
	return m.do("link", file, " -> "+name, func() error {
		n, err := m.find(file)
		if err != nil {
			return err
		}
		dir, base, old, err := m.findIn(name)
		switch {
		case err != nil:
			return err
		case old != nil:
			return fs.ErrExist
		case n.dir:
			return fs.ErrPermission
		}
		m.apply(change{{dir, base, n}})
		return nil
	})
}

// Rename moves a file.
func (m *Mem) Rename(from, to string) error {
	return m.do("rename", from, " -> "+to, func() error {
		fromDir, fromBase, n, err := m.findIn(from)
		if err != nil {
			return err
		}
		if n == nil {
			return fs.ErrNotExist
		}
		toDir, toBase, old, err := m.findIn(to)
		switch {
		case err != nil:
			return err
		case old == n:
			return nil
		case n.dir:
			return syscall.EISDIR
		case old != nil && old.dir:
			return fs.ErrExist
		}
		m.apply(change{{toDir, toBase, n}, {fromDir, fromBase, nil}})
		return nil
	})
}

// Remove removes a name.
func (m *Mem) Remove(name string) error {
	return m.do("remove", name, "", func() error {
		dir, base, n, err := m.findIn(name)
		switch {
		case err != nil:
			return err
		case n == nil:
			return fs.ErrNotExist
		case len(n.names) > 0:
			return syscall.ENOTEMPTY
		}
		m.apply(change{{dir, base, nil}})
		return nil
	})
}

// Mkdir makes a folder.
func (m *Mem) Mkdir(name string) error {
	return m.do("mkdir", name, "", func() error {
		if len(parts(name)) == 0 {
			return fs.ErrExist
		}
		dir, base, old, err := m.findIn(name)
		if err != nil {
			return err
		}
		if old != nil {
			return fs.ErrExist
		}
		m.apply(change{{dir, base, m.newNode(true)}})
		return nil
	})
}

// ReadDir lists a folder.
func (m *Mem) ReadDir(name string) (infos []Info, err error) {
	err = m.do("read-dir", name, "", func() error {
		n, err := m.find(name)
		if err != nil {
			return err
		}
		if !n.dir {
			return syscall.ENOTDIR
		}
		infos = make([]Info, 0, len(n.names))
		for _, base := range slices.Sorted(maps.Keys(n.names)) {
			infos = append(infos, n.names[base].info(base))
		}
		return nil
	})
	return infos, err
}

// Stat tells what is there.
func (m *Mem) Stat(name string) (info Info, err error) {
	err = m.do("stat", name, "", func() error {
		n, err := m.find(name)
		if err == nil {
			info = n.info(path.Base(name))
		}
		return err
	})
	return info, err
}

func (n *node) info(base string) Info {
	return Info{Name: base, Dir: n.dir, Bytes: int64(len(n.data)), Modified: n.modified}
}

// SyncDir makes a folder's names durable.
func (m *Mem) SyncDir(name string) error {
	return m.do("sync-dir", name, "", func() error {
		n, err := m.find(name)
		if err != nil {
			return err
		}
		if !n.dir {
			return syscall.ENOTDIR
		}
		m.settle(n)
		return nil
	})
}

// settle makes the pending changes of a folder durable. Changes that were made before one of them, in a folder that it also
// concerns, become durable with it, as in a journal; otherwise a file could come back under a name that it was moved from.
func (m *Mem) settle(n *node) {
	dirs := map[*node]bool{n: true}
	durable := make([]bool, len(m.pending))
	for i, c := range slices.Backward(m.pending) {
		durable[i] = slices.ContainsFunc(c, func(b binding) bool { return dirs[b.dir] })
		if durable[i] {
			for _, b := range c {
				dirs[b.dir] = true
			}
		}
	}
	var left []change
	for i, c := range m.pending {
		if !durable[i] {
			left = append(left, c)
			continue
		}
		for _, b := range c {
			b.dir.bind(b.dir.durable, b)
		}
	}
	m.pending = left
}

// Damage turns over one bit of a file, durably, as a failing disk does; bits are counted from the file's first.
func (m *Mem) Damage(name string, bit int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(name)
	switch {
	case err != nil:
		return fmt.Errorf("damage %s: %w", name, err)
	case n.dir || bit < 0 || bit >= int64(len(n.data))*8:
		return fmt.Errorf("damage %s: there is no bit %d: %w", name, bit, errors.ErrUnsupported)
	}
	n.data[bit/8] ^= 1 << (bit % 8)
	return nil
}
