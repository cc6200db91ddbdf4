// Package inspect looks into snapshots from outside of a job: it lists their states, shows entries by the schemas that were
// recorded, compares, verifies and exports them. It reads a snapshot piece by piece, never as a whole.
package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/keygroup"
)

// Snapshot is a snapshot that is looked at. Its methods may be called from any goroutine.
type Snapshot struct {
	*checkpoint.Snapshot
	mu       sync.Mutex // guards contents
	contents map[string][]checkpoint.Content
}

// Of looks at a snapshot.
func Of(s *checkpoint.Snapshot) *Snapshot {
	return &Snapshot{Snapshot: s, contents: map[string][]checkpoint.Content{}}
}

// Kinds of what operators without keys have, beside [backend.Operator].
const (
	Splits backend.Kind = "splits" // of a source
	Marks  backend.Kind = "marks"  // of an event-time operator
)

// State is one state of one operator, with what a snapshot has of it.
type State struct {
	backend.State
	Operator string
	Key      string // Go type; "" without keys
	// Entries and Bytes are those of the entries, and Groups is how many key groups have any. Where Differs, files have what has
	// changed since others: then there may be fewer entries.
	Entries, Bytes int64
	Groups         int
	Differs        bool
	keySchema      codec.Schema
}

// StateOf describes a state by key that lies in no snapshot; key is the Go type of the keys.
func StateOf(operator string, s backend.State, key string, schema codec.Schema) *State {
	return &State{State: s, Operator: operator, Key: key, keySchema: schema}
}

// Path is what users call it.
func (s *State) Path() string { return s.Operator + "/" + s.Name }

// Keyed says whether it is state by key.
func (s *State) Keyed() bool { return s.Key != "" }

// States lists all states, by operator and then in the order in which they were declared.
func (s *Snapshot) States(ctx context.Context) ([]State, error) {
	var all []State
	for i := range s.Manifest.Operators {
		o := &s.Manifest.Operators[i]
		states, err := s.statesOf(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("operator %s: %w", o.Name, err)
		}
		all = append(all, states...)
	}
	return all, nil
}

