package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/graph"
)

// Compare says what of a snapshot a job can't take over, before anything is restored: operators and states that it does
// not have any more, and those that are not what they were. States that are new begin empty. Allow names what may be
// left behind: "operator" or "operator/state". What is left behind is returned.
func Compare(m *Manifest, nodes []*graph.Node, maxParallelism int, allow []string) (dropped []string, err error) {
	var problems []string
	if m.MaxParallelism != maxParallelism {
		problems = append(problems, fmt.Sprintf("the max parallelism was %d and is %d: it is fixed by the first snapshot", m.MaxParallelism, maxParallelism))
	}
	for _, o := range m.Operators {
		gone, wrong := compareOperator(o, nodes)
		for _, name := range gone {
			if slices.Contains(allow, name) || slices.Contains(allow, o.Name) {
				dropped = append(dropped, name)
				continue
			}
			problems = append(problems, fmt.Sprintf("%s is not in the job any more (to go on without it: --allow-drop %s)", name, name))
		}
		problems = append(problems, wrong...)
	}
	if len(problems) == 0 {
		return dropped, nil
	}
	return nil, errors.New("the job does not fit the snapshot:\n  - " + strings.Join(problems, "\n  - "))
}

// compareOperator returns what is gone of an operator, and what is there but differs.
func compareOperator(o Operator, nodes []*graph.Node) (gone, wrong []string) {
	if !o.holdsState() {
		return nil, nil
	}
	at := slices.IndexFunc(nodes, func(n *graph.Node) bool { return n.Name == o.Name })
	if at < 0 {
		return []string{o.Name}, nil
	}
	n := nodes[at]
	if n.Kind != o.Kind {
		return nil, []string{fmt.Sprintf("%s was a %s and is a %s", o.Name, o.Kind, n.Kind)}
	}
	if n.Key != o.Key {
		return nil, []string{fmt.Sprintf("the key of %s was %s and is %s: state can't move to other keys", o.Name, o.Key, n.Key)}
	}
	for _, was := range o.States {
		i := slices.IndexFunc(n.States, func(s backend.State) bool { return s.Name == was.Name })
		switch {
		case i < 0:
			gone = append(gone, o.Name+"/"+was.Name)
		default:
			wrong = append(wrong, compareState(o.Name, was, n.States[i])...)
		}
	}
	return gone, wrong
}

func compareState(operator string, was, is backend.State) []string {
	name := operator + "/" + was.Name
	switch {
	case was.Kind != is.Kind || was.Time != is.Time:
		return []string{fmt.Sprintf("%s was a %s and is a %s", name, kindOf(was), kindOf(is))}
	case was.Value.Fingerprint != is.Value.Fingerprint:
		return []string{fmt.Sprintf("%s holds other values:\n      was %s\n      is  %s", name, schemaText(was.Value.Name, was.Value.Definition), schemaText(is.Value.Name, is.Value.Definition))}
	case was.Item.Fingerprint != is.Item.Fingerprint:
		return []string{fmt.Sprintf("%s has other items:\n      was %s\n      is  %s", name, schemaText(was.Item.Name, was.Item.Definition), schemaText(is.Item.Name, is.Item.Definition))}
	}
	return nil
}

func kindOf(s backend.State) string { return strings.TrimSpace(s.Time + " " + string(s.Kind)) }

func schemaText(name, definition string) string {
	if definition == "" {
		return name
	}
	return name + " " + definition
}

// holdsState says whether anything of an operator is lost if it is left behind.
func (o *Operator) holdsState() bool {
	return len(o.States) > 0 || len(o.Entries) > 0 || len(o.Committables) > 0
}
