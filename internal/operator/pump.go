package operator

import (
	"context"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/runtime"
)

// pump reads a split whose reader may wait, in a goroutine of its own, so that the subtask's loop never does.
type pump[T any] struct {
	full   chan pumped[T]
	free   chan *connector.Batch[T] // with room for as many records as are wanted next
	cancel context.CancelFunc
	ended  chan struct{}
}

type pumped[T any] struct {
	batch    *connector.Batch[T]
	position []byte
	err      error
}

const (
	// pumpBatches is how far a pump reads ahead.
	pumpBatches = 4
	// pumpFirst is how many records it reads at a time before it is known how many the subtask has time for.
	pumpFirst = 4
)

func startPump[T any](ctx context.Context, r connector.Reader[T], size int, wake func()) *pump[T] {
	ctx, cancel := context.WithCancel(ctx)
	p := &pump[T]{
		full: make(chan pumped[T], pumpBatches), free: make(chan *connector.Batch[T], pumpBatches),
		cancel: cancel, ended: make(chan struct{}),
	}
	for range pumpBatches {
		p.free <- &connector.Batch[T]{Max: size}
	}
	go p.run(ctx, r, wake)
	return p
}

func (p *pump[T]) run(ctx context.Context, r connector.Reader[T], wake func()) {
	defer close(p.ended)
	for {
		var b *connector.Batch[T]
		select {
		case b = <-p.free:
		case <-ctx.Done():
		}
		if ctx.Err() != nil { // also where both were ready: nothing is read after the end
			return
		}
		b.Clear()
		read := pumpOnce(ctx, r, b)
		p.full <- read // never waits: there are as many places as batches
		wake()
		if read.err != nil {
			return
		}
	}
}

// pumpOnce reads a batch. The reader is foreign code: what it throws is an error like any other.
func pumpOnce[T any](ctx context.Context, r connector.Reader[T], b *connector.Batch[T]) (read pumped[T]) {
	defer func() {
		if thrown := recover(); thrown != nil {
			read.err = runtime.Thrown(thrown)
		}
	}()
	read.batch = b
	read.err = r.Read(ctx, b)
	read.position = r.Position()
	return read
}

// stop ends the goroutine; the reader is the caller's again.
func (p *pump[T]) stop() {
	p.cancel()
	<-p.ended
}
