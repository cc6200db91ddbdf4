package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"leat.dev/leat/connector"
)

// Writing is a folder to write to; a method names the format. The methods that refine it return a copy.
type Writing struct {
	dir string
	// replace is there if earlier parts are to go, once for all subtasks and attempts.
	replace *replacement
	// rollAfter and rollBytes end a part; 0 is no bound.
	rollAfter time.Duration
	rollBytes int64
	files     files
	now       func() time.Time
}

// Write writes to a folder: exactly once if the job asks for it, and otherwise at least once: after a failure the records
// since the last snapshot are written again. The folder is made if it is not there.
//
// Each subtask writes part files, such as part-0-00003.jsonl: subtask 0's fourth. A part is hidden while it is
// written, its name beginning with a dot, and gets its name when all of it is on the disk: at a snapshot and at the end of the
// job, or as [Writing.Roll] says, so that what can be seen is whole. A subtask without records makes no part. The package's
// documentation says more about exactly once.
//
// A part is never overwritten: a job that writes to a folder with parts goes on after their numbers, so that a second run
// appends to the first one's output. [Writing.Replace] has a run begin with an empty folder. A process that is killed may
// leave hidden parts; at least once, they can be deleted while no job writes to the folder.
func Write(dir string) Writing { return Writing{dir: dir, files: disk{}, now: time.Now} }

// Replace deletes the parts of earlier runs, and no other files, when the job begins anew, so that the folder holds the
// output of one run. Where it goes on from a snapshot, and for later attempts in this process, nothing is deleted.
// Two sinks that write to one folder must not both replace.
func (w Writing) Replace() Writing {
	w.replace = new(replacement)
	return w
}

// Roll ends a part when its first record came that long ago, and when it has that many bytes or more; 0 is no bound. A
// part always ends at a snapshot and at the end of the job, so these bounds matter if that is rare. The last part of a
// stream that has run dry ends in time too.
func (w Writing) Roll(after time.Duration, bytes int64) Writing {
	w.rollAfter, w.rollBytes = after, bytes
	return w
}

// CSV writes comma-separated values, in each part a header first. See the package's documentation for how fields
// become columns.
func (w Writing) CSV[T any]() connector.Output[T] { return csvOutput[T](w, nil) }

// JSONLines writes one JSON value a line, by encoding/json.
func (w Writing) JSONLines[T any]() connector.Output[T] { return jsonOutput[T](w, nil) }

// Parquet writes columns, compressed by Zstandard. See the package's documentation for how fields become columns, and for
// what a part's footer means for the interval of checkpoints.
func (w Writing) Parquet[T any]() connector.Output[T] { return parquetOutput[T](w, nil) }

// By is a folder to write to with sub-folders; a method names the format. The methods that refine it return a copy.
type By[T any] struct {
	to     Writing
	folder func(T) string
}

// WriteBy writes as [Write] does, each record to the sub-folder that a function names, such as "2026-11-22" or
// "country=nl/city=delft": names separated by slashes, each not empty and without a dot at its beginning; others fail the
// attempt. The function depends on the record only.
//
// A subtask writes to at most 64 sub-folders at a time. When another is due, the part that has gone longest without a record
// ends, so records that come in no order make many small parts. All names have the writer's own id, as in
// part-0-00003-5f1d09c2ab7e.jsonl, and numbers count the subtask's parts in all sub-folders.
func WriteBy[T any](dir string, folder func(T) string) By[T] { return By[T]{Write(dir), folder} }

// Replace is [Writing.Replace], in all sub-folders. The sub-folders themselves stay.
func (w By[T]) Replace() By[T] {
	w.to = w.to.Replace()
	return w
}

// Roll is [Writing.Roll], for each sub-folder's part.
func (w By[T]) Roll(after time.Duration, bytes int64) By[T] {
	w.to = w.to.Roll(after, bytes)
	return w
}

// CSV is [Writing.CSV].
func (w By[T]) CSV() connector.Output[T] { return csvOutput(w.to, w.route()) }

// JSONLines is [Writing.JSONLines].
func (w By[T]) JSONLines() connector.Output[T] { return jsonOutput(w.to, w.route()) }

// Parquet is [Writing.Parquet]. Each of the parts that are open at a time takes memory of its own: about 2 MiB and 16 KiB a
// column.
func (w By[T]) Parquet() connector.Output[T] { return parquetOutput(w.to, w.route()) }

