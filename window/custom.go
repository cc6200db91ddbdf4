package window

import (
	"fmt"
	"time"

	"leat.dev/leat/codec"
)

// Action is what a trigger of one's own decides.
type Action uint8

// The actions of a trigger.
const (
	Continue     Action = iota // nothing
	Fire                       // emit a pane
	Purge                      // drop the window's content
	FireAndPurge               // emit a pane, and then drop the content
)

// String is "continue", "fire", "purge" or "fire and purge".
func (a Action) String() string {
	switch a {
	case Continue:
		return "continue"
	case Fire:
		return "fire"
	case Purge:
		return "purge"
	case FireAndPurge:
		return "fire and purge"
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// TriggerBy is a trigger that looks at the record. It is a constructor, as operators are: called once a subtask (and once more when
// the job is planned), it names the values that it keeps for each window, and returns what to do with each record, late
// ones that are allowed among them. The record is in the window by then.
//
//	func bigSpender(c *window.Control) func(Txn) window.Action {
//		spent := c.Value[int64]("spent")
//		return func(t Txn) window.Action {
//			spent.Set(spent.Get() + t.Amount)
//			if spent.Get() < 10_000 {
//				return window.Continue
//			}
//			spent.Clear()
//			return window.FireAndPurge
//		}
//	}
//
// What must outlive a record belongs into such values, not into variables of the closure: those are shared by all windows and
// lost at a restore. Nothing else fires the window, also not its end; [Control.FireAt] can be asked to.
type TriggerBy[T any] func(c *Control) func(T) Action

// Delta fires when a record differs from the last one that fired (at first, from the first record) by more than the threshold.
// Where sessions merge, the later one's last record counts.
func Delta[T any](threshold float64, distance func(last, now T) float64) TriggerBy[T] {
	if distance == nil {
		return nil
	}
	return func(c *Control) func(T) Action {
		last := c.Value("last", func(_, later T) T { return later })
		return func(now T) Action {
			before, ok := last.Lookup()
			if ok && !(distance(before, now) > threshold) {
				return Continue
			}
			last.Set(now)
			if !ok {
				return Continue
			}
			return Fire
		}
	}
}

// Control is what a trigger of one's own sees of its window: the one that the record at hand was added to.
type Control struct{ engine Engine }

// Engine is what is behind a Control; it is the engine's.
type Engine interface {
	// Span is the window at hand.
	Span() Span
	// FireAt sets when the window fires.
	FireAt(t time.Time)
	// Codecs are the job's.
	Codecs() *codec.Set
	// Keep makes a value of each window. A nil merge says that windows with such values can't be merged.
	Keep(name string, c codec.Codec[[]byte], merge func(into, from []byte) ([]byte, error)) Kept
	// Fail ends the attempt.
	Fail(err error)
}

// Kept is an encoded value of the window at hand. What Get returns and Set is given is not changed.
type Kept interface {
	Get() (value []byte, ok bool)
	Set(value []byte)
	Clear()
}

// NewControl is for the engine.
func NewControl(e Engine) *Control { return &Control{e} }

// Span is the window.
func (c *Control) Span() Span { return c.engine.Span() }

// FireAt fires the window, once, when event time reaches t (of windows in processing time: when the clock does). A further call
// moves it. At the window's end it still comes in time; after the end of the allowed lateness there is no window left.
func (c *Control) FireAt(t time.Time) { c.engine.FireAt(t) }

// Value makes a value that each window has, by name; it goes when the window goes, is part of snapshots, and stays when the window is
// purged. A trigger of windows that merge (sessions) needs merge, which says what becomes of two windows' values: into is
// the earlier one's. Of two values of which one is absent, the other one stays.
func (c *Control) Value[V any](name string, merge ...func(into, from V) V) *Value[V] {
	v := &Value[V]{engine: c.engine}
	cd, err := codec.Derive[V](c.engine.Codecs())
	if err == nil && len(merge) > 1 {
		err = fmt.Errorf("%d merge functions, where one is enough", len(merge))
	}
	if err != nil {
		c.engine.Fail(fmt.Errorf("a trigger's value %q: %w", name, err))
	}
	v.codec = cd
	var merged func(into, from []byte) ([]byte, error)
	if len(merge) == 1 {
		merged = v.merging(merge[0])
	}
	v.kept = c.engine.Keep(name, encoded[V]{cd}, merged)
	return v
}

// Value is a value that a trigger keeps for each window; it speaks of the window at hand. See [Control.Value].
type Value[V any] struct {
	engine Engine
	codec  codec.Codec[V]
	kept   Kept
}

// Get returns the value, or the zero value.
func (v *Value[V]) Get() V {
	value, _ := v.Lookup()
	return value
}

// Lookup also says whether there is a value.
func (v *Value[V]) Lookup() (value V, ok bool) {
	from, ok := v.kept.Get()
	if !ok {
		return value, false
	}
	value, err := v.codec.Decode(from)
	v.check(err)
	return value, true
}

// Set sets the value.
func (v *Value[V]) Set(value V) {
	to, err := v.codec.Append(nil, value)
	v.check(err)
	v.kept.Set(to)
}

// Clear forgets the value.
func (v *Value[V]) Clear() { v.kept.Clear() }

func (v *Value[V]) check(err error) {
	if err != nil {
		v.engine.Fail(fmt.Errorf("a trigger's value: %w", err))
	}
}

func (v *Value[V]) merging(merge func(into, from V) V) func(into, from []byte) ([]byte, error) {
	return func(into, from []byte) ([]byte, error) {
		a, err := v.codec.Decode(into)
		if err != nil {
			return nil, err
		}
		b, err := v.codec.Decode(from)
		if err != nil {
			return nil, err
		}
		return v.codec.Append(nil, merge(a, b))
	}
}

// encoded is the codec of values that are encoded already: it has the schema of the values, and can read what theirs can.
type encoded[V any] struct{ of codec.Codec[V] }

func (c encoded[V]) Append(to, value []byte) ([]byte, error) { return append(to, value...), nil }
func (c encoded[V]) Schema() codec.Schema                    { return c.of.Schema() }

// Decode refuses what is no value, as every codec does.
func (c encoded[V]) Decode(from []byte) ([]byte, error) {
	if _, err := c.of.Decode(from); err != nil {
		return nil, err
	}
	return append([]byte(nil), from...), nil
}

// Resolve reads what another schema wrote by way of the values.
func (c encoded[V]) Resolve(writer codec.Schema) (func(from []byte) ([]byte, error), error) {
	read, err := codec.ReaderOf(c.of, writer)
	if err != nil {
		return nil, err
	}
	return func(from []byte) ([]byte, error) {
		value, err := read(from)
		if err != nil {
			return nil, err
		}
		return c.of.Append(nil, value)
	}, nil
}
