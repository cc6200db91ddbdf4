package file

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"leat.dev/leat/connector"
)

// csvEncoder makes rows of structs.
type csvEncoder[T any] struct {
	byRecord
	plan []csvField
	cell []byte
}

func (e *csvEncoder[T]) begin(b []byte) []byte {
	for i, f := range e.plan {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCell(b, []byte(f.column))
	}
	return append(b, '\n')
}

func (e *csvEncoder[T]) append(b []byte, v *T) ([]byte, error) {
	from := len(b)
	for i := range e.plan {
		f := &e.plan[i]
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if e.cell, err = f.write(e.cell[:0], unsafe.Add(unsafe.Pointer(v), f.offset)); err != nil {
			return b, fmt.Errorf("field %s: %w", f.path, err)
		}
		b = appendCell(b, e.cell)
	}
	if len(b) == from {
		b = append(b, `""`...) // an empty line would be no record
	}
	return append(b, '\n'), nil
}

// appendCell quotes a cell that has something to quote.
func appendCell(b, cell []byte) []byte {
	if !bytes.ContainsAny(cell, ",\"\r\n") {
		return append(b, cell...)
	}
	b = append(b, '"')
	for _, c := range cell {
		if c == '"' {
			b = append(b, '"')
		}
		b = append(b, c)
	}
	return append(b, '"')
}

// jsonEncoder makes lines of JSON.
type jsonEncoder[T any] struct {
	byRecord
	line bytes.Buffer
	json *json.Encoder
}

func newJSONEncoder[T any]() *jsonEncoder[T] {
	e := new(jsonEncoder[T])
	e.json = json.NewEncoder(&e.line)
	e.json.SetEscapeHTML(false)
	return e
}

func (e *jsonEncoder[T]) begin(b []byte) []byte { return b }

func (e *jsonEncoder[T]) append(b []byte, v *T) ([]byte, error) {
	e.line.Reset()
	err := e.json.Encode(v)
	return append(b, e.line.Bytes()...), err
}

// Stdout prints records as JSON lines to standard output, at least once. The lines of several subtasks mix, but each is
// whole.
func Stdout[T any]() connector.Output[T] { return stdout[T]{} }

type stdout[T any] struct{}

func (stdout[T]) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

// Printing says that this is standard output.
func (stdout[T]) Printing() {}

func (stdout[T]) Open(context.Context, connector.Subtask) (connector.Writer[T], error) {
	return &stdoutWriter[T]{encoder: newJSONEncoder[T](), to: os.Stdout}, nil
}

// printing keeps the batches of several subtasks apart: a write to a pipe may otherwise come in pieces.
var printing sync.Mutex

type stdoutWriter[T any] struct {
	encoder *jsonEncoder[T]
	to      *os.File
	buf     []byte
}

// Write prints at once, as somebody may be looking.
func (w *stdoutWriter[T]) Write(_ context.Context, b *connector.Batch[T]) (err error) {
	w.buf = w.buf[:0]
	for i := range b.Values {
		if w.buf, err = w.encoder.append(w.buf, &b.Values[i]); err != nil {
			return fmt.Errorf("file: print a record: %w", err)
		}
	}
	printing.Lock()
	defer printing.Unlock()
	if _, err = w.to.Write(w.buf); err != nil {
		return fmt.Errorf("file: print: %w", err)
	}
	return nil
}

func (*stdoutWriter[T]) Flush(context.Context) error { return nil }

func (*stdoutWriter[T]) Close() error { return nil }

// Discard drops records.
func Discard[T any]() connector.Output[T] { return discarding[T]{} }

// discarding is output and writer in one, as it has nothing.
type discarding[T any] struct{}

func (discarding[T]) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

func (d discarding[T]) Open(context.Context, connector.Subtask) (connector.Writer[T], error) {
	return d, nil
}

func (discarding[T]) Write(context.Context, *connector.Batch[T]) error { return nil }

func (discarding[T]) Flush(context.Context) error { return nil }

func (discarding[T]) Close() error { return nil }
