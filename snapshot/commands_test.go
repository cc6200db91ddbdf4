package snapshot_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"leat.dev/leat/internal/cli"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/snapshot"
)

var update = flag.Bool("update", false, "write the golden files anew")

// leatCommand calls the command leat and returns what it writes, and its exit code.
func leatCommand(t testing.TB, args ...string) (out, err string, code int) {
	t.Helper()
	var stdout, stderr strings.Builder
	exit := cli.Tool(t.Context(), cli.System{
		Args: append([]string{"leat"}, args...), Out: &stdout, Err: &stderr, Width: func() int { return 0 }, Clock: clock.NewManual(time.Now().Add(time.Hour)),
	})
	return stdout.String(), stderr.String(), exit.Code
}

// same at every run: when it was taken, its ID, where it lies.
var varies = []*regexp.Regexp{
	regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`), regexp.MustCompile(`shop-\d{8}-\d{6}-[0-9a-f]{8}`), regexp.MustCompile(`savepoint [0-9a-f]{16}`),
}

func steady(text, dir string) string {
	text = strings.ReplaceAll(text, dir, "DIR")
	text = varies[0].ReplaceAllString(text, "2026-03-01 12:00:00")
	text = varies[1].ReplaceAllString(text, "shop-SAVEPOINT")
	text = varies[2].ReplaceAllString(text, "savepoint 0123456789abcdef")
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestCommands(t *testing.T) {
	dir := t.TempDir()
	place, _ := savepoint(t, dir, shopIn(dir), sales(100), 40)
	dir2 := t.TempDir()
	later, _ := savepoint(t, dir2, shopIn(dir2), sales(100), 43)
	var got strings.Builder
	for _, args := range [][]string{
		{"list", dir},
		{"show", place},
		{"inspect", place, "detect/last", "--limit", "3"},
		{"inspect", place, "detect/last", "--key", "b-1"},
		{"inspect", place, "detect/profile", "--key", `"b-1"`, "--json"},
		{"inspect", place, "detect/cents", "--key", "b-1"},
		{"inspect", place, "detect/by-shop", "--key", "b-1"},
		{"inspect", place, "detect/history", "--key", "b-1", "--json"},
		{"inspect", place, "detect/forget", "--key", "b-1"},
		{"inspect", place, "detect/due", "--key", "b-1", "--json"},
		{"inspect", place, "detect/mean", "--key", "b-1"},
		{"inspect", place, "count/slices", "--key", "3"},
		{"inspect", place, "sums/slices", "--key", `{"Letter":"b","Shop":1}`},
		{"inspect", place, "visits/sessions", "--key", "b-1", "--json"},
		{"inspect", place, "sales"},
		{"inspect", place, "event-time of sales/marks", "--json"},
		{"inspect", place, "detect/last", "--key", "nobody"},
		{"inspect", place, "count", "--key", "x"},
		{"inspect", place, "detect/lost"},
		{"diff", place, place},
		{"diff", place, later, "--entries", "2"},
		{"diff", place, later, "detect/last", "--entries", "2"},
		{"diff", place, later, "detect/lost"},
		{"verify", place},
		{"export", place, "detect/last", "--format", "csv", "--to", filepath.Join(dir, "exported")},
		{"export", place, "detect/last", "--format", "csv", "--to", filepath.Join(dir, "exported")},
		{"export", place, "--format", "xml", "--to", dir},
		{"delete", place},
		{"delete", filepath.Join(dir, "store"), "--yes"},
		{"show", filepath.Join(dir, "nothing")},
		{"show"},
		{"look"},
	} {
		out, err, code := leatCommand(t, append([]string{"snapshot"}, args...)...)
		fmt.Fprintf(&got, "$ leat snapshot %s\n%s%s", strings.Join(args, " "), out, err)
		if code != 0 {
			fmt.Fprintf(&got, "exit code %d\n", code)
		}
		got.WriteString("\n")
	}
	text := steady(strings.ReplaceAll(got.String(), later, "LATER"), dir)
	golden(t, "commands.txt", text)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", file, got)
	}
}

// Every state is exported in every format, with as many rows as it has.
func TestExport(t *testing.T) {
	place := taken(t)
	dir := t.TempDir()
	for _, format := range []string{"csv", "json", "parquet"} {
		if out, err, code := leatCommand(t, "snapshot", "export", place, "--format", format, "--to", dir); code != 0 {
			t.Fatal(out, err)
		}
	}
	names := 0
	for _, s := range open(t, place).States() {
		names++
		base := filepath.Join(dir, strings.ReplaceAll(s.Operator, " ", "%20")+"."+s.Name)
		rows := lines(t, base+".json")
		if got := lines(t, base+".csv") - 1; got < rows {
			t.Errorf("%s: %d lines of CSV, %d of JSON", base, got, rows)
		}
		if got := parquetRows(t, base+".parquet"); got != rows {
			t.Errorf("%s: %d rows of Parquet, %d of JSON", base, got, rows)
		}
	}
	if all, _ := os.ReadDir(dir); len(all) != 3*names || names < 10 {
		t.Errorf("%d files for %d states", len(all), names)
	}
}

func lines(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

func parquetRows(t *testing.T, file string) int {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return int(p.NumRows())
}

// exported is a row of detect/profile as another program reads it.
type exported struct {
	Key   string `parquet:"key"`
	Value struct {
		Name  string
		Seen  string // a list of times is text
		Score float64
		Notes string
	} `parquet:"value"`
}

func TestExportedParquet(t *testing.T) {
	place, dir := taken(t), t.TempDir()
	if out, err, code := leatCommand(t, "snapshot", "export", place, "detect/profile", "--format", "parquet", "--to", dir); code != 0 {
		t.Fatal(out, err)
	}
	rows, err := parquet.ReadFile[exported](filepath.Join(dir, "detect.profile.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]profile{}
	for account, p := range open(t, place).Values[string, profile]("detect", "profile") {
		want[account] = p
	}
	for _, row := range rows {
		if p := want[row.Key]; row.Value.Name != p.Name || row.Value.Score != p.Score || !strings.HasPrefix(row.Value.Seen, `["2026-03-01T12:`) {
			t.Errorf("%+v, want %+v", row, p)
		}
	}
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
}

func TestDelete(t *testing.T) {
	place := taken(t)
	if out, err, code := leatCommand(t, "snapshot", "delete", place, "--yes"); code != 0 || !strings.HasPrefix(out, "deleted ") {
		t.Fatal(out, err)
	}
	if left := func() (n int) {
		for _, pattern := range []string{"*", "data/*"} {
			all, _ := filepath.Glob(filepath.Join(place, pattern))
			for _, f := range all {
				if info, err := os.Stat(f); err == nil && !info.IsDir() {
					n++
				}
			}
		}
		return n
	}(); left > 0 {
		t.Errorf("%d files are left", left)
	}
	if _, err := snapshot.Open(place); err == nil {
		t.Error("it can be opened still")
	}
}
