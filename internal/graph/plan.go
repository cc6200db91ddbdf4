package graph

import (
	"errors"
	"fmt"
	"strings"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
)

// Settings are what a plan needs to know of the job beside its graph.
type Settings struct {
	Parallelism    int
	MaxParallelism int
	Unchained      bool   // every operator is a task of its own
	ColdStore      string // where state goes that memory has no room for; "": nowhere
}

// Task is a chain of operators that run as one. The head is the first of Nodes; the others follow their inputs.
type Task struct {
	ID          int
	Nodes       []*Node
	Parallelism int
	// In are the edges from other tasks.
	In []Edge
}

// Edge leads from one task to another.
type Edge struct {
	From *Task
	Input
	To *Node
}

// Name is the names of the operators, in order.
func (t *Task) Name() string {
	names := make([]string, len(t.Nodes))
	for i, n := range t.Nodes {
		names[i] = n.Name
	}
	return strings.Join(names, " → ")
}

// Plan is a checked graph, cut into tasks.
type Plan struct {
	Graph    *Graph
	Settings Settings
	Tasks    []*Task // senders before receivers
	TaskOf   map[*Node]*Task
}

// New checks a graph and makes its plan. All mistakes are reported, joined.
func New(g *Graph, s Settings) (*Plan, error) {
	distinguish(g)
	errs := append([]error(nil), g.Errs...)
	errs = append(errs, checkSettings(s)...)
	if len(g.Nodes) == 0 {
		errs = append(errs, errors.New("the job is empty: begin with Job.From"))
	}
	errs = append(errs, checkNames(g)...)
	for _, n := range g.Nodes {
		if err := checkNode(g, n, s); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, checkSides(g)...)
	errs = append(errs, checkAliases(g)...)
	if len(errs) > 0 {
		return nil, &Errors{Job: g.Job, Errs: errs}
	}
	p := cut(g, s)
	chained := s
	chained.Unchained = false // what runs in one chain need not be encodable, also when a test takes the chain apart
	if errs := checkEdges(cut(g, chained)); len(errs) > 0 {
		return nil, &Errors{Job: g.Job, Errs: errs}
	}
	return p, nil
}

func cut(g *Graph, s Settings) *Plan {
	p := &Plan{Graph: g, Settings: s, TaskOf: map[*Node]*Task{}}
	p.chain()
	return p
}

// checkEdges refuses types that can't be encoded where they cross from task to task.
func checkEdges(p *Plan) []error {
	var errs []error
	for _, t := range p.Tasks {
		for _, e := range t.In {
			if err := e.Encodable(); err != nil {
				errs = append(errs, fmt.Errorf("records from %s (%s) to %s (%s): %w", e.Input.From.Name, e.Input.From.Place, e.To.Name, e.To.Place, err))
			}
		}
	}
	return errs
}

// Errors are all the mistakes that planning found.
type Errors struct {
	Job  string
	Errs []error
}

func (e *Errors) Error() string {
	if len(e.Errs) == 1 {
		return fmt.Sprintf("job %s: %v", e.Job, e.Errs[0])
	}
	var b strings.Builder
	fmt.Fprintf(&b, "job %s can't run, for %d reasons:", e.Job, len(e.Errs))
	for _, err := range e.Errs {
		fmt.Fprintf(&b, "\n  - %s", strings.ReplaceAll(err.Error(), "\n", "\n    "))
	}
	return b.String()
}

// Unwrap gives errors.Is and errors.As each of them.
func (e *Errors) Unwrap() []error { return e.Errs }

func checkSettings(s Settings) []error {
	var errs []error
	if s.MaxParallelism < 1 || s.MaxParallelism > keygroup.MaxMax {
		errs = append(errs, fmt.Errorf("max parallelism %d: it must be between 1 and %d", s.MaxParallelism, keygroup.MaxMax))
	}
	if s.Parallelism < 1 || s.Parallelism > s.MaxParallelism {
		errs = append(errs, fmt.Errorf("parallelism %d: it must be between 1 and the max parallelism, %d", s.Parallelism, s.MaxParallelism))
	}
	return errs
}

// distinguish gives each operator that has no name from its author one that no other has: state is found by it.
func distinguish(g *Graph) {
	taken := map[string]bool{}
	for _, n := range g.Nodes {
		if n.Named {
			taken[n.Name] = true
		}
	}
	for _, n := range g.Nodes {
		if n.Named {
			continue
		}
		for i, base := 2, n.Name; taken[n.Name]; i++ {
			n.Name = fmt.Sprintf("%s (%d)", base, i)
		}
		taken[n.Name] = true
	}
}

