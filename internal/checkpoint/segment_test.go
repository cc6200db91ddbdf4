package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/store"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew: they are the snapshot format")

// piece is bytes as an open piece of a store.
type piece struct{ *bytes.Reader }

func (piece) Close() error { return nil }

func pieceOf(b []byte) store.Piece { return piece{bytes.NewReader(b)} }

// rows is a state's entries in one key group, for the tests' snapshots.
type rows struct {
	state   string
	group   int
	entries [][3]string // key, item, value
}

func (r rows) String() string { return fmt.Sprintf("%s/%d%q", r.state, r.group, r.entries) }

func writeRows(w backend.Writer, all []rows) error {
	for _, r := range all {
		if err := w.Begin(r.state, r.group); err != nil {
			return err
		}
		for _, e := range r.entries {
			if err := w.Entry([]byte(e[0]), []byte(e[1]), []byte(e[2])); err != nil {
				return err
			}
		}
	}
	return nil
}

// segmentOf is a segment as bytes.
func segmentOf(t testing.TB, all ...rows) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := newSegmentWriter(&b)
	if err == nil {
		err = writeRows(w, all)
	}
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != w.written {
		t.Errorf("%d bytes are said to be %d", b.Len(), w.written)
	}
	return b.Bytes()
}

// readRows reads all of a segment.
func readRows(p store.Piece) ([]rows, error) {
	sections, err := readIndex(p)
	if err != nil {
		return nil, err
	}
	var all []rows
	for _, s := range sections {
		r, err := newSectionReader(p, s)
		if err != nil {
			return all, err
		}
		entries, err := readEntries(r)
		all = append(all, rows{s.State, s.Group, entries})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func readEntries(r backend.Reader) (entries [][3]string, err error) {
	for {
		key, item, value, err := r.Next()
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
		entries = append(entries, [3]string{string(key), string(item), string(value)})
	}
}

// golden are the rows of testdata/small.seg: a count of the key 1, and two deadlines of the key -1.
func golden() []rows {
	const one, minusOne = "\x01\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff"
	return []rows{
		{"count", 23, [][3]string{{one, "", "\x2a\x00\x00\x00\x00\x00\x00\x00"}}},
		{"count", 24, nil},
		{"deadlines", 40, [][3]string{
			{minusOne, "\x01a", "\x00\x00\x2a\x36\xfe\x9c\x97\x17"},
			{minusOne, "\x01b", "\x01\x00\x2a\x36\xfe\x9c\x97\x17"},
		}},
	}
}

// Snapshots are read by later versions: what is written for the golden rows never changes within a format.
func TestGoldenSegment(t *testing.T) {
	file := filepath.Join("testdata", "small.seg")
	got := segmentOf(t, golden()...)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%swant\n%s", hex.Dump(got), hex.Dump(want))
	}
	all, err := readRows(pieceOf(want))
	if rest := slices.Delete(golden(), 1, 2); err != nil || fmt.Sprint(all) != fmt.Sprint(rest) {
		t.Errorf("read %v, %v", all, err)
	}
}

// The page that draws the format shows the golden files, byte by byte.
func TestPageShowsTheGoldenFiles(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "format", "snapshot.md"))
	if err != nil {
		t.Fatal(err)
	}
	segment, err := os.ReadFile(filepath.Join("testdata", "small.seg"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join("testdata", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range slices.Concat(strings.Split(hex.Dump(segment), "\n"), strings.Split(string(manifest), "\n")) {
		if !bytes.Contains(page, []byte(line)) {
			t.Errorf("docs/format/snapshot.md lacks the line\n%s", line)
		}
	}
}

func TestSegmentRoundTrip(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	many := rows{state: "many", group: 7}
	for i := range 10_000 {
		many.entries = append(many.entries, [3]string{fmt.Sprint(i), "", "value of some length"})
	}
	for name, want := range map[string][]rows{
		"nothing":       nil,
		"empty strings": {{"s", 0, [][3]string{{"", "", ""}}}},
		"several":       {{"a", 1, [][3]string{{"k", "i", "v"}}}, {"a", 2, [][3]string{{"k", "", ""}, {"l", "", "w"}}}, {"ä", 32767, [][3]string{{"", "", "x"}}}},
		"long entries":  {{"long", 1, [][3]string{{"k", "", long}, {"l", long, "v"}, {long, "", ""}}}},
		"many frames":   {many},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readRows(pieceOf(segmentOf(t, want...)))
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %.300v, want %.300v", got, want)
			}
		})
	}
}

