package operator

import (
	"context"
	"fmt"
	"time"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
)

// Hooks are what a constructor may ask for beside state.
type Hooks struct {
	opens  []func(context.Context) error
	closes []func() error
}

// OnOpen adds a function to call before the first record.
func (h *Hooks) OnOpen(f func(context.Context) error) { h.opens = append(h.opens, f) }

// OnClose adds a function to call at the end of the attempt.
func (h *Hooks) OnClose(f func() error) { h.closes = append(h.closes, f) }

// Open calls what OnOpen was given, in order.
func (h *Hooks) Open(ctx context.Context) error {
	for _, f := range h.opens {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Close calls what OnClose was given, the last first; all are called.
func (h *Hooks) Close() error {
	var first error
	for i := len(h.closes) - 1; i >= 0; i-- {
		if err := h.closes[i](); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Keyed is the core of an operator with state for each key: its store, the time of the record at hand, its outputs.
type Keyed[K comparable] struct {
	Hooks
	Env   *flow.Env
	Store *heap.Store[K]
	Outs  map[string]flow.Outlet
	outs  []flow.Outlet // the same, in order

	times     heap.Times // At is the event time of the record or timer at hand
	watermark int64
	before    int64   // the last watermark that was not the end of time
	windows   Windows // nil without windows
	clocked   clocked // the windows, if they follow the wall clock
	timers    bool    // whether there are timers at all
}

// Windows is the window part of an operator.
type Windows interface {
	backend.Keyed
	Advance(watermark int64, limit int) (done bool)
	Floor(group int) int64
	RestoreFloor(group int, watermark int64)
	LateCount() int64
	Close()
}

// clocked is a window part that follows the wall clock too.
type clocked interface {
	NextTick() (at int64, ok bool)
	Tick(now int64, limit int) (done bool)
}

// NewKeyed makes a core over a store.
func NewKeyed[K comparable](env *flow.Env, store *heap.Store[K]) *Keyed[K] {
	k := &Keyed[K]{Env: env, Store: store, Outs: map[string]flow.Outlet{}, watermark: flow.NoTime, before: flow.NoTime}
	k.times = heap.Times{At: flow.NoTime, Passed: flow.NoTime, Wall: env.Clock.Now()}
	store.Follow(&k.times)
	return k
}

// SetWindows adds windows, which fire before timers of the same time.
func (k *Keyed[K]) SetWindows(w Windows) {
	k.windows = w
	k.clocked, _ = w.(clocked)
}

// Close calls what OnClose was given, and gives the state's memory back to the budget.
func (k *Keyed[K]) Close() error {
	err := k.Hooks.Close()
	k.Store.Close()
	if k.windows != nil {
		k.windows.Close()
	}
	return err
}

// At is the event time of what is at hand.
func (k *Keyed[K]) At() int64 { return k.times.At }

// SetAt sets it, for callbacks of timers and panes.
func (k *Keyed[K]) SetAt(at int64) { k.times.At = at }

// WatermarkNow is how far event time has come.
func (k *Keyed[K]) WatermarkNow() int64 { return k.watermark }

// HasTimers says that the constructor has made a timer.
func (k *Keyed[K]) HasTimers() { k.timers = true }

// State is the store and the windows.
func (k *Keyed[K]) State() []backend.Keyed {
	if k.windows == nil {
		return []backend.Keyed{k.Store}
	}
	return []backend.Keyed{k.Store, k.windows}
}

// Floors are how far event time has come for the key groups, as runs of groups with one watermark.
func (k *Keyed[K]) Floors(from, to int, watermark int64) []backend.Floor {
	var runs []backend.Floor
	var before *int64
	if watermark == flow.EndTime {
		before = new(k.before)
	}
	for g := from; g < to; g++ {
		at := watermark
		if k.windows != nil {
			at = k.windows.Floor(g)
		}
		if n := len(runs); n > 0 && runs[n-1].Watermark == at {
			runs[n-1].To = g + 1
			continue
		}
		runs = append(runs, backend.Floor{From: g, To: g + 1, Watermark: at, Before: before})
	}
	return runs
}

// RestoreFloor tells the windows how far event time had come, and the processing-time timers at the end of input. Of key
// groups that were apart and are together now, the one that had come furthest tells.
func (k *Keyed[K]) RestoreFloor(f backend.Floor) {
	if f.Before != nil {
		k.before = max(k.before, *f.Before)
	}
	k.times.Passed = max(k.times.Passed, backend.Passed([]backend.Floor{f}))
	if k.windows == nil {
		return
	}
	for g := f.From; g < f.To; g++ {
		k.windows.RestoreFloor(g, f.Watermark)
	}
}

// Advance fires the windows and timers that a watermark makes due, some at a time.
func (k *Keyed[K]) Advance(watermark int64, limit int) (done bool) {
	k.Env.Site.At = k
	k.watermark = watermark
	k.look()
	if k.windows != nil {
		done := k.windows.Advance(watermark, limit)
		k.Store.End() // of the keys whose panes were processed
		k.Env.Metrics.Late.Store(k.windows.LateCount())
		if !done {
			return false
		}
	}
	if k.timers && !k.fire(heap.Event, watermark, limit) {
		return false
	}
	if watermark == flow.EndTime && k.timers && !k.atEnd(limit) {
		return false
	}
	k.Watermark(watermark)
	if k.Store.Expires() {
		k.Store.End() // what has expired is freed, also if no record comes
		k.Env.Metrics.Expired.Store(k.Store.Expired())
	}
	return true
}

// atEnd fires the processing-time timers that are set at the end of input, each once. They come before those behind hear
// of the end, so that what they emit is not late, and has the time that event time had come to.
func (k *Keyed[K]) atEnd(limit int) (done bool) {
	k.watermark = k.before
	done = k.fire(heap.Processing, flow.EndTime, limit)
	k.watermark = flow.EndTime
	return done
}

// fire fires timers; at the end of input those that are set then.
func (k *Keyed[K]) fire(d heap.Domain, upTo int64, limit int) (done bool) {
	if upTo == flow.EndTime {
		k.Store.Drain()
	}
	more, err := k.Store.Fire(d, upTo, limit)
	k.Env.Site.At = k
	flow.Check(err)
	return !more
}

func (k *Keyed[K]) outlets() []flow.Outlet {
	if len(k.outs) != len(k.Outs) {
		k.outs = flow.InOrder(k.Outs)
	}
	return k.outs
}

// Watermark passes it on to all outputs.
func (k *Keyed[K]) Watermark(at int64) {
	k.watermark = at
	if at != flow.EndTime {
		k.before = max(k.before, at)
		k.times.Passed = max(k.times.Passed, at)
	}
	k.Env.Metrics.Watermark.Store(at)
	for _, o := range k.outlets() {
		o.Watermark(at)
	}
}

// Idle passes it on to all outputs.
func (k *Keyed[K]) Idle(idle bool) {
	for _, o := range k.outlets() {
		o.Idle(idle)
	}
}

// NextTick is when the next window or timer is due by the wall clock.
func (k *Keyed[K]) NextTick() (at int64, ok bool) {
	if k.clocked != nil {
		at, ok = k.clocked.NextTick()
	}
	if k.timers {
		if timer, set := k.Store.NextTimer(heap.Processing); set && (!ok || timer < at) {
			return timer, true
		}
	}
	return at, ok
}

// Tick fires the windows and timers that the wall clock makes due.
func (k *Keyed[K]) Tick(now int64, limit int) (done bool) {
	k.Env.Site.At = k
	k.look()
	if k.clocked != nil {
		done := k.clocked.Tick(now, limit)
		k.Store.End()
		if !done {
			return false
		}
	}
	return !k.timers || k.fire(heap.Processing, now, limit)
}

// look looks at the clock, for states with a TTL in processing time.
func (k *Keyed[K]) look() {
	if k.Store.ByWall() {
		k.times.Wall = k.Env.Clock.Now()
	}
}

// Flush hands on what the outputs hold.
func (k *Keyed[K]) Flush() {
	k.Env.Metrics.Expired.Store(k.Store.Expired())
	for _, o := range k.outlets() {
		o.Flush()
	}
}

// Locate names the timer that fires and its key, or the key of a window.
func (k *Keyed[K]) Locate() (string, string) {
	if name, at, ok := k.Store.Firing(); ok {
		return k.Env.Operator, fmt.Sprintf("timer %s of key %v, set to %s", name, k.Store.Key(), time.Unix(0, at).UTC().Format(time.RFC3339Nano))
	}
	return k.Env.Operator, fmt.Sprintf("window of key %v", k.Store.Key())
}

// KeyedPort is an input of a keyed operator.
type KeyedPort[K comparable, T any] struct {
	core *Keyed[K]
	work working[T]
	f    func(T) error
}

// NewKeyedPort makes an input whose records f takes.
func NewKeyedPort[K comparable, T any](k *Keyed[K], f func(T) error) *KeyedPort[K, T] {
	return &KeyedPort[K, T]{k, working[T]{env: k.Env}, f}
}

// Deliver takes the payload of a message: a batch with keys.
func (p *KeyedPort[K, T]) Deliver(payload any) { p.Receive(payload.(*flow.Keyed[K, T])) }

// findRecords is how many records are gone through between two searches for rows: enough for their cache misses to
// overlap, and few enough that what was prefetched is still in the nearest cache when its record comes.
const findRecords = 128

// Receive goes through a batch, some records at a time: first the state of all their keys is found.
func (p *KeyedPort[K, T]) Receive(b *flow.Keyed[K, T]) {
	p.work.begin(&b.Batch, p)
	p.core.look()
	for from := 0; from < len(b.Values); from += findRecords {
		to := min(from+findRecords, len(b.Values))
		p.core.Store.Begin(b.Keys[from:to], b.Hashes[from:to])
		for i, v := range b.Values[from:to] {
			p.work.at = from + i
			p.core.Store.Select(i)
			p.core.times.At = b.Times[from+i]
			if err := p.f(v); err != nil {
				flow.Fail(err)
			}
		}
		p.core.Store.End()
	}
	p.core.Flush()
}

// Locate names the record and its key.
func (p *KeyedPort[K, T]) Locate() (string, string) {
	_, record := p.work.Locate()
	return p.core.Env.Operator, fmt.Sprintf("key %v, %s", p.core.Store.Key(), record)
}

// WindowPort is the input of a window operator.
type WindowPort[K comparable, T any] struct {
	core    *Keyed[K]
	work    working[T]
	receive func(*flow.Keyed[K, T]) error
}

// NewWindowPort makes an input whose batches receive takes.
func NewWindowPort[K comparable, T any](k *Keyed[K], receive func(*flow.Keyed[K, T]) error) *WindowPort[K, T] {
	return &WindowPort[K, T]{k, working[T]{env: k.Env}, receive}
}

// Deliver takes the payload of a message: a batch with keys.
func (p *WindowPort[K, T]) Deliver(payload any) {
	b := payload.(*flow.Keyed[K, T])
	p.work.begin(&b.Batch, p)
	p.core.look()
	flow.Check(p.receive(b))
	p.core.Store.End()
	p.core.Env.Metrics.Late.Store(p.core.windows.LateCount())
	p.core.Flush()
}

// Locate names the operator: a window's aggregator sees many records at once.
func (p *WindowPort[K, T]) Locate() (string, string) {
	return p.core.Env.Operator, fmt.Sprintf("a batch of %d records", len(p.work.batch.Values))
}

// Unkeyed is the core of an operator without keys.
type Unkeyed[T any] struct {
	Hooks
	work working[T]
	Env  *flow.Env
	Outs map[string]flow.Outlet
	outs []flow.Outlet // the same, in order
	f    func(T) error
	now  int64
	list []OperatorList
}

// OperatorList is a list state of an operator without keys.
type OperatorList interface {
	Entries() ([]backend.Entry, error)
	// Expect prepares for entries that a snapshot describes so; without a call there are none.
	Expect(was backend.State) error
	Restore(all []backend.Entry) error
	Describe() backend.State
}

// NewUnkeyed makes a core; f is set when the constructor has returned it.
func NewUnkeyed[T any](env *flow.Env) *Unkeyed[T] {
	return &Unkeyed[T]{work: working[T]{env: env}, Env: env, Outs: map[string]flow.Outlet{}}
}

// Each sets the function that takes the records.
func (u *Unkeyed[T]) Each(f func(T) error) { u.f = f }

// At is the event time of the record at hand.
func (u *Unkeyed[T]) At() int64 { return u.now }

// AddList adds a list state.
func (u *Unkeyed[T]) AddList(l OperatorList) { u.list = append(u.list, l) }

// Lists are the list states.
func (u *Unkeyed[T]) Lists() []OperatorList { return u.list }

// Receive goes through a batch.
func (u *Unkeyed[T]) Receive(b *flow.Batch[T]) {
	u.work.begin(b, &u.work)
	for i, v := range b.Values {
		u.work.at, u.now = i, b.Times[i]
		if err := u.f(v); err != nil {
			flow.Fail(err)
		}
	}
	for _, o := range u.outlets() {
		o.Flush()
	}
}

func (u *Unkeyed[T]) outlets() []flow.Outlet {
	if len(u.outs) != len(u.Outs) {
		u.outs = flow.InOrder(u.Outs)
	}
	return u.outs
}

// Watermark passes it on.
func (u *Unkeyed[T]) Watermark(at int64) {
	u.Env.Metrics.Watermark.Store(at)
	for _, o := range u.outlets() {
		o.Watermark(at)
	}
}

// Idle passes it on.
func (u *Unkeyed[T]) Idle(idle bool) {
	for _, o := range u.outlets() {
		o.Idle(idle)
	}
}

// Entries are the elements of all lists.
func (u *Unkeyed[T]) Entries() ([]backend.Entry, error) {
	var all []backend.Entry
	for _, l := range u.list {
		entries, err := l.Entries()
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

// Expect prepares the lists for what a snapshot has of them.
func (u *Unkeyed[T]) Expect(was map[string]backend.State) error {
	for _, l := range u.list {
		name := l.Describe().Name
		if s, ok := was[name]; ok {
			if err := l.Expect(s); err != nil {
				return fmt.Errorf("%s: list %s: %w", u.Env, name, err)
			}
		}
	}
	return nil
}

// RestoreEntries deals the elements of each list out to the subtasks.
func (u *Unkeyed[T]) RestoreEntries(all []backend.Entry) error {
	for _, l := range u.list {
		if err := l.Restore(all); err != nil {
			return fmt.Errorf("%s: list %s: %w", u.Env, l.Describe().Name, err)
		}
	}
	return nil
}
