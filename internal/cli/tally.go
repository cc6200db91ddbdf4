package cli

import (
	"strconv"
	"time"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/metrics"
)

// tally is the numbers of a job at one moment.
type tally struct {
	in, out, late, rejected int64
	operators               []*operator
}

// operator is the numbers of an operator's subtasks together.
type operator struct {
	node                    *graph.Node
	subtasks                int
	in, out, late, rejected int64
	watermark               int64 // the least of its subtasks'; flow.NoTime if one of them has none yet
}

// tallyOf adds up what the subtasks have counted, operator by operator in the order of the graph.
func tallyOf(g *graph.Graph, m *metrics.Job) tally {
	var t tally
	byName := map[string]*operator{}
	for _, n := range g.Nodes {
		o := &operator{node: n, watermark: flow.EndTime}
		byName[n.Name] = o
		t.operators = append(t.operators, o)
	}
	for _, s := range m.Subtasks() {
		if o := byName[s.Operator]; o != nil {
			o.add(s)
		}
	}
	for _, o := range t.operators {
		t.late += o.late
		t.rejected += o.rejected
		switch o.node.Kind {
		case graph.Source:
			t.in += o.in
		case graph.Sink:
			t.out += o.out
		}
	}
	return t
}

func (o *operator) add(s *metrics.Subtask) {
	o.subtasks++
	o.in += s.In.Load()
	o.out += s.Out.Load()
	o.late += s.Late.Load()
	o.rejected += s.Rejected.Load()
	at := s.Watermark.Load()
	if at == flow.NoTime && s.In.Load() == 0 {
		return // it has nothing to do, and so holds nothing back
	}
	o.watermark = min(o.watermark, at)
}

// watermark is how far event time has come in all that is written: the least of the sinks'.
func (t tally) watermark() (at time.Time, ok bool) {
	least := flow.EndTime
	for _, o := range t.operators {
		if o.node.Kind == graph.Sink && o.watermark != flow.NoTime {
			least = min(least, o.watermark)
		}
	}
	return time.Unix(0, least).UTC(), least != flow.EndTime
}

// losses are the records that have not gone their way, if there are any.
func (t tally) losses() (fields []string) {
	if t.rejected > 0 {
		fields = append(fields, "rejected "+thousands(t.rejected))
	}
	if t.late > 0 {
		fields = append(fields, "late "+thousands(t.late))
	}
	return fields
}

// table has a line for each operator; late and rejected records have a column if there are any.
func (t tally) table() string {
	rows := [][]string{t.row("operator", "subtasks", "in", "out", "rejected", "late")}
	for _, o := range t.operators {
		rows = append(rows, t.row(o.node.Name, strconv.Itoa(o.subtasks), thousands(o.in), thousands(o.out),
			thousands(o.rejected), thousands(o.late)))
	}
	return align(rows)
}

func (t tally) row(operator, subtasks, in, out, rejected, late string) []string {
	cells := []string{operator, subtasks, in, out}
	if t.rejected > 0 {
		cells = append(cells, rejected)
	}
	if t.late > 0 {
		cells = append(cells, late)
	}
	return cells
}
