package joining

import (
	"fmt"
	"slices"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/windowing"
	"leat.dev/leat/window"
)

// Windows brings together the records of both sides that are in one window. It is the window operator of the subtask,
// whose goroutine calls all methods.
type Windows[K comparable, T, U any] struct {
	windowing.Operator[K, Side[T, U]]
	batch flow.Keyed[K, Side[T, U]] // of both sides in turn
	side  windowing.Sides           // whose batch is at hand
	late  Side[T, U]                // the record that was added last
}

// NewWindows makes a window join. A window's results have the time of its last nanosecond.
//
// When a window fires, all pairs are emitted, and the records without a partner. A record that comes later, within the
// lateness, makes its own pairs only: what was emitted stays, also if it said that there was no partner. Sessions
// that are kept and fire again emit what is new in them.
func NewWindows[K comparable, T, U any](c Config[K, T, U], w window.Assigner, r Results[T, U]) (*Windows[K, T, U], error) {
	o := &Windows[K, T, U]{}
	p := pairing[T, U]{Results: r}
	aligned, past := window.SpecOf(w).Kind != window.Sessions, windowing.Past(window.SpecOf(w))
	config, err := windowConfig(c, w, o)
	if err != nil {
		return nil, err
	}
	config.Emit = func(_, end int64, panes []windowing.Entry[K, Kept[T, U]], timing window.Timing, _ int) {
		for i := range panes {
			e := &panes[i]
			if p.nothing(&e.Acc) {
				continue
			}
			c.Core.Store.SelectKey(e.Key, e.Hash) // for errors that name the key
			if aligned && timing == window.PaneLate {
				p.one(&e.Acc, o.late, end-1)
			} else {
				p.fresh(&e.Acc, end-past)
			}
		}
	}
	config.Pairing = &windowing.Pairing[Kept[T, U]]{
		Sides: (*Kept[T, U]).sides, Receives: func() windowing.Sides { return o.side }, Alone: r.alone(),
		Bare: !flow.HoldsPointers[K]() && !flow.HoldsPointers[T]() && !flow.HoldsPointers[U](),
	}
	if !aligned {
		config.Fired = (*Kept[T, U]).Emitted
	}
	o.Operator, err = windowing.New(config)
	return o, err
}

// sides are those of which there are records.
func (k *Kept[T, U]) sides() (has windowing.Sides) {
	if k.alone&aloneFirst != 0 || k.more != nil && len(k.more.first) > 0 {
		has |= windowing.First
	}
	if k.alone&aloneSecond != 0 || k.more != nil && len(k.more.second) > 0 {
		has |= windowing.Second
	}
	return has
}

// alone are the sides whose records are emitted without a partner.
func (r *Results[T, U]) alone() (sides windowing.Sides) {
	if r.First != nil {
		sides |= windowing.First
	}
	if r.Second != nil {
		sides |= windowing.Second
	}
	return sides
}

// Group receives the records of both sides of a key's window: a pane. It may keep them.
type Group[K comparable, T, U any] func(
	key K, hash uint64, start, end int64, all agg.Both[[]T, []U], timing window.Timing, index int,
)

// NewGroups makes a co-group: it hands on whole windows, and again with each record that comes late.
func NewGroups[K comparable, T, U any](c Config[K, T, U], w window.Assigner, emit Group[K, T, U]) (*Windows[K, T, U], error) {
	o := &Windows[K, T, U]{}
	config, err := windowConfig(c, w, o)
	if err != nil {
		return nil, err
	}
	config.Emit = func(start, end int64, panes []windowing.Entry[K, Kept[T, U]], timing window.Timing, index int) {
		for i := range panes {
			e := &panes[i]
			emit(e.Key, e.Hash, start, end, groupOf(&e.Acc), timing, index)
		}
	}
	o.Operator, err = windowing.New(config)
	return o, err
}

