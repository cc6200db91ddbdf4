package snapshot

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/inspect"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/state"
)

// Snapshot is a checkpoint or savepoint that is being read. One goroutine uses it.
type Snapshot struct {
	in     *inspect.Snapshot
	codecs codec.Set
	err    error
}

// Open opens the snapshot at a place: the folder of a savepoint, the manifest file of a checkpoint, or a store with one job, whose
// newest it then is. It fails if there is none, or if its manifest is damaged.
func Open(path string) (*Snapshot, error) {
	in, err := inspect.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	return &Snapshot{in: in}, nil
}

// Encode reads and writes values of T with c, as [leat.Job.Encode] has the job do. States that have a codec of their own by
// [state.Codec] need it too. It is called before anything is read or written.
func (s *Snapshot) Encode[T any](c codec.Codec[T]) {
	if err := s.codecs.Add(c); err != nil {
		s.fail(err)
	}
}

// Err is the first error that reading met: a state that is not there or holds other types, a damaged file. Iterators end early
// then, so it is to be looked at after them.
func (s *Snapshot) Err() error { return s.err }

func (s *Snapshot) fail(err error) {
	if s.err == nil && !errors.Is(err, inspect.Enough) {
		s.err = err
	}
}

// Job is the name of the job that it is of.
func (s *Snapshot) Job() string { return s.in.Manifest.Job }

// Taken is when its barriers set out.
func (s *Snapshot) Taken() time.Time { return s.in.Manifest.Taken }

// MaxParallelism is its number of key groups.
func (s *Snapshot) MaxParallelism() int { return s.in.Manifest.MaxParallelism }

// State describes one state of one operator.
type State struct {
	// Operator and Name find it; Kind is value, list, map, ordered, reducing, aggregating, timer, timers, slices, sessions, operator (a list without
	// keys), splits (the positions of a source) or marks (of an event-time operator).
	Operator, Name, Kind string
	// Key is the Go type of the keys, empty without keys, and Type that of the values.
	Key, Type string
	// Entries is how many entries there are, and Bytes what they take: of a list, an entry has many values. Of a checkpoint whose
	// files have what has changed since those of checkpoints before, there may be fewer.
	Entries, Bytes int64
}

// States lists the states of all operators; it is empty after an error.
func (s *Snapshot) States() []State {
	all, err := s.in.States(context.Background())
	if err != nil {
		s.fail(err)
		return nil
	}
	states := make([]State, len(all))
	for i, a := range all {
		states[i] = State{a.Operator, a.Name, string(a.Kind), a.Key, a.Type, a.Entries, a.Bytes}
	}
	return states
}

// Values goes through a value state, in no order. Of reducing and aggregating state these are the accumulators.
func (s *Snapshot) Values[K comparable, V any](operator, name string) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		s.read(operator, name, singleKinds, func(of *inspect.State) error {
			keys, err := keysFor[K](s, of)
			if err != nil {
				return err
			}
			value, err := valuesOf[V](s, of)
			if err != nil {
				return err
			}
			return s.in.Entries(context.Background(), of, func(_ int, e inspect.Entry) error {
				k, err1 := keys.Decode(e.Key)
				v, err2 := value(e.Value)
				return next(yield, k, v, err1, err2)
			})
		})
	}
}

// valuesOf reads the values of a state, or the elements of a list.
func valuesOf[V any](s *Snapshot, of *inspect.State) (func([]byte) (V, error), error) {
	read, err := codec.Resolve[V](&s.codecs, of.Value)
	return backend.Unstamped(of.TTL, read), err
}

// Lists goes through a list state, in no order of keys.
func (s *Snapshot) Lists[K comparable, V any](operator, name string) iter.Seq2[K, []V] {
	return func(yield func(K, []V) bool) {
		s.read(operator, name, listKinds, func(of *inspect.State) error {
			value, err := valuesOf[V](s, of)
			if err != nil {
				return err
			}
			return eachKey(s, of, func(key K, entries []inspect.Entry) error {
				var all []V
				for _, e := range entries {
					if all, err = appendElements(all, e.Value, value); err != nil {
						return err
					}
				}
				return next(yield, key, all)
			})
		})
	}
}

