package checkpoint

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leat.dev/leat/internal/store"
)

// goldenDifference is testdata/difference.seg, behind testdata/small.seg: the key 1 has no count any more; of the key -1 the
// deadline of "a" is gone and that of "b" is put off; the key 2 has one, and all others of the key -2 are forgotten.
func goldenDifference(t testing.TB) []byte {
	t.Helper()
	const minusTwo, minusOne, two = "\xfe\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x02\x00\x00\x00\x00\x00\x00\x00"
	var b bytes.Buffer
	w := newChainedWriter(&b, map[spot]bool{{"count", 23}: true, {"deadlines", 40}: true})
	err := errors.Join(
		w.Begin("count", 23),
		w.BeginDifference("deadlines", 40),
		w.Entry([]byte(minusOne), []byte("\x01b"), []byte("\x02\x00\x2a\x36\xfe\x9c\x97\x17")),
		w.Delete([]byte(minusOne), []byte("\x01a")),
		w.Forget([]byte(minusTwo)),
		w.Begin("deadlines", 41), // which the base does not have either
		w.Begin("count", 40),
		w.Entry([]byte(two), nil, []byte("\x01\x00\x00\x00\x00\x00\x00\x00")),
		w.finish(),
	)
	if err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != w.written {
		t.Errorf("%d bytes are said to be %d", b.Len(), w.written)
	}
	return b.Bytes()
}

func TestGoldenDifference(t *testing.T) {
	file := filepath.Join("testdata", "difference.seg")
	got := goldenDifference(t)
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
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "format", "snapshot.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(hex.Dump(want), "\n") {
		if !bytes.Contains(page, []byte(line)) {
			t.Errorf("docs/format/snapshot.md lacks the line\n%s", line)
		}
	}
	merged, err := mergeFiles(segmentOf(t, golden()...), want)
	const expect = `count/40["\x02\x00\x00\x00\x00\x00\x00\x00:"] deadlines/40["\xff\xff\xff\xff\xff\xff\xff\xff:\x01b"]`
	if err != nil || merged != expect {
		t.Errorf("together they are %s, %v", merged, err)
	}
}

// mergeFiles reads files of a chain, the oldest first.
func mergeFiles(files ...[]byte) (string, error) {
	m := &Manifest{Checkpoint: int64(len(files))}
	var all []File
	for i := range files {
		all = append(all, File{Name: fmt.Sprint(i), Checkpoint: int64(i + 1)})
	}
	open := func(f File) (store.Piece, error) { return pieceOf(files[f.Checkpoint-1]), nil }
	l, err := layOut(m, all, func(f File) ([]section, error) {
		p, _ := open(f)
		return readIndex(p)
	})
	if err != nil {
		return "", err
	}
	var out []string
	for _, at := range l.order {
		var entries []string
		r := newMergeReader(l.layers[at], open)
		for {
			key, item, _, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return "", err
			}
			entries = append(entries, string(key)+":"+string(item))
		}
		if len(entries) > 0 {
			out = append([]string{fmt.Sprintf("%s/%d%q", at.state, at.group, entries)}, out...)
		}
	}
	return strings.Join(out, " "), nil
}

