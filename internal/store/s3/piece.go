package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

	"leat.dev/leat/internal/store"
)

// Reading is by few requests, each of which costs some milliseconds:
//
//	Open                 the last endBytes: size and ETag with them, all of a small piece, and a segment's index
//	ReadAt, somewhere    a block
//	ReadAt, going on     a stream over a range that grows each time, from the server to whoever reads, without memory of its own
const (
	endBytes    = 128 << 10
	blockBytes  = 256 << 10
	leastStream = 1 << 20
	mostStream  = 64 << 20
	// skipBytes is how far a stream is read on in vain rather than ended and begun again.
	skipBytes = 512 << 10
)

// errReplaced says that a name has another piece now.
var errReplaced = errors.New("it was deleted and written again while it was read")

// Open opens a piece.
func (s *Store) Open(ctx context.Context, name string) (store.Piece, error) {
	key, err := s.check(ctx, name)
	if err != nil {
		return nil, s.explain("open", name, err)
	}
	p := &piece{store: s, ctx: ctx, name: name, key: key}
	if err := p.open(); err != nil {
		return nil, s.explain("open", name, err)
	}
	return p, nil
}

// piece is an object that is open.
type piece struct {
	store     *Store
	ctx       context.Context
	name, key string
	etag      string
	size      int64
	end       []byte // the last bytes

	mu      sync.Mutex // guards all below; who does not get it at once asks for its own range
	block   []byte
	blockAt int64
	stream  *stream
	window  int64 // of the stream before; 0: none was
	next    int64 // where reading would go on
}

// open reads the end of the object.
func (p *piece) open() error {
	c := p.store.client
	return c.try(p.ctx, func(a attempt) error {
		p.etag = ""
		r, total, err := p.get(a, 0, -endBytes)
		if says(err, http.StatusRequestedRangeNotSatisfiable) {
			return p.openEmpty(a)
		}
		if err != nil {
			return err
		}
		p.size = total
		p.end = make([]byte, min(total, endBytes))
		if total > endBytes && r.from != total-endBytes { // the server has no ranges from the end
			_, err := io.CopyN(io.Discard, r, total-endBytes-r.from)
			if err != nil {
				return errors.Join(err, r.Close())
			}
		}
		_, err = io.ReadFull(r, p.end)
		return errors.Join(err, r.Close())
	})
}

// openEmpty opens an object of which no range can be had, as there is nothing in it.
func (p *piece) openEmpty(a attempt) error {
	info, err := p.store.client.core.StatObject(a.ctx, p.store.client.bucket, p.key, minio.StatObjectOptions{})
	switch {
	case says(err, http.StatusNotFound):
		return notFound(err)
	case err != nil:
		return err
	case info.Size > 0:
		return fmt.Errorf("%w: the server refuses ranges of objects", errFinal)
	}
	p.etag, p.size = info.ETag, 0
	return nil
}

// notFound tells a piece that is not there from a bucket that is not.
func notFound(err error) error {
	if answer, _ := answered(err); answer.Code == minio.NoSuchBucket {
		return err
	}
	return store.ErrNotFound
}

// ranged is a range of the object, as it comes.
type ranged struct {
	io.Reader
	io.Closer
	from int64
}

// get asks for the bytes from from up to to, to not included; or for the last ones, if to is negative. The first answer fixes the ETag.
func (p *piece) get(a attempt, from, to int64) (*ranged, int64, error) {
	o := minio.GetObjectOptions{}
	if to < 0 {
		o.Set("Range", fmt.Sprintf("bytes=%d", to))
	} else {
		o.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
	}
	if p.etag != "" {
		if err := o.SetMatchETag(p.etag); err != nil {
			return nil, 0, err
		}
	}
	c := p.store.client
	content, info, header, err := c.core.GetObject(a.ctx, c.bucket, p.key, o)
	switch {
	case says(err, http.StatusNotFound):
		return nil, 0, notFound(err)
	case says(err, http.StatusPreconditionFailed):
		return nil, 0, fmt.Errorf("%w: %w", errFinal, errReplaced)
	case err != nil:
		return nil, 0, err
	}
	r := &ranged{Reader: &received{a, content, c.down}, Closer: content}
	total := info.Size
	if text := header.Get("Content-Range"); text != "" {
		if r.from, total, err = parseRange(text); err != nil {
			return nil, 0, errors.Join(err, content.Close())
		}
	}
	switch {
	case p.etag == "":
		p.etag = info.ETag
	case p.etag != info.ETag || total != p.size:
		return nil, 0, errors.Join(fmt.Errorf("%w: %w", errFinal, errReplaced), content.Close())
	case r.from != from:
		return nil, 0, errors.Join(fmt.Errorf("%w: the server sends bytes from %d on, asked for those from %d on", errFinal, r.from, from), content.Close())
	}
	return r, total, nil
}