func (s *Snapshot) statesOf(ctx context.Context, o *checkpoint.Operator) ([]State, error) {
	var all []State
	for _, described := range o.States {
		all = append(all, State{State: described, Operator: o.Name, Key: o.Key, keySchema: o.KeySchema})
	}
	find := func(name string) *State {
		i := slices.IndexFunc(all, func(s State) bool { return s.Name == name })
		if i < 0 {
			kind := backend.Kind(name) // splits and marks are called what they are
			all = append(all, State{State: backend.State{Name: name, Kind: kind}, Operator: o.Name, Key: o.Key, keySchema: o.KeySchema})
			i = len(all) - 1
		}
		return &all[i]
	}
	for _, e := range o.Entries {
		state := find(e.State)
		state.Entries++
		state.Bytes += int64(len(e.Value))
	}
	contents, err := s.contentsOf(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, c := range contents {
		if c.Entries == 0 {
			continue
		}
		state := find(c.State)
		state.Entries += c.Entries
		state.Bytes += c.Bytes
		state.Groups++
		state.Differs = state.Differs || c.Differs
	}
	return all, nil
}

// contentsOf reads the indexes of an operator's files once.
func (s *Snapshot) contentsOf(ctx context.Context, o *checkpoint.Operator) ([]checkpoint.Content, error) {
	s.mu.Lock()
	contents, ok := s.contents[o.Name]
	s.mu.Unlock()
	if ok {
		return contents, nil
	}
	contents, err := s.Contents(ctx, o)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.contents[o.Name] = contents
	s.mu.Unlock()
	return contents, nil
}

// Find finds a state by its path, or an operator's only one by the operator's name.
func (s *Snapshot) Find(ctx context.Context, path string) (*State, error) {
	all, err := s.States(ctx)
	if err != nil {
		return nil, err
	}
	var known []string
	var of []*State
	for i := range all {
		if all[i].Path() == path {
			return &all[i], nil
		}
		if all[i].Operator == path {
			of = append(of, &all[i])
		}
		known = append(known, all[i].Path())
	}
	if len(of) == 1 {
		return of[0], nil
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("no state %s: the snapshot has none at all", path)
	}
	return nil, fmt.Errorf("no state %s: say OPERATOR/STATE; there are %s", path, strings.Join(known, ", "))
}

// operator finds an operator by name.
func (s *Snapshot) operator(name string) *checkpoint.Operator {
	i := slices.IndexFunc(s.Manifest.Operators, func(o checkpoint.Operator) bool { return o.Name == name })
	if i < 0 {
		return &checkpoint.Operator{}
	}
	return &s.Manifest.Operators[i]
}

// errEnough ends reading early.
var errEnough = errors.New("enough")

// entry is one entry of a state; its parts are valid until the next one.
type entry struct{ key, item, value []byte }

// entries calls f for all entries of a state by key in key groups from … up to, without, to.
func (s *Snapshot) entries(ctx context.Context, state *State, from, to int, f func(group int, e entry) error) error {
	contents, err := s.contentsOf(ctx, s.operator(state.Operator))
	if err != nil {
		return err
	}
	for _, c := range contents {
		if c.State != state.Name || c.Group < from || c.Group >= to {
			continue
		}
		if err := s.each(ctx, s.Read(ctx, c), c.State, c.Group, f); err != nil {
			return err
		}
	}
	return nil
}

// each calls f for all that is read of a state in a key group, and closes what is read from.
func (s *Snapshot) each(ctx context.Context, r *checkpoint.Reading, state string, group int, f func(group int, e entry) error) error {
	defer r.Close()
	for {
		key, item, value, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = f(group, entry{key, item, value})
		}
		switch {
		case err == errEnough:
			return err
		case err != nil && r.Failed():
			return fmt.Errorf("state %s, key group %d: %w", state, group, err)
		case err != nil:
			return fmt.Errorf("%s: state %s, key group %d: %w", r.File(), state, group, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Entry is an entry of a state by key, as bytes.
type Entry struct{ Key, Item, Value []byte }

// Entries calls f for all entries of a state by key, key group by key group. The entry is valid until the next one. After an error
// of f, Enough among them, reading ends and returns it.
func (s *Snapshot) Entries(ctx context.Context, state *State, f func(group int, e Entry) error) error {
	return s.entries(ctx, state, 0, s.Manifest.MaxParallelism, func(group int, e entry) error {
		return f(group, Entry{e.key, e.item, e.value})
	})
}

// EachKey calls f for each key of a state with all its entries, in the order in which they were written. A key group is held in
// memory at a time.
func (s *Snapshot) EachKey(ctx context.Context, state *State, f func(key []byte, entries []Entry) error) error {
	for group := range s.Manifest.MaxParallelism {
		var all []Entry
		err := s.entries(ctx, state, group, group+1, func(_ int, e entry) error {
			h := hold(e)
			all = append(all, Entry{h.key, h.item, h.value})
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortStableFunc(all, func(a, b Entry) int { return bytes.Compare(a.Key, b.Key) })
		for from := 0; from < len(all); {
			to := from + 1
			for to < len(all) && bytes.Equal(all[to].Key, all[from].Key) {
				to++
			}
			if err := f(all[from].Key, all[from:to]); err != nil {
				return err
			}
			from = to
		}
	}
	return nil
}

// KeySchema describes the canonical bytes of the keys; it is empty in snapshots of versions that did not record it.
func (s *State) KeySchema() codec.Schema { return s.keySchema }

// keysOf is what reads the keys of a state.
func (s *State) keysOf() (*keygroup.Dynamic, error) { return keygroup.NewDynamic(s.keySchema, s.Key) }
