package graph

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"leat.dev/leat/codec"
	"leat.dev/leat/connector"
	"leat.dev/leat/internal/backend"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// builder makes graphs by hand: what the verbs of a job do, without types.
type builder struct{ Graph }

func (b *builder) add(kind Kind, name, out string, inputs ...Input) *Node {
	n := &Node{Kind: kind, Name: name, Named: name != "", Place: "jobs/fraud.go:12", Out: out, Inputs: inputs}
	if name == "" {
		n.Name = "unnamed"
	}
	return b.Add(n)
}

func from(n *Node, p Partition) Input {
	return Input{From: n, Partition: p, Encodable: func() error { return nil }}
}

func (in Input) by(key string) Input { in.Partition, in.KeyType = Hash, key; return in }

func (in Input) side(name, of string) Input { in.Side, in.SideType = name, of; return in }

func (in Input) port(i int) Input { in.Port = i; return in }

func guarantee(g connector.Guarantee) *connector.Guarantee { return &g }

// fraud has most of what a drawing shows.
func fraud() *Graph {
	b := &builder{Graph{Job: "fraud"}}
	payments := b.add(Source, "payments", "main.Txn")
	payments.Rejects, payments.Sides = "malformed", []Side{{"malformed", "connector.Rejected"}}
	timed := b.add(EventTime, "", "main.Txn", from(payments, Forward))
	b.add(Sink, "dead-letters", "", from(payments, Forward).side("malformed", "connector.Rejected")).Guarantee = guarantee(connector.AtLeastOnce)
	detect := b.add(Keyed, "detect-fraud", "main.Alert", from(timed, Forward).by("string"))
	detect.Key, detect.Sides = "string", []Side{{"review", "main.Txn"}}
	detect.States = []backend.State{
		{Name: "last-small", Kind: backend.Value, Type: "time.Time", TTL: &backend.TTL{After: time.Hour, Time: backend.EventTime, OnRead: true}},
		{Name: "forget", Kind: backend.Timer, Time: "event"},
		{Name: "by-merchant", Kind: backend.Map, Type: "int64", Item: codec.Schema{Name: "string"}},
		{Name: "deadlines", Kind: backend.Timers, Time: "processing", Item: codec.Schema{Name: "main.OrderID"}},
	}
	b.add(Sink, "alerts", "", from(detect, Forward)).Guarantee = guarantee(connector.ExactlyOnce)
	b.add(Sink, "review", "", from(detect, Forward).side("review", "main.Txn")).Guarantee = guarantee(connector.AtLeastOnce)
	counts := b.add(Window, "count", "leat.Pane[string,int64]", from(timed, Forward).by("string"))
	counts.Key, counts.Settings = "string", []string{"sliding windows of 10m0s every 1m0s", "allowed lateness 1m0s"}
	counts.States = []backend.State{{Name: "slices", Kind: backend.Slices, Type: "int64"}}
	top := b.add(Window, "top", "leat.Pane[struct {},[]leat.Pane[string,int64]]", from(counts, Global))
	top.Key, top.Parallelism = "struct {}", 1
	top.Settings = []string{"tumbling windows of 1m0s"}
	b.add(Sink, "trending", "", from(top, Rebalance)).Guarantee = guarantee(connector.AtLeastOnce)
	return &b.Graph
}

// odd has what strains a drawing: unions, two inputs, long names and types, state without keys.
func odd() *Graph {
	b := &builder{Graph{Job: `odd "job"`}}
	long := "leat.Pane[leat.dev/leat/examples/fraud.MerchantAndCountry,map[string]leat.dev/leat/examples/fraud.Totals·1]"
	first := b.add(Source, "first", "main.Order")
	second := b.add(Source, "a name that is longer than its column and goes on and on", long)
	second.Parallelism = 3
	both := b.add(Map, "", "main.Order", from(first, Forward), from(second, Forward))
	process := b.add(Process, "batching", "[]main.Order", from(both, Forward))
	process.States = []backend.State{{Name: "open", Kind: backend.Operator, Type: "main.Order"}}
	joined := b.add(Keyed, "join", long, from(process, Forward).by("main.ID"), from(first, Forward).by("main.ID").port(1))
	joined.Key = "main.ID"
	joined.States = []backend.State{{Name: "totals", Kind: backend.Ordered, Item: codec.Schema{Name: "time.Time"}, Type: "map[string]interface {}"}}
	own := b.add(Filter, "", long, from(joined, Forward))
	own.Unchained = true
	b.add(Sink, "out", "", from(own, Forward)).Guarantee = guarantee(connector.AtLeastOnce)
	return &b.Graph
}

func TestDrawings(t *testing.T) {
	for name, g := range map[string]*Graph{"fraud": fraud(), "odd": odd()} {
		p, err := New(g, Settings{Parallelism: 2, MaxParallelism: 128})
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := p.JSON()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", p.String())
		golden(t, name+".dot", p.DOT())
		golden(t, name+".json", string(drawn)+"\n")
		for line := range strings.Lines(p.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > drawWidth {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew); got:\n%s", path, got)
	}
}

// Every operator and edge of the graph is in the JSON, once.
func TestJSONIsWhole(t *testing.T) {
	p, err := New(fraud(), Settings{Parallelism: 2, MaxParallelism: 128})
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var d drawing
	read := json.NewDecoder(bytes.NewReader(text))
	read.DisallowUnknownFields()
	if err := read.Decode(&d); err != nil {
		t.Fatal(err)
	}
	inTasks, edges := 0, 0
	for _, task := range d.Tasks {
		inTasks += len(task.Operators)
	}
	for i, n := range d.Operators {
		edges += len(n.Inputs)
		if n.ID != i || n.Task != p.TaskOf[p.Graph.Nodes[i]].ID {
			t.Errorf("operator %d: %+v", i, n)
		}
	}
	if inTasks != len(p.Graph.Nodes) || len(d.Operators) != inTasks || edges != 8 {
		t.Errorf("%d operators in tasks, %d in all, %d edges", inTasks, len(d.Operators), edges)
	}
}

func TestShortType(t *testing.T) {
	for long, want := range map[string]string{
		"leat.Pane[string,leat.dev/leat/examples/flights.Leg]": "leat.Pane[string, flights.Leg]",
		"map[string]github.com/some-one/x.Y":                   "map[string]x.Y",
		"main.Local·1":                                         "main.Local",
		"[]interface {}":                                       "[]any",
	} {
		if got := shortType(long); got != want {
			t.Errorf("%s: got %s, want %s", long, got, want)
		}
	}
}
