package hashlog

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/vfs"
)

// Options are the settings of a Log.
type Options struct {
	// FS is where segments lie; nil: the operating system's.
	FS vfs.FS
	// Dir is the log's folder. It is made if it is missing. Segments that an earlier process left there are removed.
	Dir string
	// Namespace begins the names of segments. Logs whose snapshots share a store need different ones; empty: a random one.
	Namespace string
	// SegmentBytes is about how long a segment becomes; 0: 32 MB. A longer record has a segment of its own.
	SegmentBytes int64
	// BufferBytes is how much of a tail, and of a draft, is in memory before it is written to its file; 0: 256 KB.
	BufferBytes int
	// RewriteBytesPerSecond bounds what rewriting reads and writes, of all tables together; 0: 64 MB. Below 0 there is no bound.
	RewriteBytesPerSecond int64
	// Readers is how many reads may be in flight beside those of the owners, when the device is slow; 0: 16.
	Readers int
	// Background runs work beside the owners of tables; nil: each in a goroutine of its own. Tests choose the order by it.
	Background func(work func())
}

const (
	defaultSegmentBytes = 32 << 20
	defaultBufferBytes  = 256 << 10
	defaultRewriteBytes = 64 << 20
	defaultReaders      = 16

	minBufferBytes = 4 << 10
	maxSegment     = MaxRecordBytes

	ending   = ".hashlog"
	lockName = "lock"
)

// Log is what the tables of one process share: the folder, the readers, the budget of rewriting, and statistics. Its methods may
// be called from any goroutine.
type Log struct {
	options   Options
	fs        vfs.FS
	namespace string
	names     atomic.Int64
	unlock    func()
	readers   *readers
	pace      *pace
	count     counters
	hash      func(key []byte) uint64 // of canonical bytes
	buffers   sync.Pool               // of *[]byte
	entries   sync.Pool               // of *[]entry
	work      sync.WaitGroup          // in the background
	closed    chan struct{}
}

// counters are the numbers of Stats.
type counters struct {
	segments, segmentBytes                 atomic.Int64
	records, dead                          atomic.Int64
	memory                                 atomic.Int64
	reads, readBytes, otherKey, slow       atomic.Int64
	written, rewritten, rewrites, restored atomic.Int64
}

// Stats are numbers of a log since it was opened, or as they are; of tables, as of their last batch.
type Stats struct {
	Segments       int64 // files, also those that only snapshots retain
	SegmentBytes   int64 // bytes of these
	Records        int64 // records alive, of all tables
	Dead           int64 // obsolete records and tombstones in the tables' segments
	MemoryBytes    int64 // memory of the tables: slots, and what is held of their tails
	Reads          int64 // records read by Get
	ReadBytes      int64 // bytes read by Get, from files
	OtherKeys      int64 // of Reads, those that turned out to be of another key
	SlowReads      int64 // of Reads, those given to the readers
	WrittenBytes   int64 // bytes written, those of rewriting included
	RewrittenBytes int64 // bytes read and written by rewriting
	Rewrites       int64 // segments written by rewriting
	Restored       int64 // records and tombstones read by restores
}

// Open opens a log. A *TakenError says that another process has the folder.
func Open(o Options) (*Log, error) {
	o.SegmentBytes = min(cmp.Or(o.SegmentBytes, defaultSegmentBytes), maxSegment)
	o.BufferBytes = max(cmp.Or(o.BufferBytes, defaultBufferBytes), minBufferBytes)
	l := &Log{options: o, fs: o.FS, namespace: o.Namespace, closed: make(chan struct{}), hash: keygroup.HashBytes, unlock: func() {}}
	if l.fs == nil {
		l.fs = vfs.OS{}
	}
	if l.namespace == "" {
		var b [8]byte
		_, _ = rand.Read(b[:]) // it never fails
		l.namespace = hex.EncodeToString(b[:])
	}
	l.pace = &pace{bytesPerSecond: cmp.Or(o.RewriteBytesPerSecond, defaultRewriteBytes)}
	if err := l.enter(); err != nil {
		return nil, fmt.Errorf("hash log: %w", err)
	}
	l.readers = newReaders(cmp.Or(o.Readers, defaultReaders))
	return l, nil
}

