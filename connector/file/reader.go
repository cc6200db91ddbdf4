package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"leat.dev/leat/connector"
)

// format makes records of a file's bytes.
type format[T any] interface {
	// begin reads what stands before the first record.
	begin() error
	// next brings one record, or one reject, to the batch.
	next(into *connector.Batch[T]) error
}

// reader is what readers of files and of standard input have in common.
type reader[T any] struct {
	scan *scanner
	format[T]
}

func (r *reader[T]) begin() error {
	err := r.scan.skipBOM()
	if err == nil {
		err = r.format.begin()
	}
	if err == io.EOF {
		return nil // an empty file: the first Read finds its end
	}
	return err
}

func (r *reader[T]) Position() []byte {
	return connector.EncodePosition(r.scan.offset, r.scan.line)
}

// fileReader reads a file.
type fileReader[T any] struct {
	reader[T]
	from *stream
}

func (*fileReader[T]) Prompt() {}

func (r *fileReader[T]) Read(_ context.Context, into *connector.Batch[T]) error {
	for into.Room() > 0 {
		if err := r.next(into); err == io.EOF {
			return io.EOF
		} else if err != nil {
			return fmt.Errorf("file: %w", err)
		}
	}
	return nil
}

func (r *fileReader[T]) Close() error { return r.from.Close() }

// lineReader reads lines of text.
type lineReader struct{ scan *scanner }

func (lineReader) begin() error { return nil }

func (r lineReader) next(into *connector.Batch[string]) error {
	line, err := r.scan.next()
	if err == nil {
		into.Values = append(into.Values, string(line))
	}
	return err
}

// jsonReader reads a JSON value a line.
type jsonReader[T any] struct{ scan *scanner }

func (jsonReader[T]) begin() error { return nil }

func (r jsonReader[T]) next(into *connector.Batch[T]) error {
	line, err := r.scan.nextFull()
	if err != nil {
		return err
	}
	var zero T
	at := len(into.Values)
	into.Values = append(into.Values, zero)
	if err := json.Unmarshal(line, &into.Values[at]); err != nil {
		into.Values[at] = zero
		into.Values = into.Values[:at]
		into.Rejected = append(into.Rejected, rejectJSON(r.scan, line, err))
	}
	return nil
}

func rejectJSON(s *scanner, line []byte, err error) connector.Rejected {
	place := s.place()
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		place += ": field " + wrong.Field
	}
	return connector.Rejected{Raw: append([]byte{}, line...), Position: place, Err: err.Error()}
}
