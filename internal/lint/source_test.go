package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// modulePath is the product's module; the benchmark and its peers are modules of their own below it.
const modulePath = "leat.dev/leat"

// A source is one Go file of the repository.
type source struct {
	path      string // from the repository's root, with slashes
	text      []byte
	file      *ast.File
	generated bool
}

func (s *source) dir() string { return path.Dir(s.path) }

func (s *source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// isProduct tells whether the file belongs to the product's own module.
func (s *source) isProduct() bool { return !strings.HasPrefix(s.path, "bench/") }

// line is the number of the line that pos is in.
func (r *repository) line(pos token.Pos) int { return r.positions.Position(pos).Line }

// A repository is every Go file and every script of it; folders named testdata, hidden ones and build outputs are left out.
type repository struct {
	positions *token.FileSet
	sources   []*source
	scripts   map[string][]byte
}

// scriptEndings are the files beside Go's that the words test reads.
var scriptEndings = []string{".sh", ".java", ".py", ".sql", ".cc", ".ts", ".tsx", ".css"}

var skippedFolders = []string{"testdata", "bin", "out", "lib", "lib.part", "target", "results", "node_modules", "dist"}

var load = sync.OnceValues(func() (*repository, error) {
	root := filepath.Join("..", "..")
	r := &repository{positions: token.NewFileSet(), scripts: map[string][]byte{}}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if relative != "." && isSkipped(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		return r.add(name, filepath.ToSlash(relative))
	})
	return r, err
})

func isSkipped(folder string) bool {
	return strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "venv-") || slices.Contains(skippedFolders, folder)
}

func (r *repository) add(name, relative string) error {
	ending := path.Ext(relative)
	isScript := slices.Contains(scriptEndings, ending) || path.Base(relative) == "Makefile"
	if ending != ".go" && !isScript {
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if isScript {
		r.scripts[relative] = text
		return nil
	}
	file, err := parser.ParseFile(r.positions, relative, text, parser.ParseComments)
	if err != nil {
		return err
	}
	r.sources = append(r.sources, &source{relative, text, file, ast.IsGenerated(file)})
	return nil
}

// readRepository reads all files once for all tests, and fails the test when one cannot be read or parsed.
func readRepository(t *testing.T) *repository {
	t.Helper()
	r, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return r
}
