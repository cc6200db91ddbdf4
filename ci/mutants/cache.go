package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A cache is a build cache for mutants. It begins as links to all that is in the machine's own, so that a mutant builds what it
// has changed and no more, and forgets what a mutant has added: a changed package and all that import it, hundreds of megabytes that
// nobody asks for again.
type cache struct {
	dir   string
	known map[string]bool // the entries that it began with, by path
}

// machineCache is the build cache of the machine.
func machineCache() (string, error) {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	return strings.TrimSpace(string(out)), err
}

// newCache makes a cache in dir that has what is in the build cache at from.
func newCache(dir, from string) (*cache, error) {
	c := &cache{dir: dir, known: map[string]bool{}}
	entries, err := entriesOf(from)
	for _, e := range entries {
		if err = link(filepath.Join(from, e), filepath.Join(dir, e)); err != nil {
			break
		}
		c.known[e] = true
	}
	return c, err
}

// link makes to stand for what is at from, unless that has gone meanwhile. Between file systems, and to a folder, only a symbolic link
// can: it takes a block of the disk.
func link(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.Symlink(from, to)
}

// forget removes what has been added since the beginning.
func (c *cache) forget() error {
	entries, err := entriesOf(c.dir)
	for _, e := range entries {
		if !c.known[e] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(c.dir, e)))
		}
	}
	return err
}

// entriesOf are the entries of a build cache: what lies in its folders of two hexadecimal digits. Files beside those, such as the
// time at which old entries were last removed, are a cache's own.
func entriesOf(dir string) (entries []string, err error) {
	folders, err := filepath.Glob(filepath.Join(dir, "[0-9a-f][0-9a-f]"))
	for _, folder := range folders {
		files, e := os.ReadDir(folder)
		err = errors.Join(err, e)
		for _, f := range files {
			entries = append(entries, filepath.Join(filepath.Base(folder), f.Name()))
		}
	}
	return entries, err
}
