package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"leat.dev/leat/connector"
)

// opened is the standard input that was opened last. What a reader took of it is gone, so it is opened once; another
// *os.File, as tests have it, is another input.
var opened atomic.Pointer[os.File]

var errStdinAgain = errors.New("file: standard input was read before and can't be read again: start the job anew")

func (in input[T]) openStdin(position []byte) (connector.Reader[T], error) {
	from := os.Stdin
	if position != nil || opened.Swap(from) == from {
		return nil, errStdinAgain
	}
	p := newPump(from)
	scan := newScanner("standard input", p, in.maxLine)
	return &stdinReader[T]{reader: reader[T]{scan, in.format(scan)}, pump: p}, nil
}

// stdinReader reads standard input, which may keep it waiting.
type stdinReader[T any] struct {
	reader[T]
	pump  *pump
	begun bool
}

func (r *stdinReader[T]) Read(ctx context.Context, into *connector.Batch[T]) error {
	r.pump.ctx, r.pump.wait = ctx, true
	for into.Room() > 0 {
		err := r.step(into)
		switch {
		case err == errDry:
			return nil
		case err == io.EOF:
			return io.EOF
		case err != nil:
			return fmt.Errorf("file: %w", err)
		}
		r.pump.wait = len(into.Values)+len(into.Rejected) == 0
	}
	return nil
}

// step reads the header or a record.
func (r *stdinReader[T]) step(into *connector.Batch[T]) error {
	if r.begun {
		return r.next(into)
	}
	err := r.begin()
	r.begun = err == nil
	return err
}

func (r *stdinReader[T]) Close() error {
	r.pump.close()
	return nil
}

// pump reads a file from a goroutine of its own, so that a reader can give up waiting.
type pump struct {
	file   *os.File
	chunks chan chunk
	quit   chan struct{}
	rest   []byte
	err    error

	// ctx and wait are the present reader's: until when it waits, and whether it does.
	ctx  context.Context
	wait bool
}

// chunk is what one read gave.
type chunk struct {
	bytes []byte
	err   error
}

const chunkBytes = 64 << 10

func newPump(f *os.File) *pump {
	p := &pump{file: f, chunks: make(chan chunk, 1), quit: make(chan struct{})}
	go p.run()
	return p
}

func (p *pump) run() {
	defer close(p.chunks)
	buf := make([]byte, chunkBytes)
	for {
		n, err := p.file.Read(buf)
		select {
		case p.chunks <- chunk{bytes.Clone(buf[:n]), err}:
		case <-p.quit:
			return
		}
		if err != nil {
			return
		}
	}
}

// Read gives what has come. If there is nothing it waits, or else says errDry.
func (p *pump) Read(to []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		c, err := p.receive()
		if err != nil {
			return 0, err
		}
		p.rest, p.err = c.bytes, c.err
	}
	n := copy(to, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pump) receive() (chunk, error) {
	if !p.wait {
		select {
		case c := <-p.chunks:
			return c, nil
		default:
			return chunk{}, errDry
		}
	}
	select {
	case c := <-p.chunks:
		return c, nil
	case <-p.ctx.Done():
		return chunk{}, p.ctx.Err()
	}
}

// close ends the goroutine. A read of a terminal or a file can't be interrupted: then it ends after that.
func (p *pump) close() {
	select {
	case <-p.quit:
		return
	default:
		close(p.quit)
	}
	if p.file.SetReadDeadline(time.Unix(1, 0)) != nil {
		return
	}
	for range p.chunks {
		// Until the goroutine is gone.
	}
	_ = p.file.SetReadDeadline(time.Time{}) // it could be set, so it can be reset
}
