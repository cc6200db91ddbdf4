package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A mutant is a bug, and the test that finds it.
type mutant struct {
	name string // what is wrong with the engine then
	file string // from the repository's root
	old  string // occurs once in the file
	new  string // takes its place
	by   string // what go test is given: a package, -run, and flags of the package's own
}

// An outcome is what a command has said about a mutant, or without one.
type outcome struct {
	command string
	failed  bool   // by a test
	text    string // all that the command printed
	took    time.Duration
	err     error // nothing can be said about the code
}

const (
	// testTimeout is for the tests of a command alone; building them is not part of it.
	testTimeout = 2 * time.Minute
	// timeout is for a command, on a machine that has other things to do.
	timeout = 10 * time.Minute
)

// bench is where mutants are written to and built.
type bench struct {
	dir    string
	caches chan *cache // those that no mutant is being built with
}

// prepare makes the build caches for mutants, one for each that is tried at a time.
func (b bench) prepare() error {
	machine, err := machineCache()
	for i := 0; err == nil && i < cap(b.caches); i++ {
		var c *cache
		c, err = newCache(filepath.Join(b.dir, fmt.Sprintf("cache-%d", i)), machine)
		b.caches <- c
	}
	return err
}

// plant runs a mutant's command over it.
func (b bench) plant(ctx context.Context, i int, m mutant) outcome {
	overlay, err := b.overlay(i, m)
	if err != nil {
		return outcome{command: m.by, err: err}
	}
	c := <-b.caches
	o := b.run(ctx, m.by, "-overlay="+overlay, "GOCACHE="+c.dir)
	o.err = errors.Join(o.err, c.forget())
	b.caches <- c
	return o
}

// overlay writes the mutant's file, and what tells go test to read it in place of the real one.
func (b bench) overlay(i int, m mutant) (string, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s has the text to be replaced %d times, not once: %q", m.file, n, m.old)
	}
	real, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(b.dir, fmt.Sprintf("%d.go", i))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o666); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {real: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(b.dir, fmt.Sprintf("%d.json", i))
	return name, os.WriteFile(name, overlay, 0o666)
}

// run runs go test, with a flag and with variables of its own. Vet has its say about the real code only.
func (b bench) run(ctx context.Context, command, flag string, variables ...string) outcome {
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	args := []string{"test", "-vet=off", "-count=1", "-timeout=" + testTimeout.String()}
	if flag != "" {
		args = append(args, flag)
	}
	c := exec.CommandContext(ctx, "go", append(args, strings.Fields(command)...)...)
	c.Env = append(append(os.Environ(), "TMPDIR="+b.dir, "GOTMPDIR="+b.dir), variables...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 10 * time.Second
	text, exit := c.CombinedOutput()
	o := outcome{command: command, text: string(text)}
	if o.failed, o.err = judge(o.text, exit); o.err != nil {
		o.err = fmt.Errorf("go test %s: %w", command, o.err)
	}
	return o
}
