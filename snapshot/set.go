package snapshot

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/spill"
	"leat.dev/leat/state"
)

// SetValues sets a value state: all of it. Of reducing and aggregating state the values are the accumulators. In a savepoint for a job the
// state must be the job's, and K and V its types; in a rewritten one a state of another name is added, and one that was there
// may have another type.
func (w *Writer) SetValues[K comparable, V any](operator, name string, values iter.Seq2[K, V]) {
	w.set(operator, name, singleKinds, func(o *part, s *written) error {
		keys, value, err := codecsFor[K, V](w, o, s)
		if err != nil {
			return err
		}
		s.Type = reflect.TypeFor[V]().String()
		var b encoded
		for k, v := range values {
			if b.value, err = value.Append(b.value[:0], v); err == nil {
				err = add(keys, s, &b, k)
			}
			if err != nil {
				return fmt.Errorf("key %v: %w", k, err)
			}
		}
		return nil
	})
}

// SetLists sets a list state: all of it. A key that comes twice has the elements of both. See [Writer.SetValues].
func (w *Writer) SetLists[K comparable, V any](operator, name string, lists iter.Seq2[K, []V]) {
	w.set(operator, name, listKinds, func(o *part, s *written) error {
		keys, value, err := codecsFor[K, V](w, o, s)
		if err != nil {
			return err
		}
		s.Type = reflect.TypeFor[V]().String()
		for k, all := range lists {
			if err := addList(keys, value, s, k, all); err != nil {
				return fmt.Errorf("key %v: %w", k, err)
			}
		}
		return nil
	})
}

// listBytes is about how long an entry with elements of a list gets.
const listBytes = 64 << 10

func addList[K comparable, V any](keys *keygroup.Keys[K], value codec.Codec[V], s *written, k K, all []V) (err error) {
	var b encoded
	var element []byte
	for i, v := range all {
		if element, err = value.Append(element[:0], v); err != nil {
			return err
		}
		b.value = append(binary.AppendUvarint(b.value, uint64(len(element))), element...)
		if len(b.value) < listBytes && i < len(all)-1 {
			continue
		}
		if err := add(keys, s, &b, k); err != nil {
			return err
		}
		b.value = b.value[:0]
	}
	return nil
}

// SetMaps sets a map state: all of it. See [Writer.SetValues].
func (w *Writer) SetMaps[K, A comparable, V any](operator, name string, maps iter.Seq2[K, map[A]V]) {
	w.set(operator, name, []backend.Kind{backend.Map}, func(o *part, s *written) error {
		keys, item, value, err := itemCodecsFor[K, A, V](w, o, s)
		if err != nil {
			return err
		}
		for k, m := range maps {
			var b encoded
			for a, v := range m {
				if err := b.addItem(keys, item, value, s, k, a, v); err != nil {
					return fmt.Errorf("key %v, %v: %w", k, a, err)
				}
			}
		}
		return nil
	})
}

// SetOrdered sets an ordered state: all of it. The entries of a key may come in any order. See [Writer.SetValues].
func (w *Writer) SetOrdered[K comparable, A state.Sortable, V any](operator, name string, entries iter.Seq2[K, iter.Seq2[A, V]]) {
	w.set(operator, name, orderedKinds, func(o *part, s *written) error {
		keys, item, value, err := itemCodecsFor[K, A, V](w, o, s)
		if err != nil {
			return err
		}
		for k, of := range entries {
			type pair struct {
				a A
				v V
			}
			var all []pair
			for a, v := range of {
				all = append(all, pair{a, v})
			}
			slices.SortStableFunc(all, func(x, y pair) int { return compareItems(x.a, y.a) })
			var b encoded
			for i, p := range all {
				if i > 0 && compareItems(all[i-1].a, p.a) == 0 {
					return fmt.Errorf("key %v has two entries for %v", k, p.a)
				}
				if err := b.addItem(keys, item, value, s, k, p.a, p.v); err != nil {
					return fmt.Errorf("key %v, %v: %w", k, p.a, err)
				}
			}
		}
		return nil
	})
}

// SetTimers sets the timers of which a key has one: all of them. A timer fires when the watermark, or the time of day, has passed
// its time, which may be at once. See [Writer.SetValues].
func (w *Writer) SetTimers[K comparable](operator, name string, timers iter.Seq2[K, time.Time]) {
	w.set(operator, name, timerKinds, func(o *part, s *written) error {
		if s.Time == "" {
			return errNewTimer
		}
		keys, err := keysOf[K](w, o)
		if err != nil {
			return err
		}
		var b encoded
		for k, at := range timers {
			b.value = binary.LittleEndian.AppendUint64(b.value[:0], uint64(at.UnixNano()))
			if err := add(keys, s, &b, k); err != nil {
				return fmt.Errorf("key %v: %w", k, err)
			}
		}
		return nil
	})
}

// SetItemTimers sets the timers of which a key has one for each item: all of them. See [Writer.SetTimers].
func (w *Writer) SetItemTimers[K, A comparable](operator, name string, timers iter.Seq2[K, map[A]time.Time]) {
	w.set(operator, name, itemTimerKinds, func(o *part, s *written) error {
		if s.Time == "" {
			return errNewTimer
		}
		keys, err := keysOf[K](w, o)
		if err != nil {
			return err
		}
		item, err := codecOf[A](w, &s.Item)
		if err != nil {
			return fmt.Errorf("items: %w", err)
		}
		var b encoded
		for k, m := range timers {
			for a, at := range m {
				b.value = binary.LittleEndian.AppendUint64(b.value[:0], uint64(at.UnixNano()))
				if b.item, err = item.Append(b.item[:0], a); err == nil {
					err = add(keys, s, &b, k)
				}
				if err != nil {
					return fmt.Errorf("key %v, %v: %w", k, a, err)
				}
			}
		}
		return nil
	})
}