// checkNames refuses a name that two operators have, for state is restored by name.
func checkNames(g *Graph) []error {
	var errs []error
	seen := map[string]*Node{}
	for _, n := range g.Nodes {
		if !n.Named {
			continue
		}
		switch other := seen[n.Name]; {
		case strings.TrimSpace(n.Name) == "":
			errs = append(errs, fmt.Errorf("%s at %s has no name: state is restored and output is found by it", n.Kind, n.Place))
		case other != nil:
			errs = append(errs, fmt.Errorf("two operators are called %q: %s at %s and %s at %s", n.Name, other.Kind, other.Place, n.Kind, n.Place))
		default:
			seen[n.Name] = n
		}
	}
	return errs
}

func checkNode(g *Graph, n *Node, s Settings) error {
	if p := n.Parallelism; p < 0 || p > s.MaxParallelism {
		return fmt.Errorf("%s %s at %s: parallelism %d must be between 1 and the max parallelism, %d", n.Kind, n.Name, n.Place, p, s.MaxParallelism)
	}
	if n.Check == nil {
		return nil
	}
	env := flow.DryEnv(g.Job, n.Name, s.MaxParallelism)
	if err := protect(func() error { return n.Check(env) }); err != nil {
		return fmt.Errorf("%s %s at %s: %w", n.Kind, n.Name, n.Place, err)
	}
	return nil
}

// protect turns what a constructor throws into an error: it is user code.
func protect(f func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case flow.Failure:
			err = r.Err
		default:
			err = fmt.Errorf("the constructor panicked when it was called to plan: %v (it must have no side effects: open connections in OnOpen)", r)
		}
	}()
	return f()
}

// checkSides refuses a reader of a side output that its operator does not have, or has with another type.
func checkSides(g *Graph) []error {
	var errs []error
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			if in.Side == "" {
				continue
			}
			if err := checkSide(n, in); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errs
}

func checkSide(n *Node, in Input) error {
	var have []string
	for _, s := range in.From.Sides {
		if s.Name == in.Side && s.Type == in.SideType {
			return nil
		}
		if s.Name == in.Side {
			return fmt.Errorf("side output %q of %s (%s) has records of type %s, but %s %s at %s reads %s",
				in.Side, in.From.Name, in.From.Place, s.Type, n.Kind, n.Name, n.Place, in.SideType)
		}
		have = append(have, s.Name)
	}
	known := "it has none"
	if len(have) > 0 {
		known = "it has " + strings.Join(have, ", ")
	}
	return fmt.Errorf("%s %s at %s reads side output %q of %s (%s), which makes no such output: %s",
		n.Kind, n.Name, n.Place, in.Side, in.From.Name, in.From.Place, known)
}

// ParallelismOf is how many subtasks a node has: its own number; or that of the node whose records it takes as they
// come, so that no order is lost by accident; or the job's.
func (s Settings) ParallelismOf(n *Node) int {
	switch {
	case n.Parallelism > 0:
		return n.Parallelism
	case len(n.Inputs) == 1 && n.Inputs[0].Partition == Forward:
		return s.ParallelismOf(n.Inputs[0].From)
	}
	return s.Parallelism
}

// chain puts every node into its input's task where it can, and begins a new task where it can't.
func (p *Plan) chain() {
	for _, n := range p.Graph.Nodes {
		t := p.chainable(n)
		if t == nil {
			t = &Task{ID: len(p.Tasks), Parallelism: p.Settings.ParallelismOf(n)}
			p.Tasks = append(p.Tasks, t)
			for _, in := range n.Inputs {
				t.In = append(t.In, p.edge(in, n))
			}
		}
		t.Nodes = append(t.Nodes, n)
		p.TaskOf[n] = t
	}
}

// edge settles how an edge deals out: forward needs the same parallelism on both sides.
func (p *Plan) edge(in Input, to *Node) Edge {
	from := p.TaskOf[in.From]
	if in.Partition == Forward && from.Parallelism != p.Settings.ParallelismOf(to) {
		in.Partition = Rebalance
	}
	return Edge{From: from, Input: in, To: to}
}

// chainable returns the task that a node can run in behind its only input.
func (p *Plan) chainable(n *Node) *Task {
	if p.Settings.Unchained || n.Unchained || len(n.Inputs) != 1 || n.Inputs[0].Partition != Forward {
		return nil
	}
	t := p.TaskOf[n.Inputs[0].From]
	if t.Parallelism != p.Settings.ParallelismOf(n) {
		return nil
	}
	return t
}
