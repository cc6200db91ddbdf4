package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minio/minio-go/v7"

	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

// Create begins a piece.
func (s *Store) Create(ctx context.Context, name string) (store.Writer, error) {
	key, err := s.check(ctx, name)
	if err != nil {
		return nil, s.explain("create", name, err)
	}
	w := &writer{store: s, name: name, key: key, id: newWrite()}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	return w, nil
}

// writer writes a piece: one part is filled while the one before it is sent.
type writer struct {
	store     *Store
	ctx       context.Context
	cancel    context.CancelCauseFunc // ends the sending of parts
	name, key string
	id        string
	upload    string // "" until the piece is larger than a part
	parts     []minio.CompletePart
	filling   []byte
	sending   chan result // of the part before; nil if none is
	err       error       // of a Write
	done      bool
}

// result is how the sending of a part has ended; its memory is free again.
type result struct {
	part   minio.CompletePart
	err    error
	memory []byte
}

// Write appends to the piece.
func (w *writer) Write(b []byte) (int, error) {
	if w.done {
		return 0, w.store.explain("write", w.name, store.ErrDone)
	}
	if w.err != nil {
		return 0, w.err
	}
	size := int(w.store.client.part)
	written := len(b)
	for len(b) > 0 {
		if len(w.filling) == size {
			if err := w.send(); err != nil {
				w.err = w.store.explain("write", w.name, err)
				return written - len(b), w.err
			}
		}
		n := min(len(b), size-len(w.filling))
		w.grow(n, size)
		w.filling = append(w.filling, b[:n]...)
		b = b[n:]
	}
	return written, nil
}

// grow makes room: a small piece takes little, one that fills parts takes recycled memory of a whole one.
func (w *writer) grow(n, size int) {
	if need := len(w.filling) + n; need > cap(w.filling) && need > size/8 {
		memory := w.store.client.buffer(size)
		w.filling = append(memory[:0], w.filling...)
	}
}

// buffer is memory for a part.
func (c *client) buffer(size int) []byte {
	if b, ok := c.buffers.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 0, size)
}

func (c *client) recycle(b []byte) {
	if int64(cap(b)) >= c.part {
		b = b[:0]
		c.buffers.Put(&b)
	}
}

// send begins to send the part that is full.
func (w *writer) send() error {
	free, err := w.wait()
	if err != nil {
		return err
	}
	if err := w.begin(); err != nil {
		return err
	}
	number := len(w.parts) + 1
	if number > mostParts {
		return fmt.Errorf("%w: it has more than %d parts of %d bytes: give the store larger ones (part=64MiB)", errFinal, mostParts, w.store.client.part)
	}
	data, sending := w.filling, make(chan result, 1)
	go func() {
		part, err := w.store.client.sendPart(w.ctx, w.key, w.upload, number, data)
		sending <- result{part, err, data}
	}()
	w.filling, w.sending = free[:0], sending
	return nil
}

// begin begins the upload, with the first part.
func (w *writer) begin() (err error) {
	if w.upload != "" {
		return nil
	}
	if err := w.store.ready(w.ctx, checkComplete); err != nil {
		return err
	}
	w.upload, err = w.store.client.begin(w.ctx, w.key, w.id)
	return err
}

// wait waits for the part that is being sent, and returns its memory.
func (w *writer) wait() (memory []byte, err error) {
	if w.sending == nil {
		return nil, nil
	}
	sent := <-w.sending
	w.sending = nil
	if sent.err != nil {
		w.store.client.recycle(sent.memory)
		return nil, sent.err
	}
	w.parts = append(w.parts, sent.part)
	return sent.memory, nil
}

// begin begins an upload.
func (c *client) begin(ctx context.Context, key, id string) (upload string, err error) {
	err = c.try(ctx, func(a attempt) (err error) {
		o := minio.PutObjectOptions{UserMetadata: map[string]string{writeHeader: id}} // the condition is the completion's
		upload, err = c.core.NewMultipartUpload(a.ctx, c.bucket, key, o)
		return err
	})
	if err == nil {
		c.owns(upload, true)
	}
	return upload, err
}

// sendPart sends a part; that it is sent again when that fails changes nothing.
func (c *client) sendPart(ctx context.Context, key, upload string, number int, data []byte) (minio.CompletePart, error) {
	var part minio.ObjectPart
	err := c.try(ctx, func(a attempt) (err error) {
		content := &sent{attempt: a, limit: c.up, rest: data}
		defer content.end()
		part, err = c.core.PutObjectPart(a.ctx, c.bucket, key, upload, number, content, int64(len(data)), minio.PutObjectPartOptions{})
		return err
	})
	return minio.CompletePart{PartNumber: number, ETag: part.ETag}, err
}

// Close has the piece appear.
func (w *writer) Close() error {
	if w.done {
		return w.store.explain("write", w.name, store.ErrDone)
	}
	if w.err != nil {
		return errors.Join(w.err, w.Abort())
	}
	err := w.finish()
	if err != nil {
		err = w.store.explain("write", w.name, err)
		if aborted := w.Abort(); aborted != nil && !errors.Is(err, store.ErrExists) {
			err = errors.Join(err, aborted)
		}
		return err
	}
	w.end()
	return nil
}

func (w *writer) finish() error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	if w.upload == "" && w.sending == nil {
		return w.store.put(w.ctx, w.key, w.filling, w.id)
	}
	if len(w.filling) > 0 {
		if err := w.send(); err != nil {
			return err
		}
	}
	free, err := w.wait()
	w.store.client.recycle(free)
	if err != nil {
		return err
	}
	return w.store.client.complete(w.ctx, w.key, w.upload, w.id, w.parts)
}

// complete makes an object of the parts, if there is none.
func (c *client) complete(ctx context.Context, key, upload, id string, parts []minio.CompletePart) error {
	failpoint.Hit(failpoint.StoreSynced)
	err := c.settled(ctx, true, key, id, func(a attempt) error {
		_, err := c.core.CompleteMultipartUpload(a.ctx, c.bucket, key, upload, parts, writing(id))
		return err
	})
	if err == nil {
		failpoint.Hit(failpoint.StoreShown)
	}
	return err
}

// abortTime bounds how long giving a piece up may take: it is done also when the context is not any more. What is left is Sweep's.
const abortTime = 10 * time.Second

// Abort gives the piece up.
func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	w.cancel(store.ErrDone)
	free, _ := w.wait() // how the part has ended does not matter any more
	w.store.client.recycle(free)
	upload := w.upload
	w.end()
	if upload == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), abortTime)
	defer cancel()
	if err := w.store.client.abort(ctx, w.key, upload); err != nil {
		return w.store.explain("abort", w.name, err)
	}
	return nil
}

// end gives back what the writer has taken up.
func (w *writer) end() {
	w.cancel(store.ErrDone)
	w.store.client.recycle(w.filling)
	w.store.client.owns(w.upload, false)
	w.done, w.filling = true, nil
}
