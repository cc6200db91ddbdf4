package lint

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// A rule forbids imports of packages. Patterns are folders of the product's module: "agg" is one package, "internal/..." a folder
// and all below it, "connector/*" only what is below it, "..." everything, "." the root package.
type rule struct {
	from   []string
	never  []string
	except []string // of from
	allow  []string // of never
	why    string
}

// Imports point only downward. The rules hold for what ships; a test may import its package's users.
var rules = []rule{
	{
		from:  []string{"agg", "window", "state", "codec/...", "connector/..."},
		never: []string{"."},
		why:   "what users compose lies below the root, so that the root and internal/ can both use it",
	},
	{
		from:   []string{"internal/..."},
		except: []string{"internal/crash"}, // a program
		never:  []string{"."},
		why:    "the root package is the API over the engine: it builds internal/graph's nodes, and nothing below knows its types",
	},
	{
		from:  []string{"agg", "window", "codec/...", "connector/..."},
		never: []string{"internal/..."},
		allow: []string{"internal/failpoint"}, // it knows nothing of the engine, and does nothing but kill the process
		why:   "what users compose says what is to be done; the engine below internal/ reads it and is replaceable",
	},
	{
		from:  []string{"agg", "window", "codec/...", "state"},
		never: []string{"connector/..."},
		why:   "reading and writing the world is the connectors' alone",
	},
	{
		from:   []string{"connector/..."},
		except: []string{"connector/connectortest"},
		never:  []string{"connector/*"},
		why:    "a connector stands on the contract, not on its neighbour: a user of one must not link the other's client",
	},
	{
		from:   []string{"..."},
		except: []string{".", "leattest", "internal/recovery", "internal/host/...", "internal/sim"},
		never:  []string{"internal/host/..."},
		why:    "the runtime hosts subtasks and does not place them: who starts a job, and starts it again, chooses the host, and nothing else knows where it runs",
	},
	{
		from:  []string{"internal/flow", "internal/exchange", "internal/eventtime", "internal/keygroup", "internal/metrics", "internal/clock"},
		never: []string{"internal/runtime", "internal/operator", "internal/graph", "internal/checkpoint", "internal/cli", "internal/control"},
		why:   "these are the words that the runtime is written in",
	},
	{
		from:  []string{"internal/backend/..."},
		never: []string{"internal/flow", "internal/exchange", "internal/eventtime", "internal/runtime", "internal/operator", "internal/graph", "internal/checkpoint", "internal/store"},
		why:   "a backend keeps rows by key and writes them out; of streams, time and checkpoints it knows nothing",
	},
	{
		from:  []string{"internal/runtime", "internal/exchange", "internal/eventtime", "internal/graph", "internal/checkpoint", "internal/store"},
		never: []string{"internal/backend/*"},
		why:   "the loop, the plan and the checkpoint see a backend's contract; which one is the job's choice",
	},
	{
		from:  []string{"internal/runtime", "internal/operator", "internal/exchange", "internal/eventtime", "internal/backend/..."},
		never: []string{"internal/checkpoint", "internal/cli", "internal/control"},
		why:   "a subtask is told of barriers and completed checkpoints; when to take one is decided above it",
	},
	{
		from:  []string{"internal/store"},
		never: []string{"internal/runtime", "internal/graph", "internal/checkpoint"},
		why:   "the store moves named bytes; what they mean is the snapshot's",
	},
	{
		from:  []string{"internal/control"},
		never: []string{"internal/..."},
		why:   "what is served on the socket is an interface and plain numbers: clients link no engine",
	},
	{
		from:   []string{"..."},
		except: []string{"examples/...", "cmd/..."},
		never:  []string{"examples/...", "cmd/...", "bench/..."},
		why:    "programs stand on top",
	},
	{
		from:   []string{"..."},
		except: []string{"leattest", "connector/connectortest", "internal/backend/backendtest", "internal/backend/lsm/lsmtest", "internal/store/storetest", "internal/sim"},
		never:  []string{"testing"},
		why:    "only what helps tests imports testing; in a job's binary it would add flags and code",
	},
}

// An owner is a module that is not the product's, and the folders that may import it.
type owner struct {
	module string
	dirs   []string
	why    string
}

