package keygroup

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/golden.txt, which is part of the snapshot format: only ever to add lines")

const goldenFile = "testdata/golden.txt"

// vector is a line of the golden file: the key, its canonical bytes, hash, and key groups of 128 and of 32768.
func vector[K comparable](t *testing.T, key K) string {
	t.Helper()
	k := derive[K](t)
	h := k.Hash(key)
	b := strings.ReplaceAll(fmt.Sprintf("% x", k.Append(nil, key)), " ", "")
	if b == "" {
		b = "-"
	}
	name := strings.ReplaceAll(fmt.Sprintf("%T(%+v)", key, key), "keygroup.", "")
	return fmt.Sprintf("| `%s` | %s | %016x | %d | %d |\n", shorten(name), shorten(b), h, Of(h, DefaultMax), Of(h, MaxMax))
}

// shorten keeps long keys from making the table unreadable.
func shorten(s string) string {
	if len(s) <= 60 {
		return s
	}
	return fmt.Sprintf("%s … %d in all", s[:20], len(s))
}

func goldenVectors(t *testing.T) string {
	t.Helper()
	return strings.Join([]string{
		vector(t, int64(0)), vector(t, int64(1)), vector(t, int64(-1)), vector(t, int64(1<<62)),
		vector(t, int(42)), vector(t, uint64(42)),
		vector(t, int32(42)), vector(t, int32(-1)), vector(t, uint32(1<<31)),
		vector(t, int16(42)), vector(t, int16(-1)), vector(t, uint8(42)), vector(t, int8(-1)),
		vector(t, true), vector(t, false), vector(t, struct{}{}),
		vector(t, ""), vector(t, "a"), vector(t, "leat"), vector(t, "account-17"), vector(t, "N14228"),
		vector(t, strings.Repeat("0123456789", 2)),
		vector(t, strings.Repeat("0123456789", 20)), vector(t, strings.Repeat("0123456789", 100)), vector(t, "Zürich"),
		vector(t, [3]byte{1, 2, 3}), vector(t, [2]string{"a", "bc"}),
		vector(t, cell{1, -2}), vector(t, gap{1, 2}), vector(t, route{"FRA", "JFK", 7}),
	}, "")
}

// A hash that changes would send keys to subtasks that lack their state.
func TestGoldenVectors(t *testing.T) {
	got := goldenVectors(t)
	if *update {
		if err := os.WriteFile(goldenFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDocsShowTheGoldenVectors(t *testing.T) {
	docs, err := os.ReadFile("../../docs/format/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(docs), string(want)) {
		t.Errorf("docs/format/keys.md lacks the vectors of %s", goldenFile)
	}
}

// FuzzDecode holds that what is read as a key is written again as the same bytes.
func FuzzDecode(f *testing.F) {
	k := derive[route](f)
	f.Add(k.Append(nil, route{"FRA", "JFK", 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := k.Decode(b)
		if err != nil {
			return
		}
		if again := k.Append(nil, key); string(again) != string(b) {
			t.Fatalf("% x was read as %v, which is written as % x", b, key, again)
		}
	})
}
