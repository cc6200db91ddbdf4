package joining

import (
	"fmt"
	"slices"
	"testing"

	"leat.dev/leat/window"
)

// TestUnequalSides joins many records of one side with few of the other, most of which have no partner, in windows that overlap:
// straight, and restored in the middle of a window that fires.
func TestUnequalSides(t *testing.T) {
	for _, kind := range []string{"inner", "left", "right", "full", "anti"} {
		for _, many := range []bool{false, true} { // which side has many
			t.Run(fmt.Sprint(kind, many), func(t *testing.T) {
				s := settings{by: "window", kind: kind, windows: window.Sliding(2000, 1000), groups: 8}
				c, m := newCluster(t, s, 1), (*model)(nil)
				m = newModel(s, c.groupOf)
				for id := range 3000 {
					e := event{second: many, key: fmt.Sprint("k", id%2500), at: int64(id), id: id}
					m.receive(e)
					c.receive(e)
					if id%700 == 0 {
						e.second, e.id = !many, -id
						m.receive(e)
						c.receive(e)
					}
				}
				for g := range m.reach {
					m.advance(g, 3999)
				}
				var cut *saved
				var had []string
				steps := 0
				c.advance(3999, 20, func() {
					if steps++; steps == 5 {
						cut, had = c.snapshot(true), slices.Clone(c.out)
					}
				})
				compareOut(t, c, m.out)
				if err := cut.wait(); err != nil {
					t.Fatal(err)
				}
				c.restore(cut, 2)
				c.advance(3999, 20, func() {})
				c.out = append(c.out, had...)
				compareOut(t, c, m.out)
			})
		}
	}
}

func compareOut(t *testing.T, c *cluster, want []string) {
	t.Helper()
	out, _ := c.taken()
	slices.Sort(want)
	if !slices.Equal(out, want) {
		t.Errorf("%d results, want %d", len(out), len(want))
	}
	if problem := c.check(); problem != "" {
		t.Error(problem)
	}
}
