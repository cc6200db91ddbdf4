package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
)

var settings = Settings{Parallelism: 4, MaxParallelism: 128}

// tasks is a plan in words: tasks with their operators and parallelism, and how their edges deal out.
func tasks(p *Plan) string {
	var all []string
	for _, t := range p.Tasks {
		text := fmt.Sprintf("%s x%d", t.Name(), t.Parallelism)
		for _, e := range t.In {
			text += fmt.Sprintf(" <%s %d", e.Partition, e.From.ID)
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

func TestChaining(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(b *builder)
		want string
	}{
		{"forward chains", func(b *builder) {
			s := b.add(Source, "in", "int")
			m := b.add(Map, "double", "int", from(s, Forward))
			b.add(Sink, "out", "", from(m, Forward))
		}, "in → double → out x4"},
		{"a branch is in the same task", func(b *builder) {
			s := b.add(Source, "in", "int")
			b.add(Sink, "a", "", from(s, Forward))
			b.add(Sink, "b", "", from(s, Forward))
		}, "in → a → b x4"},
		{"keys, rebalancing and one subtask cut", func(b *builder) {
			s := b.add(Source, "in", "int")
			k := b.add(Keyed, "count", "int", from(s, Hash))
			r := b.add(Map, "double", "int", from(k, Rebalance))
			b.add(Window, "top", "int", from(r, Global)).Parallelism = 1
		}, "in x4; count x4 <hash 0; double x4 <rebalance 1; top x1 <global 2"},
		{"another parallelism cuts, and rebalances", func(b *builder) {
			s := b.add(Source, "in", "int")
			s.Parallelism = 2
			m := b.add(Map, "double", "int", from(s, Forward))
			m.Parallelism = 4
			b.add(Sink, "out", "", from(m, Forward)).Parallelism = 1
		}, "in x2; double x4 <rebalance 0; out x1 <rebalance 1"},
		{"parallelism follows the input", func(b *builder) {
			s := b.add(Source, "in", "int")
			s.Parallelism = 2
			m := b.add(Map, "double", "int", from(s, Forward))
			k := b.add(Keyed, "count", "int", from(m, Hash))
			b.add(Sink, "out", "", from(k, Forward))
		}, "in → double x2; count → out x4 <hash 0"},
		{"the same parallelism, once asked for, chains", func(b *builder) {
			s := b.add(Source, "in", "int")
			b.add(Sink, "out", "", from(s, Forward)).Parallelism = 4
		}, "in → out x4"},
		{"unchained cuts, and stays forward", func(b *builder) {
			s := b.add(Source, "in", "int")
			b.add(Map, "double", "int", from(s, Forward)).Unchained = true
			b.add(Sink, "out", "", from(b.Nodes[1], Forward))
		}, "in x4; double → out x4 <forward 0"},
		{"a union cuts", func(b *builder) {
			s, o := b.add(Source, "in", "int"), b.add(Source, "other", "int")
			b.add(Sink, "out", "", from(s, Forward), from(o, Forward))
		}, "in x4; other x4; out x4 <forward 0 <forward 1"},
		{"a stream with itself", func(b *builder) {
			s := b.add(Source, "in", "int")
			b.add(Sink, "out", "", from(s, Forward), from(s, Forward))
		}, "in x4; out x4 <forward 0 <forward 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &builder{Graph{Job: "job"}}
			c.make(b)
			p, err := New(&b.Graph, settings)
			if err != nil {
				t.Fatal(err)
			}
			if got := tasks(p); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			checkPlan(t, p)
		})
	}
}

// checkPlan holds for every plan: each node is in one task, and senders come before receivers.
func checkPlan(t *testing.T, p *Plan) {
	t.Helper()
	for _, n := range p.Graph.Nodes {
		if task := p.TaskOf[n]; task == nil || !slices.Contains(task.Nodes, n) {
			t.Errorf("%s is in no task", n.Name)
		}
	}
	for i, task := range p.Tasks {
		if task.ID != i {
			t.Errorf("task %d is number %d", i, task.ID)
		}
		for _, e := range task.In {
			if e.From.ID >= i || e.To != task.Nodes[0] {
				t.Errorf("an edge leads from task %d to %d", e.From.ID, i)
			}
		}
	}
}

func TestUnchained(t *testing.T) {
	b := &builder{Graph{Job: "job"}}
	s := b.add(Source, "in", "int")
	m := b.add(Map, "double", "int", from(s, Forward))
	b.add(Sink, "out", "", from(m, Forward))
	s.Out = "func()"
	b.Nodes[1].Inputs[0].Encodable = func() error { return errors.New("a function can't be encoded") }
	p, err := New(&b.Graph, Settings{Parallelism: 2, MaxParallelism: 128, Unchained: true})
	if err != nil {
		t.Fatal("what runs in one chain need not be encodable when a test takes the chain apart: ", err)
	}
	if got, want := tasks(p), "in x2; double x2 <forward 0; out x2 <forward 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const at = "jobs/fraud.go:12"

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings Settings
		make     func(b *builder)
		want     string
	}{
		{"empty", settings, func(*builder) {}, "the job is empty: begin with Job.From"},
		{"two of one name", settings, func(b *builder) {
			s := b.add(Source, "in", "int")
			b.add(Sink, "in", "", from(s, Forward)).Place = "jobs/fraud.go:20"
		}, `two operators are called "in": source at ` + at + ` and sink at jobs/fraud.go:20`},
		{
			"no name", settings, func(b *builder) { b.add(Source, " ", "int") },
			"source at " + at + " has no name: state is restored and output is found by it",
		},
		{"a side output that is not there", settings, func(b *builder) {
			b.add(Sink, "out", "", from(b.add(Source, "in", "int"), Forward).side("late", "int"))
		}, `sink out at ` + at + ` reads side output "late" of in (` + at + `), which makes no such output: it has none`},
		{"a side output of another name", settings, func(b *builder) {
			s := b.add(Source, "in", "int")
			s.Sides = []Side{{"rejects", "leat.Rejected"}, {"review", "int"}}
			b.add(Sink, "out", "", from(s, Forward).side("late", "int"))
		}, `sink out at ` + at + ` reads side output "late" of in (` + at + `), which makes no such output: it has rejects, review`},
		{"a side output of another type", settings, func(b *builder) {
			s := b.add(Source, "in", "int")
			s.Sides = []Side{{"review", "int"}}
			b.add(Sink, "out", "", from(s, Forward).side("review", "string"))
		}, `side output "review" of in (` + at + `) has records of type int, but sink out at ` + at + ` reads string`},
		{
			"parallelism beyond the maximum", settings, func(b *builder) { b.add(Source, "in", "int").Parallelism = 129 },
			"source in at " + at + ": parallelism 129 must be between 1 and the max parallelism, 128",
		},
		{
			"negative parallelism", settings, func(b *builder) { b.add(Source, "in", "int").Parallelism = -1 },
			"source in at " + at + ": parallelism -1 must be between 1 and the max parallelism, 128",
		},
		{
			"the job's parallelism",
			Settings{Parallelism: 9, MaxParallelism: 8},
			func(b *builder) { b.add(Source, "in", "int") },
			"parallelism 9: it must be between 1 and the max parallelism, 8",
		},
		{
			"the job's max parallelism",
			Settings{Parallelism: 1, MaxParallelism: keygroup.MaxMax + 1},
			func(b *builder) { b.add(Source, "in", "int") },
			"max parallelism 32769: it must be between 1 and 32768",
		},
		{"a type that can't be encoded", settings, func(b *builder) {
			in := from(b.add(Source, "in", "func()"), Rebalance)
			in.Encodable = func() error { return errors.New("func() can't be encoded") }
			b.add(Sink, "out", "", in)
		}, "records from in (" + at + ") to out (" + at + "): func() can't be encoded"},
		{"a check that fails", settings, func(b *builder) {
			b.add(Source, "in", "int").Check = func(*flow.Env) error { return errors.New("the source is nil") }
		}, "source in at " + at + ": the source is nil"},
		{"a check that throws", settings, func(b *builder) {
			b.add(Source, "in", "int").Check = func(*flow.Env) error { flow.Fail(errors.New("no such state")); return nil }
		}, "source in at " + at + ": no such state"},
		{"a constructor that panics", settings, func(b *builder) {
			b.add(Keyed, "count", "int", from(b.add(Source, "in", "int"), Hash)).Check = func(*flow.Env) error { panic("no database") }
		}, "keyed process count at " + at + ": the constructor panicked when it was called to plan: no database (it must have no side effects: open connections in OnOpen)"},
		{"seen while the graph was built", settings, func(b *builder) {
			b.add(Source, "in", "int")
			b.Errs = []error{errors.New("the streams belong to different jobs")}
		}, "the streams belong to different jobs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &builder{Graph{Job: "fraud"}}
			c.make(b)
			_, err := New(&b.Graph, c.settings)
			if want := "job fraud: " + c.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// All mistakes are told at once, and each can be asked for.
func TestAllMistakes(t *testing.T) {
	b := &builder{Graph{Job: "fraud"}}
	mistake := errors.New("the source is nil:\nno source")
	b.add(Source, "in", "int").Check = func(*flow.Env) error { return mistake }
	b.add(Source, "in", "int").Parallelism = 1000
	_, err := New(&b.Graph, settings)
	want := `job fraud can't run, for 3 reasons:
  - two operators are called "in": source at ` + at + ` and source at ` + at + `
  - source in at ` + at + `: the source is nil:
    no source
  - source in at ` + at + `: parallelism 1000 must be between 1 and the max parallelism, 128`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if !errors.Is(err, mistake) {
		t.Error("the mistake is not in the error")
	}
}

// A check sees one subtask of one, in which nothing is done, and what it fills in is in the plan.
func TestChecksAreDry(t *testing.T) {
	b := &builder{Graph{Job: "fraud"}}
	n := b.add(Source, "in", "int")
	calls := 0
	n.Check = func(env *flow.Env) error {
		calls++
		if env.Operator != "in" || env.Job != "fraud" || env.Parallelism != 1 || env.MaxParallelism != 128 || env.Tap != nil {
			t.Errorf("checked with %+v", env)
		}
		n.Sides = []Side{{"late", "int"}}
		return nil
	}
	b.add(Sink, "out", "", from(n, Forward).side("late", "int"))
	if _, err := New(&b.Graph, settings); err != nil || calls != 1 {
		t.Errorf("checked %d times, %v", calls, err)
	}
}

// State is found by name: operators without one of the author's get one that nobody else has.
func TestUnnamedAreDistinguished(t *testing.T) {
	b := &builder{Graph{Job: "job"}}
	s := b.add(Source, "unnamed", "int")
	for range 3 {
		b.add(Map, "", "int", from(s, Forward))
	}
	for range 2 { // planning again changes nothing
		if _, err := New(&b.Graph, settings); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, n := range b.Nodes {
			names = append(names, n.Name)
		}
		if want := []string{"unnamed", "unnamed (2)", "unnamed (3)", "unnamed (4)"}; !slices.Equal(names, want) {
			t.Errorf("got %q, want %q", names, want)
		}
	}
}
