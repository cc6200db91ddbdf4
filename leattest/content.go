package leattest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/state"
)

// content is the keyed state of an operator.
type content struct {
	operator string
	key      string // Go type; "" if it is not known
	states   []backend.State
	entries  map[string][]entry        // by state
	passed   func(backend.State) int64 // the time by which what has a TTL is expired
}

type entry struct{ key, item, value []byte }

// contentOf reads an operator's state from a snapshot.
func contentOf(s *checkpoint.Snapshot, n *graph.Node) (*content, error) {
	c := &content{operator: n.Name, key: n.Key, states: n.States, entries: map[string][]entry{}}
	c.passed = func(of backend.State) int64 { return s.Passed(n.Name, of) }
	err := s.Keyed(context.Background(), n.Name, 0, s.Manifest.MaxParallelism, nil, func(state string, _ int, r backend.Reader) error {
		return c.read(state, r)
	})
	return c, err
}

func (c *content) read(state string, r backend.Reader) error {
	for {
		key, item, value, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		c.add(state, key, item, value)
	}
}

// add takes an entry over.
func (c *content) add(state string, key, item, value []byte) {
	c.entries[state] = append(c.entries[state], entry{bytes.Clone(key), bytes.Clone(item), bytes.Clone(value)})
}

// The kinds of state that the accessors of results and drivers read.
var (
	singleKinds = []backend.Kind{backend.Value, backend.Reducing, backend.Aggregating}
	listKinds   = []backend.Kind{backend.List}
	mapKinds    = []backend.Kind{backend.Map, backend.Ordered}
)

// find finds a state that is of one of some kinds.
func (c *content) find(name string, kinds []backend.Kind) (backend.State, error) {
	var have []string
	for _, s := range c.states {
		switch {
		case s.Name != name:
			have = append(have, fmt.Sprintf("%s (%s)", s.Name, s.Kind))
		case !slices.Contains(kinds, s.Kind):
			return s, fmt.Errorf("%s of operator %s is of the kind %s; this method is for %s",
				name, c.operator, s.Kind, join(kinds))
		default:
			return s, nil
		}
	}
	return backend.State{}, fmt.Errorf("operator %s has no state %q; it has %s", c.operator, name, list(have))
}

func join(kinds []backend.Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// keysOf derives the keys of the operator, which must be of this type.
func keysOf[K comparable](c *content, set *codec.Set) (*keygroup.Keys[K], error) {
	if have := reflect.TypeFor[K]().String(); c.key != have {
		return nil, fmt.Errorf("the keys of operator %s are of type %s, not %s", c.operator, c.key, have)
	}
	return keygroup.Derive(codec.Lookup[K](set))
}

// reader is the function that decodes values of a state.
func reader[V any](set *codec.Set, wrote backend.State, opts []state.Option) (func([]byte) (V, error), error) {
	c, err := state.CodecOf[V](set, opts)
	if err != nil {
		return nil, err
	}
	read, err := codec.ReaderOf(c, wrote.Value)
	return backend.Unstamped(wrote.TTL, read), err
}

// decoded has the entries of a state, decoded one by one.
func decoded[K comparable](c *content, set *codec.Set, of backend.State, each func(k K, e entry) error) error {
	keys, err := keysOf[K](c, set)
	if err != nil {
		return err
	}
	for _, e := range c.entries[of.Name] {
		value, ok, err := of.Shown(e.value, c.passed(of))
		if err == nil && !ok {
			continue // it is expired
		}
		k, kerr := keys.Decode(e.key)
		if err = errors.Join(err, kerr); err == nil {
			err = each(k, entry{e.key, e.item, value})
		}
		if err != nil {
			return fmt.Errorf("state %s of operator %s: %w", of.Name, c.operator, err)
		}
	}
	return nil
}

func valuesOf[K comparable, V any](c *content, set *codec.Set, name string, opts []state.Option) (map[K]V, error) {
	s, err := c.find(name, singleKinds)
	if err != nil {
		return nil, err
	}
	read, err := reader[V](set, s, opts)
	if err != nil {
		return nil, fmt.Errorf("state %s of operator %s: %w", name, c.operator, err)
	}
	all := map[K]V{}
	return all, decoded(c, set, s, func(k K, e entry) (err error) {
		all[k], err = read(e.value)
		return err
	})
}

// errListEntry is the error of an entry that is no run of values, each after its length.
var errListEntry = errors.New("a value is longer than its entry")

func listsOf[K comparable, V any](c *content, set *codec.Set, name string, opts []state.Option) (map[K][]V, error) {
	s, err := c.find(name, listKinds)
	if err != nil {
		return nil, err
	}
	read, err := reader[V](set, s, opts)
	if err != nil {
		return nil, fmt.Errorf("state %s of operator %s: %w", name, c.operator, err)
	}
	all := map[K][]V{}
	return all, decoded(c, set, s, func(k K, e entry) error {
		for b := e.value; len(b) > 0; {
			n, w := binary.Uvarint(b)
			if w <= 0 || n > uint64(len(b)-w) {
				return errListEntry
			}
			v, err := read(b[w : w+int(n)])
			if err != nil {
				return err
			}
			all[k], b = append(all[k], v), b[w+int(n):]
		}
		return nil
	})
}

func mapsOf[K, A comparable, V any](c *content, set *codec.Set, name string, opts []state.Option) (map[K]map[A]V, error) {
	s, err := c.find(name, mapKinds)
	if err != nil {
		return nil, err
	}
	read, err := reader[V](set, s, opts)
	if err != nil {
		return nil, fmt.Errorf("state %s of operator %s: %w", name, c.operator, err)
	}
	return itemsOf[K, A](c, set, s, read)
}

// itemsOf decodes states that have a value for each item of a key.
func itemsOf[K, A comparable, V any](
	c *content, set *codec.Set, s backend.State, read func([]byte) (V, error),
) (map[K]map[A]V, error) {
	item, err := codec.Resolve[A](set, s.Item)
	if err != nil {
		return nil, fmt.Errorf("items of state %s of operator %s: %w", s.Name, c.operator, err)
	}
	all := map[K]map[A]V{}
	return all, decoded(c, set, s, func(k K, e entry) error {
		a, err := item(e.item)
		if err != nil {
			return err
		}
		if all[k] == nil {
			all[k] = map[A]V{}
		}
		all[k][a], err = read(e.value)
		return err
	})
}

// timersOf has the timers of which there is one a key.
func timersOf[K comparable](c *content, set *codec.Set) (map[K]map[string]time.Time, error) {
	all := map[K]map[string]time.Time{}
	for _, s := range c.states {
		if s.Kind != backend.Timer {
			continue
		}
		err := decoded(c, set, s, func(k K, e entry) (err error) {
			if all[k] == nil {
				all[k] = map[string]time.Time{}
			}
			all[k][s.Name], err = readTime(e.value)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func itemTimersOf[K, S comparable](c *content, set *codec.Set, name string) (map[K]map[S]time.Time, error) {
	s, err := c.find(name, []backend.Kind{backend.Timers})
	if err != nil {
		return nil, err
	}
	return itemsOf[K, S](c, set, s, readTime)
}

// readTime reads the time of a timer: 8 bytes of nanoseconds, little endian.
func readTime(b []byte) (time.Time, error) {
	if len(b) != 8 {
		return time.Time{}, fmt.Errorf("the time of a timer has %d bytes, not 8", len(b))
	}
	return operator.Time(int64(binary.LittleEndian.Uint64(b))), nil
}
