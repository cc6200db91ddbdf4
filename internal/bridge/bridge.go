// Package bridge lets leattest reach the inside of a job, which the root package keeps to itself.
package bridge

import (
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/graph"
)

// Inside is what a job consists of.
type Inside struct {
	Graph    *graph.Graph
	Settings graph.Settings
	Budget   *heap.Budget
	Codecs   *codec.Set
}

// Of returns the inside of a *leat.Job. The root package sets it when it is loaded.
var Of func(job any) Inside