// route is never nil: a function that is missing is refused by Check.
func (w By[T]) route() *route[T] { return &route[T]{w.folder} }

// route says which sub-folder a record goes to.
type route[T any] struct{ folder func(T) string }

func csvOutput[T any](w Writing, by *route[T]) connector.Output[T] {
	plan, err := planCSV[T]()
	return output[T]{w, by, err, "csv", func() encoder[T] { return &csvEncoder[T]{plan: plan} }}
}

func jsonOutput[T any](w Writing, by *route[T]) connector.Output[T] {
	return output[T]{w, by, nil, "jsonl", func() encoder[T] { return newJSONEncoder[T]() }}
}

// encoder makes bytes of records.
type encoder[T any] interface {
	// begin appends what stands before a part's first record.
	begin(b []byte) []byte
	// append appends a record, or keeps it for a later call. After an error the bytes are of no use.
	append(b []byte, v *T) ([]byte, error)
	// end appends what append has kept, and what stands after a part's last record.
	end(b []byte) ([]byte, error)
	// held is about how many bytes end has to append.
	held() int
}

// byRecord is what encoders have in common that keep nothing.
type byRecord struct{}

func (byRecord) end(b []byte) ([]byte, error) { return b, nil }

func (byRecord) held() int { return 0 }

// output is a folder to write to in one format.
type output[T any] struct {
	Writing
	by      *route[T] // nil without sub-folders
	err     error     // what is wrong with T
	ext     string
	encoder func() encoder[T]
}

// Guarantee is exactly once if the job asks for it.
func (output[T]) Guarantee() connector.Guarantee { return connector.ExactlyOnce }

// Check refuses a type that has no rows, and settings that can't work.
func (o output[T]) Check() error {
	err := o.err
	switch {
	case err != nil:
	case o.rollAfter < 0 || o.rollBytes < 0:
		err = fmt.Errorf("roll after %s or %d bytes: want 0, for no bound, or more", o.rollAfter, o.rollBytes)
	case o.by != nil && o.by.folder == nil:
		err = errors.New("WriteBy needs a function that names the sub-folder of a record")
	}
	if err != nil {
		return fmt.Errorf("file: write to folder %q: %w", o.dir, err)
	}
	return nil
}

func (o output[T]) Open(_ context.Context, s connector.Subtask) (connector.Writer[T], error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	w, err := o.openWriter(s)
	if err != nil {
		return nil, fmt.Errorf("file: write to folder %q: %w", o.dir, err)
	}
	return w, nil
}

func (o output[T]) openWriter(s connector.Subtask) (connector.Writer[T], error) {
	if err := o.prepare(s); err != nil {
		return nil, err
	}
	w := &partWriter[T]{output: o, naming: naming{subtask: s.Index, ext: o.ext}, count: s.Count, open: map[string]*openPart[T]{}}
	if s.ExactlyOnce {
		w.exactlyOnce, w.hidden = true, hiddenFolder(s)
	}
	if s.ExactlyOnce || o.by != nil {
		w.id = newID()
	}
	if o.by != nil {
		return w, nil
	}
	var err error
	w.number, err = nextNumber(o.files, o.dir, s.Index)
	return w, err
}

// replacement deletes earlier parts once.
type replacement struct {
	once sync.Once
	err  error
}

// prepare makes the folder, and empties it if that is asked for.
func (o output[T]) prepare(s connector.Subtask) error {
	if err := makeFolder(o.files, o.dir); err != nil {
		return err
	}
	if o.replace == nil {
		return nil
	}
	o.replace.once.Do(func() {
		if !s.Restored {
			o.replace.err = removeParts(o.files, o.dir, o.by != nil)
		}
	})
	return o.replace.err
}

// removeParts deletes the parts in a folder, pending ones beside them too, and in its sub-folders if deep; not those of
// sinks that write exactly once, which are in folders of their own. It is durable, so that no part comes back after a
// failure and stands among those of the new run.
func removeParts(f files, dir string, deep bool) error {
	entries, err := f.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := removePart(f, dir, e, deep); err != nil {
			return err
		}
	}
	return f.sync(dir)
}

func removePart(f files, dir string, e fs.DirEntry, deep bool) error {
	path := filepath.Join(dir, e.Name())
	if _, _, ok := parsePart(e.Name()); ok && !e.IsDir() {
		return f.remove(path)
	}
	if deep && e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
		return removeParts(f, path, deep)
	}
	return nil
}
