package checkpoint

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/store"
)

// FormatVersion is the version of manifests and segments that this package writes.
const FormatVersion = 1

// Manifest is what a snapshot consists of. Writing it is what makes the snapshot complete.
type Manifest struct {
	Format         int        `json:"format"`
	Job            string     `json:"job"`
	Checkpoint     int64      `json:"checkpoint"`
	MaxParallelism int        `json:"maxParallelism"`
	Operators      []Operator `json:"operators"`
}

// Operator is one operator's part of a snapshot.
type Operator struct {
	Name    string          `json:"name"`
	Kind    graph.Kind      `json:"kind"`
	Key     string          `json:"key,omitempty"` // Go type
	States  []backend.State `json:"states,omitempty"`
	Files   []File          `json:"files,omitempty"`
	Entries []backend.Entry `json:"entries,omitempty"`
	Floors  []backend.Floor `json:"floors,omitempty"`
}

// File is a segment file, with the key groups that it has, half open.
type File struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	From  int    `json:"from"`
	To    int    `json:"to"`
}

// manifestName is where a checkpoint's manifest lies.
func manifestName(job string, id int64) string {
	return fmt.Sprintf("%s/chk-%010d/manifest.json", job, id)
}

// Read reads a manifest.
func Read(ctx context.Context, s store.Store, job string, id int64) (*Manifest, error) {
	name := manifestName(job, id)
	p, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	data, err := io.ReadAll(io.NewSectionReader(p, 0, p.Size()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, errCorrupt, err)
	}
	if m.Format != FormatVersion {
		return nil, fmt.Errorf("%s: format %d is not one that this version reads (%d)", name, m.Format, FormatVersion)
	}
	return &m, nil
}

// operator finds an operator by name.
func (m *Manifest) operator(name string) *Operator {
	for i := range m.Operators {
		if m.Operators[i].Name == name {
			return &m.Operators[i]
		}
	}
	return nil
}

// sort puts everything in an order that does not depend on which subtask was first.
func (m *Manifest) sort() {
	sort.Slice(m.Operators, func(i, j int) bool { return m.Operators[i].Name < m.Operators[j].Name })
	for _, o := range m.Operators {
		sort.Slice(o.Files, func(i, j int) bool { return o.Files[i].Name < o.Files[j].Name })
		sort.Slice(o.Floors, func(i, j int) bool { return o.Floors[i].From < o.Floors[j].From })
		slices.SortFunc(o.Entries, func(a, b backend.Entry) int {
			return cmp.Or(strings.Compare(a.State, b.State), strings.Compare(a.Key, b.Key), bytes.Compare(a.Value, b.Value))
		})
	}
}
