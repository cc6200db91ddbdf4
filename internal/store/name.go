package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Bounds of names that every kind of store can keep: those of file systems and of object storage.
const (
	maxNameBytes = 1024
	maxPartBytes = 255
)

// ErrName says that a store takes no such name.
var ErrName = errors.New("no name of a piece")

// CheckName refuses with ErrName a name that not every store can keep, or that would leave a store's folder.
func CheckName(name string) error {
	if why := faultOf(name); why != "" {
		return fmt.Errorf("%q is %w: %s", name, ErrName, why)
	}
	return nil
}

func faultOf(name string) string {
	switch {
	case !fs.ValidPath(name) || name == ".":
		return "it must be UTF-8, parts with slashes between them, none of them empty, . or .."
	case strings.HasPrefix(name, "."):
		return "what begins with a dot is the store's own"
	case strings.ContainsAny(name, "\\\x00"):
		return "it must have no backslash and no zero byte"
	case len(name) > maxNameBytes:
		return fmt.Sprintf("it must have at most %d bytes", maxNameBytes)
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > maxPartBytes {
			return fmt.Sprintf("each part must have at most %d bytes", maxPartBytes)
		}
	}
	return ""
}

// CheckPrefix refuses with ErrName what no name begins with.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return CheckName(strings.TrimSuffix(prefix, "/"))
}
