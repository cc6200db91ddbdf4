package store

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"leat.dev/leat/internal/vfs"
)

// scheme is what a place begins with that is no path; one letter is a drive.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`)

// placesHelp says what Locate understands.
const placesHelp = "a place is a folder's path, a file URL as file:///var/lib/leat, or mem:NAME, which is gone when the process ends"

var (
	memoriesMu sync.Mutex // guards memories
	memories   = map[string]*Memory{}
)

// Locate finds the store that a user names: the path of a folder, relative to the working directory or absolute, or a file URL;
// "mem:" and "mem:NAME" are stores in this process's memory, the same for the same name. It looks at no disk: a folder that is not
// there is made when something is written.
func Locate(place string) (Store, error) {
	kind := scheme.FindStringSubmatch(place)
	switch {
	case place == "":
		return nil, errors.New("the store has no place: " + placesHelp)
	case place == "~" || strings.HasPrefix(place, "~/"):
		return nil, fmt.Errorf("store %s: ~ is the shell's: write out the home folder", place)
	case kind == nil:
		return folder(place)
	case strings.EqualFold(kind[1], "mem"):
		return memory(place[len("mem:"):]), nil
	case strings.EqualFold(kind[1], "file"):
		return fileURL(place)
	}
	return nil, fmt.Errorf("store %s: there is no kind of store called %s: %s; ./%[1]s is a path", place, kind[1], placesHelp)
}

// Join names a store within the place of another, in full.
func Join(place, name string) (string, error) {
	if _, err := Locate(place); err != nil {
		return "", err
	}
	if scheme.MatchString(place) {
		return strings.TrimSuffix(place, "/") + "/" + name, nil
	}
	return filepath.Abs(filepath.Join(place, name))
}

// Same says whether two stores are one.
func Same(a, b Store) bool {
	if a, ok := a.(*Directory); ok {
		b, ok := b.(*Directory)
		return ok && a.root == b.root
	}
	return a == b
}

func memory(name string) *Memory {
	memoriesMu.Lock()
	defer memoriesMu.Unlock()
	if memories[name] == nil {
		memories[name] = NewMemory()
	}
	return memories[name]
}

func fileURL(place string) (Store, error) {
	u, err := url.Parse(place)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", place, err)
	}
	if u.Host != "" && u.Host != "localhost" || u.Path == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("store %s: a file URL has three slashes and a path, as file:///var/lib/leat; a path alone will do", place)
	}
	return folder(filepath.FromSlash(u.Path))
}

// folder is the store at a path, which is made absolute so that errors say where.
func folder(place string) (Store, error) {
	root, err := filepath.Abs(place)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", place, err)
	}
	return Dir(vfs.OS{}, root), nil
}
