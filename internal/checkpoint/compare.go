package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/graph"
)

// Compare says what of a snapshot a job takes over, before anything is restored. Operators and states are found by their
// names or by those that they had. What the job does not have any more, what it could take over in two ways, and what is
// not what it was and can't be read, is listed in one error. Allow names what may be left behind: "operator" or
// "operator/state", by the snapshot's names.
func Compare(m *Manifest, nodes []*graph.Node, maxParallelism int, allow []string) (*Match, error) {
	c := comparison{allow: allow, match: &Match{operators: map[string]string{}, states: map[string]map[string]string{}}}
	if m.MaxParallelism != maxParallelism {
		c.problem("the max parallelism was %d and is %d: set it back, or write the snapshot anew with the other one (package snapshot)", m.MaxParallelism, maxParallelism)
	}
	names := make([]string, len(m.Operators))
	for i, o := range m.Operators {
		names[i] = o.Name
	}
	pairs := pair("operator ", nodesAsNamed(nodes), names, func(then string) bool {
		return c.allowed(then) || !m.operator(then).holdsState()
	})
	c.problems = append(c.problems, pairs.unclear...)
	for i := range m.Operators {
		o := &m.Operators[i]
		now, ok := pairs.now[o.Name]
		switch {
		case ok:
			c.operator(o, nodes[slices.IndexFunc(nodes, func(n *graph.Node) bool { return n.Name == now })])
		case o.holdsState():
			c.gone(o.Name, "", renamedOperator(o))
		}
	}
	for _, n := range nodes {
		if _, ok := pairs.then[n.Name]; !ok && (len(n.States) > 0 || n.Kind == graph.Source) {
			c.match.New = append(c.match.New, n.Name)
		}
	}
	if len(c.problems) == 0 {
		return c.match, nil
	}
	return nil, errors.New("the job does not fit the snapshot:\n  - " + strings.Join(c.problems, "\n  - "))
}

// comparison gathers what comes out of comparing.
type comparison struct {
	allow    []string
	match    *Match
	problems []string
}

func (c *comparison) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *comparison) allowed(name string) bool { return slices.Contains(c.allow, name) }

// gone notes what the job does not have any more, and what else to do about it than to go on without.
func (c *comparison) gone(operator, state, otherwise string) {
	if !c.drops(operator, state) {
		name := full(operator, state)
		c.problem("%s is not in the job any more (to go on without it: --allow-drop %s; %s)", name, quoted(name), otherwise)
	}
}

// drops leaves an operator, or a state of it, behind, if that may be.
func (c *comparison) drops(operator, state string) bool {
	name := full(operator, state)
	if !c.allowed(name) && !c.allowed(operator) {
		return false
	}
	c.match.Dropped = append(c.match.Dropped, name)
	return true
}

// full is "operator/state", or the operator alone.
func full(operator, state string) string {
	if state == "" {
		return operator
	}
	return operator + "/" + state
}

// renamedOperator is what to do if an operator only seems to be gone.
func renamedOperator(o *Operator) string {
	if o.Kind == graph.EventTime {
		return "it goes by its source: if that has another name now, leat.Was"
	}
	return fmt.Sprintf("if it has another name now: leat.Was(%q)", o.Name)
}

