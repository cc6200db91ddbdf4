package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A mutant whose text has gone from its file plants nothing: whoever changes the file is told here, and not by make mutants alone.
func TestEachMutantHasItsPlace(t *testing.T) {
	for _, m := range mutants {
		text, err := os.ReadFile(filepath.Join("..", "..", m.file))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
		} else if n := strings.Count(string(text), m.old); n != 1 {
			t.Errorf("%s: %s has the text to be replaced %d times, not once: %q", m.name, m.file, n, m.old)
		}
	}
}

// What mutants add to a build cache goes; what it began with stays, there and where it came from.
func TestCacheForgets(t *testing.T) {
	from, dir := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	write := func(name string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(from, "00", "old-d"))
	write(filepath.Join(from, "ff", "folder-d", "program"))
	write(filepath.Join(from, "trim.txt"))
	c, err := newCache(dir, from)
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "00", "new-a"))
	write(filepath.Join(dir, "ab", "new-d", "program"))
	if err := c.forget(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"00/old-d": true, "ff/folder-d/program": true, "trim.txt": false, "00/new-a": false, "ab/new-d": false} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"00/old-d", "ff/folder-d/program", "trim.txt"} {
		if _, err := os.Stat(filepath.Join(from, name)); err != nil {
			t.Error(err)
		}
	}
}
