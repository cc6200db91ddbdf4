package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/inspect"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/spill"
)

// RewriteKeys gives all states of an operator, timers and windows among them, other keys: what f makes of the old ones. Two old keys that become one are an
// error that names them. It comes before states of the operator are set, which then have the new keys. F is called more than once for a
// key, and must return the same.
func (w *Writer) RewriteKeys[Old, New comparable](operator string, f func(Old) New) {
	if w.err != nil {
		return
	}
	if err := rewriteKeys(w, operator, f); err != nil {
		w.fail(fmt.Errorf("keys of operator %s: %w", operator, err))
	}
}

func rewriteKeys[Old, New comparable](w *Writer, name string, f func(Old) New) error {
	o := w.operator(name)
	switch {
	case o == nil || o.Key == "":
		return fmt.Errorf("there is no such operator with state by key; there are %s", list(w.keyed()))
	case o.rekey != nil:
		return errors.New("they are rewritten twice")
	case w.old == nil || slices.ContainsFunc(o.states, func(s *written) bool { return s.set != nil }):
		return errors.New("states have been set already: rewrite the keys first")
	}
	was, err := keysOf[Old](w, o)
	if err != nil {
		return err
	}
	is, err := keygroup.Derive(codec.Lookup[New](w.codecs))
	if err != nil {
		return err
	}
	if o.oldKeys, err = keygroup.NewDynamic(o.KeySchema, o.Key); err != nil {
		return err
	}
	o.Key, o.KeySchema, o.changed = reflect.TypeFor[New]().String(), is.Schema(), true
	o.rekey = func(canonical []byte) (to []byte, err error) {
		defer func() {
			if refused, ok := recover().(backend.Refusal); ok {
				err = refused.Err
			}
		}()
		old, err := was.Decode(canonical)
		if err != nil {
			return nil, err
		}
		return is.Append(nil, f(old)), nil
	}
	return nil
}

// write writes the segment files: one for each state.
func (w *Writer) write(ctx context.Context, draft *checkpoint.Draft) error {
	for _, o := range w.operators {
		if o.Key == "" {
			continue
		}
		if err := w.writeOperator(ctx, draft, o); err != nil {
			return fmt.Errorf("operator %s: %w", o.Name, err)
		}
	}
	return nil
}

func (w *Writer) writeOperator(ctx context.Context, draft *checkpoint.Draft, o *part) error {
	var pairs *spill.Sorter // new key → old key
	if o.rekey != nil {
		pairs = spill.New(false, 0)
		defer pairs.Close()
	}
	for i, s := range o.states {
		to, err := draft.Segment(ctx, o.Name, i, 0, w.max)
		if err != nil {
			return err
		}
		if err := w.writeState(ctx, o, s, to, pairs); err != nil {
			return errors.Join(fmt.Errorf("state %s: %w", s.Name, err), to.Abort())
		}
		if err := to.Close(); err != nil {
			return err
		}
	}
	if pairs == nil {
		return nil
	}
	return o.collisions(pairs)
}

func (w *Writer) writeState(ctx context.Context, o *part, s *written, to backend.Writer, pairs *spill.Sorter) error {
	switch {
	case s.set != nil:
		return w.sorted(s, s.set, to)
	case s.from == nil:
		return nil
	case o.changed:
		return w.divide(ctx, o, s, to, pairs)
	}
	group := -1
	return w.old.in.Entries(ctx, s.from, func(g int, e inspect.Entry) error {
		if g != group {
			group = g
			if err := to.Begin(s.Name, g); err != nil {
				return err
			}
		}
		return to.Entry(e.Key, e.Item, e.Value)
	})
}

// divide puts the entries of an old state into other key groups.
func (w *Writer) divide(ctx context.Context, o *part, s *written, to backend.Writer, pairs *spill.Sorter) (err error) {
	sorter := spill.New(false, 0)
	defer func() { err = errors.Join(err, sorter.Close()) }()
	var before, key []byte
	err = w.old.in.Entries(ctx, s.from, func(_ int, e inspect.Entry) error {
		if o.rekey == nil {
			return sorter.Add(spill.Record{Hash: keygroup.HashBytes(e.Key), Key: e.Key, Item: e.Item, Value: e.Value})
		}
		if before == nil || !bytes.Equal(before, e.Key) {
			var err error
			if key, err = o.rekey(e.Key); err != nil {
				return err
			}
			before = append([]byte{}, e.Key...)
			if err := pairs.Add(spill.Record{Hash: keygroup.HashBytes(key), Key: key, Value: before}); err != nil {
				return err
			}
		}
		return sorter.Add(spill.Record{Hash: keygroup.HashBytes(key), Key: key, Item: e.Item, Value: e.Value})
	})
	if err != nil {
		return err
	}
	return w.sorted(s, sorter, to)
}

