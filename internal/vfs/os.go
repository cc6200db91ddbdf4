package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// OS is the operating system's file system.
type OS struct{}

// The owner writes, the group reads: snapshots hold users' data. The umask may take more away.
const (
	filePermissions   = 0o640
	folderPermissions = 0o750
)

type osFile struct{ *os.File }

// Size asks the operating system.
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Create makes a file.
func (OS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePermissions)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Open opens a file.
func (OS) Open(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Link gives a file a second name.
func (OS) Link(file, name string) error { return os.Link(file, name) }

// Rename moves a file.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a name.
func (OS) Remove(name string) error { return os.Remove(name) }

// Mkdir makes a folder.
func (OS) Mkdir(name string) error { return os.Mkdir(name, folderPermissions) }

// ReadDir lists a folder. Symbolic links count as what they lead to, and not at all when that is gone, like files that are
// removed meanwhile.
func (o OS) ReadDir(name string) ([]Info, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(entries))
	for _, e := range entries {
		info, err := o.Stat(filepath.Join(name, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// Stat tells what is there.
func (OS) Stat(name string) (Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return Info{Name: info.Name(), Dir: info.IsDir(), Bytes: info.Size(), Modified: info.ModTime()}, nil
}

// SyncDir makes a folder's names durable. Windows has no such call and journals names by itself.
func (OS) SyncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) { // file systems over the network that keep names on the server, where they are durable
		err = nil
	}
	return errors.Join(err, f.Close())
}
