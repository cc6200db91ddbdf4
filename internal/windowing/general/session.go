package general

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"leat.dev/leat/window"
)

// touching is a session that a record touches.
type touching struct {
	id         Window
	start, end int64
}

// session takes a record into the session of its key that it touches, or that those which it touches become.
func (o *machine) session(i int, at int64) error {
	gap, err := o.gap(i)
	if err != nil {
		return err
	}
	own := touching{Window{at, at + gap}, at, at + gap}
	o.touch(own)
	last := own.end
	for _, t := range o.touched {
		last = max(last, t.end)
	}
	reach := o.reach()
	if saturated(o.dueAt(last), o.Lateness) <= reach {
		o.tooLate(i)
		return nil
	}
	id := own.id
	if len(o.touched) > 0 {
		if id, err = o.merge(); err != nil {
			return err
		}
	}
	x, fresh := o.open(id)
	if fresh {
		x.Start, x.End = own.start, own.end
	}
	x.Start, x.End = min(x.Start, own.start), max(x.End, own.end)
	o.rearm(id, x, fresh, reach)
	return o.add(id, x, i, at)
}

// gap is how long a session goes on after record i of the batch.
func (o *machine) gap(i int) (int64, error) {
	if o.spec.Kind == window.Sessions {
		return o.size, nil
	}
	gap := o.work.gap(i)
	if gap <= 0 || gap > window.MaxSize {
		return 0, fmt.Errorf("window.SessionBy: a record has a gap of %v: it must be greater than 0 and at most %v", gap, time.Duration(window.MaxSize))
	}
	return int64(gap), nil
}

// touch finds the key's sessions that touch one, those that abut included, in the order of their starts.
func (o *machine) touch(own touching) {
	o.touched = o.touched[:0]
	o.windows.Each(func(id Window, x *opened) bool {
		if x.Start <= own.end && x.End >= own.start {
			o.touched = append(o.touched, touching{id, x.Start, x.End})
		}
		return true
	})
	if len(o.touched) > 1 {
		slices.SortFunc(o.touched, func(a, b touching) int { return cmp.Compare(a.start, b.start) })
	}
}

// rearm sets when a session is looked at again. One that was late and goes on ends once more. One whose end has come and that
// has not been looked at yet is about to be.
func (o *machine) rearm(id Window, x *opened, fresh bool, reach int64) {
	due := o.dueAt(x.End)
	switch {
	case due > reach:
		x.Ended = false
	case fresh:
		x.Ended = true
	}
	if x.Ended {
		due = saturated(due, o.Lateness)
	}
	o.ends.At(id, due)
}

// merge merges the sessions that a record touches into the earliest, in the order of their times, with all that their
// triggers have of them: they count together, and the earliest firing is due first.
func (o *machine) merge() (into Window, err error) {
	into = o.touched[0].id
	for _, t := range o.touched[1:] {
		from := *o.windows.Find(t.id)
		x := o.windows.Find(into)
		o.work.merge(x.acc, from.acc)
		x.End = max(x.End, from.End)
		x.New = uint32(min(uint64(x.New)+uint64(from.New), math.MaxUint32))
		x.Panes += from.Panes
		x.Held, x.Ended = x.Held || from.Held, x.Ended || from.Ended
		if o.records != nil {
			if more := o.records.Get(t.id); more.len > 0 {
				o.records.Set(into, o.work.joinRecords(o.records.Get(into), more))
			}
		}
		if o.emitted != nil {
			if more := o.emitted.Get(t.id); more.len > 0 {
				o.emitted.Set(into, o.work.joinPanes(o.emitted.Get(into), more))
			}
		}
		o.mergeTimers(into, t.id)
		if err := o.mergeKept(into, t.id); err != nil {
			return into, err
		}
		o.drop(t.id)
	}
	return into, nil
}

func (o *machine) mergeTimers(into, from Window) {
	if o.firings != nil {
		if at, ok := o.firings.Time(from); ok {
			if set, has := o.firings.Time(into); !has || at < set {
				o.firings.At(into, at)
			}
		}
	}
	if o.ticks != nil {
		if at, ok := o.ticks.Time(from); ok {
			if set, has := o.ticks.Time(into); !has || at < set {
				o.ticks.At(into, at)
			}
		}
	}
}
