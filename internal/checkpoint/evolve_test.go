package checkpoint

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/store"
)

func stateOf(name, schema string, was ...string) backend.State {
	return backend.State{Name: name, Was: was, Kind: backend.Value, Value: codec.Opaque(schema)}
}

func keyedNode(name string, was []string, states ...backend.State) *graph.Node {
	return &graph.Node{Name: name, Was: was, Kind: graph.Keyed, Key: "string", States: states}
}

// earlier is a snapshot of a job with everything that can be renamed.
func earlier() *Manifest {
	return &Manifest{MaxParallelism: 128, Operators: []Operator{
		{
			Name: "detect", Kind: graph.Keyed, Key: "string", States: []backend.State{stateOf("last", "int64"), stateOf("first", "int64")},
			Floors: []backend.Floor{{To: 128, Watermark: 7}},
		},
		{Name: "payments", Kind: graph.Source, Entries: []backend.Entry{{State: "splits", Key: "a", Value: []byte{0}}}},
		{
			Name: "buffer", Kind: graph.Process, States: []backend.State{{Name: "open", Kind: backend.Operator}, {Name: "shut", Kind: backend.Operator}},
			Entries: []backend.Entry{{State: "open", Key: "0", Value: []byte{1}}, {State: "shut", Key: "0", Value: []byte{2}}},
		},
		{Name: "alerts", Kind: graph.Sink, Committables: []backend.Committable{{Checkpoint: 3, Data: []byte("x")}}},
		{Name: "filter-1", Kind: graph.Filter},
	}}
}

// later is the job, with other names for all of it.
func later() []*graph.Node {
	return []*graph.Node{
		{Name: "txns", Was: []string{"payments"}, Kind: graph.Source},
		keyedNode("judge", []string{"older", "detect"}, stateOf("latest", "int64", "last"), stateOf("first", "int64"), stateOf("extra", "int64")),
		{Name: "queue", Was: []string{"buffer"}, Kind: graph.Process, States: []backend.State{{Name: "todo", Was: []string{"open"}, Kind: backend.Operator}}},
		{Name: "alarms", Was: []string{"alerts"}, Kind: graph.Sink},
		{Name: "map-1", Kind: graph.Map},
		{Name: "more", Kind: graph.Source},
	}
}

// All that a snapshot has of an operator goes by the name that the operator has now.
func TestRenames(t *testing.T) {
	m := earlier()
	match, err := Compare(m, later(), 128, []string{"buffer/shut"})
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ got, want []string }{
		"dropped": {match.Dropped, []string{"buffer/shut"}},
		"new":     {match.New, []string{"judge/extra", "more"}},
		"renamed": {match.Renamed, []string{"detect → judge", "detect/last → judge/latest", "payments → txns", "buffer → queue", "buffer/open → queue/todo", "alerts → alarms"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %q, want %q", what, c.got, c.want)
		}
	}
	s := &Snapshot{Manifest: m, Store: store.NewMemory(), Match: match}
	if e := s.Entries("txns"); len(e) != 1 || e[0].Key != "a" {
		t.Errorf("positions of the source: %v", e)
	}
	if e := s.Entries("queue"); len(e) != 1 || e[0].State != "todo" || e[0].Value[0] != 1 {
		t.Errorf("the list: %v", e)
	}
	if f := s.Floors("judge"); len(f) != 1 || f[0].Watermark != 7 {
		t.Errorf("floors %v", f)
	}
	if c := s.Committables("alarms"); len(c) != 1 {
		t.Errorf("committables %v", c)
	}
	states := s.States("judge")
	if len(states) != 2 || states["latest"].Name != "last" || states["first"].Name != "first" {
		t.Errorf("states %v", states)
	}
	for _, old := range []string{"payments", "detect", "alerts", "more"} {
		if s.Entries(old) != nil || s.Floors(old) != nil || s.Committables(old) != nil || s.States(old) != nil {
			t.Errorf("%s is there by its old name", old)
		}
	}
}

