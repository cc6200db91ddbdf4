package codec_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the schema into docs/format/values.md")

const docsFile = "../docs/format/values.md"

// The types of the drawing in docs/format/values.md.
type Txn struct {
	Account string
	Cents   int64
	Flagged bool
	At      time.Time
	Lines   []Line
	Tags    map[string]uint8
	Next    *Line
}

type Line struct {
	SKU   string
	Count int32
}

func TestDocsDrawTheEncoding(t *testing.T) {
	docs, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	v := Txn{
		Account: "a-17", Cents: -5, Flagged: true, At: time.Date(2026, 7, 1, 12, 0, 0, 5e8, time.UTC),
		Lines: []Line{{"tea", 2}}, Tags: map[string]uint8{"b": 1, "a": 2},
	}
	b, err := derive[Txn](t).Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	_, drawing, _ := strings.Cut(string(docs), "┌")
	drawing, _, _ = strings.Cut(drawing, "Account: 4")
	drawn := strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdef", r) {
			return r
		}
		return -1
	}, drawing)
	if want := fmt.Sprintf("%x", b); drawn != want {
		t.Errorf("the docs draw\n%s, written is\n%s", drawn, want)
	}
}

func TestDocsShowTheSchema(t *testing.T) {
	docs, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(derive[Txn](t).Schema().Definition, "codec_test.", "main.")
	want = strings.ReplaceAll(want, `{"name"`, "\n  {\"name\"")
	before, rest, _ := strings.Cut(string(docs), "```json\n")
	got, after, _ := strings.Cut(rest, "\n```")
	if *update {
		if err := os.WriteFile(docsFile, []byte(before+"```json\n"+want+"\n```"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the docs show\n%s\nwant\n%s", got, want)
	}
}
