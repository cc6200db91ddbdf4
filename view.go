package leat

import (
	"context"
	"reflect"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/recovery"
	"leat.dev/leat/internal/runtime"
	"leat.dev/leat/internal/view"
)

// ErrNoCheckpoint is wrapped by the errors of a [View] that is read before the job's first checkpoint is complete.
var ErrNoCheckpoint = recovery.ErrNoCheckpoint

// View reads a state of an operator by key while the job runs, from any goroutine: as of the last complete checkpoint, or, after
// [View.Live], as the operator has it. V is the state's type: of Value and Reducing their values', of Aggregating that of
// the result, []E of a List of E, map[A]X of a Map or Ordered from A to X, time.Time of a timer and map[S]time.Time of
// timers by item. K is the type of the operator's keys. Names and types that are not the job's are an error of
// whoever reads. The view holds from attempt to attempt, and is read as of the last checkpoint also when the job has ended.
func (r *Running) View[K comparable, V any](operator, name string) *View[K, V] {
	keys, core := viewOf[K](r, operator, name, view.Types{Value: reflect.TypeFor[V]()})
	return &View[K, V]{keys: keys, core: core}
}

// View is a state seen from outside; see [Running.View]. Its methods may be called from any goroutine.
type View[K comparable, V any] struct {
	_    [0]func(K, V)
	keys *keygroup.Keys[K]
	core *view.View
	live bool
}

// Live returns a view of what the operator has now, in place of what the last checkpoint had. A failure may take it back: the
// next attempt goes on from the checkpoint. While the job waits for an attempt, reading waits too. A key that has more
// than a megabyte is refused, as the operator would have to wait for it.
func (v *View[K, V]) Live() *View[K, V] {
	c := *v
	c.live = true
	return &c
}

// Get returns what a key has in the state, and whether it has anything. As of the last checkpoint that is durable: no failure takes
// it back. What is returned is the caller's own.
func (v *View[K, V]) Get(ctx context.Context, k K) (x V, ok bool, err error) {
	all, err := v.get(ctx, k)
	if err != nil || all[0] == nil {
		return x, false, err
	}
	return all[0].(V), true, nil
}

// GetAll returns what keys have, without those that have nothing: all as of one checkpoint. Live, each key is looked up at a
// moment of its own.
func (v *View[K, V]) GetAll(ctx context.Context, keys ...K) (map[K]V, error) {
	all, err := v.get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	found := map[K]V{}
	for i, x := range all {
		if x != nil {
			found[keys[i]] = x.(V)
		}
	}
	return found, nil
}

func (v *View[K, V]) get(ctx context.Context, keys ...K) ([]any, error) {
	canonical := make([][]byte, len(keys))
	for i, k := range keys {
		var err error
		if canonical[i], err = canonicalKey(v.keys, k); err != nil {
			return nil, err
		}
	}
	return v.core.Get(ctx, v.live, canonical)
}

// ItemView reads a state with items, as [Running.View] reads a whole one: a Map, an Ordered, or timers by item, whose values are
// of type time.Time.
func (r *Running) ItemView[K, A comparable, V any](operator, name string) *ItemView[K, A, V] {
	keys, core := viewOf[K](r, operator, name, view.Types{Item: reflect.TypeFor[A](), Value: reflect.TypeFor[V]()})
	items, err := codec.Derive[A](&r.job.codecs)
	if err != nil {
		core = view.Failing(err)
	}
	return &ItemView[K, A, V]{keys: keys, items: items, core: core}
}

// ItemView is a state with items seen from outside; see [Running.ItemView]. Its methods may be called from any goroutine.
type ItemView[K, A comparable, V any] struct {
	_     [0]func(K, A, V)
	keys  *keygroup.Keys[K]
	items codec.Codec[A]
	core  *view.View
	live  bool
}

// Item is an item of a key, and its value.
type Item[A comparable, V any] struct {
	Item  A
	Value V
}

// Live returns a view of what the operator has now; see [View.Live].
func (v *ItemView[K, A, V]) Live() *ItemView[K, A, V] {
	c := *v
	c.live = true
	return &c
}

// Get returns the value of an item of a key, and whether it has one.
func (v *ItemView[K, A, V]) Get(ctx context.Context, k K, a A) (x V, ok bool, err error) {
	key, err := canonicalKey(v.keys, k)
	if err != nil {
		return x, false, err
	}
	value, err := v.core.Item(ctx, v.live, key, a, func(a any) ([]byte, error) { return v.items.Append(nil, a.(A)) })
	if err != nil || value == nil {
		return x, false, err
	}
	return value.(V), true, nil
}

// All returns the items of a key: in order those of an Ordered, and in no order others.
func (v *ItemView[K, A, V]) All(ctx context.Context, k K) ([]Item[A, V], error) {
	key, err := canonicalKey(v.keys, k)
	if err != nil {
		return nil, err
	}
	pairs, err := v.core.Items(ctx, v.live, key)
	if err != nil {
		return nil, err
	}
	all := make([]Item[A, V], len(pairs))
	for i, p := range pairs {
		all[i] = Item[A, V]{p.Item.(A), p.Value.(V)}
	}
	return all, nil
}

// viewOf makes the part of a view that knows no types.
func viewOf[K comparable](r *Running, operator, name string, t view.Types) (*keygroup.Keys[K], *view.View) {
	keys, err := keysOf[K](r.job)
	if err != nil {
		return nil, view.Failing(err)
	}
	t.Key, t.KeySchema = reflect.TypeFor[K](), keys.Schema()
	return keys, r.reader.View(operator, name, t)
}

// canonicalKey is the canonical bytes of a key, whose codec may be the user's. Without keys, the view has an error to tell.
func canonicalKey[K comparable](keys *keygroup.Keys[K], k K) (b []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = runtime.Thrown(r)
		}
	}()
	if keys == nil {
		return nil, nil
	}
	return keys.Append([]byte{}, k), nil
}
