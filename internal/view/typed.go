package view

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"reflect"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/runtime"
)

// Types are those that a user reads a state as.
type Types struct {
	Key       reflect.Type
	KeySchema codec.Schema
	Item      reflect.Type // nil: all items together
	Value     reflect.Type
}

// View reads a state as Go values:
//
//	value, reducing, aggregating   V, the result
//	list                           []V
//	map, ordered                   map[A]V, or item by item
//	timer                          time.Time
//	timers                         map[S]time.Time, or item by item
type View struct {
	reader *Reader
	state  *State
	types  Types
	err    error // why it can't
}

// View returns what reads a state as values of types. Whether it can is told by whoever reads.
func (r *Reader) View(operator, state string, t Types) *View {
	v := &View{reader: r, types: t}
	if v.state, v.err = r.Find(operator, state); v.err == nil {
		if v.err = v.state.check(t); v.err != nil {
			v.err = fmt.Errorf("job %s, state %s: %w", r.plan.Graph.Job, v.state.Path(), v.err)
		}
	}
	return v
}

// Failing returns a view that can't be read.
func Failing(err error) *View { return &View{err: err} }

// check says why a state can't be read as values of types.
func (s *State) check(t Types) error {
	if s.Values == nil {
		return fmt.Errorf("it is a state of kind %s that stands for no Go type, as those that windows and panes keep: the command state shows it", s.KindText())
	}
	item, value := s.itemType(), s.valueType()
	switch {
	case t.Item != nil && item == nil:
		return fmt.Errorf("it is a state of kind %s, which has no items: %s", s.KindText(), s.how(t))
	case s.Node.KeySchema.Fingerprint != t.KeySchema.Fingerprint:
		return fmt.Errorf("its keys are of type %s: %s", s.Node.Key, s.how(t))
	case t.Item != nil && item == t.Item && value == t.Value:
		return nil
	case t.Item == nil && s.whole() == t.Value:
		return nil
	}
	return fmt.Errorf("it is a state of kind %s: %s", s.KindText(), s.how(t))
}

// how says how the state is read, and that this is another way.
func (s *State) how(t Types) string {
	if t.Item != nil && s.itemType() != nil {
		return fmt.Sprintf("it is read as ItemView[%s, %v, %v], and not as ItemView[%v, %v, %v]",
			s.Node.Key, s.itemType(), s.valueType(), t.Key, t.Item, t.Value)
	}
	return fmt.Sprintf("it is read as View[%s, %v], and not as %s", s.Node.Key, s.whole(), t)
}

func (t Types) String() string {
	if t.Item != nil {
		return fmt.Sprintf("ItemView[%v, %v, %v]", t.Key, t.Item, t.Value)
	}
	return fmt.Sprintf("View[%v, %v]", t.Key, t.Value)
}

func (s *State) isTimer() bool { return s.Kind == backend.Timer || s.Kind == backend.Timers }

func (s *State) valueType() reflect.Type {
	if s.isTimer() {
		return reflect.TypeFor[time.Time]()
	}
	return s.Values.Type
}

// itemType is that of the items; nil: there are none.
func (s *State) itemType() reflect.Type {
	if s.Items == nil {
		return nil
	}
	return s.Items.Type
}

// whole is the type of all that a key has.
func (s *State) whole() reflect.Type {
	switch {
	case s.Kind == backend.List:
		return reflect.SliceOf(s.valueType())
	case s.Items != nil:
		return reflect.MapOf(s.itemType(), s.valueType())
	}
	return s.valueType()
}

// Get returns what keys have, nil for a key that has nothing.
func (v *View) Get(ctx context.Context, live bool, keys [][]byte) ([]any, error) {
	if v.err != nil {
		return nil, v.err
	}
	a, err := v.reader.Ask(ctx, Question{State: v.state, Keys: keys, Live: live})
	if err != nil {
		return nil, err
	}
	all := make([]any, len(keys))
	err = v.decoding(func() error {
		d, err := v.state.decoder(a.Was)
		for i := 0; err == nil && i < len(keys); i++ {
			if len(a.Keys[i]) > 0 {
				all[i], err = d.whole(a.Keys[i])
			}
		}
		return err
	})
	return all, err
}

// Pair is an item and its value.
type Pair struct{ Item, Value any }

// Items returns the items of a key and their values, of an ordered state in order.
func (v *View) Items(ctx context.Context, live bool, key []byte) ([]Pair, error) {
	if v.err != nil {
		return nil, v.err
	}
	a, err := v.reader.Ask(ctx, Question{State: v.state, Keys: [][]byte{key}, Live: live})
	if err != nil {
		return nil, err
	}
	return v.pairs(a)
}

func (v *View) pairs(a Answer) (all []Pair, err error) {
	err = v.decoding(func() error {
		d, err := v.state.decoder(a.Was)
		if err == nil {
			all, err = d.pairs(a.Keys[0])
		}
		return err
	})
	return all, err
}

