package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"leat.dev/leat/connector"
)

// partWriter writes the parts of one subtask, one after the other:
//
//	first record         .part-0-00003.jsonl.pending   made, so that nobody else takes the number
//	Flush, with records  part-0-00003.jsonl            synced and renamed; the next record begins part 4
//	Close                                              what was not flushed is deleted
type partWriter[T any] struct {
	dir, ext        string
	subtask, number int
	encoder         encoder[T]
	file            *os.File // the pending part, or nil
	buf             []byte   // what the file does not have yet
}

// drainBytes is how much is gathered for a write.
const drainBytes = 256 << 10

func (w *partWriter[T]) Write(_ context.Context, b *connector.Batch[T]) error {
	for i := range b.Values {
		if err := w.add(&b.Values[i]); err != nil {
			return fmt.Errorf("file: write to folder %q: %w", w.dir, err)
		}
	}
	return nil
}

func (w *partWriter[T]) add(v *T) error {
	if w.file == nil {
		if err := w.begin(); err != nil {
			return err
		}
		w.buf = w.encoder.begin(w.buf[:0])
	}
	b, err := w.encoder.append(w.buf, v)
	if err != nil {
		return fmt.Errorf("part %d of subtask %d: encode a record: %w", w.number, w.subtask, err)
	}
	if w.buf = b; len(b) < drainBytes {
		return nil
	}
	return w.drain()
}

func (w *partWriter[T]) drain() error {
	_, err := w.file.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// begin makes a pending part under the first number that is free. The pending file is the claim to the number, so the
// check for the visible part comes after it: a part that became visible before has had its claim before.
func (w *partWriter[T]) begin() error {
	for ; ; w.number++ {
		f, err := os.OpenFile(w.pending(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := os.Lstat(w.visible()); errors.Is(err, fs.ErrNotExist) {
			w.file = f
			return nil
		} else if err := errors.Join(err, discard(f)); err != nil {
			return err
		}
	}
}

func (w *partWriter[T]) visible() string {
	return filepath.Join(w.dir, partName(w.subtask, w.number, w.ext))
}

func (w *partWriter[T]) pending() string {
	return filepath.Join(w.dir, "."+partName(w.subtask, w.number, w.ext)+pendingExt)
}

// Flush makes the pending part durable and visible.
func (w *partWriter[T]) Flush(context.Context) error {
	if w.file == nil {
		return nil
	}
	if err := w.publish(); err != nil {
		return fmt.Errorf("file: write to folder %q: %w", w.dir, err)
	}
	w.file = nil
	w.number++
	return nil
}

func (w *partWriter[T]) publish() error {
	if err := w.drain(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(w.pending(), w.visible()); err != nil {
		return err
	}
	return syncFolder(w.dir)
}

// syncFolder makes a rename durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close deletes what was not flushed.
func (w *partWriter[T]) Close() error {
	if w.file == nil {
		return nil
	}
	f := w.file
	w.file = nil
	if err := discard(f); err != nil {
		return fmt.Errorf("file: write to folder %q: %w", w.dir, err)
	}
	return nil
}

func discard(f *os.File) error {
	f.Close() // its content is of no interest
	return os.Remove(f.Name())
}

const pendingExt = ".pending"

func partName(subtask, number int, ext string) string {
	return fmt.Sprintf("part-%d-%05d.%s", subtask, number, ext)
}

// part is what a part's name says.
type part struct{ subtask, number int }

// parsePart reads the name of a part, visible or pending; others are none.
func parsePart(name string) (part, bool) {
	if bare, ok := strings.CutPrefix(name, "."); ok {
		if name, ok = strings.CutSuffix(bare, pendingExt); !ok {
			return part{}, false
		}
	}
	var p part
	var ext string
	if _, err := fmt.Sscanf(name, "part-%d-%d.%s", &p.subtask, &p.number, &ext); err != nil {
		return part{}, false
	}
	ours := p.subtask >= 0 && p.number >= 0 && (ext == "csv" || ext == "jsonl")
	return p, ours && partName(p.subtask, p.number, ext) == name
}

// nextPart is the number after those of a subtask's parts in a folder.
func nextPart(dir string, subtask int) (int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	next := 0
	for _, e := range entries {
		if p, ok := parsePart(e.Name()); ok && p.subtask == subtask {
			next = max(next, p.number+1)
		}
	}
	return next, nil
}