// sorted writes entries that are in order of their hashes. Those that were set must not have a key, or a key and an item, twice.
func (w *Writer) sorted(s *written, from *spill.Sorter, to backend.Writer) error {
	group := -1
	var before spill.Record
	return from.Each(func(r spill.Record) error {
		if g := keygroup.Of(r.Hash, w.max); g != group {
			group = g
			if err := to.Begin(s.Name, g); err != nil {
				return err
			}
		}
		if s.set != nil && s.Kind != backend.List {
			if before.Key != nil && bytes.Equal(before.Key, r.Key) && bytes.Equal(before.Item, r.Item) {
				return fmt.Errorf("two entries were given for the key with the canonical bytes %x", r.Key)
			}
			before.Key, before.Item = append(before.Key[:0], r.Key...), append(before.Item[:0], r.Item...)
			if before.Key == nil {
				before.Key = []byte{}
			}
		}
		return to.Entry(r.Key, r.Item, r.Value)
	})
}

// collisions refuses old keys that have become one.
func (o *part) collisions(pairs *spill.Sorter) error {
	var key, old []byte
	return pairs.Each(func(r spill.Record) error {
		if key != nil && bytes.Equal(key, r.Key) {
			if !bytes.Equal(old, r.Value) {
				return fmt.Errorf("the keys %s and %s become one, %s", show(o.oldKeys, old), show(o.oldKeys, r.Value), show(o.newKeys(), key))
			}
			return nil
		}
		key, old = append(key[:0], r.Key...), append(old[:0], r.Value...)
		return nil
	})
}

func (o *part) newKeys() *keygroup.Dynamic {
	d, _ := keygroup.NewDynamic(o.KeySchema, o.Key) // nil shows bytes
	return d
}

// show is a key as an error shows it.
func show(keys *keygroup.Dynamic, canonical []byte) string {
	if keys != nil {
		if v, err := keys.Decode(canonical); err == nil {
			return string(codec.JSON(nil, v))
		}
	}
	return fmt.Sprintf("%x", canonical)
}

// floors are the watermarks of the key groups as they are now.
//
// Keys of a new key group may come from several old ones. If these had come to different times, no time is right for all of
// them: with the latest, windows of some keys would never fire, and with the earliest, windows of others would fire again.
// For operators without such windows the earliest is right: timers that have fired are not in the snapshot, and sessions know
// themselves whether they have.
func (o *part) floors(oldMax, newMax int) ([]backend.Floor, error) {
	if !o.changed || len(o.Floors) == 0 {
		return o.Floors, nil
	}
	old := make([]backend.Floor, oldMax)
	for i := range old {
		old[i].Watermark = math.MinInt64
	}
	for _, f := range o.Floors {
		for g := max(0, f.From); g < min(f.To, oldMax); g++ {
			old[g] = f
		}
	}
	sliced := slices.ContainsFunc(o.states, func(s *written) bool { return s.Kind == backend.Slices })
	var all []backend.Floor
	for g := range newMax {
		from, to := 0, oldMax
		if o.rekey == nil {
			from, to = overlap(g, newMax, oldMax)
		}
		f, differ := least(old[from:to])
		if differ && sliced {
			return nil, errFiring
		}
		f.From, f.To = g, g+1
		if n := len(all); n > 0 && all[n-1].Watermark == f.Watermark && all[n-1].Firing == f.Firing {
			all[n-1].To = f.To
			continue
		}
		all = append(all, f)
	}
	return all, nil
}

var errFiring = errors.New("windows were firing when the snapshot was taken, and some key groups are further than others: " +
	"divided anew, a window could fire twice; take another savepoint, or wait for the next checkpoint")

// least is the earliest of some floors.
func least(floors []backend.Floor) (f backend.Floor, differ bool) {
	f = floors[0]
	for _, other := range floors[1:] {
		differ = differ || other.Watermark != f.Watermark
		f.Watermark = min(f.Watermark, other.Watermark)
		f.Firing = f.Firing || other.Firing
	}
	return f, differ
}

// overlap is the key groups of so many that keys of one key group of another number of them may have been in: up to, without, to.
func overlap(group, of, among int) (from, to int) {
	first := (uint64(group)<<32 + uint64(of) - 1) / uint64(of)
	last := (uint64(group+1)<<32+uint64(of)-1)/uint64(of) - 1
	return keygroup.Of(first<<32, among), keygroup.Of(last<<32, among) + 1
}
