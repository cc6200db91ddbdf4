package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// stream is a file's uncompressed bytes.
type stream struct {
	io.Reader
	file *os.File
	// packed names the file's compression, or is "".
	packed string
	zstd   *zstd.Decoder
}

// maxWindowBytes bounds the memory that a Zstandard file may ask for: what the zstd tool accepts by default.
const maxWindowBytes = 128 << 20

func openStream(path string) (*stream, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &stream{Reader: f, file: f}
	if err := s.unpack(path); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// unpack puts the decompressor that the file's name asks for in front of the file.
func (s *stream) unpack(path string) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file: read a pipe as standard input", path)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".gz":
		s.packed = "gzip"
		s.Reader, err = gzip.NewReader(bufio.NewReaderSize(s.file, 64<<10))
	case ".zst":
		s.packed = "zstd"
		// With a concurrency of 1 it decompresses in Read, without goroutines of its own.
		s.zstd, err = zstd.NewReader(s.file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindowBytes))
		s.Reader = s.zstd
	}
	if s.packed != "" && info.Size() == 0 {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return fmt.Errorf("%s: not a %s file: %w", path, s.packed, err)
	}
	return nil
}

// explain says where reading failed. An end that is too early is the most likely damage of a compressed file.
func (s *stream) explain(err error, offset uint64) error {
	if s.packed == "" {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the %s data is cut off after byte %d of the uncompressed text: %w", s.packed, offset, err)
	}
	return fmt.Errorf("the %s data is damaged after byte %d of the uncompressed text: %w", s.packed, offset, err)
}

// jump goes to an offset of the uncompressed bytes if that needs no reading.
func (s *stream) jump(offset uint64) (bool, error) {
	if s.packed != "" {
		return false, nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return false, err
	}
	if offset > uint64(info.Size()) {
		return false, tooShort(offset, uint64(info.Size()))
	}
	_, err = s.file.Seek(int64(offset), io.SeekStart)
	return true, err
}

func tooShort(offset, size uint64) error {
	return fmt.Errorf("the position is byte %d, and there are only %d: the file was cut or replaced since", offset, size)
}

func (s *stream) Close() error {
	if s.zstd != nil {
		s.zstd.Close()
	}
	return s.file.Close()
}
