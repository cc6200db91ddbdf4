package checkpoint

import (
	"fmt"
	"slices"
	"strings"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/graph"
)

// Match says where the operators and states of a snapshot go in a job. It is the one place that knows old names: whoever
// restores asks by the names of now.
type Match struct {
	// Dropped is what of the snapshot is left behind, as "operator" or "operator/state", by the names that it had.
	Dropped []string
	// New is what of the job begins empty, likewise by the names that it has.
	New []string
	// Renamed has "old → new".
	Renamed []string

	operators map[string]string            // of the job → of the snapshot
	states    map[string]map[string]string // by operator of the job: of the snapshot → of the job
}

// Changes says whether there is anything to tell of.
func (m *Match) Changes() bool { return len(m.Dropped)+len(m.New)+len(m.Renamed) > 0 }

// named is something with a name, and with those that it had before.
type named struct {
	name string
	was  []string
}

// pairing is which names of now go with which names of then.
type pairing struct {
	then map[string]string // by name of now
	now  map[string]string // by name of then
	// unclear are problems: several that could go to one, or one that could go to several.
	unclear []string
}

// pair finds for each of the names of now the one of then that it takes over: its own, or else one that it had. What may
// be left behind does not stand in another's way.
func pair(what string, now []named, then []string, droppable func(then string) bool) pairing {
	p := pairing{then: map[string]string{}, now: map[string]string{}}
	for _, n := range now {
		found := candidates(n, then)
		if len(found) > 1 {
			if kept := slices.DeleteFunc(slices.Clone(found), droppable); len(kept) > 0 {
				found = kept
			} else {
				found = found[:1]
			}
		}
		switch {
		case len(found) > 1:
			p.unclear = append(p.unclear, fmt.Sprintf("%s%s could take over %s of the snapshot: leave one of them behind (--allow-drop), or take the name out of Was",
				what, n.name, strings.Join(found, " or ")))
		case len(found) == 1 && p.now[found[0]] != "":
			p.unclear = append(p.unclear, fmt.Sprintf("both %s and %s take over %s of the snapshot: only one of them may name it in Was",
				p.now[found[0]], n.name, found[0]))
		case len(found) == 1:
			p.then[n.name], p.now[found[0]] = found[0], n.name
		}
	}
	return p
}

// candidates are the names of then that something goes by, now or before.
func candidates(n named, then []string) (found []string) {
	for _, name := range append([]string{n.name}, n.was...) {
		if slices.Contains(then, name) && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}

// operator is the snapshot's operator that one of the job takes over, nil if there is none.
func (s *Snapshot) operator(name string) *Operator {
	if s.Match == nil {
		return s.Manifest.operator(name)
	}
	if then, ok := s.Match.operators[name]; ok {
		return s.Manifest.operator(then)
	}
	return nil
}

// state is what a state of an operator of the job's is called now; ok is false for one that is left behind.
func (s *Snapshot) state(operator, then string) (now string, ok bool) {
	if s.Match == nil {
		return then, true
	}
	now, ok = s.Match.states[operator][then]
	return now, ok
}

// nodesAsNamed are the names of nodes.
func nodesAsNamed(nodes []*graph.Node) []named {
	all := make([]named, len(nodes))
	for i, n := range nodes {
		all[i] = named{n.Name, n.Was}
	}
	return all
}

// statesAsNamed are the names of states.
func statesAsNamed(states []backend.State) []named {
	all := make([]named, len(states))
	for i, s := range states {
		all[i] = named{s.Name, s.Was}
	}
	return all
}
