package file

import (
	"bytes"
	"encoding/csv"
	"io"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"leat.dev/leat/connector"
)

var csvSeeds = []string{
	"", "\n", "\r\n", "a", "a,b\nc,d\n", "a,b\r\nc,d", "\"a\"", "\"a,\n\"\"b\",c\n", "a,\"\"\n\n,,,\n", "\"a\r\nb\"\r\n", "\"a\"\r",
	"a\r\r\n", "0123456,89012345,,,,,,,,\n", "\"a\"x,b\nc\n", "\"a\nb\nc\n", "x\"y,\"z\"\n", "\"\"\"\",\"\"\n",
}

// fuzzReader reads a text by pieces of n bytes through a buffer that has to grow.
func fuzzReader[T any](text string, n uint8, plan []csvField) *csvReader[T] {
	from := io.Reader(strings.NewReader(text))
	if n%2 == 0 {
		from = iotest.OneByteReader(from)
	}
	scan := newScanner("fuzz.csv", from, 1<<16)
	scan.buf = make([]byte, 1+int(n))
	return newCSVReader[T](Read("fuzz.csv"), plan, scan)
}

// FuzzSplit compares the splitter with encoding/csv on what that takes for well-formed.
func FuzzSplit(f *testing.F) {
	for i, seed := range csvSeeds {
		f.Add(seed, uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		if len(text) > 1<<11 {
			return
		}
		oracle := csv.NewReader(strings.NewReader(text))
		oracle.FieldsPerRecord = -1
		want, err := oracle.ReadAll()
		got := splitAll(t, fuzzReader[place](text, n, nil))
		if err != nil {
			return
		}
		if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	})
}

type place struct{ A string }

// splitAll splits a text; damaged records are left out. The lines and bytes must add up in any case.
func splitAll(t *testing.T, r *csvReader[place]) (all [][]string) {
	for {
		row, err := r.row()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if row.err != nil {
			continue
		}
		var record []string
		for _, field := range r.split.fields {
			// encoding/csv makes LF of CR LF within quotes; we leave what is quoted alone.
			record = append(record, strings.ReplaceAll(string(field), "\r\n", "\n"))
		}
		all = append(all, record)
	}
}

// Whatever the text, its bytes and lines add up.
func FuzzSplitPosition(f *testing.F) {
	for i, seed := range csvSeeds {
		f.Add(seed, uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		if len(text) > 1<<11 {
			return
		}
		r := fuzzReader[place](text, n, nil)
		for {
			row, err := r.row()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(strings.TrimRight(text[:r.scan.offset], "\r\n"), strings.TrimRight(string(row.raw), "\r\n")) {
				t.Fatalf("%q: %q does not end at %d", text, row.raw, r.scan.offset)
			}
			if want := lines(text[:r.scan.offset]); r.scan.line != want {
				t.Fatalf("%q: line %d at offset %d, want %d", text, r.scan.line, r.scan.offset, want)
			}
		}
		if r.scan.offset != uint64(len(text)) {
			t.Errorf("%q: ended at %d", text, r.scan.offset)
		}
	})
}

func lines(text string) uint64 {
	n := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		n++
	}
	return uint64(n)
}

// row has fields whose cells FuzzDecode makes up.
type row struct {
	Int    int32
	Uint   uint64
	Float  float64
	Bool   bool
	Text   string
	At     time.Time
	Took   time.Duration
	Maybe  *int64
	Things []string
}

// FuzzDecode reads any cells as any type: it must take or reject them, and what it takes must read the same after it is
// written.
func FuzzDecode(f *testing.F) {
	f.Add("1", "2", "3.5", "true", "x", "2013-01-02T03:04:05Z", "1s", "", `["a"]`)
	f.Add("-2147483649", "18446744073709551616", "nan", "T", "\"", "2013-01-02T03:04:05.123+01:00", "-1h", "-0", "[")
	f.Add("+7", "007", "0x1p-2", "0", "", "x", "1", "999999999999999999999", "null")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i, j string) {
		plan, err := planCSV[row]()
		if err != nil {
			t.Fatal(err)
		}
		encoder := csvEncoder[row]{plan: plan}
		text := encoder.begin(nil)
		for n, cell := range []string{a, b, c, d, e, g, h, i, j} {
			if n > 0 {
				text = append(text, ',')
			}
			text = appendCell(text, []byte(cell))
		}
		got := decodeRow(t, plan, string(text))
		if got == nil || !utf8.ValidString(j) {
			return
		}
		again, err := encoder.append(encoder.begin(nil), got)
		if err != nil {
			return // a year that RFC 3339 has no digits for
		}
		if read := decodeRow(t, plan, string(again)); read == nil || !sameRow(read, got) {
			t.Errorf("%+v was written as %q and read as %+v", got, again, read)
		}
	})
}

