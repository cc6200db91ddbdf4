package lint

import (
	"bytes"
	"go/ast"
	"go/format"
	"maps"
	"slices"
	"strings"
	"testing"
)

const (
	// longestFunction is in lines, from func to the closing brace.
	longestFunction = 70
	// longestFile is in lines.
	longestFile = 800
)

// What was longer when the rule came, by file or file:function, and may only shrink. Nothing is.
var (
	longFunctions = map[string]int{}
	longFiles     = map[string]int{}
)

func TestFunctionsStayShort(t *testing.T) {
	r := readRepository(t)
	for _, s := range r.sources {
		if s.isTest() || s.generated {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			limit := max(longestFunction, longFunctions[s.path+":"+f.Name.Name])
			if lines := r.line(f.End()) - r.line(f.Pos()) + 1; lines > limit {
				t.Errorf("%s:%d: %s has %d lines, more than %d: give its steps names", s.path, r.line(f.Pos()), f.Name.Name, lines, limit)
			}
		}
	}
}

func TestFilesStayShort(t *testing.T) {
	for _, s := range readRepository(t).sources {
		limit := max(longestFile, longFiles[s.path])
		if lines := bytes.Count(s.text, []byte("\n")); lines > limit && !s.isTest() && !s.generated {
			t.Errorf("%s has %d lines, more than %d: it holds more than one thing", s.path, lines, limit)
		}
	}
}

func TestPackagesHaveAComment(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range readRepository(t).sources {
		if s.isTest() {
			continue
		}
		documented[s.dir()] = documented[s.dir()] || hasPackageComment(s)
	}
	for _, dir := range slices.Sorted(maps.Keys(documented)) {
		if !documented[dir] {
			t.Errorf("%s: no file says what the package is for, in a comment that begins with its name", dir)
		}
	}
}

// hasPackageComment: "Package agg …" for packages, "Command table …" for programs, as godoc expects.
func hasPackageComment(s *source) bool {
	text := s.file.Doc.Text()
	if s.file.Name.Name == "main" {
		return strings.HasPrefix(text, "Command ")
	}
	return strings.HasPrefix(text, "Package "+s.file.Name.Name+" ")
}

func TestFilesAreFormatted(t *testing.T) {
	if testing.Short() {
		t.Skip("make lint does it too")
	}
	for _, s := range readRepository(t).sources {
		formatted, err := format.Source(s.text)
		if err != nil {
			t.Errorf("%s: %v", s.path, err)
		} else if !bytes.Equal(formatted, s.text) {
			t.Errorf("%s is not formatted: run $(go env GOROOT)/bin/gofmt -w on it", s.path)
		}
	}
}
