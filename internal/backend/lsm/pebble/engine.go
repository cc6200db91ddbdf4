package pebble

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"leat.dev/leat/internal/backend/lsm"
)

// engine is a Pebble store.
type engine struct {
	driver  *driver
	options *pebble.Options
	db      *pebble.DB
	written int64 // bytes since room was looked for
	failure atomic.Pointer[error]
	events  chan struct{} // one waits when something has changed
}

var _ lsm.Engine = (*engine)(nil)

// listener hears what happens in the background. Pebble tries again what has failed; here the first error is the last.
func (e *engine) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: e.fail,
		DataCorruption:  func(pebble.DataCorruptionInfo) {}, // it comes as an error too
		FlushEnd:        func(pebble.FlushInfo) { e.signal() },
		CompactionEnd:   func(pebble.CompactionInfo) { e.signal() },
	}
}

func (e *engine) fail(err error) {
	err = explain(err)
	e.failure.CompareAndSwap(nil, &err)
	e.signal()
}

func (e *engine) signal() {
	select {
	case e.events <- struct{}{}:
	default: // one waits
	}
}

// failed is the error that has ended the engine.
func (e *engine) failed() error {
	if err := e.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// explain makes damage ours.
func explain(err error) error {
	if err == nil || !pebble.IsCorruptionError(err) {
		return err
	}
	file := "of the store"
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		file = filepath.Base(info.Path)
	}
	return &lsm.DamageError{File: file, Err: err}
}

// Get reads values: an iterator for all of them finds its place again from one to the next.
func (e *engine) Get(keys [][]byte, found func(i int, value []byte)) error {
	if err := e.failed(); err != nil {
		return err
	}
	it, err := e.db.NewIter(nil)
	if err != nil {
		return explain(err)
	}
	for i, key := range keys {
		if !it.SeekPrefixGE(key) {
			if it.Error() != nil {
				break
			}
			continue
		}
		value, err := it.ValueAndErr()
		if err != nil {
			break // the iterator has it
		}
		found(i, value)
	}
	return explain(errors.Join(it.Error(), it.Close()))
}

// Apply does writes.
func (e *engine) Apply(writes []lsm.Write) error {
	if len(writes) == 0 {
		return e.failed()
	}
	bytes := 0
	for i := range writes {
		bytes += len(writes[i].Key) + len(writes[i].Value) + entryBytes
	}
	if err := e.room(int64(bytes)); err != nil {
		return err
	}
	b := e.db.NewBatchWithSize(bytes)
	defer b.Close()
	for i := range writes {
		w := &writes[i]
		var err error
		if w.Delete {
			err = b.Delete(w.Key, nil)
		} else {
			err = b.Set(w.Key, w.Value, nil)
		}
		if err != nil {
			return err
		}
	}
	return e.db.Apply(b, pebble.NoSync)
}

const (
	// entryBytes is about how much more than its bytes a write takes up.
	entryBytes = 16
	// memtables is how many there may be: one is written to, and others are becoming files.
	memtables = 3
	// sublevels is how many files a key may be in that are not compacted yet.
	sublevels = 20
)

// room waits until there is room for so many bytes more. Pebble would wait without an end if it can't write.
func (e *engine) room(bytes int64) error {
	if e.written += bytes; e.written < e.driver.options.MemtableBytes/4 {
		return e.failed()
	}
	e.written = 0
	for {
		if err := e.failed(); err != nil {
			return err
		}
		m := e.db.Metrics()
		if int64(m.MemTable.Size) <= (memtables-1)*e.driver.options.MemtableBytes && m.Levels[0].Sublevels < sublevels {
			return nil
		}
		<-e.events
	}
}

// Checkpoint writes memory to files and links all files.
func (e *engine) Checkpoint(dir string) error {
	flushed, err := e.db.AsyncFlush()
	if err != nil {
		return explain(err)
	}
	for waiting := true; waiting; {
		if err := e.failed(); err != nil {
			return err
		}
		select {
		case <-flushed:
			waiting = false
		case <-e.events:
		}
	}
	return explain(e.db.Checkpoint(dir))
}

// Scan goes through keys.
func (e *engine) Scan(from, to []byte, f func(key, value []byte) error) error {
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return explain(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = f(it.Key(), value)
		}
		if err != nil {
			return errors.Join(explain(err), it.Close())
		}
	}
	return explain(errors.Join(it.Error(), it.Close()))
}

// last is above all keys, which begin with a key group.
var last = []byte{0xff, 0xff}

// Clip removes keys. Files that have others too stay, and count in part.
func (e *engine) Clip(from, to []byte) error {
	for _, r := range []pebble.KeyRange{{Start: []byte{0}, End: from}, {Start: to, End: last}} {
		if string(r.Start) >= string(r.End) {
			continue
		}
		if err := e.db.Excise(context.Background(), r); err != nil {
			return explain(err)
		}
	}
	return nil
}

// NewFile begins a sorted file.
func (e *engine) NewFile(path string) (lsm.File, error) {
	f, err := e.driver.options.FS.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	return &file{sstable.NewWriter(objstorageprovider.NewFileWritable(f), e.options.MakeWriterOptions(0, e.db.TableFormat()))}, nil
}

type file struct{ *sstable.Writer }

// Bytes is about how long the file is.
func (f *file) Bytes() int64 { return int64(f.Raw().EstimatedSize()) }

// Ingest takes sorted files over.
func (e *engine) Ingest(paths []string) error {
	return explain(e.db.Ingest(context.Background(), paths))
}

// Estimate adds up what files say of themselves.
func (e *engine) Estimate() (n int64, err error) {
	levels, err := e.db.SSTables(pebble.WithProperties())
	if err != nil {
		return 0, explain(err)
	}
	for _, level := range levels {
		for _, f := range level {
			n += int64(f.Properties.NumEntries) - 2*int64(f.Properties.NumDeletions)
		}
	}
	return max(n, 0), nil
}

// MemoryBytes is what memtables take up at most.
func (e *engine) MemoryBytes() int64 { return memtables * e.driver.options.MemtableBytes }

// Stats are numbers.
func (e *engine) Stats() lsm.EngineStats {
	m := e.db.Metrics()
	s := lsm.EngineStats{
		MemtableBytes: int64(m.MemTable.Size), DebtBytes: int64(m.Compact.EstimatedDebt), Compactions: m.Compact.Count,
	}
	for i := range m.Levels {
		l := &m.Levels[i]
		s.Files += l.TablesCount
		s.FileBytes += l.TablesSize
		s.FlushedBytes += int64(l.TableBytesFlushed)
		s.CompactRead += int64(l.TableBytesRead)
		s.CompactWrite += int64(l.TableBytesCompacted)
	}
	return s
}

// Close closes the store.
func (e *engine) Close() error {
	if err := e.db.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
