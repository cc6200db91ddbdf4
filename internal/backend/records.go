package backend

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// A store below one in memory keeps one record a key, in files that never change: a snapshot has them as they are, and a later one
// has those that are still there again.

// RecordFile is a file of records as a snapshot takes it over. It is complete and durable, and is there until the snapshot is
// released.
type RecordFile interface {
	// Name is the file's own for ever: no other file, of any process, has it. It has letters, digits, dots and dashes.
	Name() string
	Bytes() int64
	// Groups are the key groups for which it counts: from and up to, without, to. In others a snapshot reads nothing of it.
	Groups() (from, to int)
	// Path is where it lies in the file system.
	Path() string
	io.ReaderAt
}

// Layout says what the records in a file are.
type Layout struct {
	// Format is how the files are read, see [RegisterRecords].
	Format string `json:"format"`
	// States are the states whose entries a record has, in the record's order.
	States []string `json:"states"`
}

// Equal says whether two layouts are the same.
func (l Layout) Equal(other Layout) bool {
	return l.Format == other.Format && slices.Equal(l.States, other.States)
}

// Files is what a Writer of a snapshot offers beside, if the snapshot may have files of records: all of them that belong to it,
// whether the base has them or not, take the place of the entries of their states.
type Files interface {
	Writer
	// Files is called once at most for each layout, before the first Begin.
	Files(l Layout, files []RecordFile) error
}

// RecordSource is a file of records of a snapshot, for reading.
type RecordSource struct {
	Name     string // that it had as a RecordFile
	From, To int    // key groups for which it counts
	Bytes    int64
	io.ReaderAt
	// Path is a file of the file system with the same bytes, which never change; "": there is none.
	Path string
}

// Records reads the records of a snapshot. One goroutine uses it.
type Records interface {
	// Group goes through the records of a key group, each key once. What f is given is valid until it returns. An error about what
	// the files have wraps ErrDamaged.
	Group(group int, f func(hash uint64, key, record []byte) error) error
	// Find calls f for the record of a key, if there is one.
	Find(hash uint64, key []byte, f func(record []byte) error) error
	Close() error
}

// ErrDamaged says that bytes of a snapshot are not those that were written: nothing of them is used.
var ErrDamaged = errors.New("the file is damaged")

var (
	formatsMu sync.RWMutex
	formats   = map[string]func([]RecordSource) (Records, error){}
)

// RegisterRecords says how the files of a format are read: open is given all files of a snapshot that count for some range of key
// groups, and the sources stay open until Close. A package calls it when it is initialised.
func RegisterRecords(format string, open func([]RecordSource) (Records, error)) {
	formatsMu.Lock()
	defer formatsMu.Unlock()
	formats[format] = open
}

// OpenRecords opens files of records.
func OpenRecords(format string, sources []RecordSource) (Records, error) {
	formatsMu.RLock()
	open := formats[format]
	formatsMu.RUnlock()
	if open == nil {
		return nil, fmt.Errorf("files of the format %q can be read only by a program that has the backend which wrote them", format)
	}
	return open(sources)
}

// Adopt takes over files of records whose states are as a snapshot describes them, but for their names, which are those of now. It
// returns false if it does not take such files; what open opens is open until it returns.
type Adopt func(format string, states []State, open func() ([]RecordSource, error)) (bool, error)

// Adopter is what a Keyed may offer beside: it takes over files of records as they are, in place of reading their entries.
type Adopter interface {
	// Adopts says whether it takes files of a format whose records have these states, in this order: as the snapshot describes them,
	// but for their names, which are those of now; one that is left behind has none. It is asked before the first Restore.
	Adopts(format string, states []State) bool
	// Adopt takes the files of a snapshot that count for any of its key groups, all at once: each has a Path or is copied. It is
	// called once at most, before the first Restore.
	Adopt(sources []RecordSource) error
}