// Layers are merged by what they say of keys and items, in whatever order a layer says it.
func TestMerge(t *testing.T) {
	type entry struct {
		op        Op
		key, item string
	}
	for name, c := range map[string]struct {
		layers [][]entry // the oldest first, which is whole
		want   string
	}{
		"nothing changed": {[][]entry{{{OpPut, "k", "a"}}}, `["k:a"]`},
		"put anew":        {[][]entry{{{OpPut, "k", "a"}, {OpPut, "k", "b"}}, {{OpPut, "k", "a"}}}, `["k:a" "k:b"]`},
		"deleted":         {[][]entry{{{OpPut, "k", "a"}, {OpPut, "k", "b"}}, {{OpDelete, "k", "a"}}}, `["k:b"]`},
		"forgotten":       {[][]entry{{{OpPut, "k", "a"}, {OpPut, "l", "b"}}, {{OpForget, "k", ""}}}, `["l:b"]`},
		"forgotten before it is put": {
			[][]entry{{{OpPut, "k", "a"}, {OpPut, "k", "b"}}, {{OpForget, "k", ""}, {OpPut, "k", "a"}}}, `["k:a"]`,
		},
		"forgotten after it is put": {
			[][]entry{{{OpPut, "k", "a"}, {OpPut, "k", "b"}}, {{OpPut, "k", "a"}, {OpForget, "k", ""}}}, `["k:a"]`,
		},
		"deleted and put":    {[][]entry{{{OpPut, "k", "a"}}, {{OpPut, "k", "a"}, {OpDelete, "k", "a"}}}, `["k:a"]`},
		"put, deleted":       {[][]entry{{}, {{OpPut, "k", "a"}}, {{OpDelete, "k", "a"}}}, ``},
		"forgotten, put":     {[][]entry{{{OpPut, "k", "a"}}, {{OpForget, "k", ""}}, {{OpPut, "k", "b"}}}, `["k:b"]`},
		"put, forgotten":     {[][]entry{{}, {{OpPut, "k", "a"}}, {{OpForget, "k", ""}}}, ``},
		"several of an item": {[][]entry{{{OpPut, "k", ""}, {OpPut, "k", ""}}, {}}, `["k:" "k:"]`},
		"several take its place": {
			[][]entry{{{OpPut, "k", ""}}, {{OpPut, "k", ""}, {OpPut, "k", ""}}, {{OpPut, "l", ""}}}, `["l:" "k:" "k:"]`,
		},
		"key and item run together": {[][]entry{{{OpPut, "ka", "b"}, {OpPut, "k", "ab"}}, {{OpDelete, "ka", "b"}}}, `["k:ab"]`},
	} {
		var files [][]byte
		for i, layer := range c.layers {
			var b bytes.Buffer
			w := newChainedWriter(&b, map[spot]bool{{"s", 1}: true})
			err := w.begin("s", 1, i > 0)
			for _, e := range layer {
				err = errors.Join(err, w.entry(e.op, []byte(e.key), []byte(e.item), nil))
			}
			if err = errors.Join(err, w.finish()); err != nil {
				t.Fatal(err)
			}
			if b.Len() > 0 {
				files = append(files, b.Bytes())
			}
		}
		if c.want != "" {
			c.want = "s/1" + c.want
		}
		if got, err := mergeFiles(files...); err != nil || got != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
}

func TestChainedWriterRefuses(t *testing.T) {
	w := newChainedWriter(io.Discard, map[spot]bool{{"s", 1}: true})
	for name, err := range map[string]error{
		"an entry before the first Begin": w.Entry(nil, nil, nil),
		"a difference to nothing":         w.BeginDifference("s", 2),
		"deleted from what is whole":      errors.Join(w.Begin("s", 1), w.Delete(nil, nil)),
	} {
		if err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
}

// Whatever differences have in them, merging them ends, with entries or with an error.
func FuzzMerge(f *testing.F) {
	f.Add("\x01k\x01i\x01v", "\x00\x01k\x01i\x01w\x01\x01k\x01j\x00", "\x02\x01k\x00\x00")
	f.Add("", "\x03", "")
	f.Add("\x01k\x00\x00", "\x00\x01k", "\x01")
	f.Fuzz(func(t *testing.T, whole, first, second string) {
		var l layers
		var files [][]byte
		for i, payload := range []string{second, first, whole} {
			b := append([]byte(chainedMagic), frame(payload)...)
			files = append(files, b)
			sec := section{State: "s", Offset: int64(len(magic)), Bytes: int64(len(b) - len(magic)), Entries: 1 << 30, Difference: i < 2}
			l = append(l, layer{File{Name: fmt.Sprint(i), Checkpoint: int64(i)}, sec})
		}
		r := newMergeReader(l, func(f File) (store.Piece, error) { return pieceOf(files[f.Checkpoint]), nil })
		for n := 0; ; n++ {
			if _, _, _, err := r.Next(); err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("got %v", err) // there are fewer entries than it says
				}
				return
			}
			if n > len(whole)+len(first)+len(second) {
				t.Fatal("it does not end")
			}
		}
	})
}
