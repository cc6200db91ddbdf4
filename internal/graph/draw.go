package graph

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"leat.dev/leat/internal/backend"
)

const (
	drawWidth = 100 // columns of a terminal
	nameWidth = 32  // a longer name has a line of its own
)

// Prints is the setting of a sink that writes to standard output, where a terminal may show progress too.
const Prints = "prints to standard output"

// Label is how drawings call a node: by its name, or by what it does if its author has not named it.
func (n *Node) Label() string {
	if n.Named {
		return n.Name
	}
	return string(n.Kind)
}

// String draws the plan as text for a terminal, task by task, at most 100 columns wide.
func (p *Plan) String() string {
	var b strings.Builder
	subtasks := 0
	rows := make([][]row, len(p.Tasks))
	for i, t := range p.Tasks {
		subtasks += t.Parallelism
		rows[i] = t.rows(p.Settings.ColdStore)
	}
	fmt.Fprintf(&b, "job %s: %s, %s, parallelism %d, max parallelism %d\n", p.Graph.Job,
		count(len(p.Tasks), "task"), count(subtasks, "subtask"), p.Settings.Parallelism, p.Settings.MaxParallelism)
	columns := widths(rows)
	for i, t := range p.Tasks {
		fmt.Fprintf(&b, "\ntask %d, %s\n", t.ID, count(t.Parallelism, "subtask"))
		for _, r := range rows[i] {
			r.write(&b, columns)
		}
	}
	return b.String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// row is a line of a drawing: what it is, what it is called, and what there is to say of it.
type row struct{ kind, name, detail string }

func (t *Task) rows(cold string) []row {
	var rows []row
	for _, e := range t.In {
		rows = append(rows, row{fmt.Sprintf("← task %d", e.From.ID), e.Input.From.Label(), e.describe(e.To)})
	}
	for i, n := range t.Nodes {
		r := row{string(n.Kind), "", n.detail()}
		if n.Named {
			r.name = n.Name
		}
		if i > 0 {
			r.detail = join(behind(n, t.Nodes[i-1]), r.detail)
		}
		rows = append(append(rows, r), n.parts(cold)...)
	}
	return rows
}

// behind says where a chained node's input comes from, if that is not what the line above is about.
func behind(n, above *Node) string {
	in := n.Inputs[0]
	switch {
	case in.Side != "":
		return fmt.Sprintf("← %s, side output %s;", in.From.Label(), in.Side)
	case in.From != above:
		return "← " + in.From.Label() + ";"
	}
	return ""
}

// describe says in words what an edge carries, and how it deals that out.
func (in Input) describe(to *Node) string {
	words := string(in.Partition)
	switch in.Partition {
	case Hash:
		words = "by key " + shortType(in.KeyType)
	case Global:
		words = "all to one subtask"
	}
	if in.Side != "" {
		words = "side output " + in.Side + ", " + words
	}
	if to.ports() > 1 {
		words += fmt.Sprintf(", input %d", in.Port+1)
	}
	return words
}

// ports is how many inputs the operator tells apart.
func (n *Node) ports() int {
	ports := 1
	for _, in := range n.Inputs {
		ports = max(ports, in.Port+1)
	}
	return ports
}

// detail says what a node makes of what.
func (n *Node) detail() string {
	var words []string
	if n.Key != "" && !n.global() {
		words = append(words, "key "+shortType(n.Key))
	}
	if n.Out != "" {
		words = append(words, "→ "+shortType(n.Out))
	}
	if n.Guarantee != nil {
		words = append(words, n.Guarantee.String())
	}
	return strings.Join(words, " ")
}

// global says whether the node's only key is the one that the engine has made up.
func (n *Node) global() bool {
	for _, in := range n.Inputs {
		if in.Partition == Global {
			return true
		}
	}
	return false
}

// parts are the settings, states, timers and side outputs of a node. Cold is where states go that memory has no room for.
func (n *Node) parts(cold string) []row {
	var rows []row
	if len(n.Settings) > 0 {
		rows = append(rows, row{"", "", strings.Join(n.Settings, ", ")})
	}
	for _, s := range n.States {
		rows = append(rows, row{"  " + stateWord(s), s.Name, stateDetail(s) + beyond(s, cold)})
	}
	for _, s := range n.Sides {
		rows = append(rows, row{"  side output", s.Name, "→ " + shortType(s.Type)})
	}
	return rows
}

// stateWord is the kind of a state as its author called it.
func stateWord(s backend.State) string {
	if s.Kind == backend.Operator {
		return "operator list"
	}
	return string(s.Kind)
}

// beyond says where a state goes beside memory.
func beyond(s backend.State, cold string) string {
	if !s.Cold || cold == "" {
		return ""
	}
	return ", " + cold
}

func stateDetail(s backend.State) string {
	if s.TTL != nil {
		return stateContent(s) + ", " + s.TTL.String()
	}
	return stateContent(s)
}

func stateContent(s backend.State) string {
	switch s.Kind {
	case backend.Timer:
		return s.Time + " time"
	case backend.Timers:
		return fmt.Sprintf("%s time, one for each %s", s.Time, shortType(s.Item.Name))
	case backend.Map, backend.Ordered:
		return shortType(s.Item.Name) + " → " + shortType(s.Type)
	}
	return shortType(s.Type)
}

var (
	importPath = regexp.MustCompile(`(?:[\w.~-]+/)+`)
	localType  = regexp.MustCompile(`·\d+`)
)

// shortType is a Go type as its author writes it: reflect gives type arguments with their whole import paths.
func shortType(t string) string {
	t = localType.ReplaceAllString(importPath.ReplaceAllString(t, ""), "")
	return strings.ReplaceAll(strings.ReplaceAll(t, ",", ", "), "interface {}", "any")
}

// widths are the widths of the first two columns.
func widths(tasks [][]row) (w [2]int) {
	for _, rows := range tasks {
		for _, r := range rows {
			w[0] = max(w[0], utf8.RuneCountInString(r.kind))
			if n := utf8.RuneCountInString(r.name); n <= nameWidth {
				w[1] = max(w[1], n)
			}
		}
	}
	return w
}

func (r row) write(b *strings.Builder, columns [2]int) {
	indent := strings.Repeat(" ", 2+columns[0]+2+columns[1]+2)
	left := fmt.Sprintf("  %-*s  %-*s  ", columns[0], r.kind, columns[1], r.name)
	detail := wrap(r.detail, drawWidth-utf8.RuneCountInString(indent))
	if utf8.RuneCountInString(left) > len(indent) && len(detail) > 0 {
		fmt.Fprintln(b, clip(strings.TrimRight(left, " "), drawWidth))
		left = indent
	}
	if len(detail) == 0 {
		detail = []string{""}
	}
	for _, line := range detail {
		fmt.Fprintln(b, clip(strings.TrimRight(left+line, " "), drawWidth))
		left = indent
	}
}

// wrap breaks a text into lines at its spaces; a longer word is cut off.
func wrap(text string, width int) (lines []string) {
	for _, word := range strings.Fields(text) {
		word = clip(word, width)
		if last := len(lines) - 1; last >= 0 && utf8.RuneCountInString(lines[last])+1+utf8.RuneCountInString(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

func clip(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

func join(a, b string) string { return strings.TrimSpace(a + " " + b) }
