package vfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"syscall"
)

// Folders makes folders, and makes their names durable in the folders above them, once each: a file is only as durable as the
// path to it. All methods may be called from any goroutine.
type Folders struct {
	fsys    FS
	mu      sync.Mutex // guards durable, and that no folder is removed while it is made
	durable map[string]bool
}

// NewFolders knows of no durable folder.
func NewFolders(fsys FS) *Folders { return &Folders{fsys: fsys, durable: map[string]bool{}} }

// Make has a folder exist, durably. Called again after something was written to the folder, it also answers for the case that
// the folder was removed and made anew by another goroutine in between.
func (f *Folders) Make(dir string) error { return f.settle(dir, true) }

// Settle makes durable that a folder exists, and makes none.
func (f *Folders) Settle(dir string) error { return f.settle(dir, false) }

func (f *Folders) settle(dir string, make bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settleLocked(filepath.Clean(dir), make)
}

func (f *Folders) settleLocked(dir string, make bool) error {
	if f.durable[dir] {
		return nil
	}
	made, err := f.exists(dir, make)
	if err != nil {
		return err
	}
	if parent := filepath.Dir(dir); parent != dir {
		// A folder that somebody else made, in one that we may not read, is that other's care.
		if err := f.fsys.SyncDir(parent); err != nil && (made || !errors.Is(err, fs.ErrPermission)) {
			return err
		}
	}
	f.durable[dir] = true
	return nil
}

// exists looks for a folder and makes it, with those above it, as asked; it settles those above it in any case.
func (f *Folders) exists(dir string, make bool) (made bool, err error) {
	if parent := filepath.Dir(dir); parent != dir {
		if err := f.settleLocked(parent, make); err != nil {
			return false, err
		}
	}
	switch info, err := f.fsys.Stat(dir); {
	case err == nil && !info.Dir:
		return false, &fs.PathError{Op: "open folder", Path: dir, Err: syscall.ENOTDIR}
	case err == nil:
		return false, nil
	case !make || !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	if err := f.fsys.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	return true, nil
}

// Remove removes a folder if it is empty; syscall.ENOTEMPTY if it is not. The removal is durable with the next SyncDir of the
// folder above it.
func (f *Folders) Remove(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = filepath.Clean(dir)
	err := f.fsys.Remove(dir)
	if !errors.Is(err, syscall.ENOTEMPTY) {
		delete(f.durable, dir)
	}
	return err
}

// Forget forgets which folders are durable: it is called when one that was has gone, which another process did.
func (f *Folders) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.durable)
}