// quoted is a name as a shell needs it.
func quoted(name string) string {
	if strings.ContainsAny(name, " '\"$&|;<>()*?`\\") {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return name
}

// operator compares an operator with the one of the job that takes it over.
func (c *comparison) operator(o *Operator, n *graph.Node) {
	if why := c.other(o, n); why != "" {
		if o.holdsState() && !c.drops(o.Name, "") {
			c.problem("%s; to go on without what it has: --allow-drop %s", why, quoted(o.Name))
		}
		return
	}
	c.match.operators[n.Name] = o.Name
	c.match.states[n.Name] = map[string]string{}
	if n.Name != o.Name && o.holdsState() {
		c.match.Renamed = append(c.match.Renamed, o.Name+" → "+n.Name)
	}
	c.states(o, n)
}

// other says why an operator can't be the same, or nothing.
func (c *comparison) other(o *Operator, n *graph.Node) string {
	switch {
	case n.Kind != o.Kind:
		return fmt.Sprintf("%s was a %s and is a %s", o.Name, o.Kind, n.Kind)
	case o.KeySchema.Fingerprint == "" || n.KeySchema.Fingerprint == "":
		if n.Key != o.Key {
			return otherKey(o.Name, o.Key, n.Key)
		}
	case n.KeySchema.Fingerprint != o.KeySchema.Fingerprint:
		was, is := o.KeySchema.String(), n.KeySchema.String()
		if was == is {
			was, is = o.Key, n.Key
		}
		return otherKey(o.Name, was, is)
	}
	return ""
}

func otherKey(name, was, is string) string {
	return fmt.Sprintf("the key of %s was %s and is %s: a key decides where state lies, and can't change in a restore; "+
		"write the snapshot anew with the other keys (package snapshot)", name, was, is)
}

// states compares the states of an operator.
func (c *comparison) states(o *Operator, n *graph.Node) {
	names := make([]string, len(o.States))
	for i, s := range o.States {
		names[i] = s.Name
	}
	pairs := pair("state "+n.Name+"/", statesAsNamed(n.States), names, func(then string) bool { return c.allowed(o.Name + "/" + then) })
	c.problems = append(c.problems, pairs.unclear...)
	for _, was := range o.States {
		now, ok := pairs.now[was.Name]
		if !ok {
			c.gone(o.Name, was.Name, fmt.Sprintf("if it has another name now: state.Was(%q)", was.Name))
			continue
		}
		is := n.States[slices.IndexFunc(n.States, func(s backend.State) bool { return s.Name == now })]
		if err := is.CanRead(was); err != nil {
			c.unreadable(o.Name, was, is, err)
			continue
		}
		c.match.states[n.Name][was.Name] = now
		if now != was.Name {
			c.match.Renamed = append(c.match.Renamed, full(o.Name, was.Name)+" → "+full(n.Name, now))
		}
	}
	for _, s := range n.States {
		if _, ok := pairs.then[s.Name]; !ok {
			c.match.New = append(c.match.New, full(n.Name, s.Name))
		}
	}
}

// unreadable notes a state that is not what it was.
func (c *comparison) unreadable(operator string, was, is backend.State, why error) {
	if c.drops(operator, was.Name) {
		return
	}
	name := full(operator, was.Name)
	var b strings.Builder
	fmt.Fprintf(&b, "%s can't be read: %s", name, strings.ReplaceAll(why.Error(), "\n", "; "))
	if was.Kind == is.Kind && was.Time == is.Time {
		show(&b, "items", was.Item.String(), is.Item.String(), was.Item.Fingerprint == is.Item.Fingerprint)
		show(&b, "values", was.Value.String(), is.Value.String(), was.Value.Fingerprint == is.Value.Fingerprint)
	}
	fmt.Fprintf(&b, "\n      %sto go on without it: --allow-drop %s", remedy(was, is), quoted(name))
	c.problems = append(c.problems, b.String())
}

func show(b *strings.Builder, part, was, is string, same bool) {
	if !same {
		fmt.Fprintf(b, "\n      its %s were %s\n      %sand are %s", part, was, strings.Repeat(" ", len(part)), is)
	}
}

// remedy is what to do about a state that can't be read, beside leaving it behind.
func remedy(was, is backend.State) string {
	switch {
	case was.Kind != is.Kind || was.Time != is.Time:
		return "give the state that it is now another name, or "
	case was.Item.Fingerprint != is.Item.Fingerprint && (is.Kind == backend.Slices || is.Kind == backend.Sessions):
		return "keep the windows, or "
	case was.Item.Fingerprint != is.Item.Fingerprint:
		return "keep the type of the items, or write the snapshot anew with the other ones (package snapshot), or "
	case is.Kind == backend.Slices || is.Kind == backend.Sessions:
		return "keep the aggregator's fields (a tag `leat:\"new,was=old\"` renames one), or "
	}
	return "make the new values of the old ones (state.Migrate), or "
}

// holdsState says whether anything of an operator is lost if it is left behind.
func (o *Operator) holdsState() bool {
	return len(o.States) > 0 || len(o.Entries) > 0 || len(o.Committables) > 0
}