// parseRange reads "bytes 0-9/10".
func parseRange(text string) (from, total int64, err error) {
	bytes, all, ok1 := strings.Cut(strings.TrimPrefix(text, "bytes "), "/")
	first, last, ok2 := strings.Cut(bytes, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	end, err2 := strconv.ParseInt(last, 10, 64)
	total, err3 := strconv.ParseInt(all, 10, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || err3 != nil || from < 0 || end < from || total <= end {
		return 0, 0, fmt.Errorf("%w: the server's Content-Range is %q", errFinal, text)
	}
	return from, total, nil
}

// Size is how many bytes the piece has.
func (p *piece) Size() int64 { return p.size }

// Close ends what is being read.
func (p *piece) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endStream()
	p.block = nil
	return nil
}

// ReadAt reads.
func (p *piece) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, p.explain(errors.New("a negative offset"))
	}
	read := 0
	for read < len(b) {
		if off >= p.size {
			return read, io.EOF
		}
		n, err := p.readSome(b[read:], off)
		read += n
		off += int64(n)
		if err != nil {
			return read, p.explain(err)
		}
	}
	return read, nil
}

// explain says what is wrong with reading: that the server can't be reached says nothing of the piece.
func (p *piece) explain(err error) error {
	if !errors.Is(err, errReplaced) && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return p.store.explain("read", p.name, err)
}

// readSome reads a byte at least, of those that the end does not have or of those that it has.
func (p *piece) readSome(b []byte, off int64) (int, error) {
	end := p.size - int64(len(p.end))
	if off >= end {
		return copy(b, p.end[off-end:]), nil
	}
	b = b[:min(int64(len(b)), end-off)]
	if !p.mu.TryLock() {
		return len(b), p.direct(b, off)
	}
	defer p.mu.Unlock()
	n, err := p.read(b, off, end)
	p.next = off + int64(n)
	return n, err
}

// direct reads by a request of its own; what breaks off is not asked for again from its beginning.
func (p *piece) direct(b []byte, off int64) error {
	read := 0
	return p.store.client.try(p.ctx, func(a attempt) error {
		r, _, err := p.get(a, off+int64(read), off+int64(len(b)))
		if err != nil {
			return err
		}
		n, err := io.ReadFull(r, b[read:])
		read += n
		return errors.Join(err, r.Close())
	})
}

// read reads from the block, the stream, or what takes their place.
func (p *piece) read(b []byte, off, end int64) (int, error) {
	if at := off - p.blockAt; at >= 0 && at < int64(len(p.block)) {
		return copy(b, p.block[at:]), nil
	}
	if p.stream.has(off) {
		return p.readStream(b, off)
	}
	p.endStream()
	if off != p.next || off == 0 {
		p.window = 0
		return p.readBlock(b, off, end)
	}
	p.window = min(max(2*p.window, leastStream), mostStream)
	p.stream = &stream{at: off, end: min(off+p.window, end)}
	return p.readStream(b, off)
}

// readBlock reads somewhere. What is large needs no block around it.
func (p *piece) readBlock(b []byte, off, end int64) (int, error) {
	if len(b) >= blockBytes {
		return len(b), p.direct(b, off)
	}
	p.block = p.block[:0]
	block := make([]byte, min(blockBytes, end-off))
	if err := p.direct(block, off); err != nil {
		return 0, err
	}
	p.block, p.blockAt = block, off
	return copy(b, block), nil
}

// stream is a range that is being read. It outlives the calls that read from it.
type stream struct {
	at, end int64
	from    *ranged // nil: to be asked for
	attempt
	cancel context.CancelCauseFunc
}

// has says whether an offset comes soon enough.
func (s *stream) has(off int64) bool {
	return s != nil && off >= s.at && off < s.end && off-s.at <= skipBytes
}

// readStream reads from the stream, and begins it again where it breaks off.
func (p *piece) readStream(b []byte, off int64) (n int, err error) {
	s := p.stream
	b = b[:min(int64(len(b)), s.end-off)]
	err = p.store.client.try(p.ctx, func(attempt) error {
		if err := p.connect(s); err != nil {
			return err
		}
		s.dog.wake()
		defer s.dog.rest()
		if skipped, err := io.CopyN(io.Discard, s.from, off-s.at); err != nil {
			s.at += skipped
			return s.broken(err)
		}
		s.at = off
		n, err = io.ReadFull(s.from, b)
		s.at += int64(n)
		if n > 0 { // the rest is asked for by another call
			if err != nil {
				_ = s.broken(err)
			}
			return nil
		}
		return s.broken(err)
	})
	if err != nil || s.at == s.end {
		p.endStream()
	}
	return n, err
}

// connect asks for what is left of the stream.
func (p *piece) connect(s *stream) error {
	if s.from != nil {
		return nil
	}
	ctx, cancel := context.WithCancelCause(p.ctx)
	s.cancel = cancel
	s.attempt = attempt{ctx, newWatchdog(p.store.client.stall, func() { cancel(errStalled) })}
	from, _, err := p.get(s.attempt, s.at, s.end)
	s.dog.rest()
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		cancel(nil)
		return err
	}
	s.from = from
	return nil
}

// broken ends the connection, for another one.
func (s *stream) broken(err error) error {
	if s.ctx.Err() != nil {
		err = context.Cause(s.ctx)
	}
	s.cancel(nil)
	_ = s.from.Close() // it has failed already
	s.from = nil
	return err
}

// endStream gives the stream up.
func (p *piece) endStream() {
	if p.stream != nil && p.stream.from != nil {
		_ = p.stream.broken(nil) // nobody reads on
	}
	p.stream = nil
}
