package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/connectortest"
	"leat.dev/leat/connector/file"
)

func TestTransactional(t *testing.T) {
	for name, to := range map[string]func(dir string) connector.Sink[place]{
		"CSV":        func(dir string) connector.Sink[place] { return file.Write(dir).CSV },
		"JSON lines": func(dir string) connector.Sink[place] { return file.Write(dir).Replace().JSONLines },
		"rolling":    func(dir string) connector.Sink[place] { return file.Write(dir).Roll(0, 100).JSONLines },
	} {
		t.Run(name, func(t *testing.T) {
			connectortest.TestTransactional(t, func(t *testing.T) (connector.Sink[place], func() []place) {
				dir := filepath.Join(t.TempDir(), "made", "here")
				read := file.Read(dir + "/*").JSONLines[place]
				if name == "CSV" {
					read = file.Read(dir + "/*").CSV[place]
				}
				return to(dir), func() []place { return seen(t, read) }
			}, manyPlaces(300))
		})
	}
}

func folderOf(p place) string { return fmt.Sprintf("zip=%d/%d", p.Zip%2, p.Zip%4) }

func TestWriteByConforms(t *testing.T) {
	fresh := func(t *testing.T) (connector.Sink[place], func() []place) {
		dir := t.TempDir()
		return file.WriteBy(dir, folderOf).CSV, func() []place { return seen(t, file.Read(dir + "/*/*/*").CSV[place]) }
	}
	connectortest.TestSink(t, fresh, manyPlaces(300))
	connectortest.TestTransactional(t, fresh, manyPlaces(300))
}

// Each record is in its sub-folder, in order.
func TestWriteBy(t *testing.T) {
	dir := t.TempDir()
	var places []place
	for i := range 1000 {
		places = append(places, place{string(rune('a' + i*i%7%3)), uint32(i)})
	}
	write(t, file.WriteBy(dir, func(p place) string { return "city=" + p.City }).JSONLines, places...)
	for _, city := range []string{"a", "b", "c"} {
		want := slices.DeleteFunc(slices.Clone(places), func(p place) bool { return p.City != city })
		if got := seen(t, file.Read(filepath.Join(dir, "city="+city, "part-0-*.jsonl")).JSONLines[place]); !slices.Equal(got, want) {
			t.Errorf("city %s: got %v, want %v", city, got, want)
		}
	}
}

func TestWriteByRefusesFolders(t *testing.T) {
	for _, folder := range []string{"", "/etc", "a/", "a//b", "..", "a/../b", ".", ".hidden", "a/.b", "a\x00b"} {
		dir := t.TempDir()
		w, err := file.WriteBy(dir, func(int) string { return folder }).JSONLines().Open(t.Context(), connector.Subtask{})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Write(t.Context(), &connector.Batch[int]{Values: []int{1}})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", folder)) {
			t.Errorf("%q: got %v", folder, err)
		}
		if got := names(t, dir); len(got) > 0 {
			t.Errorf("%q: made %q", folder, got)
		}
	}
}

// A sub-folder that can't be made fails the attempt before a checkpoint counts on it.
func TestWriteByFolderInTheWay(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	w, err := file.WriteBy(dir, func(int) string { return "a" }).JSONLines().Open(t.Context(), connector.Subtask{ExactlyOnce: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), &connector.Batch[int]{Values: []int{1}}); err == nil {
		t.Error("a file is taken for a folder")
	}
}

func TestWritingChecks(t *testing.T) {
	if err := file.WriteBy("out", func(int) string { return "a" }).CSV().(connector.Checked).Check(); err == nil {
		t.Error("CSV of integers is accepted")
	}
	for want, output := range map[string]connector.Output[place]{
		"roll after -1ns or 0 bytes": file.Write("out").Roll(-1, 0).CSV[place](),
		"roll after 0s or -1 bytes":  file.WriteBy("out", folderOf).Roll(0, -1).JSONLines(),
		"WriteBy needs a function":   file.WriteBy[place]("out", nil).JSONLines(),
	} {
		if err := output.(connector.Checked).Check(); err == nil || !strings.Contains(err.Error(), `file: write to folder "out": `+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func exactlyOnce(restored bool) connector.Subtask {
	return connector.Subtask{Job: "fraud/1", Operator: "alerts", Count: 1, ExactlyOnce: true, Restored: restored}
}

// The names of an exactly-once sink, from the first record to the end.
func TestTransactionalNames(t *testing.T) {
	dir := t.TempDir()
	w, err := file.Write(dir).JSONLines[place]().Open(t.Context(), exactlyOnce(false))
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, patterns ...string) {
		t.Helper()
		var got []string
		for _, name := range names(t, dir) {
			got = append(got, name)
			if name[0] == '.' {
				for _, below := range names(t, filepath.Join(dir, name)) {
					got = append(got, name+"/"+below)
				}
			}
		}
		if len(got) != len(patterns) {
			t.Fatalf("%s: got %q, want %q", when, got, patterns)
		}
		for i, p := range patterns {
			if ok, _ := filepath.Match(p, got[i]); !ok {
				t.Errorf("%s: got %q, want %q", when, got, patterns)
			}
		}
	}
	if err := w.Write(t.Context(), &connector.Batch[place]{Values: manyPlaces(2)}); err != nil {
		t.Fatal(err)
	}
	hidden := ".pending-fraud_1-alerts-????????????.0"
	check("while written", hidden, hidden+"/.part-0-00000-????????????.jsonl.pending")
	c, err := w.(connector.Committer).Prepare(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	check("prepared", hidden, hidden+"/.part-0-00000-????????????.jsonl.pending")
	if err := w.(connector.Committer).Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	check("committed", hidden, "part-0-00000-????????????.jsonl")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	check("closed", "part-0-00000-????????????.jsonl")
}

// Replace empties the folder when a job begins anew, and never when it goes on.
func TestReplaceGoesOn(t *testing.T) {
	for _, c := range []struct {
		name     string
		restored bool
		want     int
	}{{"anew", false, 0}, {"restored", true, 3}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, file.Write(dir).JSONLines[place], manyPlaces(1)...)
			write(t, file.WriteBy(dir, folderOf).JSONLines, manyPlaces(2)...)
			for _, open := range []func(connector.Output[place]) error{
				func(o connector.Output[place]) error {
					return o.(connector.Transactional).Recover(t.Context(), exactlyOnce(c.restored), nil)
				},
				func(o connector.Output[place]) error {
					_, err := o.Open(t.Context(), exactlyOnce(c.restored))
					return err
				},
				func(o connector.Output[place]) error {
					_, err := o.Open(t.Context(), connector.Subtask{Restored: c.restored})
					return err
				},
			} {
				if err := open(file.WriteBy(dir, folderOf).Replace().JSONLines()); err != nil {
					t.Fatal(err)
				}
				parts, err := filepath.Glob(dir + "/part-*")
				deep, err2 := filepath.Glob(dir + "/*/*/part-*")
				if err != nil || err2 != nil || len(parts)+len(deep) != c.want {
					t.Errorf("got %q and %q", parts, deep)
				}
			}
		})
	}
}
