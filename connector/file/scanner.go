package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// scanner cuts a stream into lines, in a buffer that grows with the longest line.
//
//	buf  |....consumed....|start  line \n  line \n  part of a li|end      |
//	                      offset, line: where buf[start] stands in the stream
type scanner struct {
	name       string
	from       io.Reader
	explain    func(err error, offset uint64) error
	buf        []byte
	start, end int
	offset     uint64 // bytes of the stream before buf[start]
	line       uint64 // lines of the stream before buf[start]
	last       uint64 // lines before the record that was taken last: what place names
	err        error  // what ended the stream: io.EOF or a failure
	maxLine    int
}

// errDry says that the stream has no more bytes just now.
var errDry = errors.New("nothing to read just now")

const bufferBytes = 256 << 10

func newScanner(name string, from io.Reader, maxLine int) *scanner {
	s := &scanner{name: name, from: from, maxLine: maxLine, buf: make([]byte, min(bufferBytes, maxLine+2))}
	s.explain = func(err error, _ uint64) error { return err }
	if packed, ok := from.(*stream); ok {
		s.explain = packed.explain
	}
	return s
}

// window is what is there to read.
func (s *scanner) window() []byte { return s.buf[s.start:s.end] }

// skipBOM skips the byte order mark that some programs put before UTF-8.
func (s *scanner) skipBOM() error {
	const mark = "\xef\xbb\xbf"
	for s.offset == 0 && len(s.window()) < len(mark) && bytes.HasPrefix([]byte(mark), s.window()) {
		if err := s.more(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
	if s.offset == 0 && bytes.HasPrefix(s.window(), []byte(mark)) {
		s.advance(len(mark), 0)
	}
	return nil
}

// peek is the line at the start of the window, without its LF or CR LF, and how many bytes it takes with that. The
// line is valid until the next call.
func (s *scanner) peek() (line []byte, size int, err error) {
	searched := 0
	for {
		w := s.window()
		if i := bytes.IndexByte(w[searched:], '\n'); i >= 0 {
			size = searched + i + 1
			return s.checked(trimCR(w[:size-1]), size)
		}
		searched = len(w)
		if err := s.more(); err == io.EOF && searched > 0 {
			return s.checked(trimCR(s.window()), searched) // more may have moved it
		} else if err != nil {
			return nil, 0, err
		}
	}
}

func (s *scanner) checked(line []byte, size int) ([]byte, int, error) {
	if len(line) > s.maxLine {
		return nil, 0, s.tooLong()
	}
	return line, size, nil
}

func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// advance goes on after a piece of the window.
func (s *scanner) advance(size, lines int) {
	s.last = s.line
	s.start += size
	s.offset += uint64(size)
	s.line += uint64(lines)
}

// next takes a line.
func (s *scanner) next() ([]byte, error) {
	line, size, err := s.peek()
	if err == nil {
		s.advance(size, 1)
	}
	return line, err
}

// nextFull takes the next line that is not empty.
func (s *scanner) nextFull() ([]byte, error) {
	for {
		if line, err := s.next(); err != nil || len(line) > 0 {
			return line, err
		}
	}
}

// more reads on, after making room. Its error is io.EOF, one that passes (see transient), or one that names the file.
func (s *scanner) more() error {
	if s.err != nil {
		return s.err
	}
	if err := s.makeRoom(); err != nil {
		return err
	}
	n, err := io.ReadAtLeast(s.from, s.buf[s.end:], 1)
	s.end += n
	switch {
	case err == nil:
		return nil
	case transient(err):
		return err
	case err != io.EOF:
		err = fmt.Errorf("%s: %w", s.name, s.explain(err, s.offset+uint64(s.end-s.start)))
	}
	s.err = err
	return err
}

// transient says whether reading may go on after an error: when there is input again, or with another context.
func transient(err error) bool {
	return err == errDry || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// maxBuffer is what the longest line takes with its CR LF.
func (s *scanner) maxBuffer() int { return s.maxLine + 2 }

// makeRoom moves the window to the buffer's start, or doubles a buffer that it fills.
func (s *scanner) makeRoom() error {
	if s.end < len(s.buf) {
		return nil
	}
	if s.start > 0 {
		s.end = copy(s.buf, s.window())
		s.start = 0
		return nil
	}
	if len(s.buf) == s.maxBuffer() {
		return s.tooLong()
	}
	grown := make([]byte, min(2*len(s.buf), s.maxBuffer()))
	s.end = copy(grown, s.buf)
	s.buf = grown
	return nil
}

// tooLongError says that a line, or a record of several, is longer than allowed.
type tooLongError struct {
	place   string
	maxLine int
}

func (e *tooLongError) Error() string {
	return fmt.Sprintf("%s: the line has more than %d bytes: see Reading.MaxLine if that is right", e.place, e.maxLine)
}

func (s *scanner) tooLong() error {
	return &tooLongError{fmt.Sprintf("%s:%d", s.name, s.line+1), s.maxLine}
}

// place names the record that was taken last.
func (s *scanner) place() string { return fmt.Sprintf("%s:%d", s.name, s.last+1) }

// seek goes on at a position that an earlier scanner of the same file had.
func (s *scanner) seek(ctx context.Context, from *stream, offset, line uint64) error {
	if offset < s.offset {
		return fmt.Errorf("%s: the position is byte %d, before the first record at byte %d", s.name, offset, s.offset)
	}
	s.line = line
	if offset > s.offset+uint64(s.end-s.start) {
		jumped, err := from.jump(offset)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if jumped {
			s.start, s.end, s.offset, s.err = 0, 0, offset, nil
			return nil
		}
	}
	return s.skipTo(ctx, offset)
}

// skipTo reads up to an offset.
func (s *scanner) skipTo(ctx context.Context, offset uint64) error {
	for {
		n := min(uint64(s.end-s.start), offset-s.offset)
		s.start += int(n)
		s.offset += n
		if s.offset == offset {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.more(); err == io.EOF {
			return fmt.Errorf("%s: %w", s.name, tooShort(offset, s.offset))
		} else if err != nil {
			return err
		}
	}
}
