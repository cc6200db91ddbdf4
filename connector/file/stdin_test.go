package file_test

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/connectortest"
	"leat.dev/leat/connector/file"
)

// replaceStdin makes the reading end of a pipe standard input.
func replaceStdin(t *testing.T) (w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdin
	os.Stdin = r
	t.Cleanup(func() {
		os.Stdin = old
		r.Close()
		w.Close()
	})
	return w
}

func TestStdinConforms(t *testing.T) {
	var text strings.Builder
	var want connectortest.Expect[place]
	text.WriteString("City,zip\n")
	for _, p := range manyPlaces(500) {
		fmt.Fprintf(&text, "%s,%d\n", p.City, p.Zip)
	}
	want.Records, want.Once = manyPlaces(500), true
	connectortest.TestSource(t, func() connector.Input[place] {
		w := replaceStdin(t)
		io.WriteString(w, text.String())
		w.Close()
		return file.Stdin().CSV[place]()
	}, want)
}

func TestStdinIdle(t *testing.T) {
	w := replaceStdin(t)
	io.WriteString(w, "half a line")
	connectortest.TestIdle(t, file.Read("-").Lines)
}

// Lines are handed out when they are there; a piece of one waits for the rest.
func TestStdinDry(t *testing.T) {
	w := replaceStdin(t)
	r := openOne(t, file.Stdin().Lines, nil)
	if _, ok := r.(connector.Prompt); ok {
		t.Error("standard input is Prompt")
	}
	read := func(want ...string) {
		t.Helper()
		batch := connector.Batch[string]{Max: 10}
		if err := r.Read(t.Context(), &batch); err != nil || !slices.Equal(batch.Values, want) {
			t.Errorf("got %q, %v, want %q", batch.Values, err, want)
		}
	}
	io.WriteString(w, "a\nb\nha")
	read("a", "b")
	io.WriteString(w, "lf\n")
	read("half")
	w.Close()
	if err := r.Read(t.Context(), &connector.Batch[string]{Max: 10}); err != io.EOF {
		t.Errorf("got %v at the end", err)
	}
}

func TestStdinOnce(t *testing.T) {
	replaceStdin(t)
	in := file.Stdin().Lines()
	const want = "file: standard input was read before and can't be read again: start the job anew"
	if _, err := in.Open(t.Context(), connector.Split{Name: "-"}, connector.EncodePosition(1, 1)); err == nil || err.Error() != want {
		t.Errorf("at a position: got %v", err)
	}
	openOne(t, file.Stdin().Lines, nil)
	if _, err := in.Open(t.Context(), connector.Split{Name: "-"}, nil); err == nil || err.Error() != want {
		t.Errorf("again: got %v", err)
	}
}

func TestStdinHeaderError(t *testing.T) {
	w := replaceStdin(t)
	io.WriteString(w, "City\n")
	r := openOne(t, file.Stdin().CSV[place], nil)
	err := r.Read(t.Context(), &connector.Batch[place]{Max: 10})
	if want := "file: standard input:1: there is no column zip for field place.Zip; the columns are City"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A quoted field that comes in pieces is put together.
func TestStdinQuotedPieces(t *testing.T) {
	w := replaceStdin(t)
	r := openOne(t, file.Stdin().CSV[place], nil)
	done := make(chan error)
	batch := connector.Batch[place]{Max: 1}
	go func() { done <- r.Read(t.Context(), &batch) }()
	for _, piece := range []string{"Ci", "ty,zip\n\"", "a\n", "b\"", "\"", "c", "\"", ",", "1", "\r", "\n"} {
		io.WriteString(w, piece)
	}
	if err := <-done; err != nil || !slices.Equal(batch.Values, []place{{"a\nb\"c", 1}}) {
		t.Errorf("got %+v, %v", batch.Values, err)
	}
}
