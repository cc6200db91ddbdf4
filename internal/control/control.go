// Package control is how commands reach a running job: HTTP with JSON over a unix socket that only the job's user can
// open. It has no listener on a network.
//
//	GET  /v1/job                                                   → Status
//	POST /v1/savepoint  {"to": "/var/savepoints"}                  → {"place": "…"}
//	POST /v1/stop       {"drain": true, "savepoint": "/var/…"}     → {"place": "…"}
//	GET  /v1/state                                                 → []KeyedState
//	POST /v1/state      {"state": "detect/last", "keys": ["a-17"]} → StateAnswer
//
// An error is a status of 400 or more and {"error": "…"}. A savepoint or stop that was asked for goes on when the client
// goes away: half of a savepoint is of no use to anybody, and the job logs where the whole of it lies.
package control

import (
	"context"
	"encoding/json"
	"time"
)

// Job is a running job as its socket serves it.
type Job interface {
	Status() Status
	// Savepoint takes a savepoint below the folder or store that to names, and returns its place.
	Savepoint(ctx context.Context, to string) (place string, err error)
	// StopWithSavepoint takes one, commits all output up to it, ends the job and waits for its end.
	StopWithSavepoint(ctx context.Context, to string, drain bool) (place string, err error)
	// Stop ends the job and waits for its end.
	Stop(ctx context.Context, drain bool) error
	// States lists what can be read.
	States(ctx context.Context) ([]KeyedState, error)
	// State reads what keys have in a state.
	State(ctx context.Context, asked StateRequest) (StateAnswer, error)
}

// State is what a job's process is at.
type State string

// The states. A job is waiting between two attempts, and while it stands by.
const (
	Starting State = "starting"
	Waiting  State = "waiting"
	Running  State = "running"
	Stopping State = "stopping"
)

// Status is how a running job is.
type Status struct {
	Job     string    `json:"job"`
	PID     int       `json:"pid"`
	State   State     `json:"state"`
	Started time.Time `json:"started"`
	// Attempt grows with each restart, also from process to process; 0: the job takes no checkpoints.
	Attempt int64 `json:"attempt"`
	// Checkpoint is the newest complete one that this process knows of.
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	// In is what the sources have read and Out what the sinks have written, both in records of this attempt.
	In       int64 `json:"in"`
	Out      int64 `json:"out"`
	Late     int64 `json:"late"`
	Rejected int64 `json:"rejected"`
	// Watermark is how far event time has come in all that is written.
	Watermark *time.Time `json:"watermark,omitempty"`
	// Memory is the numbers of the process's state.
	Memory    *Memory    `json:"memory,omitempty"`
	Operators []Operator `json:"operators"`
}

// Memory is the numbers of a process's state: of this attempt, and as they are.
type Memory struct {
	// Used is how many bytes of memory state takes up, of Limit; 0: there is no bound. Copies are those of Used that snapshots need.
	Used   int64 `json:"usedBytes"`
	Limit  int64 `json:"limitBytes,omitempty"`
	Copies int64 `json:"copyBytes,omitempty"`
	// Disk is nil where all state lies in memory.
	Disk *Disk `json:"disk,omitempty"`
}

// Disk is the numbers of state on disk.
type Disk struct {
	// Found is how many keys of batches had their rows in memory, and Sought how many were looked for in the index of what is on disk,
	// which has all keys that are there.
	Found  int64 `json:"found"`
	Sought int64 `json:"sought"`
	// Reads is how many records were read, and ReadBytes how much that was; SlowReads are those that the system had to fetch from the disk. Of
	// Pebble and RocksDB they are blocks, and SlowReads those that the block cache did not have.
	Reads     int64 `json:"reads"`
	ReadBytes int64 `json:"readBytes"`
	SlowReads int64 `json:"slowReads"`
	// Written is what was written, rewriting included, for which Rewritten was read and written.
	Written   int64 `json:"writtenBytes"`
	Rewritten int64 `json:"rewrittenBytes"`
	// Files is how many there are, those included that only snapshots need, with Bytes. Of the records in them Records count, and
	// Obsolete do not: what is left to be rewritten.
	Files    int64 `json:"files"`
	Bytes    int64 `json:"bytes"`
	Records  int64 `json:"records"`
	Obsolete int64 `json:"obsolete"`
	// Debt is about how many bytes compactions are behind.
	Debt int64 `json:"debtBytes,omitempty"`
}

// Checkpoint is a complete checkpoint.
type Checkpoint struct {
	Number     int64     `json:"number"`
	Taken      time.Time `json:"taken"` // when its barriers set out
	AgeSeconds float64   `json:"ageSeconds"`
}

// Operator is the numbers of an operator's subtasks together.
type Operator struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"`
	Subtasks  int        `json:"subtasks"`
	In        int64      `json:"in"`
	Out       int64      `json:"out"`
	Late      int64      `json:"late"`
	Rejected  int64      `json:"rejected"`
	Watermark *time.Time `json:"watermark,omitempty"` // the least of its subtasks'
}

// SavepointRequest asks for a savepoint.
type SavepointRequest struct {
	// To is the folder or store below which the savepoint gets a folder of its own. A path is the server's: clients
	// send absolute ones.
	To string `json:"to"`
}

// StopRequest asks a job to end.
type StopRequest struct {
	// Drain lets all windows and timers fire, as if the input had ended.
	Drain bool `json:"drain,omitempty"`
	// Savepoint is where a savepoint is taken first, as SavepointRequest.To; none: it is not taken.
	Savepoint string `json:"savepoint,omitempty"`
}

// Placed answers both requests.
type Placed struct {
	// Place is the savepoint's, if one was asked for.
	Place string `json:"place,omitempty"`
}

// KeyedState is a state by key of the job's.
type KeyedState struct {
	State string `json:"state"` // OPERATOR/STATE
	Kind  string `json:"kind"`
	Key   string `json:"key"`  // Go type
	Type  string `json:"type"` // Go type of the values
}

// StateRequest asks what keys have in a state.
type StateRequest struct {
	// State is OPERATOR/STATE, or the operator alone if it has one only.
	State string `json:"state"`
	// Keys are the keys, each as JSON, or as it is where it is a string. There may be none where all records have one key.
	Keys []string `json:"keys,omitempty"`
	// Item, written likewise, is the one that is asked for of a state with items; none: all.
	Item *string `json:"item,omitempty"`
	// Live asks what the operator has now, in place of what the last complete checkpoint had.
	Live bool `json:"live,omitempty"`
	// Limit is how many rows there are to be at most; 0: as many as an answer can hold.
	Limit int `json:"limit,omitempty"`
}

// StateAnswer is what keys have, as rows.
type StateAnswer struct {
	Columns []string `json:"columns"`
	// Rows have a value for each column.
	Rows [][]json.RawMessage `json:"rows"`
	// Missing are the keys that have nothing.
	Missing []string `json:"missing,omitempty"`
	// More says that there are more rows.
	More bool `json:"more,omitempty"`
	// Checkpoint is the one that the rows are from; none: they are live.
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
}

// problem answers what went wrong.
type problem struct {
	Error string `json:"error"`
}

// Paths of the requests. A change that an older client or job would misread takes a new version.
const (
	pathJob       = "/v1/job"
	pathSavepoint = "/v1/savepoint"
	pathStop      = "/v1/stop"
	pathState     = "/v1/state"
)
