package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"leat.dev/leat/connector"
)

// Writing is a folder to write to; a method names the format.
type Writing struct {
	dir string
	// replace is there if earlier parts are to go, once for all subtasks and attempts.
	replace *replacement
}

// Write writes to a folder, at least once: after a failure the records since the last snapshot are written again. The
// folder is made if it is not there.
//
// Each subtask writes part files, such as part-0-00003.jsonl: subtask 0's fourth. A part is hidden while it is
// written, its name beginning with a dot, and gets its name when all of it is on the disk: at a snapshot and at the end of the
// job, so that what can be seen is whole. A subtask without records makes no part.
//
// A part is never overwritten: a job that writes to a folder with parts goes on after their numbers, so that a second run
// appends to the first one's output. [Writing.Replace] has a run begin with an empty folder. A process that is killed may
// leave hidden parts; they can be deleted while no job writes to the folder.
func Write(dir string) Writing { return Writing{dir: dir} }

// Replace deletes the parts of earlier runs, and no other files, when the first subtask opens the folder, so that it holds
// the output of one run. Attempts of the same job in this process delete nothing more.
func (w Writing) Replace() Writing {
	w.replace = new(replacement)
	return w
}

// CSV writes comma-separated values, in each part a header first. See the package's documentation for how fields
// become columns.
func (w Writing) CSV[T any]() connector.Output[T] {
	plan, err := planCSV[T]()
	return output[T]{w, err, "csv", func() encoder[T] { return &csvEncoder[T]{plan: plan} }}
}

// JSONLines writes one JSON value a line, by encoding/json.
func (w Writing) JSONLines[T any]() connector.Output[T] {
	return output[T]{w, nil, "jsonl", func() encoder[T] { return newJSONEncoder[T]() }}
}

// encoder makes bytes of records.
type encoder[T any] interface {
	// begin appends what stands before a part's first record.
	begin(b []byte) []byte
	// append appends a record. After an error the bytes are of no use.
	append(b []byte, v *T) ([]byte, error)
}

// replacement deletes earlier parts once.
type replacement struct {
	once sync.Once
	err  error
}

// output is a folder to write to in one format.
type output[T any] struct {
	Writing
	err     error // what is wrong with T
	ext     string
	encoder func() encoder[T]
}

func (output[T]) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

// Check refuses a type that has no rows.
func (o output[T]) Check() error {
	if o.err != nil {
		return fmt.Errorf("file: write to folder %q: %w", o.dir, o.err)
	}
	return nil
}

func (o output[T]) Open(_ context.Context, s connector.Subtask) (connector.Writer[T], error) {
	w, err := o.open(s)
	if err != nil {
		return nil, fmt.Errorf("file: write to folder %q: %w", o.dir, err)
	}
	return w, nil
}

func (o output[T]) open(s connector.Subtask) (connector.Writer[T], error) {
	if o.err != nil {
		return nil, o.err
	}
	if err := o.prepare(); err != nil {
		return nil, err
	}
	next, err := nextPart(o.dir, s.Index)
	if err != nil {
		return nil, err
	}
	return &partWriter[T]{dir: o.dir, ext: o.ext, subtask: s.Index, number: next, encoder: o.encoder()}, nil
}

// prepare makes the folder, and empties it if that is asked for.
func (w Writing) prepare() error {
	if err := os.MkdirAll(w.dir, 0o777); err != nil {
		return err
	}
	if w.replace == nil {
		return nil
	}
	w.replace.once.Do(func() { w.replace.err = removeParts(w.dir) })
	return w.replace.err
}

// removeParts deletes the parts in a folder, hidden ones too.
func removeParts(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := parsePart(e.Name()); !ok {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
