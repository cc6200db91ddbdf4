//go:build unix

package vfs

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Lock takes the lock that a file of the operating system stands for; the process' end gives it back too. The file stays. ErrLocked says
// that somebody else has the lock, of this process or another.
func Lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
