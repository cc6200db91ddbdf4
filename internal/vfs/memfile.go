package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
)

// memFile is an open file of a Mem.
type memFile struct {
	disk     *Mem
	node     *node
	name     string
	writable bool
	closed   bool
}

func (f *memFile) do(op, detail string, action func() error) error {
	return f.disk.do(op, f.name, detail, func() error {
		if f.closed {
			return fs.ErrClosed
		}
		return action()
	})
}

// Write appends as much as the disk has room for.
func (f *memFile) Write(b []byte) (n int, err error) {
	err = f.do("write", fmt.Sprintf(" %d", len(b)), func() error {
		if !f.writable {
			return syscall.EBADF
		}
		var full error
		n, full = f.disk.faults.take(len(b))
		f.node.data = append(f.node.data, b[:n]...)
		f.node.modified = f.disk.now()
		return full
	})
	return n, err
}

// ReadAt reads, with bits turned over if the disk does that.
func (f *memFile) ReadAt(b []byte, at int64) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	err = f.do("read", fmt.Sprintf(" %d+%d", at, len(b)), func() error {
		switch {
		case f.node.dir:
			return syscall.EISDIR
		case at < 0:
			return fs.ErrInvalid
		case at < int64(len(f.node.data)):
			n = copy(b, f.node.data[at:])
			f.disk.faults.flip(b[:n])
		}
		return nil
	})
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

// Sync makes durable what was written. One that fails leaves the file broken: as after a failed write-back, later ones succeed
// and make nothing durable.
func (f *memFile) Sync() error {
	err := f.do("sync", "", func() error {
		if !f.node.broken {
			f.node.synced = len(f.node.data)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrClosed) {
		f.disk.mu.Lock()
		f.node.broken = true
		f.disk.mu.Unlock()
	}
	return err
}

// Close closes the file; the second time it is an error.
func (f *memFile) Close() error {
	return f.do("close", "", func() error {
		f.closed = true
		return nil
	})
}

// Size is in bytes.
func (f *memFile) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return 0, &fs.PathError{Op: "size", Path: f.name, Err: fs.ErrClosed}
	}
	return int64(len(f.node.data)), nil
}
