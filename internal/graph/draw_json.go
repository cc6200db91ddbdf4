package graph

import (
	"encoding/json"

	"leat.dev/leat/internal/backend"
)

// drawingVersion grows when a field of the drawing changes its meaning or goes; new fields leave it as it is.
const drawingVersion = 1

// The plan as JSON; what the fields mean is public, at leat.Plan.JSON.
type (
	drawing struct {
		Version        int            `json:"version"`
		Job            string         `json:"job"`
		Parallelism    int            `json:"parallelism"`
		MaxParallelism int            `json:"maxParallelism"`
		Tasks          []taskDrawing  `json:"tasks"`
		Operators      []*nodeDrawing `json:"operators"`
	}
	taskDrawing struct {
		ID          int   `json:"id"`
		Parallelism int   `json:"parallelism"`
		Operators   []int `json:"operators"`
	}
	nodeDrawing struct {
		ID          int            `json:"id"`
		Task        int            `json:"task"`
		Kind        Kind           `json:"kind"`
		Name        string         `json:"name"`
		Named       bool           `json:"named"`
		Place       string         `json:"place"`
		Parallelism int            `json:"parallelism"`
		Out         string         `json:"out,omitempty"`
		Key         string         `json:"key,omitempty"`
		Guarantee   string         `json:"guarantee,omitempty"`
		Settings    []string       `json:"settings,omitempty"`
		Inputs      []inputDrawing `json:"inputs,omitempty"`
		States      []stateDrawing `json:"states,omitempty"`
		Sides       []sideDrawing  `json:"sides,omitempty"`
		Rejects     string         `json:"rejects,omitempty"`
	}
	inputDrawing struct {
		From      int       `json:"from"`
		Side      string    `json:"side,omitempty"`
		Port      int       `json:"port"`
		Partition Partition `json:"partition"`
		Key       string    `json:"key,omitempty"`
		Chained   bool      `json:"chained"`
	}
	stateDrawing struct {
		Name string       `json:"name"`
		Kind string       `json:"kind"`
		Type string       `json:"type,omitempty"`
		Item string       `json:"item,omitempty"`
		Time string       `json:"time,omitempty"`
		Cold string       `json:"cold,omitempty"`
		TTL  *backend.TTL `json:"ttl,omitempty"`
	}
	sideDrawing struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
)

// JSON is the plan for programs: indented, in the order of the graph.
func (p *Plan) JSON() ([]byte, error) {
	d := drawing{
		Version: drawingVersion, Job: p.Graph.Job,
		Parallelism: p.Settings.Parallelism, MaxParallelism: p.Settings.MaxParallelism,
	}
	for _, t := range p.Tasks {
		task := taskDrawing{ID: t.ID, Parallelism: t.Parallelism}
		for _, n := range t.Nodes {
			task.Operators = append(task.Operators, n.ID)
		}
		d.Tasks = append(d.Tasks, task)
	}
	for _, n := range p.Graph.Nodes {
		d.Operators = append(d.Operators, p.drawNode(n))
	}
	return json.MarshalIndent(d, "", "  ")
}

func (p *Plan) drawNode(n *Node) *nodeDrawing {
	task := p.TaskOf[n]
	d := &nodeDrawing{
		ID: n.ID, Task: task.ID, Kind: n.Kind, Name: n.Name, Named: n.Named, Place: n.Place, Parallelism: task.Parallelism,
		Out: n.Out, Key: n.Key, Settings: n.Settings, Inputs: p.drawInputs(n), Rejects: n.Rejects,
	}
	if n.Guarantee != nil {
		d.Guarantee = n.Guarantee.String()
	}
	for _, s := range n.States {
		drawn := stateDrawing{Name: s.Name, Kind: string(s.Kind), Type: s.Type, Item: s.Item.Name, Time: s.Time, TTL: s.TTL}
		if s.Cold {
			drawn.Cold = p.Settings.ColdStore
		}
		d.States = append(d.States, drawn)
	}
	for _, s := range n.Sides {
		d.Sides = append(d.Sides, sideDrawing(s))
	}
	return d
}

// drawInputs takes the inputs as the plan has settled them: those of a task's head are its edges.
func (p *Plan) drawInputs(n *Node) (all []inputDrawing) {
	task := p.TaskOf[n]
	draw := func(in Input, chained bool) {
		all = append(all, inputDrawing{From: in.From.ID, Side: in.Side, Port: in.Port, Partition: in.Partition, Key: in.KeyType, Chained: chained})
	}
	if task.Nodes[0] == n {
		for _, e := range task.In {
			draw(e.Input, false)
		}
		return all
	}
	for _, in := range n.Inputs {
		draw(in, true)
	}
	return all
}
