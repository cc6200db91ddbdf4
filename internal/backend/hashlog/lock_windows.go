package hashlog

import (
	"errors"
	"fmt"
	"syscall"
)

const sharingViolation = syscall.Errno(32)

// lock takes the lock that a file stands for: nobody else can open it as long as it is open here.
func lock(path, dir string) (unlock func(), err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case errors.Is(err, sharingViolation):
		return nil, &TakenError{dir}
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { syscall.CloseHandle(h) }, nil
}
