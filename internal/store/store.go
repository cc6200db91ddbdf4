// Package store has where snapshots live, behind one small interface: in memory, in a folder, or where a package that registers itself
// keeps them (store/s3). Locate finds the one that a user names.
package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrExists says that a name is taken: names are written once.
var ErrExists = errors.New("it exists already")

// ErrNotFound says that there is nothing of that name.
var ErrNotFound = errors.New("it does not exist")

// ErrUnavailable says that a store could not be reached, or did not answer as it should: of what it has, nothing is known.
var ErrUnavailable = errors.New("the store is not available")

// Store keeps named, immutable pieces of bytes. Names are paths with slashes: UTF-8, at most 1,024 bytes, each part at most 255,
// without backslashes, and not beginning with a dot; ErrName otherwise. All methods may be called from any goroutine.
//
// What a store shows is durable: a piece that was opened or listed, or whose name was found to be taken, is there after a crash,
// also if whoever wrote it died before it was told so.
type Store interface {
	// Put writes a piece whole or not at all, durably; ErrExists if the name is taken, also by somebody who writes at
	// the same time. After another error the piece may be there, whole: who needs to know deletes it.
	Put(ctx context.Context, name string, data []byte) error
	// Create begins a piece that is too large for Put. It is there, durably, once Close has returned without error. The
	// context holds for the whole of it.
	Create(ctx context.Context, name string) (Writer, error)
	// Open opens a piece for reading; ErrNotFound if there is none. The context holds until the piece is closed.
	Open(ctx context.Context, name string) (Piece, error)
	// List returns the names that begin with a prefix, sorted.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes a piece, durably; it is no error if there is none.
	Delete(ctx context.Context, name string) error
}

// Writer writes a piece. One goroutine uses it, and ends with Close or Abort; without either, nobody sees anything, and what the
// writer takes up stays taken.
type Writer interface {
	io.Writer
	// Close has the piece appear, under the same conditions as Put. After a Write that failed, it returns that error, and
	// the piece does not appear.
	Close() error
	// Abort gives the piece up. After Close it does nothing, so that it can be deferred.
	Abort() error
}

// Piece is an open piece. Its methods may be called from any goroutine. An error of ReadAt that is ErrUnavailable says nothing about
// the piece.
type Piece interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Linker is a store that takes files of the file system over without copying them.
type Linker interface {
	// Link makes a file that is durable, and never changes, a piece, under the same conditions as Put. It returns false if that can't be: then
	// its bytes are to be written.
	Link(ctx context.Context, file, name string) (linked bool, err error)
}

// Pathed is an open piece that is a file of the file system.
type Pathed interface{ Path() string }

// Sweeper is a store in which writers that die leave something that nobody sees.
type Sweeper interface {
	// Sweep removes what dead writers left: those temporaries that stale says yes to, never this store's own. It returns how many
	// it has removed. One that is taken from a writer that lives has that writer's Close fail, and harms nothing else.
	Sweep(ctx context.Context, stale func(Temporary) bool) (int, error)
}

// Temporary is something that is being written, or was left when its writer died.
type Temporary struct {
	Owner    string    // the Directory's that wrote it; "" where nobody knows
	Modified time.Time // when it was last written to, by the store's clock
	Bytes    int64     // 0 where nobody knows
}

// Memory is a store in this process.
type Memory struct {
	mu     sync.Mutex // guards pieces
	pieces map[string][]byte
}

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{pieces: map[string][]byte{}} }

// Put writes a piece.
func (m *Memory) Put(ctx context.Context, name string, data []byte) error {
	if err := Check(ctx, name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.pieces[name]; ok {
		return fmt.Errorf("%s: %w", name, ErrExists)
	}
	m.pieces[name] = bytes.Clone(data)
	return nil
}

// Check refuses what no store takes on: a context that is done, and a name that is none.
func Check(ctx context.Context, name string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return CheckName(name)
}

// Create begins a piece.
func (m *Memory) Create(ctx context.Context, name string) (Writer, error) {
	if err := Check(ctx, name); err != nil {
		return nil, err
	}
	return &memoryWriter{store: m, ctx: ctx, name: name}, nil
}

type memoryWriter struct {
	store *Memory
	ctx   context.Context
	name  string
	data  []byte
	done  bool
}

// ErrDone says that a writer was used after its end.
var ErrDone = errors.New("the writer has been closed or aborted")

func (w *memoryWriter) Write(b []byte) (int, error) {
	if w.done {
		return 0, fmt.Errorf("%s: %w", w.name, ErrDone)
	}
	w.data = append(w.data, b...)
	return len(b), nil
}

func (w *memoryWriter) Close() error {
	if w.done {
		return fmt.Errorf("%s: %w", w.name, ErrDone)
	}
	w.done = true
	return w.store.Put(w.ctx, w.name, w.data)
}

func (w *memoryWriter) Abort() error {
	w.done, w.data = true, nil
	return nil
}

// Open opens a piece.
func (m *Memory) Open(ctx context.Context, name string) (Piece, error) {
	if err := Check(ctx, name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.pieces[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	return memoryPiece{bytes.NewReader(data)}, nil
}

type memoryPiece struct{ *bytes.Reader }

func (memoryPiece) Close() error { return nil }

// List lists names.
func (m *Memory) List(ctx context.Context, prefix string) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.pieces {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Delete removes a piece.
func (m *Memory) Delete(ctx context.Context, name string) error {
	if err := Check(ctx, name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pieces, name)
	return nil
}
