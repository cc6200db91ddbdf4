package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

// filing takes the files of records of a subtask's part of a checkpoint over into the store: those that it does not have yet.
type filing struct {
	w        *partWriter
	operator string
	records  []Records
}

// filed are a writer of entries that takes files of records too.
type (
	filedWhole struct {
		*segmentWriter
		*filing
	}
	filedChained struct {
		*chainedWriter
		*filing
	}
)

// uploads is how many files are written to a store at once.
const uploads = 4

// Files makes files of records part of the checkpoint.
func (f *filing) Files(l backend.Layout, files []backend.RecordFile) error {
	have := f.w.shared(f.operator, l.Format)
	all := make([]RecordFile, len(files))
	errs := make([]error, len(files))
	room := make(chan struct{}, uploads)
	var writing sync.WaitGroup
	for i, r := range files {
		there, ok := have[r.Name()]
		ok = ok && there.Bytes == r.Bytes()
		if !ok {
			there.File = File{Name: recordName(f.w.c.Job, f.w.c.Epoch, f.w.part.Checkpoint, f.operator, f.w.part.Subtask, r.Name()), Bytes: r.Bytes()}
		}
		there.From, there.To = r.Groups()
		there.Record = r.Name()
		if all[i] = there; ok {
			continue
		}
		room <- struct{}{}
		writing.Go(func() {
			defer func() { <-room }()
			errs[i] = f.write(there.File, r)
		})
	}
	writing.Wait()
	f.records = append(f.records, Records{Layout: l, Files: all})
	return errors.Join(errs...)
}

// write has a file in the store: by a link, where that can be.
func (f *filing) write(file File, r backend.RecordFile) error {
	ctx := context.Background()
	failpoint.Hit(failpoint.RecordsBefore)
	if in, ok := f.w.in.(store.Linker); ok {
		linked, err := in.Link(ctx, r.Path(), file.Name)
		if linked || err != nil {
			failpoint.Hit(failpoint.RecordsAfter)
			return err
		}
	}
	out, err := f.w.in.Create(ctx, file.Name)
	if err != nil {
		return err
	}
	defer func() { _ = out.Abort() }() // of what has failed: after Close it does nothing
	n, err := io.CopyBuffer(struct{ io.Writer }{out}, io.NewSectionReader(r, 0, file.Bytes), make([]byte, 1<<20))
	if err == nil && n < file.Bytes {
		err = fmt.Errorf("file %s of the state on disk has %d bytes, and should have %d", r.Path(), n, file.Bytes)
	}
	if err != nil {
		return err
	}
	err = out.Close()
	failpoint.Hit(failpoint.RecordsAfter)
	return err
}

// shared are the files of records that the store has from an earlier checkpoint, by their own names.
func (w *partWriter) shared(operator, format string) map[string]RecordFile {
	have := map[string]RecordFile{}
	if w.shares == nil {
		return have
	}
	o := w.shares.operator(operator)
	if o == nil {
		return have
	}
	for _, r := range o.Records {
		if r.Format != format {
			continue
		}
		for _, f := range r.Files {
			f.Checkpoint = w.shares.writer(f.File)
			have[f.Record] = f
		}
	}
	return have
}

// named are the files as the manifest names them.
func (f *filing) named() []Records {
	for _, r := range f.records {
		for i := range r.Files {
			if r.Files[i].Checkpoint == f.w.part.Checkpoint {
				r.Files[i].Checkpoint = 0
			}
		}
	}
	return f.records
}
