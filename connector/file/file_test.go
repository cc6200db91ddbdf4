package file_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/connectortest"
	"leat.dev/leat/connector/file"
)

type ctx = context.Context

func put(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func get(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func openOne[T any](t *testing.T, source connector.Source[T], position []byte) connector.Reader[T] {
	t.Helper()
	in := source()
	splits, err := in.Splits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := in.Open(t.Context(), splits[0], position)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// readAll reads the first split.
func readAll[T any](t *testing.T, source connector.Source[T]) ([]T, []connector.Rejected) {
	t.Helper()
	r := openOne(t, source, nil)
	batch := connector.Batch[T]{Max: 1 << 20}
	if err := r.Read(t.Context(), &batch); err != io.EOF {
		t.Fatal(err)
	}
	return batch.Values, batch.Rejected
}

func write[T any](t *testing.T, sink connector.Sink[T], records ...T) {
	t.Helper()
	w, err := sink().Open(t.Context(), connector.Subtask{Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), &connector.Batch[T]{Values: records}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// packed compresses a text as the file's name says: gzip in members of a few bytes.
func packed(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	switch filepath.Ext(name) {
	case ".gz":
		for piece := range strings.SplitAfterSeq(text, "7") {
			w := gzip.NewWriter(&b)
			io.WriteString(w, piece)
			w.Close()
		}
	case ".zst":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
		w.Close()
	default:
		return text
	}
	return b.String()
}

// places are CSV files with rejects and line breaks within fields, and what is in them.
func places(dir string) (files map[string]string, want connectortest.Expect[place]) {
	files = map[string]string{}
	for _, name := range []string{"a.csv", "b.csv.gz", "c.csv.zst"} {
		var text strings.Builder
		text.WriteString("\xef\xbb\xbfzip,city,more\n")
		for i := range 150 {
			switch {
			case i%10 == 3:
				fmt.Fprintf(&text, "\"%d\",\"%s\n%d\",\r\n", i, name, i)
				want.Records = append(want.Records, place{fmt.Sprintf("%s\n%d", name, i), uint32(i)})
			case i%10 == 7:
				fmt.Fprintf(&text, "x%d,,\n", i)
				want.Rejected = append(want.Rejected, connector.Rejected{
					Raw: fmt.Appendf(nil, "x%d,,", i), Err: fmt.Sprintf(`"x%d" is no uint32`, i),
					Position: fmt.Sprintf("%s:%d: column 1 (zip)", filepath.Join(dir, name), 2+i+(i+6)/10),
				})
			default:
				fmt.Fprintf(&text, "%d,%s,\n", i, name)
				want.Records = append(want.Records, place{name, uint32(i)})
			}
		}
		files[name] = text.String()
	}
	return files, want
}

func TestCSVConforms(t *testing.T) {
	dir := t.TempDir()
	files, want := places(dir)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(packed(t, name, text)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	connectortest.TestSource(t, file.Read(filepath.Join(dir, "*.csv*")).CSV[place], want)
}

func TestCSVConformsInSmallBuffers(t *testing.T) {
	dir := t.TempDir()
	files, want := places(dir)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(packed(t, name, text)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	connectortest.TestSource(t, file.Read(filepath.Join(dir, "*.csv*")).MaxLine(30).CSV[place], want)
}

func TestJSONLinesConforms(t *testing.T) {
	var text strings.Builder
	var want connectortest.Expect[place]
	path := filepath.Join(t.TempDir(), "a.jsonl")
	for i := range 200 {
		if i%9 == 5 {
			fmt.Fprintf(&text, "{\"City\":%d}\n\n", i)
			want.Rejected = append(want.Rejected, connector.Rejected{
				Raw: fmt.Appendf(nil, `{"City":%d}`, i), Position: fmt.Sprintf("%s:%d: field City", path, 1+i+(i+3)/9),
				Err: "json: cannot unmarshal number into Go struct field place.City of type string",
			})
			continue
		}
		fmt.Fprintf(&text, "{\"City\":\"c%d\",\"Zip\":%d}\n", i, i)
		want.Records = append(want.Records, place{fmt.Sprintf("c%d", i), uint32(i)})
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	connectortest.TestSource(t, file.Read(path).JSONLines[place], want)
}

func TestJSONLinesRejectsSyntax(t *testing.T) {
	path := put(t, "a.jsonl", "{\"City\":\"a\"}\n{\"City\n\n[]\n")
	values, rejected := readAll(t, file.Read(path).JSONLines[place])
	if len(values) != 1 || len(rejected) != 2 || rejected[0].Position != path+":2" || string(rejected[0].Raw) != `{"City` ||
		rejected[0].Err != "unexpected end of JSON input" || rejected[1].Position != path+":4" {
		t.Errorf("got %v, rejects %q", values, rejected)
	}
}

func TestLinesConform(t *testing.T) {
	var text strings.Builder
	var want connectortest.Expect[string]
	for i := range 200 {
		line := strings.Repeat("x", i%5)
		want.Records = append(want.Records, line)
		text.WriteString(line + []string{"\n", "\r\n"}[i%2])
	}
	text.WriteString("last\r")
	want.Records = append(want.Records, "last")
	connectortest.TestSource(t, file.Read(put(t, "a.txt", text.String())).Lines, want)
}

func TestEmptyFileConforms(t *testing.T) {
	connectortest.TestSource(t, file.Read(put(t, "a.txt", "")).Lines, connectortest.Expect[string]{})
	connectortest.TestSource(t, file.Read(put(t, "a.csv", "")).CSV[place], connectortest.Expect[place]{})
}

func TestSplits(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.csv", "a.csv", ".hidden.csv", "x[1].csv", "other.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.csv"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		glob string
		want []string
	}{
		{"*.csv", []string{"a.csv", "b.csv", "x[1].csv"}},
		{".*.csv", []string{".hidden.csv"}},
		{"x[1].csv", []string{"x[1].csv"}},
	} {
		splits, err := file.Read(filepath.Join(dir, c.glob)).Lines().Splits(t.Context())
		var got []string
		for _, s := range splits {
			got = append(got, filepath.Base(s.Name))
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, %v, want %v", c.glob, got, err, c.want)
		}
	}
}

func TestSplitsErrors(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, c := range []struct{ glob, want string }{
		{"*.csv", `file: no file matches "*.csv" (working directory ` + dir + ")"},
		{"x.csv", `file: no file matches "x.csv" (working directory ` + dir + ")"},
		{"[", `file: pattern "[": syntax error in pattern`},
		{dir, "file: " + dir + " is a folder: name files, such as " + dir + "/*.csv"},
	} {
		_, err := file.Read(c.glob).Lines().Splits(t.Context())
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	text := "a\nb\n"
	for _, c := range []struct {
		name, text string
		position   []byte
		want       string
	}{
		{"a.txt", text, connector.EncodePosition(5, 2), "file: PATH: the position is byte 5, and there are only 4: the file was cut or replaced since"},
		{"a.txt.gz", packed(t, ".gz", text), connector.EncodePosition(5, 2), "file: PATH: the position is byte 5, and there are only 4: the file was cut or replaced since"},
		{"a.txt", text, []byte{1}, "file: PATH: position 01 is damaged: want 2 numbers"},
		{"a.txt", "\xef\xbb\xbf" + text, connector.EncodePosition(1, 0), "file: PATH: the position is byte 1, before the first record at byte 3"},
		{"a.gz", "", nil, "file: PATH: not a gzip file: the file is empty"},
		{"a.zst", "", nil, "file: PATH: not a zstd file: the file is empty"},
		{"a.gz", text, nil, "file: PATH: not a gzip file: unexpected EOF"},
		{"a.gz", "this is plain text", nil, "file: PATH: not a gzip file: gzip: invalid header"},
		{"a.zst", "this is plain text", nil, "file: PATH: the zstd data is damaged after byte 0 of the uncompressed text: invalid input: magic number mismatch"},
	} {
		path := put(t, c.name, c.text)
		_, err := file.Read(path).Lines().Open(t.Context(), connector.Split{Name: path}, c.position)
		if want := strings.ReplaceAll(c.want, "PATH", path); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	dir := t.TempDir()
	_, err := file.Read(dir).Lines().Open(t.Context(), connector.Split{Name: dir}, nil)
	if want := "file: " + dir + " is no regular file: read a pipe as standard input"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A compressed file that is cut off or damaged gives its whole lines, and then an error.
func TestCompressedDamage(t *testing.T) {
	lines := strings.Repeat("a line of text 0123456\n", 100_000)
	for _, c := range []struct {
		name   string
		damage func(b []byte) []byte
		want   string
	}{
		{"a.gz", func(b []byte) []byte { return b[:len(b)-6] }, "the gzip data is cut off after byte 2[0-9]{6} of the uncompressed text: unexpected EOF"},
		{"a.zst", func(b []byte) []byte { return b[:len(b)-2] }, "the zstd data is cut off after byte 2[0-9]{6} of the uncompressed text: unexpected EOF"},
		{"a.gz", func(b []byte) []byte { b[len(b)-7]++; return b }, "the gzip data is damaged after byte 2[0-9]{6} of the uncompressed text: gzip: invalid checksum"},
	} {
		path := put(t, c.name, string(c.damage([]byte(packed(t, c.name, lines)))))
		r := openOne(t, file.Read(path).Lines, nil)
		batch := connector.Batch[string]{Max: 200_000}
		err := r.Read(t.Context(), &batch)
		if want := regexp.MustCompile("^file: " + regexp.QuoteMeta(path) + ": " + c.want + "$"); err == nil || !want.MatchString(err.Error()) {
			t.Errorf("got %v, want %s", err, want)
		}
		if len(batch.Values) < 90_000 {
			t.Errorf("%s: %d lines before the damage", c.name, len(batch.Values))
		}
	}
}

func TestLineTooLong(t *testing.T) {
	for _, end := range []string{"", "\n", "\r\n"} {
		path := put(t, "a.txt", "ok\n"+strings.Repeat("x", 20)+end)
		values, _ := readAll(t, file.Read(path).MaxLine(20).Lines)
		if len(values) != 2 {
			t.Errorf("end %q: got %q", end, values)
		}
		r := openOne(t, file.Read(path).MaxLine(19).Lines, nil)
		batch := connector.Batch[string]{Max: 10}
		err := r.Read(t.Context(), &batch)
		want := "file: " + path + ":2: the line has more than 19 bytes: see Reading.MaxLine if that is right"
		if err == nil || err.Error() != want || len(batch.Values) != 1 {
			t.Errorf("end %q: got %v, want %s", end, err, want)
		}
	}
}

// A line longer than the first buffer is read whole.
func TestLongLine(t *testing.T) {
	long := strings.Repeat("0123456789", 100_000)
	values, _ := readAll(t, file.Read(put(t, "a.txt", "x\n"+long+"\ny\n")).Lines)
	if len(values) != 3 || values[1] != long || values[2] != "y" {
		t.Errorf("got %d lines", len(values))
	}
}

func TestFilesArePrompt(t *testing.T) {
	if _, ok := openOne(t, file.Read(put(t, "a.txt", "")).Lines, nil).(connector.Prompt); !ok {
		t.Error("a file's reader is not Prompt")
	}
}

func TestSeekCanceled(t *testing.T) {
	path := put(t, "a.gz", packed(t, "a.gz", strings.Repeat("text\n", 200_000)))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := file.Read(path).Lines().Open(canceled, connector.Split{Name: path}, connector.EncodePosition(900_000, 180_000))
	if err == nil || !strings.HasSuffix(err.Error(), context.Canceled.Error()) {
		t.Errorf("got %v", err)
	}
}
