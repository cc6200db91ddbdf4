package file

import (
	"fmt"
	"hash/crc32"
	"time"

	"leat.dev/leat/internal/failpoint"
)

// openPart is a part that is being written.
type openPart[T any] struct {
	// part has the bytes and the sum of what the file has.
	part
	folder string
	number int
	file   handle
	tools[T]
	// since is when it was begun, used the writer's count when a record last came for it.
	since time.Time
	used  uint64
}

// tools are what it takes to write a part, and serve the next one after it.
type tools[T any] struct {
	encoder encoder[T]
	buf     []byte // what the file does not have yet
}

// drainBytes is how much is gathered for a write.
const drainBytes = 256 << 10

func (p *openPart[T]) add(v *T) error {
	b, err := p.encoder.append(p.buf, v)
	if err != nil {
		return fmt.Errorf("encode a record: %w", err)
	}
	if p.buf = b; len(b) < drainBytes {
		return nil
	}
	return p.drain()
}

func (p *openPart[T]) drain() error {
	n, err := p.file.Write(p.buf)
	p.Bytes += int64(n)
	p.Sum = crc32.Update(p.Sum, castagnoli, p.buf[:n])
	p.buf = p.buf[:0]
	return err
}

// size is about how many bytes the part would have if it ended now.
func (p *openPart[T]) size() int64 { return p.Bytes + int64(len(p.buf)+p.encoder.held()) }

// seal makes what was written durable, and ends the file.
func (p *openPart[T]) seal() (err error) {
	if p.buf, err = p.encoder.end(p.buf); err != nil {
		return fmt.Errorf("encode the end of part %d: %w", p.number, err)
	}
	if err := p.drain(); err != nil {
		return err
	}
	failpoint.Hit(failpoint.PartWritten)
	if err := p.file.Sync(); err != nil {
		return err
	}
	failpoint.Hit(failpoint.PartSynced)
	return p.file.Close()
}
