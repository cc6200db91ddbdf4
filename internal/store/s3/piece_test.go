package s3

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/store/s3/s3test"
)

// noise is n bytes of a seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, 0, n+32)
	for sum := sha256.Sum256([]byte{byte(seed)}); len(b) < n; sum = sha256.Sum256(sum[:]) {
		b = append(b, sum[:]...)
	}
	return b[:n]
}

func open(t *testing.T, s *Store, name string) store.Piece {
	t.Helper()
	p, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Reading takes few requests: opening one, a small piece no more, a long one from its beginning one each time the stream ends, and
// sections that lie behind one another none of their own.
func TestRequestsOfReading(t *testing.T) {
	server, s, _ := ready(t, "")
	data := noise(1, 40<<20)
	server.Replace("some/place/job/long", data)
	server.Replace("some/place/job/short", data[:endBytes])
	count := func() int { return len(server.Asked()) }
	short := open(t, s, "job/short")
	if got, err := io.ReadAll(io.NewSectionReader(short, 0, short.Size())); err != nil || !bytes.Equal(got, data[:endBytes]) || count() != 1 {
		t.Errorf("a short piece: %d bytes, %v", len(got), err)
	}
	long := open(t, s, "job/long")
	if tail := make([]byte, 16); count() != 1 {
		t.Error("opening a long piece takes more than one request")
	} else if _, err := long.ReadAt(tail, long.Size()-16); err != nil || count() != 0 {
		t.Errorf("its end: %v", err)
	}
	at := int64(8)
	for _, bytesOf := range []int64{100, 3 << 20, 5, 7 << 20, 11, 20 << 20} { // sections
		got, err := io.ReadAll(bufio.NewReaderSize(io.NewSectionReader(long, at, bytesOf), 128<<10))
		if err != nil || !bytes.Equal(got, data[at:at+bytesOf]) {
			t.Fatalf("%d bytes at %d: %d bytes, %v", bytesOf, at, len(got), err)
		}
		at += bytesOf
	}
	if n := count(); n > 1+6 { // a block, and streams of 1, 2, 4, 8 and 16 MiB
		t.Errorf("30 MiB took %d requests", n)
	}
}

// Random reads, by several goroutines, while requests fail and break off, read what is there.
func TestReadsThroughFaults(t *testing.T) {
	server, s, _ := ready(t, "")
	data := noise(2, 9<<20+12345)
	server.Replace("some/place/job/a", data)
	var asked atomic.Int64
	server.Fail(func(*http.Request) s3test.Fault {
		switch n := asked.Add(1); n % 7 {
		case 1:
			return s3test.Fault{Status: 503, Code: "SlowDown"}
		case 3:
			return s3test.Fault{Cut: true}
		case 5:
			return s3test.Fault{Short: int(1 + n*7919%200_000)}
		}
		return s3test.Fault{}
	})
	p := open(t, s, "job/a")
	var readers sync.WaitGroup
	for i := range uint64(3) {
		readers.Go(func() {
			r, at := rand.New(rand.NewPCG(7, i)), int64(0)
			for range 150 {
				if r.IntN(4) == 0 {
					at = r.Int64N(p.Size())
				}
				b := make([]byte, min(1+r.Int64N(200_000), p.Size()-at))
				if n, err := p.ReadAt(b, at); n != len(b) || err != nil || !bytes.Equal(b, data[at:at+int64(n)]) {
					t.Errorf("%d bytes at %d: %d, %v", len(b), at, n, err)
					return
				}
				if at += int64(len(b)); at == p.Size() {
					at = 0
				}
			}
		})
	}
	readers.Wait()
}

// A piece that is deleted, or deleted and written again, while it is read, is not taken for what it was.
func TestReplacedPiece(t *testing.T) {
	server, s, _ := ready(t, "")
	data := noise(3, 3<<20)
	server.Replace("some/place/job/a", data)
	p := open(t, s, "job/a")
	b := make([]byte, 100)
	if _, err := p.ReadAt(b, 10); err != nil {
		t.Fatal(err)
	}
	server.Replace("some/place/job/a", data)
	if _, err := p.ReadAt(b, 1<<20); !errors.Is(err, errReplaced) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := s.Delete(t.Context(), "job/a"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ReadAt(b, 2<<20); !errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// That a server can't be reached says nothing of the piece.
func TestUnreachablePiece(t *testing.T) {
	server, s, _ := ready(t, "")
	server.Replace("some/place/job/a", noise(4, 3<<20))
	p := open(t, s, "job/a")
	server.Fail(func(*http.Request) s3test.Fault { return s3test.Fault{Cut: true} })
	if _, err := p.ReadAt(make([]byte, 10), 0); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "read job/a") {
		t.Errorf("got %v", err)
	}
	server.Fail(func(*http.Request) s3test.Fault { return s3test.Fault{Status: 403, Code: "AccessDenied"} })
	if _, err := p.ReadAt(make([]byte, 10), 0); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"bytes 0-9/10", "bytes 5-4/3", "bytes */10", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		from, total, err := parseRange(text)
		if err == nil && (from < 0 || from >= total) {
			t.Errorf("%q: from %d of %d", text, from, total)
		}
	})
}
