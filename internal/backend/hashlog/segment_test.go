package hashlog

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/vfs"
)

// openTable makes a log in a new folder of a disk in memory, and one table.
func openTable(t testing.TB, o Options, groups int) (*Log, *Table) {
	t.Helper()
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	if o.Dir == "" {
		o.Dir = "log"
	}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	table, err := l.NewTable(TableConfig{From: 0, To: groups, Max: groups})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(table.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	})
	return l, table
}

func inline(work func()) { work() }

// golden writes the segment that docs/format/hashlog.md draws.
func golden(t *testing.T) []byte {
	disk := vfs.NewMem()
	_, table := openTable(t, Options{FS: disk, Namespace: "golden", Background: inline}, 128)
	put := func(key, value string) Place {
		at, err := table.Put(keygroup.HashBytes([]byte(key)), []byte(key), []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	put("alpha", "1")
	at := put("beta", "two")
	if err := table.Delete(keygroup.HashBytes([]byte("beta")), []byte("beta"), at); err != nil {
		t.Fatal(err)
	}
	d, err := table.Seal()
	if err != nil {
		t.Fatal(err)
	}
	d.Abort()
	segments := table.Segments()
	defer segments[0].Release()
	if err := segments[0].Sync(); err != nil {
		t.Fatal(err)
	}
	text, err := vfs.ReadFile(disk, segments[0].Path())
	if err != nil || len(segments) != 1 || int64(len(text)) != segments[0].Bytes() {
		t.Fatalf("%d segments, %d bytes, %v", len(segments), len(text), err)
	}
	return text
}

// TestGolden holds the format, byte by byte, and the page that draws it.
func TestGolden(t *testing.T) {
	text := golden(t)
	want, err := os.ReadFile(filepath.Join("testdata", "golden.hashlog"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("the format has changed: now\n%s", dump(text))
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "format", "hashlog.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(dump(want)) {
		if !strings.Contains(string(page), strings.TrimSpace(line)) {
			t.Errorf("docs/format/hashlog.md lacks %q", line)
		}
	}
	r, err := ReadSegment(bytes.NewReader(want), int64(len(want)), "golden")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprintf("%+v", r.Info()); got != "{Rank:65536 Records:2 Tombstones:1 From:0 To:128 Max:128}" {
		t.Error(got)
	}
	var got []string
	err = r.Records(0, 128, func(r Record) error {
		got = append(got, fmt.Sprintf("%s %s %t @%d", r.Key, r.Value, r.Tombstone, r.Offset))
		return nil
	})
	if want := []string{"beta  true @48", "beta two false @32", "alpha 1 false @16"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// dump is bytes as the page has them: 16 in a line.
func dump(b []byte) string {
	var s strings.Builder
	offset := 0
	for line := range slices.Chunk(b, 16) {
		fmt.Fprintf(&s, "%08x  % x\n", offset, line)
		offset += len(line)
	}
	return s.String()
}

// Records of many lengths, shorter and longer than buffer, first read and segment.
func TestLengths(t *testing.T) {
	l, table := openTable(t, Options{BufferBytes: 4 << 10, SegmentBytes: 64 << 10}, 4)
	value := func(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n) }
	lengths := []int{0, 1, 7, 8, 100, 4000, 4096, 5000, 70_000, 20_000, 3, 300_000, 127, 128}
	check := func() {
		t.Helper()
		var b Batch
		for i := range lengths {
			b.Keys = append(b.Keys, fmt.Append(nil, "key", i))
			b.Hashes = append(b.Hashes, keygroup.HashBytes(b.Keys[i]))
		}
		for range 2 {
			if err := table.Get(&b); err != nil {
				t.Fatal(err)
			}
			for i, n := range lengths {
				if at := i < table.Len(); (b.Places[i] != 0) != at || at && !bytes.Equal(b.Values[i], value(n)) {
					t.Fatalf("length %d: found %t, %d bytes", n, b.Places[i] != 0, len(b.Values[i]))
				}
			}
		}
	}
	for i, n := range lengths {
		key := fmt.Append(nil, "key", i)
		if _, err := table.Put(keygroup.HashBytes(key), key, value(n)); err != nil {
			t.Fatal(err)
		}
		check()
	}
	if _, err := table.Seal(); err != nil {
		t.Fatal(err)
	}
	check()
	if s := l.Stats(); s.Segments < 3 || s.Records != int64(len(lengths)) {
		t.Errorf("%+v", s)
	}
}

func TestTooLong(t *testing.T) {
	_, table := openTable(t, Options{}, 1)
	long := make([]byte, MaxRecordBytes)
	_, err := table.Put(1, []byte("key"), long)
	if !errors.As(err, new(*TooLongError)) {
		t.Fatal(err)
	}
	if err := table.Delete(1, long[:MaxRecordBytes:MaxRecordBytes], 0); err != nil {
		t.Error("nothing is there to be deleted, and nothing to be written:", err)
	}
	if _, err := table.Put(1, []byte("key"), nil); err != nil {
		t.Error("a value that is too long ended the table:", err)
	}
}

func TestMisuse(t *testing.T) {
	l, table := openTable(t, Options{}, 4)
	for _, c := range []TableConfig{{0, 0, 4, nil, nil}, {3, 2, 4, nil, nil}, {0, 5, 4, nil, nil}, {-1, 2, 4, nil, nil}, {0, 1, keygroup.MaxMax + 1, nil, nil}} {
		if _, err := l.NewTable(c); err == nil {
			t.Errorf("%+v is a table", c)
		}
	}
	if _, err := table.Put(1, []byte("key"), nil); err != nil {
		t.Fatal(err)
	}
	if err := table.Restore(nil); err == nil {
		t.Error("a table that is in use was restored")
	}
	defer func() {
		if recover() == nil {
			t.Error("a record was forgotten that is not there")
		}
	}()
	table.Forget(2, 77)
}

// The folder belongs to one process, and what another one left is removed; what is not the log's stays.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "log")
	first, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); !errors.As(err, new(*TakenError)) {
		t.Errorf("a second log: %v", err)
	}
	for _, name := range []string{"old-00000001.hashlog", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if _, err := os.Stat(filepath.Join(dir, "old-00000001.hashlog")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what an earlier process left: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Error(err)
	}
}

// FuzzSegment reads bytes as a segment: whatever they are, there is an error or records.
func FuzzSegment(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "golden.hashlog"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		resum(b)
		r, err := ReadSegment(bytes.NewReader(b), int64(len(b)), "fuzz")
		if err != nil {
			return
		}
		info := r.Info()
		if info.Records < 0 || info.To > info.Max {
			t.Fatalf("%+v", info)
		}
		_ = r.Verify()
		if info.Max == 0 || info.Max > keygroup.MaxMax {
			return
		}
		_ = r.Records(0, info.Max, func(Record) error { return nil })
		_ = ReadGroups([]Source{{r, 0, info.Max}}, 0, info.Max, func(uint64, []byte, []byte) error { return nil })
	})
}

// resum makes the checksums of the trailer, and of a small footer, right, so that what they protect is looked at too.
func resum(b []byte) {
	if len(b) < headerBytes+trailerBytes {
		return
	}
	t := trailerOf(b[len(b)-trailerBytes:])
	if t.entries == 0 || t.entries > blockEntries || t.records < headerBytes || t.records > int64(len(b)) || t.bytes() != int64(len(b)) {
		return
	}
	entries := make([]entry, t.entries)
	for i := range entries {
		entries[i] = entryAt(b[t.records:], i)
	}
	blocks, index := appendBlocks(nil, nil, entries)
	t.index = crc32.Checksum(index, castagnoli)
	copy(b[t.records:], append(append(blocks, index...), t.append(nil)...))
}

// FuzzRecord takes bytes apart as a record.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x06\x02keyvalue"), uint32(1))
	f.Fuzz(func(t *testing.T, b []byte, mark uint32) {
		p, ok := parseHead(b)
		if !ok {
			return
		}
		if p.key < 0 || p.value < 0 || p.key+p.value > MaxRecordBytes || int(p.head) > len(b) {
			t.Fatalf("%+v of %d bytes", p, len(b))
		}
		r, ok := p.open(b, mark)
		if !ok {
			return
		}
		flags := where(0)
		if r.tombstone {
			flags = tombstone
		}
		again := appendRecord(nil, header(new([maxHead]byte), r.key, r.value, flags), r.key, r.value, mark)
		if r.tombstone && len(r.value) > 0 {
			t.Fatal("a tombstone has a value")
		}
		p2, _ := parseHead(again)
		if r2, ok := p2.open(again, mark); !ok || !bytes.Equal(r.key, r2.key) || !bytes.Equal(r.value, r2.value) {
			t.Fatalf("%q is written as %q", b, again)
		}
	})
}