// The packages that are not in the standard library. A new one needs a row here, which says who may use it.
var owners = []owner{
	{"github.com/zeebo/xxh3", []string{"internal/keygroup", "agg"}, "the hashes of keys and of sketches are part of the snapshot format: a page decides each"},
	{"google.golang.org/protobuf", []string{"codec/proto"}, "who does not use protobuf does not link it"},
	{"github.com/spf13/cobra", []string{"internal/cli"}, "the command line is one package, so that all of a job's commands read alike"},
	{"github.com/spf13/pflag", []string{"internal/cli"}, "the command line is one package, so that all of a job's commands read alike"},
	{"golang.org/x/term", []string{"internal/cli"}, "who looks at a terminal is the command line's business; the engine logs"},
	{"github.com/parquet-go/parquet-go", []string{"connector/file", "internal/inspect"}, "reading and writing files is one connector, and exporting snapshots one command"},
	{"github.com/minio/minio-go/v7", []string{"internal/store/s3"}, "object storage is one kind of store; nothing else knows that it is there"},
	{"github.com/cockroachdb/pebble/v2", []string{"internal/backend/lsm/pebble"}, "who does not keep state in Pebble does not link it"},
	{"github.com/klauspost/compress", []string{"connector/file", "internal/store/...", "internal/checkpoint"}, "compressing is done where bytes leave the process"},
}

func TestImportsPointDownward(t *testing.T) {
	r := readRepository(t)
	for _, s := range r.sources {
		if s.isTest() || !s.isProduct() {
			continue
		}
		for _, spec := range s.file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := refusal(s.dir(), imported); why != "" {
				t.Errorf("%s:%d: imports %s: %s", s.path, r.line(spec.Pos()), imported, why)
			}
		}
	}
}

// refusal says why the package in folder dir may not import the path, or nothing.
func refusal(dir, imported string) string {
	local, ours := within(imported)
	if !ours && strings.Contains(strings.Split(imported, "/")[0], ".") {
		return refusalOfModule(dir, imported)
	}
	for _, rule := range rules {
		if matchesAny(rule.from, dir) && !matchesAny(rule.except, dir) && matchesAny(rule.never, local) && !matchesAny(rule.allow, local) {
			return rule.why
		}
	}
	return ""
}

// within turns an import path of the product's module into its folder; others stay as they are.
func within(imported string) (string, bool) {
	if imported == modulePath {
		return ".", true
	}
	local, ours := strings.CutPrefix(imported, modulePath+"/")
	return local, ours
}

func refusalOfModule(dir, imported string) string {
	for _, o := range owners {
		if imported != o.module && !strings.HasPrefix(imported, o.module+"/") {
			continue
		}
		if matchesAny(o.dirs, dir) {
			return ""
		}
		return fmt.Sprintf("only %s may: %s", strings.Join(o.dirs, ", "), o.why)
	}
	return "it is not in the standard library and has no row in internal/lint's owners"
}

func matchesAny(patterns []string, dir string) bool {
	for _, p := range patterns {
		if matches(p, dir) {
			return true
		}
	}
	return false
}

func matches(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	if folder, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == folder || strings.HasPrefix(dir, folder+"/")
	}
	if folder, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(dir, folder+"/")
	}
	return pattern == dir
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		dir, imported string
		refused       bool
	}{
		{"agg", "fmt", false},
		{"agg", modulePath, true},
		{"connector/file", modulePath, true},
		{"connector/file", modulePath + "/connector", false},
		{"connector/file", modulePath + "/connector/mem", true},
		{"connector/file", modulePath + "/internal/failpoint", false},
		{"connector/file", modulePath + "/internal/store", true},
		{"connector/connectortest", modulePath + "/connector/mem", false},
		{"internal/runtime", modulePath, true},
		{"internal/runtime", modulePath + "/internal/host/local", true},
		{"internal/runtime", modulePath + "/internal/backend", false},
		{"internal/runtime", modulePath + "/internal/backend/heap", true},
		{"internal/backend/heap", modulePath + "/internal/backend", false},
		{"internal/backend/heap", modulePath + "/internal/flow", true},
		{".", modulePath + "/internal/host/local", false},
		{".", modulePath + "/examples/flights", true},
		{".", "testing", true},
		{"connector/connectortest", "testing", false},
		{"internal/keygroup", "github.com/zeebo/xxh3", false},
		{"internal/exchange", "github.com/zeebo/xxh3", true},
		{"agg", "example.com/anything", true},
		{"examples/flights", modulePath, false},
	} {
		if why := refusal(c.dir, c.imported); (why != "") != c.refused {
			t.Errorf("%s imports %s: refused=%t (%q), want %t", c.dir, c.imported, why != "", why, c.refused)
		}
	}
}