func decodeRow(t *testing.T, plan []csvField, text string) *row {
	r := fuzzReader[row](text, 255, plan)
	if err := r.begin(); err != nil {
		t.Fatal(err)
	}
	batch := connector.Batch[row]{Max: 10}
	for {
		if err := r.next(&batch); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if len(batch.Values)+len(batch.Rejected) != 1 {
		t.Fatalf("%q: %d records and rejects %q", text, len(batch.Values), batch.Rejected)
	}
	if len(batch.Values) == 0 {
		return nil
	}
	return &batch.Values[0]
}

func sameRow(a, b *row) bool {
	x, y := *a, *b
	same := x.At.Equal(y.At) && (x.Float == y.Float || x.Float != x.Float && y.Float != y.Float)
	x.At, x.Float, y.At, y.Float = time.Time{}, 0, time.Time{}, 0
	return same && reflect.DeepEqual(x, y)
}

// FuzzShortInt compares the integers' short way with strconv.
func FuzzShortInt(f *testing.F) {
	for _, seed := range []string{"0", "-0", "-", "+1", "007", "999999999999999999", "-999999999999999999", "9223372036854775807", "1_0"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, cell []byte) {
		if len(cell) == 0 {
			return
		}
		got, ok := shortInt(cell)
		want, err := strconv.ParseInt(string(cell), 10, 64)
		if ok && (err != nil || got != want) {
			t.Errorf("%q: got %d, want %d, %v", cell, got, want, err)
		}
		if simple := len(cell) <= 18 && !bytes.HasPrefix(cell, []byte("+")); !ok && err == nil && simple {
			t.Errorf("%q: not read", cell)
		}
	})
}

func FuzzPartName(f *testing.F) {
	for _, seed := range []string{
		"part-0-00000.csv", ".part-12-00003.jsonl.pending", "part-0-1.csv", "part--1-00000.csv", ".part-0-00000.csv", "part-0-123456.csv",
		"part-3-00007-0123456789ab.jsonl", ".part-3-00007-0123456789ab.jsonl.pending", "part-0-99999999999999999999.csv",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		subtask, number, ok := parsePart(name)
		if !ok {
			return
		}
		begin := naming{subtask: subtask, ext: "x"}.name(number)
		if !strings.HasPrefix(strings.TrimPrefix(name, "."), strings.TrimSuffix(begin, ".x")) {
			t.Errorf("%q is taken for part %d of subtask %d", name, number, subtask)
		}
	})
}

func FuzzCommittable(f *testing.F) {
	p := naming{hidden: ".pending-job-sink-0123456789ab", subtask: 1, id: "0123456789ab", ext: "csv"}.part("a/b", 3)
	p.Bytes, p.Sum = 12, 34
	good, err := encodeCommittable("/out", []part{p})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, bad := range []string{"", "{}", `{"version":2}`, `{"version":1,"parts":[{"path":"../part-0-00000.csv"}]}`, string(good[:len(good)-4])} {
		f.Add([]byte(bad))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCommittable(b)
		if err != nil {
			return
		}
		for _, p := range c.Parts {
			if !filepath.IsLocal(p.Path) || !filepath.IsLocal(p.Pending) || p.Bytes < 0 {
				t.Errorf("%s is accepted: %+v", b, p)
			}
		}
		again, err := encodeCommittable(c.Folder, c.Parts)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := decodeCommittable(again); err != nil || !reflect.DeepEqual(c, d) {
			t.Errorf("%+v became %+v, %v", c, d, err)
		}
	})
}
