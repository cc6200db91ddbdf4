package state

import (
	"bytes"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

type perWindowOption struct{}

func (perWindowOption) stateOption() {}

// PerWindow keeps a state for each window of a key, in place of one for all windows of the key: it goes when the window goes, its
// allowed lateness included. It is for Value, Reducing and Aggregating of an operator that processes panes (leat.Windowed.Process),
// so that what one pane of a window leaves is there for the window's next; of windows that have one span from beginning to end:
// not for sessions, which merge, for windows by count, which fire once, nor for the window without end, whose state is the key's.
func PerWindow() Option { return perWindowOption{} }

// IsPerWindow is for the engine: whether options have [PerWindow].
func IsPerWindow(opts []Option) bool {
	for _, o := range opts {
		if _, ok := o.(perWindowOption); ok {
			return true
		}
	}
	return false
}

// Slot is for the engine: where a state of the window at hand lies, encoded.
type Slot interface {
	Load() ([]byte, bool)
	Store(value []byte)
	Delete()
}

// Cell is for the engine: a value of the window at hand, decoded while a pane is processed.
type Cell[V any] struct {
	codec   codec.Codec[V]
	slot    Slot
	v       V
	loaded  bool // v is the slot's, or newer
	present bool
	changed bool
}

// MakeCell is for the engine.
func MakeCell[V any](c codec.Codec[V], s Slot) *Cell[V] { return &Cell[V]{codec: c, slot: s} }

// MakeCellValue is for the engine.
func MakeCellValue[V any](c *Cell[V]) *Value[V] { return &Value[V]{o: c} }

func (c *Cell[V]) load() {
	if c.loaded {
		return
	}
	c.loaded = true
	if value, ok := c.slot.Load(); ok {
		v, err := c.codec.Decode(value)
		if err != nil {
			panic(backend.Refusal{Err: err})
		}
		c.v, c.present = v, true
	}
}

// Get returns the value, or the zero value.
func (c *Cell[V]) Get() V { c.load(); return c.v }

// Lookup also says whether there is a value.
func (c *Cell[V]) Lookup() (V, bool) { c.load(); return c.v, c.present }

// Has says whether there is a value.
func (c *Cell[V]) Has() bool { c.load(); return c.present }

// Ref returns the value for changing in place.
func (c *Cell[V]) Ref() *V {
	c.load()
	c.present, c.changed = true, true
	return &c.v
}

// Set sets the value.
func (c *Cell[V]) Set(v V) { c.v, c.loaded, c.present, c.changed = v, true, true, true }

// Clear forgets the value.
func (c *Cell[V]) Clear() {
	c.load()
	var zero V
	c.changed = c.changed || c.present
	c.v, c.present = zero, false
}

// Leave writes the value back, and says whether there is one; the next window's is another.
func (c *Cell[V]) Leave() (present bool) {
	c.load()
	present = c.present
	switch {
	case c.changed && present:
		value, err := c.codec.Append(nil, c.v)
		if err != nil {
			panic(backend.Refusal{Err: err})
		}
		c.slot.Store(value)
	case c.changed:
		c.slot.Delete()
	}
	c.forget()
	return present
}

// Drop deletes the value.
func (c *Cell[V]) Drop() {
	c.slot.Delete()
	c.forget()
}

func (c *Cell[V]) forget() {
	var zero V
	c.v, c.loaded, c.present, c.changed = zero, false, false, false
}

// CellRunning is for the engine: a [Running] in a cell.
func CellRunning[T, A, V any](c *Cell[A], first, add func(*A, T), result func(*A) V) *Running[T, V] {
	return &Running[T, V]{cellRunning[T, A, V]{c, first, add, result}}
}

type cellRunning[T, A, V any] struct {
	*Cell[A]
	first, add func(*A, T)
	result     func(*A) V
}

func (r cellRunning[T, A, V]) Add(t T) {
	if add := r.add; r.Has() {
		add(r.Ref(), t)
	} else {
		r.first(r.Ref(), t)
	}
}

func (r cellRunning[T, A, V]) Lookup() (v V, ok bool) {
	if !r.Has() {
		return v, false
	}
	return r.result(&r.v), true
}

// Encoded is for the engine: a codec of values that are encoded already, with the schema of those.
func Encoded[V any](c codec.Codec[V]) codec.Codec[[]byte] { return encoded[V]{c} }

type encoded[V any] struct{ of codec.Codec[V] }

func (e encoded[V]) Append(to, v []byte) ([]byte, error) { return append(to, v...), nil }
func (e encoded[V]) Decode(from []byte) ([]byte, error)  { return bytes.Clone(from), nil }
func (e encoded[V]) Schema() codec.Schema                { return e.of.Schema() }

// Resolve reads what another schema wrote, and encodes it anew.
func (e encoded[V]) Resolve(writer codec.Schema) (func([]byte) ([]byte, error), error) {
	read, err := codec.ReaderOf(e.of, writer)
	if err != nil {
		return nil, err
	}
	return func(from []byte) ([]byte, error) {
		v, err := read(from)
		if err != nil {
			return nil, err
		}
		return e.of.Append(nil, v)
	}, nil
}
