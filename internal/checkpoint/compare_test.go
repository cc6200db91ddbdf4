package checkpoint

import (
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/graph"
)

func TestCompare(t *testing.T) {
	value := func(name, schema string) backend.State {
		return backend.State{Name: name, Kind: backend.Value, Value: codec.Opaque(schema)}
	}
	timer := func(name, time string) backend.State {
		return backend.State{Name: name, Kind: backend.Timer, Time: time}
	}
	detect := func(key string, states ...backend.State) *graph.Node {
		return &graph.Node{Name: "detect", Kind: graph.Keyed, Key: key, States: states}
	}
	m := &Manifest{MaxParallelism: 128, Operators: []Operator{
		{Name: "detect", Kind: graph.Keyed, Key: "string", States: []backend.State{value("last", "int64"), timer("forget", "event")}},
		{Name: "payments", Kind: graph.Source, Entries: []backend.Entry{{State: "splits", Key: "a", Value: []byte{0}}}},
		{Name: "map-3", Kind: graph.Map},
	}}
	source := &graph.Node{Name: "payments", Kind: graph.Source}
	same := detect("string", value("last", "int64"), timer("forget", "event"))
	for name, test := range map[string]struct {
		nodes   []*graph.Node
		most    int
		allow   []string
		dropped []string
		problem string // part of the error; "" for none
	}{
		"the same":              {nodes: []*graph.Node{source, same}},
		"a new state":           {nodes: []*graph.Node{source, detect("string", value("new", "x"), value("last", "int64"), timer("forget", "event"))}},
		"a state is gone":       {nodes: []*graph.Node{source, detect("string", timer("forget", "event"))}, problem: "detect/last is not in the job any more"},
		"it may be":             {nodes: []*graph.Node{source, detect("string", timer("forget", "event"))}, allow: []string{"detect/last"}, dropped: []string{"detect/last"}},
		"all of it may be":      {nodes: []*graph.Node{source, detect("string", timer("forget", "event"))}, allow: []string{"detect"}, dropped: []string{"detect/last"}},
		"an operator is gone":   {nodes: []*graph.Node{same}, problem: "payments is not in the job any more (to go on without it: --allow-drop payments; if it has another name now: leat.Was(\"payments\"))"},
		"another type":          {nodes: []*graph.Node{source, detect("string", value("last", "string"), timer("forget", "event"))}, problem: "detect/last can't be read: its values have another schema\n      its values were int64\n            and are string"},
		"another kind of timer": {nodes: []*graph.Node{source, detect("string", value("last", "int64"), timer("forget", "processing"))}, problem: "detect/forget can't be read: its kind was event timer and is processing timer"},
		"another key":           {nodes: []*graph.Node{source, detect("int", value("last", "int64"), timer("forget", "event"))}, problem: "the key of detect was string and is int"},
		"another kind":          {nodes: []*graph.Node{{Name: "payments", Kind: graph.Sink}, same}, problem: "payments was a source and is a sink"},
		"key groups":            {nodes: []*graph.Node{source, same}, most: 256, problem: "the max parallelism was 128 and is 256"},
	} {
		t.Run(name, func(t *testing.T) {
			match, err := Compare(m, test.nodes, max(test.most, 128), test.allow)
			if (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Fatalf("error %v, want %q", err, test.problem)
			}
			if match != nil && !slices.Equal(match.Dropped, test.dropped) {
				t.Errorf("dropped %v, not %v", match.Dropped, test.dropped)
			}
		})
	}
}
