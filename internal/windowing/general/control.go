package general

import (
	"errors"
	"fmt"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// control is the trigger of the user's own, and what it sees.
type control struct {
	kept   []*kept
	states heap.Base
	codecs *codec.Set
	fireAt func(at int64)

	constructed bool
	at          Window // the window at hand: its id
	span        window.Span
	inRecord    bool
}

// kept is a value of each window, encoded.
type kept struct {
	name  string
	at    *Window // the control's
	state *heap.Map[Window, []byte]
	merge func(into, from []byte) ([]byte, error)
}

func (k *kept) Get() ([]byte, bool) { return k.state.Lookup(*k.at) }
func (k *kept) Set(value []byte)    { k.state.Set(*k.at, value) }
func (k *kept) Clear()              { k.state.Delete(*k.at) }

// construct calls the trigger's constructor.
func (o *machine) construct() error {
	c := &o.control
	c.states, c.codecs = o.base, o.Codecs
	c.fireAt = func(at int64) { o.firings.At(c.at, o.dueAt(at)) }
	if !o.work.construct(window.NewControl(c)) {
		return errors.New("the constructor of TriggerBy has returned no function")
	}
	c.constructed = true
	if !o.merging() {
		return nil
	}
	for _, k := range c.kept {
		if k.merge == nil {
			return fmt.Errorf("the trigger keeps %q for each window, and sessions merge: give Control.Value a function that merges two of them", k.name)
		}
	}
	return nil
}

// Span is the window at hand.
func (c *control) Span() window.Span {
	c.inside("Span")
	return c.span
}

// FireAt sets when the window at hand fires.
func (c *control) FireAt(t time.Time) {
	c.inside("FireAt")
	if t.Before(time.Unix(0, flow.NoTime+2)) || t.After(time.Unix(0, flow.EndTime-1)) {
		flow.Fail(fmt.Errorf("the trigger's FireAt(%v) is not in the years 1678 to 2262", t))
	}
	c.fireAt(t.UnixNano())
}

// Codecs are the job's.
func (c *control) Codecs() *codec.Set { return c.codecs }

// Keep makes a value of each window.
func (c *control) Keep(name string, values codec.Codec[[]byte], merge func(into, from []byte) ([]byte, error)) window.Kept {
	if c.constructed {
		flow.Fail(fmt.Errorf("the trigger makes the value %q while it runs: its constructor makes all of them", name))
	}
	if name == "" {
		flow.Fail(errors.New("a trigger's value without a name: it is restored by it"))
	}
	for _, k := range c.kept {
		if k.name == name {
			flow.Fail(fmt.Errorf("two values of the trigger are called %q", name))
		}
	}
	k := &kept{name: name, at: &c.at, merge: merge}
	k.state = c.states.AddMap(keptPrefix+name, "[]uint8", windowCodec{"window/1"}, values)
	c.kept = append(c.kept, k)
	return k
}

// Fail ends the attempt.
func (c *control) Fail(err error) { flow.Fail(err) }

func (c *control) inside(what string) {
	if !c.inRecord {
		flow.Fail(fmt.Errorf("the trigger asks for %s while no window is at hand: only the function that takes records may", what))
	}
}

// decide has the trigger decide about a window that record i of the batch was added to.
func (o *machine) decide(w Window, x *opened, i int) error {
	c := &o.control
	p := o.place(x.Start, x.End, flow.NoTime)
	c.at, c.span, c.inRecord = w, spanOf(p.Start, p.End), true
	action := o.work.decide(i)
	c.inRecord = false
	switch action {
	case window.Continue:
	case window.Fire, window.FireAndPurge:
		o.fire(w, x, shot{timing: between(x), purge: o.discard || action == window.FireAndPurge, reached: flow.NoTime})
	case window.Purge:
		o.purge(w, x)
	default:
		return fmt.Errorf("the trigger returned %v: it must be one of the actions of package window", action)
	}
	return nil
}

// spanOf shows a span; the zero one where no record had a time.
func spanOf(start, end int64) (s window.Span) {
	if end != flow.NoTime {
		s.Start, s.End = timeOf(start), timeOf(end)
	}
	return s
}

// mergeKept merges what the trigger keeps for two windows.
func (o *machine) mergeKept(into, from Window) error {
	for _, k := range o.control.kept {
		b, ok := k.state.Lookup(from)
		if !ok {
			continue
		}
		if a, has := k.state.Lookup(into); has {
			var err error
			if b, err = k.merge(a, b); err != nil {
				return fmt.Errorf("the trigger's value %q: %w", k.name, err)
			}
		}
		k.state.Set(into, b)
	}
	return nil
}
