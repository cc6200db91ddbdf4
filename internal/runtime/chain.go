package runtime

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
)

// Link is one operator of a chain.
type Link struct {
	Node *graph.Node
	Env  *flow.Env
	graph.Made
	outs []flow.Outlet // Made's, in order
}

// Chain is the operators of one subtask, the head first, and the sending ends of its edges.
type Chain struct {
	Links   []Link
	Senders []exchange.Sender
	opened  int // operators, counted from the last
}

// step is what an operator is doing, for error messages, when it is no record that is at hand.
type step struct{ operator, what string }

// Locate names the operator and the step.
func (s step) Locate() (string, string) { return s.operator, s.what }

// at says what the operator is doing.
func (l *Link) at(what string) { l.Env.Site.At = step{l.Env.Operator, what} }

// Outgoing is an edge that leaves a task, with the channels of one of its subtasks.
type Outgoing struct {
	graph.Input
	Channels []*exchange.Channel
}

// BuildChain makes the operators of a subtask and attaches them to one another. Env makes each operator's environment;
// splits are those of the head's input.
func BuildChain(t *graph.Task, out []Outgoing, splits *flow.Splits, env func(*graph.Node) *flow.Env) (*Chain, error) {
	c := &Chain{}
	at := map[*graph.Node]int{}
	site := &flow.Site{}
	for i, n := range t.Nodes {
		e := env(n)
		e.Site, e.Chained = site, i > 0
		e.Splits = splits
		if i > 0 {
			e.Splits = c.Links[at[n.Inputs[0].From]].splitsBehind()
		}
		made, err := makeOne(n, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e, err)
		}
		c.Links = append(c.Links, Link{n, e, made, flow.InOrder(made.Outs)})
		at[n] = i
		if i > 0 {
			if err := c.attach(at, n.Inputs[0], made.Ports[0].Receiver); err != nil {
				return nil, err
			}
		}
	}
	return c, c.connect(at, out)
}

// makeOne makes an operator, whose constructor is user code.
func makeOne(n *graph.Node, e *flow.Env) (made graph.Made, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = Thrown(r)
		}
	}()
	return n.Make(e)
}

// splitsBehind is what the splits are for an operator behind this one: those of its input, unless it makes records of
// its own.
func (l *Link) splitsBehind() *flow.Splits {
	switch l.Node.Kind {
	case graph.Process, graph.Keyed, graph.Window, graph.Join:
		return &flow.Splits{Names: []string{"0"}, Done: make([]bool, 1), Above: l.Env.Splits}
	default:
		return l.Env.Splits
	}
}

// connect makes the sending ends of the edges that leave the task.
func (c *Chain) connect(at map[*graph.Node]int, out []Outgoing) error {
	for _, o := range out {
		env := c.Links[at[o.From]].Env
		s := o.Sender(env, o.Channels)
		c.Senders = append(c.Senders, s)
		if err := c.attach(at, o.Input, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *Chain) attach(at map[*graph.Node]int, in graph.Input, receiver any) error {
	from := c.Links[at[in.From]]
	outlet, ok := from.Outs[in.Side]
	if !ok {
		return fmt.Errorf("%s has no output %q", from.Env, in.Side)
	}
	return outlet.Attach(receiver)
}

// hasCredit says whether everybody who is sent to wants more.
func (c *Chain) hasCredit() bool {
	for _, s := range c.Senders {
		if !s.HasCredit() {
			return false
		}
	}
	return true
}

// settle hands on what the outputs of the chain hold: the operators do so at the end of each batch, save those whose
// callbacks run outside of one.
func (c *Chain) settle() {
	for i := range c.Links {
		for _, o := range c.Links[i].outs {
			o.Flush()
		}
	}
}

// asksDry says whether somebody here or behind wants to know when nothing more comes just now.
func (c *Chain) asksDry() bool {
	return c.Links[0].Env.Splits.Heard() || slices.ContainsFunc(c.Senders, exchange.Sender.AskedDry)
}

// dry tells those who are sent to that nothing more comes just now. It begins with a source that is dry, and is passed on
// in its place among the records: a subtask that has nothing to do for a moment is not dry, or it would depend on who runs
// when where watermarks come.
func (c *Chain) dry() {
	for _, s := range c.Senders {
		s.Dry()
	}
}

// flush sends batches that are not full.
func (c *Chain) flush() {
	for _, s := range c.Senders {
		s.Flush()
	}
}

// open opens all operators, the last first, so that whoever is sent to is open.
func (c *Chain) open(ctx context.Context) error {
	for i := len(c.Links) - 1; i >= 0; i-- {
		l := &c.Links[i]
		if o, ok := l.Operator.(Opener); ok {
			l.at("open")
			if err := o.Open(ctx); err != nil {
				return fmt.Errorf("%s: open: %w", l.Env, err)
			}
		}
		c.opened++
	}
	return nil
}

// close closes the operators that were opened, the first first, and returns the first error.
func (c *Chain) close() error {
	var first error
	for i := len(c.Links) - c.opened; i < len(c.Links); i++ {
		if o, ok := c.Links[i].Operator.(Closer); ok {
			if err := closeOne(o); err != nil && first == nil {
				first = fmt.Errorf("%s: close: %w", c.Links[i].Env, err)
			}
		}
	}
	return first
}

// closeOne closes an operator, which is user code: the others have their turn whatever it throws.
func closeOne(o Closer) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = Thrown(r)
		}
	}()
	return o.Close()
}

// Thrown turns what user code or state has thrown into an error. It is called where that was recovered.
func Thrown(r any) error {
	switch r := r.(type) {
	case flow.Failure:
		return r.Err
	case backend.Refusal:
		return r.Err
	default:
		return fmt.Errorf("panic: %v\n%s", r, debug.Stack())
	}
}