// appendElements decodes the elements of an entry, each behind its length.
func appendElements[V any](to []V, b []byte, value func([]byte) (V, error)) ([]V, error) {
	for len(b) > 0 {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return to, fmt.Errorf("%w: an element is longer than its entry", codec.ErrCorrupt)
		}
		v, err := value(b[w : w+int(n)])
		if err != nil {
			return to, err
		}
		to, b = append(to, v), b[w+int(n):]
	}
	return to, nil
}

// Maps goes through a map state, in no order of keys. Entries of ordered state it gives too, and forgets their order.
func (s *Snapshot) Maps[K, A comparable, V any](operator, name string) iter.Seq2[K, map[A]V] {
	return func(yield func(K, map[A]V) bool) {
		s.read(operator, name, mapKinds, func(of *inspect.State) error {
			value, err := valuesOf[V](s, of)
			if err != nil {
				return err
			}
			return eachMap(s, of, value, yield)
		})
	}
}

// eachMap gathers the entries of each key.
func eachMap[K, A comparable, V any](s *Snapshot, of *inspect.State, value func([]byte) (V, error), yield func(K, map[A]V) bool) error {
	item, err := codec.Resolve[A](&s.codecs, of.Item)
	if err != nil {
		return err
	}
	return eachKey(s, of, func(key K, entries []inspect.Entry) error {
		m := make(map[A]V, len(entries))
		for _, e := range entries {
			a, err := item(e.Item)
			if err != nil {
				return err
			}
			if m[a], err = value(e.Value); err != nil {
				return err
			}
		}
		return next(yield, key, m)
	})
}

// Ordered goes through an ordered state, in no order of keys; the entries of a key come in order.
func (s *Snapshot) Ordered[K comparable, A state.Sortable, V any](operator, name string) iter.Seq2[K, iter.Seq2[A, V]] {
	return func(yield func(K, iter.Seq2[A, V]) bool) {
		s.read(operator, name, orderedKinds, func(of *inspect.State) error {
			item, err := codec.Resolve[A](&s.codecs, of.Item)
			if err != nil {
				return err
			}
			value, err := valuesOf[V](s, of)
			if err != nil {
				return err
			}
			return eachKey(s, of, func(key K, entries []inspect.Entry) error {
				items := make([]A, len(entries))
				values := make([]V, len(entries))
				for i, e := range entries {
					if items[i], err = item(e.Item); err != nil {
						return err
					}
					if values[i], err = value(e.Value); err != nil {
						return err
					}
				}
				return next(yield, key, zip(items, values))
			})
		})
	}
}

func zip[A, V any](items []A, values []V) iter.Seq2[A, V] {
	return func(yield func(A, V) bool) {
		for i, a := range items {
			if !yield(a, values[i]) {
				return
			}
		}
	}
}

// Timers goes through the timers of which a key has one, in no order.
func (s *Snapshot) Timers[K comparable](operator, name string) iter.Seq2[K, time.Time] {
	return func(yield func(K, time.Time) bool) {
		s.read(operator, name, timerKinds, func(of *inspect.State) error {
			return eachKey(s, of, func(key K, entries []inspect.Entry) error {
				at, err := timeOf(entries[0].Value)
				return next(yield, key, at, err)
			})
		})
	}
}

// ItemTimers goes through the timers of which a key has one for each item, in no order.
func (s *Snapshot) ItemTimers[K, A comparable](operator, name string) iter.Seq2[K, map[A]time.Time] {
	return func(yield func(K, map[A]time.Time) bool) {
		s.read(operator, name, itemTimerKinds, func(of *inspect.State) error { return eachMap(s, of, timeOf, yield) })
	}
}

