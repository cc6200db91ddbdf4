package graph

import "testing"

// State is found by an operator's name, so one that was made for an operator must not be an author's for another.
func TestNamesThatNobodyGaveAreDistinct(t *testing.T) {
	g := &Graph{Job: "j"}
	g.Add(&Node{Kind: Map, Name: "map-1"})
	g.Add(&Node{Kind: Keyed, Name: "map-1", Named: true})
	g.Add(&Node{Kind: Map, Name: "map-1"})
	g.Add(&Node{Kind: Keyed, Name: "map-1 (2)", Named: true})
	distinguish(g)
	distinguish(g) // a job is planned several times
	for i, want := range []string{"map-1 (3)", "map-1", "map-1 (4)", "map-1 (2)"} {
		if got := g.Nodes[i].Name; got != want {
			t.Errorf("node %d is called %q, not %q", i, got, want)
		}
	}
}
