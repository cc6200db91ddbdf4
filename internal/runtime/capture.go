package runtime

import (
	"context"
	"fmt"
	"slices"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/flow"
)

// capture freezes the state of all operators of the chain, as of this instant of the loop.
func (t *Subtask) capture(id int64) {
	if id <= t.last {
		return
	}
	t.last = id
	t.asks = slices.DeleteFunc(t.asks, func(asked int64) bool { return asked <= id })
	t.Chain.settle()
	t.flushOut(t.Chain.Links[0].Env.Context)
	request := t.Coordinator.Request(id)
	c := &Capture{Checkpoint: id, Task: t.Task, Subtask: t.Index, GroupFrom: t.GroupFrom, GroupTo: t.GroupTo}
	for _, l := range t.Chain.Links {
		if l.Env.Tap != nil {
			l.Env.Tap.Barrier(l.Node.Name, t.Index, id)
		}
		o := OperatorCapture{Operator: l.Node.Name}
		if s, ok := l.Operator.(Stateful); ok {
			for _, k := range s.State() {
				o.Keyed = append(o.Keyed, k.Snapshot(request))
			}
			o.Floors = t.floors(l.Operator)
		}
		if e, ok := l.Operator.(Listed); ok {
			l.at("snapshot")
			entries, err := e.Entries()
			flow.Check(err)
			o.Entries = entries
		}
		if s, ok := l.Operator.(Committing); ok {
			l.at("prepare")
			flow.Check(s.Prepare(l.Env.Context, id))
			o.Committables = s.Committables()
		}
		if o.Keyed != nil || o.Entries != nil || o.Committables != nil {
			c.Operators = append(c.Operators, o)
		}
	}
	t.Coordinator.Frozen(c)
}

// floors are the watermarks of the subtask's key groups.
func (t *Subtask) floors(operator any) []backend.Floor {
	f, ok := operator.(Floored)
	if !ok {
		return []backend.Floor{{From: t.GroupFrom, To: t.GroupTo, Watermark: t.marks.Current(), Firing: t.due}}
	}
	floors := f.Floors(t.GroupFrom, t.GroupTo, t.marks.Current())
	for i := range floors {
		floors[i].Firing = t.due
	}
	return floors
}

// Release gives back what was frozen.
func (c *Capture) Release() {
	for _, o := range c.Operators {
		for _, s := range o.Keyed {
			s.Release()
		}
	}
}

// tick lets operators do what processing time has made due, and says whether there was any.
func (t *Subtask) tick(now int64) bool {
	any := false
	t.behind = false
	for _, k := range t.ticking {
		if at, ok := k.NextTick(); ok && at <= now {
			done := t.bounded(func(limit int) bool { return k.Tick(now, limit) })
			any, t.behind = true, t.behind || !done
		}
	}
	return any
}

func (t *Subtask) tickDue(now int64) bool {
	for _, k := range t.ticking {
		if at, ok := k.NextTick(); ok && at <= now {
			return true
		}
	}
	return false
}

// setAlarm has the subtask woken when the next operator has something to do. An alarm that goes off earlier than that
// does no harm, and stays: a timer that each record moves on then costs nothing here.
func (t *Subtask) setAlarm() {
	var next int64
	found := false
	for _, k := range t.ticking {
		if at, ok := k.NextTick(); ok && (!found || at < next) {
			next, found = at, true
		}
	}
	if !found {
		return
	}
	if t.alarmStop != nil {
		if t.alarmAt <= next && t.alarmAt > t.Clock.Now() {
			return
		}
		t.alarmStop()
	}
	t.alarmAt, t.alarmStop = next, t.Clock.At(next, t.Waker.Wake)
}

// Restored is a snapshot as a subtask sees it: by the names that operators and states have in the job that is restored.
type Restored interface {
	// Keyed calls f for each state of an operator, by the name that it has now, in each key group of a range, half open, but for those
	// in files of records that adopt takes over.
	Keyed(ctx context.Context, operator string, from, to int, adopt backend.Adopt, f func(state string, group int, r backend.Reader) error) error
	// States are an operator's states as the snapshot describes them, by the names that they have now.
	States(operator string) map[string]backend.State
	// Entries are the entries of all subtasks of an operator without keys, with the names that their states have now.
	Entries(operator string) []backend.Entry
	// Floors are the watermarks of an operator's key groups.
	Floors(operator string) []backend.Floor
}

// Restore reads a snapshot's state into the operators of the chain, before the first record, and returns the watermark
// below which the subtask must not begin: the least of its key groups.
func (t *Subtask) Restore(ctx context.Context, from Restored) (floor int64, err error) {
	floor = flow.NoTime
	for _, l := range t.Chain.Links {
		was := from.States(l.Node.Name)
		if d, ok := l.Operator.(Described); ok {
			if err := d.Expect(was); err != nil {
				return floor, err
			}
		}
		if e, ok := l.Operator.(Listed); ok {
			if err := e.RestoreEntries(from.Entries(l.Node.Name)); err != nil {
				return floor, err
			}
		}
		s, ok := l.Operator.(Stateful)
		if !ok {
			continue
		}
		floor = t.restoreFloors(l.Operator, from.Floors(l.Node.Name))
		err := from.Keyed(ctx, l.Node.Name, t.GroupFrom, t.GroupTo, adopterOf(s.State()), func(state string, group int, r backend.Reader) error {
			return restoreState(s.State(), was[state], state, group, r)
		})
		if err != nil {
			return floor, err
		}
	}
	return floor, nil
}

// restoreFloors tells an operator how far event time had come for each of its key groups.
func (t *Subtask) restoreFloors(operator any, floors []backend.Floor) int64 {
	least := flow.EndTime
	found := false
	for _, f := range floors {
		f.From, f.To = max(f.From, t.GroupFrom), min(f.To, t.GroupTo)
		if f.From >= f.To {
			continue
		}
		least, found = min(least, f.Watermark), true
		t.due = t.due || f.Firing
		if o, ok := operator.(Floored); ok {
			o.RestoreFloor(f)
		}
	}
	if !found {
		return flow.NoTime
	}
	return least
}

// adopterOf has the parts of an operator take over files of records.
func adopterOf(parts []backend.Keyed) backend.Adopt {
	return func(format string, states []backend.State, open func() ([]backend.RecordSource, error)) (bool, error) {
		for _, k := range parts {
			a, ok := k.(backend.Adopter)
			if !ok || !a.Adopts(format, states) {
				continue
			}
			sources, err := open()
			if err != nil {
				return false, err
			}
			return true, a.Adopt(sources)
		}
		return false, nil
	}
}

// restoreState hands the entries of a state to the part of the operator that has it.
func restoreState(parts []backend.Keyed, was backend.State, state string, group int, r backend.Reader) error {
	for _, k := range parts {
		for _, s := range k.States() {
			if s.Name == state {
				return k.Restore(was, state, group, r)
			}
		}
	}
	return fmt.Errorf("the snapshot has a state %q that the operator does not have", state)
}
