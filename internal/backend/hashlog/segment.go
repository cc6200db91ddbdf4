package hashlog

import (
	"fmt"
	"hash/crc32"
	"sync"
	"sync/atomic"

	"leat.dev/leat/internal/vfs"
)

// Segment is a file of records that is complete: it never changes, except that its footer may still be missing, which Sync
// makes good. The file is there until the table and every snapshot that retained it have released it. All methods may be
// called from any goroutine that has retained it.
type Segment struct {
	log        *Log
	name, path string
	rank       uint64
	from, to   int // key groups for which it counts
	file       vfs.File
	records    int64 // bytes up to the end of the records
	entries    int64
	tombstones int64
	readBytes  int64 // what a read of a record asks for first
	salt       uint32

	refs    atomic.Int64
	counted atomic.Int64 // bytes that the log's statistics have of it

	mu      sync.Mutex // guards the footer and its writing
	footer  *pending   // nil: it is written
	err     error
	synced  bool
	failure *failure // what fails with it: its table, or its draft
}

// pending is a footer that is not written yet.
type pending struct {
	trailer trailer
	entries []entry
}

// failure is the error that ends a table's writing, set once.
type failure struct{ err atomic.Pointer[error] }

func (f *failure) set(err error) error {
	f.err.CompareAndSwap(nil, &err)
	return err
}

func (f *failure) get() error {
	if p := f.err.Load(); p != nil {
		return *p
	}
	return nil
}

// Name is by what a snapshot knows the segment. No two segments of a log, or of logs with different namespaces, have the same.
func (s *Segment) Name() string { return s.name }

// Path is where the file lies.
func (s *Segment) Path() string { return s.path }

// Rank says which of two records of a key is newer: that in the segment of the higher rank.
func (s *Segment) Rank() uint64 { return s.rank }

// Bytes is how long the file is, or will be when its footer is written.
func (s *Segment) Bytes() int64 { return s.records + footerBytes(s.entries) }

// Groups is the key groups for which a restore may use the segment: from and up to, without, to.
func (s *Segment) Groups() (from, to int) { return s.from, s.to }

// Retain keeps the file until another Release.
func (s *Segment) Retain() { s.refs.Add(1) }

// Release gives the segment up. With the last one the file goes, in the background.
func (s *Segment) Release() {
	switch left := s.refs.Add(-1); {
	case left == 0:
		s.log.background(s.remove)
	case left < 0:
		panic("segment " + s.name + " is released more often than it was retained")
	}
}

// remove removes the file. What can't be removed is left for the next Open: nothing depends on it.
func (s *Segment) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.file.Close()
	_ = s.log.fs.Remove(s.path)
	s.log.count.segments.Add(-1)
	s.log.count.segmentBytes.Add(-s.counted.Load())
	s.footer = nil
}

// join has the segment fail with its table from here on; an error says that it has failed before.
func (s *Segment) join(f *failure) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = f
	return s.err
}

// finish writes the footer if it is not written yet. A file whose footer is torn can't be mended, and the table fails with it.
func (s *Segment) finish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finishLocked()
}

func (s *Segment) finishLocked() error {
	if s.err != nil || s.footer == nil {
		return s.err
	}
	f := s.footer
	s.footer = nil
	if err := s.writeFooter(f); err != nil {
		s.err = s.failure.set(fmt.Errorf("write the footer of segment %s: %w", s.path, err))
	}
	return s.err
}

// footerChunk is how many blocks of a footer are written at once.
const footerChunk = 32

func (s *Segment) writeFooter(f *pending) error {
	s.log.giveEntries(sortEntries(f.entries, s.log.takeEntries()))
	var chunk, index []byte
	left := f.entries
	for len(left) > 0 {
		part := left[:min(footerChunk*blockEntries, len(left))]
		left = left[len(part):]
		chunk, index = appendBlocks(chunk[:0], index, part)
		if err := s.write(chunk); err != nil {
			return err
		}
	}
	s.log.giveEntries(f.entries)
	f.trailer.index = crc32.Checksum(index, castagnoli)
	return s.write(f.trailer.append(index))
}

// write appends to the file, and counts.
func (s *Segment) write(b []byte) error {
	n, err := s.file.Write(b)
	s.grow(int64(n))
	s.log.count.written.Add(int64(n))
	return err
}

func (s *Segment) grow(bytes int64) {
	s.counted.Add(bytes)
	s.log.count.segmentBytes.Add(bytes)
}

// Sync makes the file whole and durable; its name is not, in the folder of the log. It takes as long as the disk does, and is
// nothing the second time. After an error the table that the segment belongs to takes no more writes.
func (s *Segment) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.finishLocked(); err != nil || s.synced {
		return err
	}
	if err := s.file.Sync(); err != nil {
		s.err = s.failure.set(fmt.Errorf("make segment %s durable: %w", s.path, err))
		return s.err
	}
	s.synced = true
	return nil
}

// ReadAt reads from the file, which is whole after Sync.
func (s *Segment) ReadAt(b []byte, at int64) (int, error) { return s.file.ReadAt(b, at) }

// damage is the error of a part of the segment.
func (s *Segment) damage(offset int64, what string) error {
	return &DamageError{File: s.path, Offset: offset, What: what}
}
