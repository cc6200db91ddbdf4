package graph

import (
	"strings"
	"testing"

	"leat.dev/leat/internal/backend"
)

func TestAliases(t *testing.T) {
	for name, c := range map[string]struct {
		make func(b *builder)
		want string
	}{
		"clear": {func(b *builder) {
			b.add(Source, "new", "int").Was = []string{"old", "older"}
			b.add(Source, "other", "int").Was = []string{"another"}
		}, ""},
		"claimed twice": {func(b *builder) {
			b.add(Source, "a", "int").Was = []string{"old"}
			b.add(Source, "b", "int").Was = []string{"old"}
		}, `both operator a and operator b say Was("old")`},
		"a name of now": {func(b *builder) {
			b.add(Source, "a", "int").Was = []string{"b"}
			b.add(Source, "b", "int")
		}, `Was("b") of operator a names operator b, which the job has now`},
		"its own name": {func(b *builder) { b.add(Source, "a", "int").Was = []string{"a"} }, "Was of operator a has its own name"},
		"no name":      {func(b *builder) { b.add(Source, "a", "int").Was = []string{""} }, "Was of operator a has an empty name"},
		"states claim one twice": {func(b *builder) {
			b.add(Keyed, "a", "int").States = []backend.State{{Name: "x", Was: []string{"z"}}, {Name: "y", Was: []string{"z"}}}
		}, `keyed process a at jobs/fraud.go:12: both state x and state y say Was("z")`},
		"a state of now": {func(b *builder) {
			b.add(Keyed, "a", "int").States = []backend.State{{Name: "x", Was: []string{"y"}}, {Name: "y"}}
		}, `Was("y") of state x names state y`},
	} {
		t.Run(name, func(t *testing.T) {
			b := &builder{Graph{Job: "fraud"}}
			c.make(b)
			_, err := New(&b.Graph, settings)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
