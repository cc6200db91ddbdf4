package vfs

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestScripts runs testdata/scripts, which show what is lost and what goes wrong.
//
//	do                an operation a line: mkdir N, create N TEXT, append N TEXT, sync N, link N M, rename N M, remove N, sync-dir N,
//	                  make N (Folders.Make), read N; what has failed is printed, and what was read
//	tree              what is there
//	crashes           all that crashes may leave, each once; a file's bytes are ? where they are rubbish
//	fill BYTES | fail K | halt K | heal | damage N BIT
//	log               what the next do does on the disk
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{disk: NewMem(), open: map[string]File{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.run(t, d) })
	})
}

type script struct {
	disk *Mem
	open map[string]File
	out  strings.Builder
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	switch d.Cmd {
	case "do":
		for line := range strings.Lines(d.Input) {
			if err := s.operation(strings.Fields(line)); err != nil {
				fmt.Fprintln(&s.out, "error:", err)
			}
		}
		s.disk.Log = nil
	case "tree":
		s.out.WriteString(tree(t, s.disk))
	case "crashes":
		s.crashes(t)
	case "log":
		s.disk.Log = func(line string) { fmt.Fprintln(&s.out, line) }
	default:
		s.fault(t, d)
	}
	return s.out.String()
}

func (s *script) fault(t *testing.T, d *datadriven.TestData) {
	var n int64
	if len(d.CmdArgs) > 0 {
		fmt.Sscan(d.CmdArgs[len(d.CmdArgs)-1].Key, &n)
	}
	switch d.Cmd {
	case "fill":
		s.disk.Fill(n)
	case "fail":
		s.disk.Fail(n, syscall.EIO)
	case "halt":
		s.disk.Halt(n)
	case "heal":
		s.disk.Heal()
	case "damage":
		if err := s.disk.Damage(d.CmdArgs[0].Key, n); err != nil {
			fmt.Fprintln(&s.out, "error:", err)
		}
	default:
		t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	}
}

func (s *script) operation(words []string) (err error) {
	name := words[1]
	other := words[len(words)-1]
	switch words[0] {
	case "mkdir":
		return s.disk.Mkdir(name)
	case "create":
		if s.open[name], err = s.disk.Create(name); err != nil {
			return err
		}
		_, err = s.open[name].Write([]byte(other))
		return err
	case "append":
		_, err = s.open[name].Write([]byte(other))
		return err
	case "sync":
		return s.open[name].Sync()
	case "link":
		return s.disk.Link(name, other)
	case "rename":
		return s.disk.Rename(name, other)
	case "remove":
		return s.disk.Remove(name)
	case "sync-dir":
		return s.disk.SyncDir(name)
	case "make":
		return NewFolders(s.disk).Make(name)
	case "read":
		b, err := ReadFile(s.disk, name)
		fmt.Fprintf(&s.out, "%s: %q\n", name, b)
		return err
	}
	return fmt.Errorf("unknown operation %s", words[0])
}

// crashes prints what 300 seeds leave.
func (s *script) crashes(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(300) {
		left := strings.Fields(tree(t, s.disk.Crash(seed)))
		if len(left) == 0 {
			left = []string{"nothing"}
		}
		seen[strings.Join(left, " ")] = true
	}
	for _, left := range slices.Sorted(maps.Keys(seen)) {
		fmt.Fprintln(&s.out, left)
	}
}

func tree(t *testing.T, disk *Mem) string {
	var out strings.Builder
	var walk func(dir string)
	walk = func(dir string) {
		infos, err := disk.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range infos {
			name := path.Join(dir, i.Name)
			if i.Dir {
				fmt.Fprintf(&out, "%s/\n", name)
				walk(name)
				continue
			}
			b, err := ReadFile(disk, name)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s=%s\n", name, readable(b))
		}
	}
	walk("")
	return out.String()
}

// readable has a ? for what is not a letter that the scripts write.
func readable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return '?'
		}
		return r
	}, string(b))
}