// timeOf reads the time of a timer.
func timeOf(b []byte) (time.Time, error) {
	if len(b) != 8 {
		return time.Time{}, fmt.Errorf("%w: a timer's time of %d bytes", codec.ErrCorrupt, len(b))
	}
	return time.Unix(0, int64(binary.LittleEndian.Uint64(b))).UTC(), nil
}

// The kinds that each accessor reads, and which one it is.
var (
	singleKinds    = []backend.Kind{backend.Value, backend.Reducing, backend.Aggregating}
	listKinds      = []backend.Kind{backend.List}
	mapKinds       = []backend.Kind{backend.Map, backend.Ordered}
	orderedKinds   = []backend.Kind{backend.Ordered}
	timerKinds     = []backend.Kind{backend.Timer}
	itemTimerKinds = []backend.Kind{backend.Timers}

	methods = map[backend.Kind]string{
		backend.Value: "Values", backend.Reducing: "Values", backend.Aggregating: "Values", backend.List: "Lists", backend.Map: "Maps",
		backend.Ordered: "Ordered", backend.Timer: "Timers", backend.Timers: "ItemTimers",
	}
)

// read finds a state of one of some kinds, and notes the error of f.
func (s *Snapshot) read(operator, name string, kinds []backend.Kind, f func(*inspect.State) error) {
	if s.err != nil {
		return
	}
	of, err := s.find(operator, name, kinds)
	if err == nil {
		err = f(of)
	}
	if err != nil && !errors.Is(err, inspect.Enough) {
		s.fail(fmt.Errorf("state %s/%s: %w", operator, name, err))
	}
}

func (s *Snapshot) find(operator, name string, kinds []backend.Kind) (*inspect.State, error) {
	all, err := s.in.States(context.Background())
	if err != nil {
		return nil, err
	}
	var known []string
	for i := range all {
		if all[i].Operator == operator && all[i].Name == name {
			return &all[i], kindError(&all[i], kinds)
		}
		known = append(known, all[i].Path())
	}
	return nil, fmt.Errorf("the snapshot has no such state; it has %s", list(known))
}

func kindError(of *inspect.State, kinds []backend.Kind) error {
	switch method := methods[of.Kind]; {
	case slices.Contains(kinds, of.Kind):
		return nil
	case method == "":
		return fmt.Errorf("it is of the kind %s, which can be looked at by leat snapshot inspect", of.Kind)
	default:
		return fmt.Errorf("it is of the kind %s: read it with %s", of.Kind, method)
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// keysFor reads keys of type K, which must be the one of the state.
func keysFor[K comparable](s *Snapshot, of *inspect.State) (*keygroup.Keys[K], error) {
	keys, err := keygroup.Derive(codec.Lookup[K](&s.codecs))
	if err != nil {
		return nil, err
	}
	return keys, sameKeys[K](keys, of.Key, of.KeySchema())
}

// sameKeys refuses a type of key other than the recorded one.
func sameKeys[K comparable](keys *keygroup.Keys[K], goType string, recorded codec.Schema) error {
	name := reflect.TypeFor[K]().String()
	same := name == goType
	if recorded.Fingerprint != "" {
		same = recorded.Fingerprint == keys.Schema().Fingerprint
	}
	if !same {
		return fmt.Errorf("its keys are of type %s, not %s", goType, name)
	}
	return nil
}

// eachKey calls f for each key with its entries.
func eachKey[K comparable](s *Snapshot, of *inspect.State, f func(key K, entries []inspect.Entry) error) error {
	keys, err := keysFor[K](s, of)
	if err != nil {
		return err
	}
	return s.in.EachKey(context.Background(), of, func(canonical []byte, entries []inspect.Entry) error {
		key, err := keys.Decode(canonical)
		if err != nil {
			return err
		}
		return f(key, entries)
	})
}

// next yields, and ends the reading when nobody wants more.
func next[A, B any](yield func(A, B) bool, a A, b B, errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	if !yield(a, b) {
		return inspect.Enough
	}
	return nil
}
