// Package view reads the state of a running job from outside: what an operator has for some keys, as of the last complete
// checkpoint, or at this moment.
//
//	                 ┌ live ──────── the subtask's loop, between two batches ┐
//	keys, as bytes ──┤                                                       ├─▶ entries ─▶ Go values, by View
//	                 └ otherwise ─── files of the newest checkpoint ─────────┘            or JSON, by inspect.Table
//
// Both ways give the same canonical entries. Decoding them is the reader's work, and not the loop's.
package view

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/store"
)

// Job is a running job. Its methods may be called from any goroutine.
type Job interface {
	// Look returns the entries that keys have at this moment, or that of an item, unless item is nil.
	Look(ctx context.Context, operator, state string, keys [][]byte, item []byte) ([][]backend.Held, error)
	// Newest is the newest complete checkpoint; a newer one than gone, unless that is nil.
	Newest(ctx context.Context, gone *checkpoint.Snapshot) (*checkpoint.Snapshot, error)
}

// keptBytes is how much is kept of where things lie in the newest checkpoint.
const keptBytes = 64 << 20

// Reader reads the states of a running job. Its methods may be called from any goroutine.
type Reader struct {
	job  Job
	plan *graph.Plan

	mu     sync.Mutex         // guards points
	points *checkpoint.Points // of the newest checkpoint that was asked for

	deciding sync.Mutex // held while an aggregator, which is made for one goroutine, works out a result
}

// New returns a reader of a job that runs as planned.
func New(job Job, plan *graph.Plan) *Reader { return &Reader{job: job, plan: plan} }

// State is a state of an operator.
type State struct {
	backend.State
	Node *graph.Node
}

// Path is what users call it.
func (s *State) Path() string { return s.Node.Name + "/" + s.Name }

// States lists the states by key, operator by operator in the order in which they were declared.
func (r *Reader) States() []State {
	var all []State
	for _, n := range r.plan.Graph.Nodes {
		if n.Key == "" {
			continue
		}
		for _, s := range n.States {
			all = append(all, State{s, n})
		}
	}
	return all
}

// Find finds a state.
func (r *Reader) Find(operator, state string) (*State, error) {
	return r.find(func(s *State) bool { return s.Node.Name == operator && s.Name == state }, operator+"/"+state)
}

// FindPath finds a state by its path, or an operator's only one by the operator's name.
func (r *Reader) FindPath(path string) (*State, error) {
	var only []State
	for _, s := range r.States() {
		if s.Node.Name == path {
			only = append(only, s)
		}
	}
	if len(only) == 1 {
		return &only[0], nil
	}
	return r.find(func(s *State) bool { return s.Path() == path }, path)
}

func (r *Reader) find(is func(*State) bool, path string) (*State, error) {
	all := r.States()
	var known []string
	for i := range all {
		if is(&all[i]) {
			return &all[i], nil
		}
		known = append(known, all[i].Path())
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("job %s has no state %s: it has no state by key at all", r.plan.Graph.Job, path)
	}
	return nil, fmt.Errorf("job %s has no state %s; by key there are %s", r.plan.Graph.Job, path, strings.Join(known, ", "))
}

// Question asks for entries of keys.
type Question struct {
	State *State
	Keys  [][]byte // canonical
	// Item encodes the item that is asked for; nil: all.
	Item []byte
	Live bool
}

// Answer is what keys have.
type Answer struct {
	// Keys are the entries of each key; one without has none.
	Keys [][]backend.Held
	// Was is the state as it was when these entries were written.
	Was backend.State
	// From is the snapshot that they are from; nil: they are live.
	From *checkpoint.Snapshot
}

// Ask answers a question: from one checkpoint, or live, and then not at one moment for several keys.
func (r *Reader) Ask(ctx context.Context, q Question) (a Answer, err error) {
	if q.Live {
		a.Was = q.State.State
		a.Keys, err = r.job.Look(ctx, q.State.Node.Name, q.State.Name, q.Keys, q.Item)
	} else {
		a, err = r.last(ctx, q)
	}
	if err != nil {
		return a, fmt.Errorf("job %s, state %s: %w", r.plan.Graph.Job, q.State.Path(), err)
	}
	return a, nil
}

// last answers from the newest checkpoint. Where that is deleted while it is read, there is a newer one.
func (r *Reader) last(ctx context.Context, q Question) (a Answer, err error) {
	for {
		points, err := r.newest(ctx, a.From)
		if err != nil {
			return a, err
		}
		a = Answer{From: points.Snapshot()}
		err = a.read(ctx, points, q)
		if !errors.Is(err, store.ErrNotFound) {
			return a, err
		}
	}
}

// newest is the newest checkpoint, with what is known of where things lie in it.
func (r *Reader) newest(ctx context.Context, gone *checkpoint.Snapshot) (*checkpoint.Points, error) {
	newest, err := r.job.Newest(ctx, gone)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.points == nil || !r.points.Snapshot().Same(newest) {
		r.points = newest.Points(keptBytes)
	}
	return r.points, nil
}

func (a *Answer) read(ctx context.Context, points *checkpoint.Points, q Question) error {
	operator := q.State.Node.Name
	was, ok := a.From.States(operator)[q.State.Name]
	a.Keys = make([][]backend.Held, len(q.Keys))
	if a.Was = was; !ok {
		a.Was = q.State.State
		return nil // the state is newer
	}
	now := a.From.Passed(operator, was)
	for i, key := range q.Keys {
		err := points.Read(ctx, operator, q.State.Name, key, func(h backend.Held) error {
			if q.Item != nil && !bytes.Equal(h.Item, q.Item) {
				return nil
			}
			live, ok, err := was.Shown(h.Value, now)
			if h.Value = live; ok {
				a.Keys[i] = append(a.Keys[i], h)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("checkpoint %d: %w", a.From.Manifest.Checkpoint, err)
		}
	}
	return nil
}
