package graph

import (
	"fmt"
	"slices"
)

// checkAliases refuses old names that two operators claim, or two states of one, and those that another has now: what a
// snapshot has under such a name could go to either.
func checkAliases(g *Graph) []error {
	var operators aliases
	var errs []error
	for _, n := range g.Nodes {
		operators.add("operator "+n.Name, n.Name, n.Was)
		states := aliases{}
		for _, s := range n.States {
			states.add("state "+s.Name, s.Name, s.Was)
		}
		for _, problem := range states.problems() {
			errs = append(errs, fmt.Errorf("%s %s at %s: %s", n.Kind, n.Name, n.Place, problem))
		}
	}
	for _, problem := range operators.problems() {
		errs = append(errs, fmt.Errorf("%s", problem))
	}
	return errs
}

// aliases are the names that several things have and had.
type aliases struct {
	now   map[string]string // who has a name
	order []alias
}

type alias struct{ name, of string }

func (a *aliases) add(of, name string, was []string) {
	if a.now == nil {
		a.now = map[string]string{}
	}
	a.now[name] = of
	for _, old := range was {
		a.order = append(a.order, alias{old, of})
	}
}

func (a *aliases) problems() (all []string) {
	claimed := map[string]string{}
	for _, old := range a.order {
		has, isName := a.now[old.name]
		switch {
		case old.name == "":
			all = append(all, fmt.Sprintf("Was of %s has an empty name", old.of))
		case isName && has == old.of:
			all = append(all, fmt.Sprintf("Was of %s has its own name", old.of))
		case isName:
			all = append(all, fmt.Sprintf("Was(%q) of %s names %s, which the job has now: a snapshot's %q would go to that one", old.name, old.of, has, old.name))
		case claimed[old.name] != "" && claimed[old.name] != old.of:
			all = append(all, fmt.Sprintf("both %s and %s say Was(%q): only one of them can take it over", claimed[old.name], old.of, old.name))
		default:
			claimed[old.name] = old.of
		}
	}
	return slices.Compact(all)
}
