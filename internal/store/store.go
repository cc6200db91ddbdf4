// Package store has where snapshots live, behind one small interface.
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
)

// ErrExists says that a name is taken: names are written once.
var ErrExists = errors.New("it exists already")

// ErrNotFound says that there is nothing of that name.
var ErrNotFound = errors.New("it does not exist")

// Store keeps named, immutable pieces of bytes. Names are paths with slashes. All methods may be called from any
// goroutine.
type Store interface {
	// Put writes a piece whole or not at all, durably; ErrExists if the name is taken, also by somebody who writes at
	// the same time.
	Put(ctx context.Context, name string, data []byte) error
	// Create begins a piece that is too large for Put. It is there, durably, once Close has returned without error.
	Create(ctx context.Context, name string) (io.WriteCloser, error)
	// Open opens a piece for reading; ErrNotFound if there is none.
	Open(ctx context.Context, name string) (Piece, error)
	// List returns the names that begin with a prefix, sorted.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes a piece; it is no error if there is none.
	Delete(ctx context.Context, name string) error
}

// Piece is an open piece.
type Piece interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Memory is a store in this process.
type Memory struct {
	mu     sync.Mutex // guards pieces
	pieces map[string][]byte
}

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{pieces: map[string][]byte{}} }

// Put writes a piece.
func (m *Memory) Put(_ context.Context, name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.pieces[name]; ok {
		return fmt.Errorf("%s: %w", name, ErrExists)
	}
	m.pieces[name] = bytes.Clone(data)
	return nil
}

// Create begins a piece.
func (m *Memory) Create(_ context.Context, name string) (io.WriteCloser, error) {
	return &memoryWriter{store: m, name: name}, nil
}

type memoryWriter struct {
	bytes.Buffer
	store *Memory
	name  string
}

func (w *memoryWriter) Close() error { return w.store.Put(context.Background(), w.name, w.Bytes()) }

// Open opens a piece.
func (m *Memory) Open(_ context.Context, name string) (Piece, error) {
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
func (m *Memory) List(_ context.Context, prefix string) ([]string, error) {
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
func (m *Memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pieces, name)
	return nil
}