func TestEntryBeforeBegin(t *testing.T) {
	w, err := newSegmentWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Entry(nil, nil, nil); err == nil {
		t.Error("an entry without a section is taken")
	}
}

// Whatever byte is damaged, and wherever the file ends, reading says so.
func TestDamagedSegments(t *testing.T) {
	whole := segmentOf(t, golden()...)
	want, err := readRows(pieceOf(whole))
	if err != nil {
		t.Fatal(err)
	}
	for i := len(magic); i < len(whole); i++ {
		b := bytes.Clone(whole)
		b[i] ^= 0x10
		if got, err := readRows(pieceOf(b)); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d is changed: read %v, %v", i, fmt.Sprint(got) == fmt.Sprint(want), err)
		}
	}
	for n := range whole {
		if _, err := readRows(pieceOf(whole[:n])); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d bytes of %d: %v", n, len(whole), err)
		}
	}
}

// frame is a payload with its length and checksum.
func frame(payload string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum([]byte(payload), castagnoli))
	return append(b, payload...)
}

func TestDamagedSections(t *testing.T) {
	good := frame("\x01k\x00\x01v")
	for name, c := range map[string]struct {
		body    []byte
		entries int64
		want    string
	}{
		"too few entries":             {good, 2, "a section has -1 entries against its index"},
		"too many entries":            {good, 0, "a section has +1 entries against its index"},
		"an entry beyond its frame":   {frame("\x05k"), 1, "an entry is longer than its frame"},
		"an entry without its value":  {frame("\x01k\x00"), 1, "an entry is longer than its frame"},
		"a length without an end":     {frame("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), 1, "an entry is longer than its frame"},
		"an empty frame":              {frame(""), 1, "a frame of 0 bytes"},
		"a frame beyond the section":  {good[:len(good)-1], 1, "a frame ends after 4 of 5 bytes"},
		"half a head":                 {good[:5], 1, "unexpected EOF"},
		"a frame larger than allowed": {[]byte("\xff\xff\xff\xff\x00\x00\x00\x00"), 1, "a frame of 4294967295 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			b := append([]byte(magic), c.body...)
			r, err := newSectionReader(pieceOf(b), section{State: "s", Offset: int64(len(magic)), Bytes: int64(len(c.body)), Entries: c.entries})
			if err != nil {
				t.Fatal(err)
			}
			_, err = readEntries(r)
			if want := "the file is damaged: " + c.want; err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestSectionsOutsideOfTheFile(t *testing.T) {
	p := pieceOf(make([]byte, 100))
	for _, s := range []section{
		{Offset: -1, Bytes: 1}, {Offset: 0, Bytes: 1}, {Offset: 8, Bytes: 93}, {Offset: 101}, {Offset: 50, Bytes: -1}, {Offset: 1 << 62, Bytes: 1 << 62},
	} {
		if _, err := newSectionReader(p, s); !errors.Is(err, ErrDamaged) {
			t.Errorf("offset %d, %d bytes: %v", s.Offset, s.Bytes, err)
		}
	}
}

// failingWriter fails after some bytes.
type failingWriter struct{ left int }

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

var errFull = errors.New("the disk is full")

func TestWriterFails(t *testing.T) {
	whole := segmentOf(t, golden()...)
	for n := range whole {
		w, err := newSegmentWriter(&failingWriter{n})
		if err == nil {
			err = writeRows(w, golden())
		}
		if err == nil {
			err = w.finish()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("room for %d of %d bytes: %v", n, len(whole), err)
		}
	}
}
