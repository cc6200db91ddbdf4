// Package graph has a job as its author wrote it, nodes and edges, and the plan that is made of it: names checked,
// parallelism settled, operators chained into tasks. Element types are erased: each node carries functions that know them.
package graph

import (
	"context"

	"leat.dev/leat/codec"
	"leat.dev/leat/connector"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/flow"
)

// Kind is what a node does.
type Kind string

// The kinds of nodes.
const (
	Source    Kind = "source"
	EventTime Kind = "event time"
	Map       Kind = "map"
	TryMap    Kind = "try map"
	FlatMap   Kind = "flat map"
	Filter    Kind = "filter"
	Process   Kind = "process"
	Keyed     Kind = "keyed process"
	Window    Kind = "window"
	Join      Kind = "join"
	Sink      Kind = "sink"
)

// Partition says how an edge deals records out to the subtasks of the receiver.
type Partition string

// The partitions.
const (
	Forward   Partition = "forward"   // to the subtask with the same number; chained where it can be
	Rebalance Partition = "rebalance" // evenly, round and round
	Hash      Partition = "hash"      // by key group
	Global    Partition = "global"    // all to one subtask, under one key
)

// Node is an operator of a job.
type Node struct {
	ID    int
	Kind  Kind
	Name  string
	Named bool   // the name was given by the author, and must be the only one of its kind
	Place string // file and line of the verb, for errors
	// Inputs are the edges that lead here. A node with several of them on one port takes the union.
	Inputs      []Input
	Ports       int // inputs that the operator tells apart
	Parallelism int // 0: the job's
	Unchained   bool
	ExactlyOnce bool         // of a sink: asked for
	Rejects     string       // the side output for what can't be read or parsed; "" fails the job
	Out         string       // Go type of what comes out; "" for sinks
	Key         string       // Go type of the key, for keyed operators
	KeySchema   codec.Schema // of the key's canonical bytes; filled in by the plan
	Was         []string     // the names that it had in earlier versions of the job
	Sides       []Side
	States      []backend.State      // filled in by the plan, from a dry run of the constructor
	Guarantee   *connector.Guarantee // of a sink
	Settings    []string             // in words, such as the windows
	// Check finds out whether the node can run: types that can't be encoded, settings without meaning. It also fills
	// States, KeySchema, Sides and Guarantee. It is called once a plan, with an environment in which nothing is done.
	Check func(env *flow.Env) error
	// Source is the *connector.Source of a source, so that a test can put another in its place.
	Source any
	// Enumerate lists the splits of a source, once an attempt.
	Enumerate func(ctx context.Context) ([]connector.Split, error)
	// Recover settles what earlier attempts of an exactly-once sink have prepared, before the writers are opened.
	Recover func(ctx context.Context, a Attempt, committables [][]byte) error
	// Make makes the operator of one subtask.
	Make func(env *flow.Env) (Made, error)
}

// Attempt is what a sink knows of the attempt that is to begin.
type Attempt struct {
	Number   int64 // grows from attempt to attempt of the job, in all processes
	Restored bool  // it goes on from a snapshot
}

// Side is a side output.
type Side struct{ Name, Type string }

// Input is an edge.
type Input struct {
	From      *Node
	Side      string // of the sender; "" is the main output
	SideType  string // what the receiver takes it for
	Port      int    // of the receiver
	Partition Partition
	// KeyType is the Go type of the key of a Hash edge.
	KeyType string
	// Encodable says whether the edge's type can be encoded, as it must be where the edge crosses from task to task.
	Encodable func() error
	// Sender makes the sending end of the edge for one subtask of the sender: a flow.Receiver of the edge's type that
	// is an exchange.Sender too.
	Sender func(env *flow.Env, to []*exchange.Channel) exchange.Sender
}

// Made is the operator of one subtask, its types erased.
type Made struct {
	Operator any // see internal/runtime for the facets that it may have
	Ports    []Port
	Outs     map[string]flow.Outlet // by side output; "" is the main one
}

// Port is an input of an operator.
type Port struct {
	// Receiver is what a chained sender attaches: a flow.Receiver of the port's type; nil where only exchanges lead here.
	Receiver any
	// Deliver takes the payload of a message.
	Deliver func(payload any)
	flow.Signals
}

// Graph is a job's nodes in the order in which they were made: inputs come before what they feed.
type Graph struct {
	Job   string
	Nodes []*Node
	Errs  []error // mistakes that were seen while the graph was built
}

// Add gives a node its number and takes it in.
func (g *Graph) Add(n *Node) *Node {
	n.ID = len(g.Nodes)
	g.Nodes = append(g.Nodes, n)
	return n
}
