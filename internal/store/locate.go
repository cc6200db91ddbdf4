package store

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"leat.dev/leat/internal/vfs"
)

// scheme is what a place begins with that is no path; one letter is a drive.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`)

// placesHelp says what Locate understands.
func placesHelp() string {
	help := "a place is a folder's path, a file URL as file:///var/lib/leat, mem:NAME, which is gone when the process ends"
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		help += ", " + kinds[kind].form
	}
	return help
}

var (
	memoriesMu sync.Mutex // guards memories
	memories   = map[string]*Memory{}
)

// kinds are the stores of other schemes than file and mem. Programs' start fills it, and nobody changes it afterwards.
var kinds = map[string]kind{}

type kind struct {
	form   string
	locate func(place string) (Store, error)
}

// Register has Locate find the stores of a scheme, in lower case. It is called while packages are initialised: whoever links a package
// that registers one can name its stores wherever a store is named. The form says in a few words what its places look like. Locate
// is given the whole place, and looks at nothing that is not in this process or its environment. A place may end with settings, from its
// first question mark on.
func Register(scheme, form string, locate func(place string) (Store, error)) {
	if _, ok := kinds[scheme]; ok {
		panic("two packages register stores of the scheme " + scheme)
	}
	kinds[scheme] = kind{form, locate}
}

// registered is the kind of store that a place's scheme stands for.
func registered(place string) (kind, bool) {
	found := scheme.FindStringSubmatch(place)
	if found == nil {
		return kind{}, false
	}
	k, ok := kinds[strings.ToLower(found[1])]
	return k, ok
}

// Locate finds the store that a user names: the path of a folder, relative to the working directory or absolute, or a file URL;
// "mem:" and "mem:NAME" are stores in this process's memory, the same for the same name; and whatever is registered. It looks at no disk
// and no network: a folder that is not there is made when something is written.
func Locate(place string) (Store, error) {
	kind := scheme.FindStringSubmatch(place)
	if k, ok := registered(place); ok {
		return k.locate(place)
	}
	switch {
	case place == "":
		return nil, errors.New("the store has no place: " + placesHelp())
	case place == "~" || strings.HasPrefix(place, "~/"):
		return nil, fmt.Errorf("store %s: ~ is the shell's: write out the home folder", place)
	case kind == nil:
		return folder(place)
	case strings.EqualFold(kind[1], "mem"):
		return memory(place[len("mem:"):]), nil
	case strings.EqualFold(kind[1], "file"):
		return fileURL(place)
	}
	return nil, fmt.Errorf("store %s: there is no kind of store called %s: %s; ./%[1]s is a path", place, kind[1], placesHelp())
}

// Join names a store within the place of another, in full.
func Join(place, name string) (string, error) {
	if _, err := Locate(place); err != nil {
		return "", err
	}
	if scheme.MatchString(place) {
		return Below(place, name), nil
	}
	return filepath.Abs(filepath.Join(place, name))
}

// Below is a place within another, with the settings of that.
func Below(place, name string) string {
	path, settings := CutSettings(place)
	return strings.TrimSuffix(path, "/") + "/" + name + settings
}

// CutSettings takes the settings off a place whose kind of store has some: s3://bucket/leat?region=eu-west-1 is
// s3://bucket/leat and ?region=eu-west-1.
func CutSettings(place string) (path, settings string) {
	if _, ok := registered(place); !ok {
		return place, ""
	}
	path, settings, ok := strings.Cut(place, "?")
	if ok {
		settings = "?" + settings
	}
	return path, settings
}

// Located is a store that can be found in more than one way.
type Located interface {
	// Location is the same for stores that are one, whatever else they differ in.
	Location() string
}

// Same says whether two stores are one.
func Same(a, b Store) bool {
	if a, ok := a.(Located); ok {
		b, ok := b.(Located)
		return ok && a.Location() == b.Location()
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
