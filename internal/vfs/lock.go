package vfs

import "errors"

// ErrLocked says that somebody else has a lock.
var ErrLocked = errors.New("the file is locked")