// groupOf is the records as their receiver may keep them: lists that are added to again are the receiver's up to its
// length, and single records lie in memory that is used again.
func groupOf[T, U any](k *Kept[T, U]) (all agg.Both[[]T, []U]) {
	first, second := k.All()
	all.A, all.B = slices.Clip(first), slices.Clip(second)
	if k.alone&aloneFirst != 0 {
		all.A = slices.Clone(all.A)
	}
	if k.alone&aloneSecond != 0 {
		all.B = slices.Clone(all.B)
	}
	return all
}

// windowConfig is what both kinds have in common.
func windowConfig[K comparable, T, U any](
	c Config[K, T, U], w window.Assigner, o *Windows[K, T, U],
) (windowing.Config[K, Side[T, U], Kept[T, U], agg.Both[[]T, []U]], error) {
	config := windowing.Config[K, Side[T, U], Kept[T, U], agg.Both[[]T, []U]]{
		Max: c.Core.Env.MaxParallelism, Budget: c.Core.Env.Budget, Keys: c.Keys, Windows: w,
		Lateness: max(c.Lateness.First, c.Lateness.Second),
		Late:     func(_ K, s Side[T, U], at int64) { c.Late.late(s, at) },
		Parts: agg.Parts[Side[T, U], Kept[T, U], agg.Both[[]T, []U]]{
			Add: (*Kept[T, U]).Add, Merge: (*Kept[T, U]).Merge, Result: groupOf[T, U], Grows: true,
		},
	}
	config.From, config.To = c.groups()
	if err := checkWindows(window.SpecOf(w)); err != nil {
		return config, err
	}
	if err := c.Lateness.validate(); err != nil {
		return config, err
	}
	if c.Lateness.First != c.Lateness.Second {
		config.LatenessOf = func(s Side[T, U]) time.Duration { return c.Lateness.of(s.First != nil) }
	}
	if config.Lateness > 0 {
		config.Parts.Add = func(k *Kept[T, U], s Side[T, U]) { o.late = s; k.Add(s) }
	}
	acc, err := newKeptCodec[T, U](c.Codecs)
	if err != nil {
		return config, fmt.Errorf("the records of a window: %w", err)
	}
	config.Acc = acc
	return config, nil
}

// checkWindows refuses windows that two streams can't have in common.
func checkWindows(s window.Spec) error {
	switch s.Kind {
	case window.None, window.Aligned, window.Sessions, window.Cumulative, window.Calendar:
	default:
		return fmt.Errorf("%v: streams are joined by windows of time: tumbling, sliding, cumulating, of days, or sessions", s)
	}
	if s.Processing {
		return fmt.Errorf("%v: joins go by event time: leave out ProcessingTime", s)
	}
	return nil
}

// ReceiveFirst takes in records of the first stream.
func (o *Windows[K, T, U]) ReceiveFirst(b *flow.Keyed[K, T]) error {
	o.side = windowing.First
	for i := range b.Values {
		o.batch.Values = append(o.batch.Values, Side[T, U]{First: &b.Values[i]})
	}
	return o.receive(b.Times, b.Keys, b.Hashes)
}

// ReceiveSecond takes in records of the second stream.
func (o *Windows[K, T, U]) ReceiveSecond(b *flow.Keyed[K, U]) error {
	o.side = windowing.Second
	for i := range b.Values {
		o.batch.Values = append(o.batch.Values, Side[T, U]{Second: &b.Values[i]})
	}
	return o.receive(b.Times, b.Keys, b.Hashes)
}

// receive takes in the batch; its other columns are those of the batch that it was made of.
func (o *Windows[K, T, U]) receive(times []int64, keys []K, hashes []uint64) error {
	o.batch.Times, o.batch.Keys, o.batch.Hashes = times, keys, hashes
	err := o.Receive(&o.batch)
	clear(o.batch.Values)
	o.batch.Values = o.batch.Values[:0]
	return err
}