var errNewTimer = errors.New("a timer can't be added to a snapshot that has none of this name: which time it goes by is not known")

// set finds a state, or adds one, and has f fill it.
func (w *Writer) set(operator, name string, kinds []backend.Kind, f func(*part, *written) error) {
	if w.err != nil {
		return
	}
	if err := w.setState(operator, name, kinds, f); err != nil {
		w.fail(fmt.Errorf("state %s/%s: %w", operator, name, err))
	}
}

func (w *Writer) setState(operator, name string, kinds []backend.Kind, f func(*part, *written) error) error {
	o := w.operator(operator)
	if o == nil {
		return fmt.Errorf("there is no operator %s; there are %s", operator, list(w.keyed()))
	}
	if o.Key == "" {
		return fmt.Errorf("operator %s is a %s and has no state by key; there are %s", operator, o.Kind, list(w.keyed()))
	}
	i := slices.IndexFunc(o.states, func(s *written) bool { return s.Name == name })
	if i < 0 && w.fixed {
		var known []string
		for _, s := range o.states {
			known = append(known, fmt.Sprintf("%s (%s)", s.Name, s.Kind))
		}
		return fmt.Errorf("the job has no such state; operator %s has %s", operator, list(known))
	}
	if i < 0 {
		o.states = append(o.states, &written{State: backend.State{Name: name, Kind: kinds[0]}})
		i = len(o.states) - 1
	}
	s := o.states[i]
	switch {
	case !slices.Contains(kinds, s.Kind):
		return fmt.Errorf("it is of the kind %s, and can't be set as a %s", s.Kind, kinds[0])
	case s.set != nil:
		return fmt.Errorf("it is set twice")
	}
	s.TTL = nil // what is set counts as written when a job begins with it
	s.from, s.set = nil, spill.New(s.Kind == backend.Map || s.Kind == backend.Timers, 0)
	return f(o, s)
}

// keyed are the operators with state by key.
func (w *Writer) keyed() (names []string) {
	for _, o := range w.operators {
		if o.Key != "" {
			names = append(names, o.Name)
		}
	}
	return names
}

// keysOf are the keys of an operator, which must be of type K.
func keysOf[K comparable](w *Writer, o *part) (*keygroup.Keys[K], error) {
	keys, err := keygroup.Derive(codec.Lookup[K](w.codecs))
	if err != nil {
		return nil, err
	}
	return keys, sameKeys[K](keys, o.Key, o.KeySchema)
}

// codecsFor are the codecs of a state. That of a job's state must write what the job reads.
func codecsFor[K comparable, V any](w *Writer, o *part, s *written) (*keygroup.Keys[K], codec.Codec[V], error) {
	keys, err := keysOf[K](w, o)
	if err != nil {
		return nil, nil, err
	}
	value, err := codecOf[V](w, &s.Value)
	if err != nil {
		return nil, nil, fmt.Errorf("values: %w", err)
	}
	return keys, value, nil
}

func itemCodecsFor[K, A comparable, V any](w *Writer, o *part, s *written) (*keygroup.Keys[K], codec.Codec[A], codec.Codec[V], error) {
	keys, value, err := codecsFor[K, V](w, o, s)
	if err != nil {
		return nil, nil, nil, err
	}
	item, err := codecOf[A](w, &s.Item)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("items: %w", err)
	}
	s.Type = "map[" + reflect.TypeFor[A]().String() + "]" + reflect.TypeFor[V]().String()
	return keys, item, value, nil
}

// codecOf derives a codec and puts its schema in the place of the recorded one, which a job's must equal.
func codecOf[V any](w *Writer, schema *codec.Schema) (codec.Codec[V], error) {
	c, err := codec.Derive[V](w.codecs)
	if err != nil {
		return nil, err
	}
	if w.fixed && schema.Fingerprint != c.Schema().Fingerprint {
		return nil, &codec.SchemaError{Type: reflect.TypeFor[V]().String(), Wrote: c.Schema(), Reads: *schema, Cause: errOther}
	}
	*schema = c.Schema()
	return c, nil
}

var errOther = errors.New("the job's state has another schema")

// encoded is an entry that is being put together.
type encoded struct{ key, item, value []byte }

// add adds an entry whose item and value are encoded.
func add[K comparable](keys *keygroup.Keys[K], s *written, b *encoded, k K) (err error) {
	defer func() {
		if refused, ok := recover().(backend.Refusal); ok {
			err = refused.Err
		}
	}()
	b.key = keys.Append(b.key[:0], k)
	return s.set.Add(spill.Record{Hash: keygroup.HashBytes(b.key), Key: b.key, Item: b.item, Value: b.value})
}

func (b *encoded) addItem[K comparable, A, V any](keys *keygroup.Keys[K], item codec.Codec[A], value codec.Codec[V], s *written, k K, a A, v V) (err error) {
	if b.item, err = item.Append(b.item[:0], a); err != nil {
		return err
	}
	if b.value, err = value.Append(b.value[:0], v); err != nil {
		return err
	}
	return add(keys, s, b, k)
}

// compareItems is the order of ordered state: times by instant, NaN before all other numbers.
func compareItems[A state.Sortable](a, b A) int {
	if at, ok := any(a).(time.Time); ok {
		return at.Compare(any(b).(time.Time))
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case x.CanInt():
		return cmp.Compare(x.Int(), y.Int())
	case x.CanUint():
		return cmp.Compare(x.Uint(), y.Uint())
	case x.CanFloat():
		return cmp.Compare(x.Float(), y.Float())
	}
	return cmp.Compare(x.String(), y.String())
}
