//go:build unix

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// lock takes the lock that a file stands for, or returns errTaken. The unlock removes the file.
func lock(path string) (unlock func(), err error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, errTaken
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if isAt(f, path) {
			return func() { os.Remove(path); f.Close() }, nil
		}
		f.Close() // its last holder removed it between the two calls: the lock is of a file that nobody sees
	}
}

func isAt(f *os.File, path string) bool {
	held, err := f.Stat()
	seen, err2 := os.Lstat(path)
	return err == nil && err2 == nil && os.SameFile(held, seen)
}

// checkOwner refuses a folder that another user owns or can enter.
func checkOwner(folder string, info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("folder %s belongs to user %d, and not to this one, %d: it is not used", folder, stat.Uid, os.Geteuid())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("folder %s is open to other users (mode %04o): it is not used before a chmod 700", folder, mode)
	}
	return nil
}