// enter makes the folder this log's own.
func (l *Log) enter() (err error) {
	if err := vfs.NewFolders(l.fs).Make(l.options.Dir); err != nil {
		return err
	}
	if _, real := l.fs.(vfs.OS); real {
		if l.unlock, err = lock(filepath.Join(l.options.Dir, lockName), l.options.Dir); err != nil {
			return err
		}
	}
	if err := l.clean(); err != nil {
		l.unlock()
		return err
	}
	return nil
}

// lock takes the lock of a folder.
func lock(path, dir string) (unlock func(), err error) {
	unlock, err = vfs.Lock(path)
	if errors.Is(err, vfs.ErrLocked) {
		err = &TakenError{dir}
	}
	return unlock, err
}

// Discard removes the folder of a log whose process has ended. A *TakenError says that it has not.
func Discard(dir string) error {
	name := filepath.Join(dir, lockName)
	if _, err := os.Stat(name); err != nil {
		return err // a process may be about to make it
	}
	unlock, err := lock(name, dir)
	if err != nil {
		return err
	}
	defer unlock()
	return os.RemoveAll(dir)
}

// clean removes what an earlier process left, and nothing that it can't have written.
func (l *Log) clean() error {
	infos, err := l.fs.ReadDir(l.options.Dir)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if info.Dir || !strings.HasSuffix(info.Name, ending) {
			continue
		}
		if err := l.fs.Remove(filepath.Join(l.options.Dir, info.Name)); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the log, after its tables were closed: it waits for what is done in the background, and lets others have the folder.
func (l *Log) Close() error {
	close(l.closed)
	l.work.Wait()
	l.readers.close()
	l.unlock()
	return nil
}

// Stats reads the statistics.
func (l *Log) Stats() Stats {
	c := &l.count
	return Stats{
		Segments: c.segments.Load(), SegmentBytes: c.segmentBytes.Load(),
		Records: c.records.Load(), Dead: c.dead.Load(), MemoryBytes: c.memory.Load(),
		Reads: c.reads.Load(), ReadBytes: c.readBytes.Load(), OtherKeys: c.otherKey.Load(), SlowReads: c.slow.Load(),
		WrittenBytes: c.written.Load(), RewrittenBytes: c.rewritten.Load(), Rewrites: c.rewrites.Load(), Restored: c.restored.Load(),
	}
}

// nextName is the name of a new segment, and its file.
func (l *Log) nextName() (name, path string) {
	name = fmt.Sprintf("%s-%08d%s", l.namespace, l.names.Add(1), ending)
	return name, filepath.Join(l.options.Dir, name)
}

// background runs work beside the owners; Close waits for it.
func (l *Log) background(work func()) {
	l.work.Add(1)
	run := func() {
		defer l.work.Done()
		work()
	}
	if l.options.Background != nil {
		l.options.Background(run)
		return
	}
	go run()
}

func (l *Log) takeBuffer() []byte {
	if b, ok := l.buffers.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, l.options.BufferBytes)
}

func (l *Log) giveBuffer(b []byte) { l.buffers.Put(&b) }

func (l *Log) takeEntries() []entry {
	if e, ok := l.entries.Get().(*[]entry); ok {
		return (*e)[:0]
	}
	return nil
}

func (l *Log) giveEntries(e []entry) {
	if cap(e) > 0 {
		l.entries.Put(&e)
	}
}

// pace bounds bytes by time.
type pace struct {
	bytesPerSecond int64      // below 0: no bound
	mu             sync.Mutex // guards next
	next           time.Time  // when what was asked for so far is done
}

// wait waits until so many more bytes are in the bounds, or until the log is closed.
func (p *pace) wait(bytes int64, closed <-chan struct{}) {
	if p.bytesPerSecond < 0 {
		return
	}
	now := time.Now()
	p.mu.Lock()
	if p.next.Before(now) {
		p.next = now
	}
	until := p.next
	p.next = p.next.Add(time.Duration(float64(bytes) / float64(p.bytesPerSecond) * float64(time.Second)))
	p.mu.Unlock()
	if !until.After(now) {
		return
	}
	timer := time.NewTimer(until.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-closed:
	}
}
