package vfs

import (
	"errors"
	"fmt"
	"syscall"
)

const sharingViolation = syscall.Errno(32)

// Lock takes the lock that a file of the operating system stands for: nobody else can open it as long as it is open here. The file
// stays. ErrLocked says that somebody else has the lock, of this process or another.
func Lock(path string) (unlock func(), err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case errors.Is(err, sharingViolation):
		return nil, ErrLocked
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { syscall.CloseHandle(h) }, nil
}
