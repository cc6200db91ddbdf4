package failpoint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	if f, err := parse("manifest/after=3"); err != nil || f.point != ManifestAfter || f.left.Load() != 3 {
		t.Errorf("%v, %v", f, err)
	}
	if f, err := parse(""); err != nil || f != nil {
		t.Errorf("nothing: %v, %v", f, err)
	}
	for text, want := range map[string]string{
		"manifest/after": "want NAME=N", "manifest/after=0": "want NAME=N", "manifest/after=x": "want NAME=N",
		"manifest/late=1": `no point "manifest/late"; there are:`,
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", text, err)
		}
	}
	if _, err := parse("x=1"); err == nil || !strings.Contains(err.Error(), string(CommitBetween)) {
		t.Errorf("the error does not list the points: %v", err)
	}
}

// The test binary stands in for a job's: it comes to a point three times.
const hitting = "FAILPOINT_TEST_HITS"

func TestMain(m *testing.M) {
	if os.Getenv(hitting) == "" {
		os.Exit(m.Run())
	}
	for range 3 {
		Hit(CommitBefore)
		Hit(CommitAfter)
	}
	os.Exit(7)
}

func TestHitKills(t *testing.T) {
	for value, killed := range map[string]bool{"commit/after=3": true, "commit/after=4": false, "manifest/after=1": false, "": false} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), hitting+"=1", Variable+"="+value)
		if err := cmd.Run(); err == nil || cmd.ProcessState.Exited() == killed {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestUnknownPointIsRefused(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), hitting+"=1", Variable+"=commit/never=1")
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), `"commit/never"`) {
		t.Errorf("%v: %s", err, out)
	}
}

// Every constant is among All, once, and somebody hits it by its constant.
func TestPointsAreUsed(t *testing.T) {
	used := usedPoints(t)
	constants := declared(t)
	if len(constants) != len(All()) {
		t.Errorf("%d constants, and %d in All", len(constants), len(All()))
	}
	seen := map[Point]bool{}
	for _, p := range All() {
		if seen[p] {
			t.Errorf("%s is in All twice", p)
		}
		seen[p] = true
	}
	for _, name := range constants {
		if !slices.Contains(used, name) {
			t.Errorf("nobody hits %s", name)
		}
	}
}

func declared(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "points.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, name := range spec.Names {
				names = append(names, name.Name)
			}
		}
		return true
	})
	return names
}

// usedPoints are the names in calls failpoint.Hit(failpoint.Name) of the repository.
func usedPoints(t *testing.T) (names []string) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for part := range strings.SplitSeq(string(text), "failpoint.Hit(") {
			if name, ok := strings.CutPrefix(part, "failpoint."); ok {
				name, _, _ = strings.Cut(name, ")")
				names = append(names, name)
			} else if strings.HasPrefix(part, `"`) {
				t.Errorf("%s: a point is hit by its name: use its constant", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
