package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// files is what a sink does to a file system. What it has done survives the process at once, and a failure of the
// machine only after the handle's or the folder's sync. A rename happens as a whole or not at all, also between
// folders, as on any file system with a journal.
type files interface {
	// create makes a file that must not be there.
	create(path string) (handle, error)
	open(path string) (io.ReadCloser, error)
	// size is that of a file.
	size(path string) (int64, error)
	list(dir string) ([]fs.DirEntry, error)
	// mkdir makes a folder; one that is there already is no error.
	mkdir(path string) error
	rename(from, to string) error
	// remove deletes a file or an empty folder.
	remove(path string) error
	// sync makes durable what was created, renamed and removed in a folder.
	sync(dir string) error
}

// handle is a file that is being written.
type handle interface {
	io.WriteCloser
	Sync() error
}

// disk is the operating system's file system.
type disk struct{}

func (disk) create(path string) (handle, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

func (disk) open(path string) (io.ReadCloser, error) { return os.Open(path) }

func (disk) size(path string) (int64, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (disk) list(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

func (disk) mkdir(path string) error {
	err := os.Mkdir(path, 0o777)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
	}
	return nil
}

func (disk) rename(from, to string) error { return os.Rename(from, to) }

func (disk) remove(path string) error { return os.Remove(path) }

func (disk) sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// makeFolder makes a folder and those above it, durably: none before the one above is durable, so that of folders that are
// there only the last may still have to be synced.
func makeFolder(f files, dir string) error {
	above := filepath.Dir(dir)
	there, err := exists(f, dir)
	if err == nil && !there && above != dir {
		err = makeFolder(f, above)
	}
	if err == nil {
		err = f.mkdir(dir)
	}
	if err != nil {
		return err
	}
	if err := f.sync(above); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil // who may not read the folder above has not made this one either
}

// makeSubfolder makes a folder below another, by a path with slashes. It is durable after [syncTree].
func makeSubfolder(f files, root, folder string) error {
	for i := range len(folder) {
		if folder[i] == '/' {
			if err := f.mkdir(filepath.Join(root, filepath.FromSlash(folder[:i]))); err != nil {
				return err
			}
		}
	}
	if folder == "" {
		return nil
	}
	return f.mkdir(filepath.Join(root, filepath.FromSlash(folder)))
}

func exists(f files, path string) (bool, error) {
	_, err := f.size(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// removeIfThere deletes a file that may have gone already.
func removeIfThere(f files, path string) error {
	if err := f.remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