// What is clear is taken over, and what could go two ways is refused.
func TestNamesThatAreUnclear(t *testing.T) {
	m := earlier()
	for name, c := range map[string]struct {
		change func([]*graph.Node) []*graph.Node
		allow  []string
		want   string // part of the error
	}{
		"two operators claim one": {
			change: func(n []*graph.Node) []*graph.Node {
				return append(n, &graph.Node{Name: "other", Was: []string{"payments"}, Kind: graph.Source})
			},
			want: "both txns and other take over payments of the snapshot",
		},
		"two states claim one": {
			change: func(n []*graph.Node) []*graph.Node {
				n[1].States = append(n[1].States, stateOf("again", "int64", "last"))
				return n
			},
			want: "both latest and again take over last of the snapshot",
		},
		"one operator claims two": {
			change: func(n []*graph.Node) []*graph.Node { n[1].Was = append(n[1].Was, "buffer"); n[2].Was = nil; return n },
			want:   "operator judge could take over detect or buffer of the snapshot: leave one of them behind",
		},
		"one state claims two": {
			change: func(n []*graph.Node) []*graph.Node {
				n[1].States = []backend.State{stateOf("latest", "int64", "last", "first")}
				return n
			},
			want: "state judge/latest could take over last or first of the snapshot",
		},
		"of which one may be left behind": {
			change: func(n []*graph.Node) []*graph.Node {
				n[1].States = []backend.State{stateOf("latest", "int64", "last", "first")}
				return n
			},
			allow: []string{"detect/first"},
		},
		"another kind of operator": {
			change: func(n []*graph.Node) []*graph.Node { n[3].Kind = graph.Process; return n },
			want:   "alerts was a sink and is a process; to go on without what it has: --allow-drop alerts",
		},
		"which may be": {
			change: func(n []*graph.Node) []*graph.Node { n[3].Kind = graph.Process; return n },
			allow:  []string{"alerts"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compare(m, c.change(later()), 128, append(c.allow, "buffer/shut"))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// Keys are compared by the schema of their bytes where it is known, and else by their Go type.
func TestKeysAreCompared(t *testing.T) {
	ids, numbers := codec.Schema{Name: "main.ID", Fingerprint: "1", Definition: `{"type":"int64"}`}, codec.Opaque("key string")
	operator := func(key string, s codec.Schema) *Manifest {
		return &Manifest{MaxParallelism: 128, Operators: []Operator{{Name: "o", Kind: graph.Keyed, Key: key, KeySchema: s, States: []backend.State{stateOf("s", "x")}}}}
	}
	for name, c := range map[string]struct {
		m    *Manifest
		want string
	}{
		"another name":        {operator("main.OldID", ids), ""},
		"other bytes":         {operator("main.ID", numbers), "the key of o was key string and is int64"},
		"an older manifest":   {operator("main.ID", codec.Schema{}), ""},
		"and another Go type": {operator("int", codec.Schema{}), "the key of o was int and is main.ID: a key decides where state lies"},
	} {
		t.Run(name, func(t *testing.T) {
			n := keyedNode("o", nil, stateOf("s", "x"))
			n.Key, n.KeySchema = "main.ID", ids
			_, err := Compare(c.m, []*graph.Node{n}, 128, nil)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if err != nil && !strings.Contains(err.Error(), "package snapshot") {
				t.Errorf("the error does not say what to do: %v", err)
			}
			if match, err := Compare(c.m, []*graph.Node{n}, 128, []string{"o"}); err != nil || c.want != "" && !slices.Equal(match.Dropped, []string{"o"}) {
				t.Errorf("it may not be left behind: %v, %v", match, err)
			}
		})
	}
}

// States that can't be read are all in one error, with both schemas, unless they may be left behind.
func TestStatesThatCannotBeRead(t *testing.T) {
	old, now := codec.Struct[struct{ Cents string }](), codec.Struct[struct{ Cents int64 }]()
	m := earlier()
	m.Operators[0].States[0].Value, m.Operators[0].States[1].Kind = old.Schema(), backend.List
	n := later()
	n[1].States[0].Value, n[1].States[0].Reads = now.Schema(), backend.ReadsValues(now)
	_, err := Compare(m, n, 128, []string{"buffer/shut"})
	for _, want := range []string{
		"detect/last can't be read: values: field .Cents: does not fit: string was written, int64 is wanted",
		"its values were struct{Cents string}\n            and are struct{Cents int64}",
		"(state.Migrate), or to go on without it: --allow-drop detect/last",
		"detect/first can't be read: its kind was list and is value",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	match, err := Compare(m, n, 128, []string{"buffer/shut", "detect/last", "detect/first"})
	if err != nil || len(match.Dropped) != 3 {
		t.Fatalf("dropped %v, %v", match, err)
	}
	s := &Snapshot{Manifest: m, Match: match}
	if left := s.States("judge"); len(left) != 0 {
		t.Errorf("states are left: %v", left)
	}
}

// A segment's states are those of the manifest, by the names of now; others are damage.
func TestKeyedByNewNames(t *testing.T) {
	s, _ := taken(t)
	count := s.Manifest.operator("detect").States[0]
	count.Name, count.Was = "number", []string{"count"}
	nodes := []*graph.Node{{Name: "payments", Kind: graph.Source}, {Name: "judge", Was: []string{"detect"}, Kind: graph.Keyed, Key: "int64", States: []backend.State{count}}}
	match, err := Compare(s.Manifest, nodes, 128, []string{"detect/deadlines"})
	if err != nil {
		t.Fatal(err)
	}
	s.Match = match
	if got, err := keyedOf(t, s, "judge", 0, 128); err != nil || got != "number/23:1" {
		t.Errorf("got %s, %v", got, err)
	}
	s.Manifest.operator("detect").States = nil
	if _, err := keyedOf(t, s, "judge", 0, 128); !errors.Is(err, ErrDamaged) {
		t.Errorf("a state that the manifest does not list: %v", err)
	}
}
