package leat

import "leat.dev/leat/internal/graph"

// Plan is a checked job: its tasks with their operators, what goes from task to task and how, states and timers with
// their types, windows, side outputs, and what each sink guarantees.
type Plan struct{ plan *graph.Plan }

// String draws the plan as text for a terminal, at most 100 columns wide. Operators without a name are shown by their
// kind, types without their import path.
func (p *Plan) String() string { return p.plan.String() }

// DOT draws the plan for Graphviz, with a cluster for each task:
//
//	fraud plan --format dot | dot -Tsvg > plan.svg
func (p *Plan) DOT() string { return p.plan.DOT() }

// JSON is the plan for programs. Later versions may add fields; those that are here keep their meaning while version is
// 1. Fields that would be empty are left out, except where a number or a boolean says something.
//
//	version           of this format: 1
//	job               the job's name
//	parallelism       of operators that don't ask for their own
//	maxParallelism    the number of key groups
//	tasks             senders before receivers; each has
//	  id              from 0
//	  parallelism     its number of subtasks
//	  operators       ids of the operators that run as one, in order
//	operators         in the order in which the job was written; each has
//	  id              from 0
//	  task            id of the task that it runs in
//	  kind            source, event time, map, try map, flat map, filter, process, keyed process, window, join or sink
//	  name, named     its name, and whether the author gave it: other names may change
//	  place           file and line in the job
//	  parallelism     its number of subtasks
//	  out             Go type of the records that it makes, as reflect writes it; sinks have none
//	  key             Go type of its key, for operators with state by key
//	  guarantee       at least once or exactly once, for sinks
//	  settings        in words, such as the windows
//	  inputs          each has
//	    from          id of the sender
//	    side          the sender's side output; none: its main output
//	    port          which of the operator's inputs, from 0
//	    partition     forward, rebalance, hash (by key group) or global (all to one subtask)
//	    key           Go type of the key, for hash and global
//	    chained       whether sender and receiver run in one task, so that records are handed over by a call
//	  states          states and timers; each has
//	    name          unique within the operator
//	    kind          value, list, map, ordered, reducing, aggregating, timer, timers, slices, sessions or operator
//	    type          Go type of the values (of the accumulator, where it aggregates)
//	    item          Go type of the keys of a map or ordered map, or of the items of timers
//	    time          event or processing, for timers
//	    cold          what it goes to where memory has no room for it, such as a hash log
//	    ttl           of states that expire: after (nanoseconds), time (event or processing), onRead, visible
//	  sides           side outputs; each has name and type
//	  rejects         the side output for input that is no record
func (p *Plan) JSON() ([]byte, error) { return p.plan.JSON() }
