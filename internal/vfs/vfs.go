// Package vfs is the file system as durable code sees it: small enough that a test can stand in for it and lose what a crash
// would lose.
//
// What survives a crash is what was asked for:
//
//	bytes of a file         after its Sync
//	a name in a folder      after SyncDir of that folder, and so on upwards: Folders does this
//	all else                wholly, partly or not at all
//
// OS is the real one. Mem is in memory, can fail at any operation, and its Crash is a disk as a crash leaves it.
package vfs

import (
	"io"
	"time"
)

// FS is a file system. Names are paths as the operating system writes them. All methods may be called from any goroutine.
// Errors answer to errors.Is with io/fs's ErrNotExist, ErrExist and ErrPermission, and with syscall's ENOSPC, ENOTDIR and ENOTEMPTY.
type FS interface {
	// Create makes a file and opens it for writing; ErrExist if the name is taken.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Link gives a file a second name; ErrExist if the name is taken, so that of many who try one succeeds.
	Link(file, name string) error
	// Rename moves a file, not a folder, to another name, at once: the file that had that name is gone.
	Rename(from, to string) error
	// Remove removes a file's name, or a folder that is empty.
	Remove(name string) error
	// Mkdir makes a folder in one that exists; ErrExist if the name is taken.
	Mkdir(name string) error
	// ReadDir lists a folder, sorted by name.
	ReadDir(name string) ([]Info, error)
	// Stat tells what is there under a name.
	Stat(name string) (Info, error)
	// SyncDir makes a folder's list of names durable: those added and those removed.
	SyncDir(name string) error
}

// File is an open file. ReadAt may be called from any goroutine; all else from one at a time.
type File interface {
	// Write appends.
	io.Writer
	io.ReaderAt
	// Close closes the file; what was not synced may be lost.
	io.Closer
	// Sync makes all bytes durable that were written. After an error, nobody knows which are, and a second Sync does not tell
	// either: give up the file.
	Sync() error
	// Size is in bytes.
	Size() (int64, error)
}

// Info tells what is there under a name.
type Info struct {
	Name     string // without the folder
	Dir      bool
	Bytes    int64     // of a file
	Modified time.Time // when it was last written to
}

// ReadFile reads a file whole.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, size))
}
