package lint

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unfinished matches what is written where work was left undone; the brackets keep the expression from matching itself.
var unfinished = regexp.MustCompile(`\bT[O]DO\b|\bF[I]XME\b|\bX[X]X\b|\bH[A]CK\b|(?i:\bnot (yet )?i[m]plemented|\bu[n]implemented\b|\bfor n[o]w\b|\bs[i]mplified\b|\bp[l]aceholder\b)`)

// telling are letters that are in all of it: most files have none of them, and are spared the expression.
var telling = []string{"t" + "odo", "f" + "ixme", "x" + "xx", "h" + "ack", "impl" + "emented", "for " + "now", "simpl" + "ified", "place" + "holder"}

func TestNothingIsLeftUnfinished(t *testing.T) {
	r := readRepository(t)
	for _, s := range r.sources {
		checkWords(t, s.path, s.text)
	}
	for path, text := range r.scripts {
		checkWords(t, path, text)
	}
}

func checkWords(t *testing.T, path string, text []byte) {
	t.Helper()
	lower := strings.ToLower(string(text))
	if !slices.ContainsFunc(telling, func(part string) bool { return strings.Contains(lower, part) }) {
		return
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if word := unfinished.FindString(line); word != "" {
			t.Errorf("%s:%d: %q: finish it, or say what holds instead", path, number, word)
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	r := readRepository(t)
	for _, s := range r.sources {
		if !s.isTest() {
			continue
		}
		for call, name := range callsOf(s.file, "time") {
			if name == "Sleep" {
				t.Errorf("%s:%d: a test that sleeps is slow or flaky: use testing/synctest or an injected clock", s.path, r.line(call.Pos()))
			}
		}
	}
}

func TestTheEngineDoesNotPrint(t *testing.T) {
	r := readRepository(t)
	for _, s := range r.sources {
		if s.isTest() || !strings.HasPrefix(s.path, "internal/") {
			continue
		}
		for call, name := range callsOf(s.file, "fmt") {
			if strings.HasPrefix(name, "Print") {
				t.Errorf("%s:%d: fmt.%s writes to the user's standard output: return an error, log, or take an io.Writer", s.path, r.line(call.Pos()), name)
			}
		}
	}
}

// callsOf is the calls of functions of a standard package, by its name, with the function's.
func callsOf(file *ast.File, pkg string) map[*ast.CallExpr]string {
	calls := map[*ast.CallExpr]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok && name.Name == pkg {
				calls[call] = selector.Sel.Name
			}
		}
		return true
	})
	return calls
}

func TestWordsOfUnfinishedWork(t *testing.T) {
	for text, want := range map[string]bool{
		"// T" + "ODO: later": true, "// good enough for n" + "ow": true, "errors.New(\"not i" + "mplemented\")": true,
		"// for nowhere": false, "// a hacksaw": false, "// an implementation": false,
	} {
		if got := unfinished.MatchString(text); got != want {
			t.Errorf("%q: unfinished=%t, want %t", text, got, want)
		}
		told := slices.ContainsFunc(telling, func(part string) bool { return strings.Contains(strings.ToLower(text), part) })
		if want && !told {
			t.Errorf("%q has nothing that tells", text)
		}
	}
}