// Item returns the value of an item of a key, nil if it has none. Encode encodes items.
func (v *View) Item(ctx context.Context, live bool, key []byte, item any, encode func(any) ([]byte, error)) (any, error) {
	if v.err != nil {
		return nil, v.err
	}
	q := Question{State: v.state, Keys: [][]byte{key}, Live: live}
	err := v.decoding(func() (err error) {
		q.Item, err = encoded(item, encode)
		return err
	})
	if err != nil {
		return nil, err
	}
	a, err := v.reader.Ask(ctx, q)
	if err == nil && a.Was.Item.Fingerprint != v.state.Item.Fingerprint { // items were written otherwise
		return v.search(ctx, live, key, q.Item, encode)
	}
	if err != nil || len(a.Keys[0]) == 0 {
		return nil, err
	}
	all, err := v.pairs(a)
	if err != nil {
		return nil, err
	}
	return all[0].Value, nil
}

// search looks for an item among all of a key, as they are encoded today.
func (v *View) search(ctx context.Context, live bool, key, item []byte, encode func(any) ([]byte, error)) (found any, err error) {
	all, err := v.Items(ctx, live, key)
	if err != nil {
		return nil, err
	}
	err = v.decoding(func() error {
		for _, p := range all {
			b, err := encoded(p.Item, encode)
			if err != nil {
				return err
			}
			if bytes.Equal(b, item) {
				found = p.Value
			}
		}
		return nil
	})
	return found, err
}

// encoded is never nil, also if it has no bytes.
func encoded(item any, encode func(any) ([]byte, error)) ([]byte, error) {
	b, err := encode(item)
	return append([]byte{}, b...), err
}

// decoding calls f, which calls codecs and aggregators of the user's.
func (v *View) decoding(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = runtime.Thrown(r)
		}
		if err != nil {
			err = fmt.Errorf("job %s, state %s: %w", v.reader.plan.Graph.Job, v.state.Path(), err)
		}
	}()
	if v.state.Kind == backend.Aggregating {
		v.reader.deciding.Lock()
		defer v.reader.deciding.Unlock()
	}
	return f()
}

// decoder turns entries into Go values.
type decoder struct {
	state *State
	item  func([]byte) (any, error)
	value func([]byte) (any, error)
}

// decoder returns what reads entries that were written when the state was described so.
func (s *State) decoder(was backend.State) (d decoder, err error) {
	d.state = s
	if s.Items != nil {
		if d.item, err = s.Items.Reader(was.Item); err != nil {
			return d, fmt.Errorf("items: %w", err)
		}
	}
	if d.value, err = s.Values.Reader(was.Value); err != nil {
		return d, fmt.Errorf("values: %w", err)
	}
	d.value = backend.Unstamped(was.TTL, d.value)
	return d, nil
}

// whole is all that a key has.
func (d *decoder) whole(entries []backend.Held) (any, error) {
	switch {
	case d.state.Kind == backend.List:
		return d.list(entries)
	case d.item != nil:
		return d.table(entries)
	}
	return d.one(entries[0].Value)
}

// one is one value. Timers hold nanoseconds.
func (d *decoder) one(value []byte) (any, error) {
	v, err := d.value(value)
	if err == nil && d.state.isTimer() {
		v = time.Unix(0, v.(int64)).UTC()
	}
	return v, err
}

func (d *decoder) list(entries []backend.Held) (any, error) {
	all := reflect.MakeSlice(d.state.whole(), 0, 0)
	for _, e := range entries {
		for rest := e.Value; len(rest) > 0; {
			n, used := binary.Uvarint(rest)
			if used <= 0 || n > uint64(len(rest)-used) {
				return nil, fmt.Errorf("%w: an element is longer than its entry", codec.ErrCorrupt)
			}
			v, err := d.value(rest[used : used+int(n)])
			if err != nil {
				return nil, err
			}
			all, rest = reflect.Append(all, reflect.ValueOf(v)), rest[used+int(n):]
		}
	}
	return all.Interface(), nil
}

func (d *decoder) table(entries []backend.Held) (any, error) {
	pairs, err := d.pairs(entries)
	if err != nil {
		return nil, err
	}
	all := reflect.MakeMapWithSize(d.state.whole(), len(pairs))
	for _, p := range pairs {
		all.SetMapIndex(reflect.ValueOf(p.Item), reflect.ValueOf(p.Value))
	}
	return all.Interface(), nil
}

func (d *decoder) pairs(entries []backend.Held) ([]Pair, error) {
	all := make([]Pair, len(entries))
	for i, e := range entries {
		var err error
		if all[i].Item, err = d.item(e.Item); err != nil {
			return nil, err
		}
		if all[i].Value, err = d.one(e.Value); err != nil {
			return nil, err
		}
	}
	return all, nil
}
