package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// expected is what a case's output must be in the end.
type expected struct {
	outputs map[string]output // by folder
	want    map[string]int    // how often each line comes; by group and line
}

func expect(outputs []output) expected {
	e := expected{outputs: map[string]output{}, want: map[string]int{}}
	for _, o := range outputs {
		e.outputs[o.folder] = o
		for _, line := range o.oracle() {
			e.want[o.counted(line)]++
		}
	}
	return e
}

func (o output) counted(line string) string {
	group := o.group
	if group == "" {
		group = o.folder
	}
	return group + ": " + line
}

// count adds the lines of a visible file, which must be whole.
func (o output) count(name string, text []byte, to map[string]int) error {
	body, whole := bytes.CutSuffix(text, []byte("\n"))
	if !whole {
		return fmt.Errorf("%s is torn: it ends with %q", name, text[max(0, len(text)-40):])
	}
	lines := strings.Split(string(body), "\n")
	if o.rows {
		lines = lines[1:]
	}
	for _, line := range lines {
		if o.rows {
			to[o.counted(line)]++
			continue
		}
		r, err := parseRecord(line)
		if err != nil {
			return fmt.Errorf("%s is torn: %w: %q", name, err, line)
		}
		copies := 1
		if o.fold != nil {
			line, copies = o.fold(r)
		}
		to[o.counted(line)] += copies
	}
	return nil
}

// watcher looks at what a job shows while it runs: files never change or go, are whole, and have nothing too often.
type watcher struct {
	root   string
	expect expected
	stop   chan struct{}
	ended  chan struct{}
	grown  chan int // how many files there are, whenever there are more

	mu    sync.Mutex // guards all below
	files map[string]seenFile
	got   map[string]int
	err   error
}

type seenFile struct {
	bytes    int64
	modified time.Time
}

// watchEvery is the pause between two looks.
const watchEvery = 15 * time.Millisecond

func watch(root string, e expected) *watcher {
	w := &watcher{
		root: root, expect: e, stop: make(chan struct{}), ended: make(chan struct{}), grown: make(chan int, 1),
		files: map[string]seenFile{}, got: map[string]int{},
	}
	go w.loop()
	return w
}

func (w *watcher) loop() {
	defer close(w.ended)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
			w.look()
		}
	}
}

// end ends the watching after a last look.
func (w *watcher) end() error {
	close(w.stop)
	<-w.ended
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *watcher) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// look compares what can be seen with what could be seen before.
func (w *watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	before := len(w.files)
	present, err := visible(w.root)
	if err == nil {
		err = w.compare(present)
	}
	if w.err = err; err == nil && len(w.files) > before {
		select {
		case <-w.grown:
		default:
		}
		w.grown <- len(w.files)
	}
}

func (w *watcher) compare(present map[string]seenFile) error {
	for name, was := range w.files {
		switch is, ok := present[name]; {
		case !ok:
			return fmt.Errorf("the output shrinks: %s was there and is not", name)
		case is.bytes != was.bytes || !is.modified.Equal(was.modified):
			return fmt.Errorf("%s changes after it was shown: %d bytes, then %d", name, was.bytes, is.bytes)
		}
	}
	for name, is := range present {
		if _, known := w.files[name]; known {
			continue
		}
		w.files[name] = is
		if err := w.read(name); err != nil {
			return err
		}
	}
	return nil
}

// read counts a file that has become visible.
func (w *watcher) read(name string) error {
	relative, err := filepath.Rel(w.root, name)
	if err != nil {
		return err
	}
	folder, _, _ := strings.Cut(filepath.ToSlash(relative), "/")
	o, ok := w.expect.outputs[folder]
	if !ok {
		return fmt.Errorf("%s is nobody's output", name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	got := map[string]int{}
	if err := o.count(name, text, got); err != nil {
		return err
	}
	for line, n := range got {
		if w.got[line] += n; w.got[line] > w.expect.want[line] {
			return fmt.Errorf("%s repeats: %s\n  is there %d times, and %d are right", name, line, w.got[line], w.expect.want[line])
		}
	}
	return nil
}

// visible are the files below a folder that are not hidden, nor in hidden folders.
func visible(root string) (map[string]seenFile, error) {
	present := map[string]seenFile{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // hidden folders come and go
		}
		if err != nil {
			return err
		}
		if strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		present[name] = seenFile{info.Size(), info.ModTime()}
		return nil
	})
	return present, err
}

// difference is what is missing and what is there too often, with some of either.
func (w *watcher) difference() (compared, lost, doubled int, examples []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line, want := range w.expect.want {
		compared += want
		if n := want - w.got[line]; n > 0 {
			lost += n
			examples = append(examples, fmt.Sprintf("lost %d of %d: %s", n, want, line))
		}
	}
	for line, got := range w.got {
		if n := got - w.expect.want[line]; n > 0 {
			doubled += n
			examples = append(examples, fmt.Sprintf("%d too many: %s", n, line))
		}
	}
	slices.Sort(examples)
	return compared, lost, doubled, examples[:min(5, len(examples))]
}
