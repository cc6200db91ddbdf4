package graph

import (
	"fmt"
	"strings"
)

// DOT draws the plan for Graphviz: a cluster for each task, a box for each operator.
func (p *Plan) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", quote(p.Graph.Job))
	b.WriteString("  rankdir=LR;\n  fontname=\"sans-serif\";\n  style=\"rounded\";\n")
	b.WriteString("  node [shape=box, style=\"rounded\", fontname=\"sans-serif\", fontsize=11];\n")
	b.WriteString("  edge [fontname=\"sans-serif\", fontsize=10];\n")
	for _, t := range p.Tasks {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%s;\n", t.ID, quote(fmt.Sprintf("task %d × %d", t.ID, t.Parallelism)))
		for _, n := range t.Nodes {
			fmt.Fprintf(&b, "    n%d [label=%s];\n", n.ID, quote(n.box(p.Settings.ColdStore)))
		}
		b.WriteString("  }\n")
	}
	for _, t := range p.Tasks {
		p.arrows(&b, t)
	}
	b.WriteString("}\n")
	return b.String()
}

// arrows are a task's edges: thin within its chain, bold where records go from task to task.
func (p *Plan) arrows(b *strings.Builder, t *Task) {
	for _, e := range t.In {
		fmt.Fprintf(b, "  n%d -> n%d [style=bold, label=%s];\n", e.Input.From.ID, e.To.ID, quote(e.describe(e.To)))
	}
	for _, n := range t.Nodes[1:] {
		in := n.Inputs[0]
		label := ""
		if in.Side != "" {
			label = fmt.Sprintf(" [label=%s]", quote("side output "+in.Side))
		}
		fmt.Fprintf(b, "  n%d -> n%d%s;\n", in.From.ID, n.ID, label)
	}
}

// box is the text of a node's box.
func (n *Node) box(cold string) string {
	lines := []string{string(n.Kind)}
	if n.Named {
		lines = []string{n.Name, string(n.Kind)}
	}
	if d := n.detail(); d != "" {
		lines = append(lines, d)
	}
	for _, r := range n.parts(cold) {
		lines = append(lines, join(strings.TrimSpace(r.kind)+" "+r.name, r.detail))
	}
	return strings.Join(lines, "\n")
}

// quote writes a string in DOT's quotes, its lines one below the other.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
