package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/inspect"
)

// grid writes rows of cells as a table; the columns whose numbers are given are to the right.
func grid(rows [][]string, right ...int) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		writeLine(&b, row, widths, right)
	}
	return b.String()
}

func writeLine(b *strings.Builder, row []string, widths, right []int) {
	line := ""
	for i, cell := range row {
		pad := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
		if slices.Contains(right, i) {
			cell = pad + cell
		} else {
			cell += pad
		}
		if i > 0 {
			line += "  "
		}
		line += cell
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// bytesText writes a size in three or four digits: 950 B, 12.3 kB, 4.56 MB.
func bytesText(n int64) string {
	size, unit := float64(n), 0
	for size >= 999.5 && unit < 4 {
		size /= 1000
		unit++
	}
	name := [...]string{"B", "kB", "MB", "GB", "TB"}[unit]
	switch {
	case unit == 0 || size >= 99.95:
		return fmt.Sprintf("%.0f %s", size, name)
	case size >= 9.995:
		return fmt.Sprintf("%.1f %s", size, name)
	}
	return fmt.Sprintf("%.2f %s", size, name)
}

func snapshotKind(savepoint bool) string {
	if savepoint {
		return "savepoint"
	}
	return "checkpoint"
}

// listText is a line for each snapshot, and what is wrong with those that can't be read.
func listText(all []inspect.Summary, now time.Time) string {
	rows := [][]string{{"JOB", "SNAPSHOT", "TAKEN", "AGE", "SIZE", "ENTRIES", "PARALLELISM", "PLACE"}}
	var wrong strings.Builder
	for _, s := range all {
		if s.Err != nil {
			fmt.Fprintf(&wrong, "%s can't be read: %v\n", s.Place, s.Err)
			continue
		}
		what := fmt.Sprintf("%s %d", snapshotKind(s.Savepoint), s.Checkpoint)
		if s.PointsTo != "" {
			what = fmt.Sprintf("stands for savepoint %d", s.Checkpoint)
		}
		if s.Newest {
			what += " (newest)"
		}
		rows = append(rows, []string{
			s.Job, what, s.Taken.UTC().Format(time.DateTime), elapsed(max(0, now.Sub(s.Taken))), bytesText(s.Bytes),
			thousands(s.Entries), fmt.Sprint(s.Parallelism), s.Place,
		})
	}
	text := ""
	if len(rows) > 1 {
		text = grid(rows, 3, 4, 5, 6)
	}
	return text + wrong.String()
}

// showText is all of a snapshot but its entries.
func showText(ctx context.Context, s *inspect.Snapshot, now time.Time) (string, error) {
	states, err := s.States(ctx)
	if err != nil {
		return "", err
	}
	m := s.Manifest
	var b strings.Builder
	files, size := 0, int64(0)
	for _, o := range m.Operators {
		for _, f := range o.AllFiles() {
			files, size = files+1, size+f.Bytes
		}
	}
	head := [][]string{
		{"job", m.Job},
		{"snapshot", nameText(m)},
		{"taken", fmt.Sprintf("%s UTC, %s ago", m.Taken.UTC().Format(time.DateTime), elapsed(max(0, now.Sub(m.Taken))))},
		{"key groups", fmt.Sprint(m.MaxParallelism)},
		{"files", fmt.Sprintf("%d, %s", files, bytesText(size))},
	}
	b.WriteString(grid(head))
	b.WriteString("\n" + operatorsText(m))
	if text := statesText(states); text != "" {
		b.WriteString("\n" + text)
	}
	for i := range states {
		if states[i].Kind == inspect.Splits {
			text, err := splitsText(ctx, s, &states[i])
			if err != nil {
				return "", err
			}
			b.WriteString("\n" + text)
		}
	}
	return b.String(), nil
}

// nameText says which snapshot it is.
func nameText(m *checkpoint.Manifest) string {
	switch {
	case m.ID == "":
		return fmt.Sprintf("checkpoint %d, manifest %d, attempt %d", m.Checkpoint, m.Sequence, m.Epoch)
	case m.Place != "":
		return fmt.Sprintf("savepoint %s at %s, manifest %d", m.ID, m.Place, m.Sequence)
	}
	return fmt.Sprintf("savepoint %s, checkpoint %d", m.ID, m.Checkpoint)
}

func operatorsText(m *checkpoint.Manifest) string {
	rows := [][]string{{"OPERATOR", "KIND", "KEY", "FILES", "WATERMARK", "COMMITTABLES"}}
	for _, o := range m.Operators {
		committables := ""
		if len(o.Committables) > 0 {
			size := 0
			for _, c := range o.Committables {
				size += len(c.Data)
			}
			committables = fmt.Sprintf("%d, %s", len(o.Committables), bytesText(int64(size)))
		}
		files := ""
		if all := o.AllFiles(); len(all) > 0 {
			files = fmt.Sprint(len(all))
		}
		rows = append(rows, []string{o.Name, string(o.Kind), o.Key, files, floorsText(o.Floors), committables})
	}
	return grid(rows, 3)
}

// floorsText is how far event time had come: the least and the most, if they differ.
func floorsText(floors []backend.Floor) string {
	if len(floors) == 0 {
		return ""
	}
	least, most, firing := int64(math.MaxInt64), int64(math.MinInt64), false
	for _, f := range floors {
		least, most, firing = min(least, f.Watermark), max(most, f.Watermark), firing || f.Firing
	}
	text := timeText(least)
	if least != most {
		text += " to " + timeText(most)
	}
	if firing {
		text += ", firing"
	}
	return text
}

func timeText(at int64) string {
	switch at {
	case math.MinInt64:
		return "none"
	case math.MaxInt64:
		return inspect.EndOfTime
	}
	return time.Unix(0, at).UTC().Format(time.RFC3339Nano)
}

// entriesText is how many entries a state has; of one that lies in differences, the most that there may be.
func entriesText(s *inspect.State) string {
	if s.Differs {
		return "up to " + thousands(s.Entries)
	}
	return thousands(s.Entries)
}

func statesText(states []inspect.State) string {
	rows := [][]string{{"STATE", "KIND", "TYPE", "ENTRIES", "SIZE", "KEY GROUPS"}}
	for _, s := range states {
		groups := ""
		if s.Keyed() {
			groups = fmt.Sprint(s.Groups)
		}
		rows = append(rows, []string{s.Path(), kindText(&s), typeText(&s), entriesText(&s), bytesText(s.Bytes), groups})
	}
	if len(rows) == 1 {
		return ""
	}
	return grid(rows, 3, 4, 5)
}

// kindText is the kind, and of timers which time they go by.
func kindText(s *inspect.State) string {
	if s.Kind == backend.Timer || s.Kind == backend.Timers {
		return s.Time + " " + string(s.Kind)
	}
	return string(s.Kind)
}

// typeText is the type of the values, and of windows what they are by.
func typeText(s *inspect.State) string {
	if s.Kind == backend.Slices {
		return s.Item.Name + " → " + s.Type
	}
	return s.Type
}

// splitsText is where a source stands.
func splitsText(ctx context.Context, s *inspect.Snapshot, state *inspect.State) (string, error) {
	t, err := s.Table(state)
	if err != nil {
		return "", err
	}
	rows := [][]string{{"SPLIT OF " + strings.ToUpper(state.Operator), "POSITION"}}
	err = t.Rows(ctx, nil, func(row []any) error {
		position := cmp.Or(inspect.Text(row[2]), "at its beginning")
		if row[1] == true {
			position = "finished"
		}
		rows = append(rows, []string{inspect.Text(row[0]), position})
		return nil
	})
	return grid(rows), err
}

// diffText is a line for each state that differs, and the entries that are to be shown.
func diffText(changes []inspect.Change, shown map[string][]inspect.Difference) string {
	rows := [][]string{{"STATE", "KIND", "ADDED", "REMOVED", "CHANGED", "EQUAL", ""}}
	same := 0
	for _, c := range changes {
		if c.Same() {
			same++
			continue
		}
		rows = append(rows, []string{c.Path, string(c.Kind), thousands(c.Added), thousands(c.Removed), thousands(c.Changed), thousands(c.Equal), c.Note})
	}
	if len(rows) == 1 {
		return "the snapshots are the same\n"
	}
	var b strings.Builder
	b.WriteString(grid(rows, 2, 3, 4, 5))
	if same > 0 {
		fmt.Fprintf(&b, "%d other states are the same\n", same)
	}
	for _, c := range changes {
		if len(shown[c.Path]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", c.Path)
		for _, e := range shown[c.Path] {
			entryText(&b, "- ", e.Columns, e.Was)
			entryText(&b, "+ ", e.Columns, e.Is)
		}
	}
	return b.String()
}

func entryText(b *strings.Builder, mark string, columns []inspect.Column, rows [][]any) {
	for _, row := range rows {
		b.WriteString(mark)
		for i, v := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			fmt.Fprintf(b, "%s %s", columns[i].Name, inspect.Text(v))
		}
		b.WriteString("\n")
	}
}

func verdictText(v *inspect.Verdict) string {
	text := v.String()
	if len(v.Damage) == 0 {
		text = fmt.Sprintf("whole: %d files, %s, %s entries\n", v.Files, bytesText(v.Bytes), thousands(v.Entries))
	}
	if len(v.Unread) > 0 {
		text += fmt.Sprintf("only the codecs of the job's own know what is in: %s\n", strings.Join(v.Unread, ", "))
	}
	return text
}

// rowPrinter prints the rows of a state.
type rowPrinter interface {
	row(row []any) error
	end() error
}

type jsonPrinter struct {
	table *inspect.Table
	to    io.Writer
	line  []byte
}

func (p *jsonPrinter) row(row []any) error {
	p.line = append(p.table.JSON(p.line[:0], row), '\n')
	_, err := p.to.Write(p.line)
	return err
}

func (p *jsonPrinter) end() error { return nil }

// tablePrinter prints a table whose columns are as wide as its first rows need.
type tablePrinter struct {
	to     io.Writer
	rows   [][]string
	right  []int
	widths []int
}

// heldRows is how many rows decide about the widths.
const heldRows = 200

func newTablePrinter(t *inspect.Table, to io.Writer) *tablePrinter {
	p := &tablePrinter{to: to}
	var header []string
	for i, c := range t.Columns {
		header = append(header, strings.ToUpper(c.Name))
		if isNumber(c) {
			p.right = append(p.right, i)
		}
	}
	p.rows = [][]string{header}
	return p
}

func isNumber(c inspect.Column) bool {
	kind := c.Kind
	if kind == "value" && c.Known {
		kind = c.Layout.Kind()
	}
	return strings.Contains(kind, "int") && kind != "pointer" || strings.HasPrefix(kind, "float")
}

func (p *tablePrinter) row(row []any) error {
	cells := make([]string, len(row))
	for i, v := range row {
		cells[i] = inspect.Text(v)
	}
	p.rows = append(p.rows, cells)
	if len(p.rows) < heldRows {
		return nil
	}
	return p.end()
}

func (p *tablePrinter) end() error {
	if p.widths == nil {
		p.widths = make([]int, len(p.rows[0]))
		for _, row := range p.rows {
			for i, cell := range row {
				p.widths[i] = max(p.widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	var b strings.Builder
	for _, row := range p.rows {
		writeLine(&b, row, p.widths, p.right)
	}
	p.rows = p.rows[:0]
	_, err := io.WriteString(p.to, b.String())
	return err
}
