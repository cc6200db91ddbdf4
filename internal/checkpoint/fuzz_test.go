package checkpoint

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leat.dev/leat/internal/store"
)

// Whatever a file has in it, reading it ends, with records or with an error.
func FuzzSegment(f *testing.F) {
	whole := segmentOf(f, golden()...)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(segmentOf(f))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := readRows(pieceOf(b))
		if err != nil {
			return
		}
		again, err := readRows(pieceOf(segmentOf(t, all...)))
		if err != nil || len(again) > len(all) {
			t.Errorf("%v is written anew and read as %v, %v", all, again, err)
		}
	})
}

// The same behind a checksum that is right, where damage would not stop the reader.
func FuzzSection(f *testing.F) {
	f.Add("\x01k\x00\x01v", int64(1))
	f.Add("\x01k\x00\x01v\x00\x00\x00", int64(2))
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", int64(1))
	f.Add("", int64(0))
	f.Fuzz(func(t *testing.T, payload string, count int64) {
		b := append([]byte(magic), frame(payload)...)
		r, err := newSectionReader(pieceOf(b), section{Offset: int64(len(magic)), Bytes: int64(len(b) - len(magic)), Entries: count})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := readEntries(r)
		if err == nil && int64(len(entries)) != count {
			t.Errorf("%d entries read, the index says %d", len(entries), count)
		}
	})
}

// What is written is read.
func FuzzEntries(f *testing.F) {
	f.Add("key", "item", "value", uint8(3))
	f.Add("", "", "", uint8(1))
	f.Fuzz(func(t *testing.T, key, item, value string, count uint8) {
		want := rows{state: "s", group: int(count)}
		for range count {
			want.entries = append(want.entries, [3]string{key, item, value})
		}
		got, err := readRows(pieceOf(segmentOf(t, want)))
		if count == 0 {
			if len(got) > 0 {
				t.Errorf("got %v of nothing", got)
			}
			return
		}
		if err != nil || len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})
}

// A manifest is read as it was written, or refused with its name.
func FuzzManifest(f *testing.F) {
	whole, err := os.ReadFile(filepath.Join("testdata", "manifest.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(whole))
	f.Add(string(whole[:len(whole)/2]))
	f.Add(string(sealed([]byte(`{"format":2}`))))
	f.Add(string(sealed([]byte(`{"format":1,"operators":[{"name":"a"},{"name":"a"}]}`))))
	f.Add(string(sealed([]byte("null"))))
	f.Add("null")
	f.Fuzz(func(t *testing.T, text string) {
		s := store.NewMemory()
		if err := s.Put(t.Context(), "job/manifests/0000000007.json", []byte(text)); err != nil {
			t.Fatal(err)
		}
		m, err := Read(t.Context(), s, "job", 7)
		if err != nil {
			if !strings.Contains(err.Error(), "job/manifests/0000000007.json") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		m.sort()
		if _, err := json.Marshal(m); err != nil {
			t.Errorf("read but not written: %v", err)
		}
		_ = m.operator("a")
	})
}
