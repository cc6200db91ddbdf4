package leat

import "leat.dev/leat/internal/graph"

// Plan is a checked job: operators, chains, states, guarantees.
type Plan struct{ plan *graph.Plan }
