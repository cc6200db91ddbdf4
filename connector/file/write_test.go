package file_test

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/connectortest"
	"leat.dev/leat/connector/file"
)

func manyPlaces(n int) (all []place) {
	for i := range n {
		all = append(all, place{strings.Repeat("x", i%7), uint32(i)})
	}
	return all
}

// seen reads all visible parts of a folder.
func seen[T any](t *testing.T, source connector.Source[T]) (all []T) {
	in := source()
	splits, err := in.Splits(t.Context())
	if err != nil {
		return nil // no parts
	}
	batch := connector.Batch[T]{Max: 1 << 20}
	for _, s := range splits {
		r, err := in.Open(t.Context(), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Read(t.Context(), &batch); err != io.EOF || len(batch.Rejected) > 0 {
			t.Fatal(err, batch.Rejected)
		}
		r.Close()
	}
	return batch.Values
}

func TestCSVSinkConforms(t *testing.T) {
	connectortest.TestSink(t, func(t *testing.T) (connector.Sink[place], func() []place) {
		dir := filepath.Join(t.TempDir(), "made", "here")
		return file.Write(dir).CSV, func() []place { return seen(t, file.Read(dir + "/*").CSV[place]) }
	}, manyPlaces(400))
}

func TestJSONLinesSinkConforms(t *testing.T) {
	connectortest.TestSink(t, func(t *testing.T) (connector.Sink[place], func() []place) {
		dir := t.TempDir()
		return file.Write(dir).Replace().JSONLines, func() []place { return seen(t, file.Read(dir + "/*").JSONLines[place]) }
	}, manyPlaces(400))
}

func TestDiscardConforms(t *testing.T) {
	connectortest.TestSink(t, func(t *testing.T) (connector.Sink[int], func() []int) { return file.Discard, nil }, []int{1, 2})
}

// Records beyond the writer's buffer arrive whole and in order.
func TestLargePart(t *testing.T) {
	dir := t.TempDir()
	want := manyPlaces(50_000)
	write(t, file.Write(dir).JSONLines[place], want...)
	if got := seen(t, file.Read(dir + "/*").JSONLines[place]); !slices.Equal(got, want) {
		t.Errorf("got %d records, want %d", len(got), len(want))
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestPartNames(t *testing.T) {
	dir := t.TempDir()
	out := file.Write(dir).JSONLines[place]()
	w, err := out.Open(t.Context(), connector.Subtask{Index: 2, Count: 3})
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, want ...string) {
		t.Helper()
		if got := names(t, dir); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}
	batch := connector.Batch[place]{Values: manyPlaces(3)}
	check("before records")
	if err := w.Write(t.Context(), &batch); err != nil {
		t.Fatal(err)
	}
	check("while written", ".part-2-00000.jsonl.pending")
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("after a flush", "part-2-00000.jsonl")
	if err := w.Write(t.Context(), &batch); err != nil {
		t.Fatal(err)
	}
	check("the next part", ".part-2-00001.jsonl.pending", "part-2-00000.jsonl")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	check("after close", "part-2-00000.jsonl")
	if got, want := get(t, dir, "part-2-00000.jsonl"), "{\"City\":\"\",\"Zip\":0}\n{\"City\":\"x\",\"Zip\":1}\n{\"City\":\"xx\",\"Zip\":2}\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A second run goes on after the first one's numbers, whatever it finds: parts of other formats, hidden ones of a process
// that was killed, numbers that others take meanwhile.
func TestSecondRunAppends(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"part-0-00004.csv", ".part-0-00007.jsonl.pending", "part-1-00099.jsonl", "part-0-x.jsonl", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("kept\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	w, err := file.Write(dir).JSONLines[place]().Open(t.Context(), connector.Subtask{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, file.Write(dir).JSONLines[place], place{"other", 1})
	if err := w.Write(t.Context(), &connector.Batch[place]{Values: []place{{"mine", 2}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := get(t, dir, "part-0-00008.jsonl") + get(t, dir, "part-0-00009.jsonl"); got != "{\"City\":\"other\",\"Zip\":1}\n{\"City\":\"mine\",\"Zip\":2}\n" {
		t.Errorf("got %s", got)
	}
	if len(names(t, dir)) != 7 {
		t.Errorf("got %q", names(t, dir))
	}
}

// Replace deletes parts once, and nothing but parts.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	write(t, file.Write(dir).CSV[place], place{"old", 1})
	for _, name := range []string{".part-3-00007.jsonl.pending", "part-0-1.csv", "part-0-00001.txt", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("kept\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	sink := connector.Sink[place](file.Write(dir).Replace().JSONLines)
	write(t, sink, place{"first", 1})
	write(t, sink, place{"second", 2})
	want := []string{"notes.txt", "part-0-00000.jsonl", "part-0-00001.jsonl", "part-0-00001.txt", "part-0-1.csv"}
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWriteErrors(t *testing.T) {
	path := put(t, "taken", "")
	if _, err := file.Write(path).JSONLines[int]().Open(t.Context(), connector.Subtask{}); err == nil ||
		err.Error() != `file: write to folder "`+path+`": mkdir `+path+": not a directory" {
		t.Errorf("got %v", err)
	}
	dir := t.TempDir()
	w, err := file.Write(dir).JSONLines[float64]().Open(t.Context(), connector.Subtask{Index: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Write(t.Context(), &connector.Batch[float64]{Values: []float64{1, math.NaN()}})
	if err == nil || !strings.HasPrefix(err.Error(), `file: write to folder "`+dir+`": part 0 of subtask 1: encode a record: json: unsupported value: NaN`) {
		t.Errorf("got %v", err)
	}
	if err := w.Close(); err != nil || len(names(t, dir)) > 0 {
		t.Errorf("closed with %v, left %q", err, names(t, dir))
	}
}

func TestCSVSingleEmptyCell(t *testing.T) {
	type one struct{ A string }
	dir := t.TempDir()
	write(t, file.Write(dir).CSV[one], one{}, one{"x"})
	if got := get(t, dir, "part-0-00000.csv"); got != "A\n\"\"\nx\n" {
		t.Errorf("got %q", got)
	}
	if got := seen(t, file.Read(dir + "/*").CSV[one]); len(got) != 2 {
		t.Errorf("read back %v", got)
	}
}

func TestStdout(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = w
	write(t, file.Stdout[place], manyPlaces(2)...)
	os.Stdout = old
	w.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "{\"City\":\"\",\"Zip\":0}\n{\"City\":\"x\",\"Zip\":1}\n" {
		t.Errorf("got %s, %v", got, err)
	}
}
