package general

import (
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// plan is a [Config] without what depends on types.
type plan struct {
	From, To, Max int
	Codecs        *codec.Set
	Clock         clock.Clock
	Windows       window.Spec
	Lateness      int64
	Trigger       window.Firing
	Triggered     bool
	custom        bool // there is a TriggerBy
	Evict         window.Eviction
	evicts        bool // windows keep their records
	Mode          window.Mode
}

// machine is a window operator but for types.
type machine struct {
	plan
	assigner
	steps
	work  typed
	store store
	base  heap.Base
	accs  pool

	windows *heap.Map[Window, opened]
	counted *heap.Value[int64]      // records of a key so far, of count windows
	records *heap.Map[Window, list] // with evictors
	emitted *heap.Map[Window, list] // in retracting mode: the panes that stand
	ends    *heap.Timers[Window]    // when a window ends, and then when it is dropped
	firings *heap.Timers[Window]    // when it fires between, by its own clock
	ticks   *heap.Timers[Window]    // when it fires between, by the wall clock
	control control

	wm, before int64   // the watermark, and the last one that was not the end of time
	floors     []int64 // restored, by key group from From on
	top        int64   // the highest of them
	lates      int64

	holding []Window   // scratch: the windows of a record
	touched []touching // scratch: the sessions that a record touches
}

// store is a [heap.Store] but for the type of its keys.
type store interface {
	backend.Keyed
	Select(i int)
	End()
	Group() int
	Fire(d heap.Domain, upTo int64, limit int) (more bool, err error)
	NextTimer(d heap.Domain) (at int64, ok bool)
	Close()
}

// The names of the operator's states.
const (
	windowsState = "windows"
	countsState  = "window-counts"
	recordsState = "window-records"
	emittedState = "window-emitted"
	endsState    = "window-ends"
	firingsState = "window-firings"
	ticksState   = "window-ticks"
	keptPrefix   = "trigger-" // and the name that the trigger has given
)

// newMachine makes the machine of an operator, whose settings make sense.
func newMachine(s plan, w typed, st store, base heap.Base) (engine, error) {
	o := &machine{
		plan: s, assigner: newAssigner(s.Windows), steps: newSteps(s.Windows, s.Trigger, s.custom, s.Mode),
		work: w, store: st, base: base, accs: pool{base: base, make: w.accumulators, size: w.size()},
		wm: flow.NoTime, before: flow.NoTime, top: flow.NoTime, floors: make([]int64, s.To-s.From),
	}
	for i := range o.floors {
		o.floors[i] = flow.NoTime
	}
	if err := o.addStates(); err != nil {
		return nil, err
	}
	if s.custom {
		if err := o.construct(); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *machine) States() []backend.State { return o.store.States() }

func (o *machine) Snapshot(r backend.Request) backend.Snapshot { return o.store.Snapshot(r) }

func (o *machine) Restore(was backend.State, state string, group int, r backend.Reader) error {
	return o.store.Restore(was, state, group, r)
}

func (o *machine) Floor(group int) int64 { return max(o.wm, o.floors[group-o.From]) }

func (o *machine) RestoreFloor(group int, wm int64) {
	o.floors[group-o.From] = wm
	o.top = max(o.top, wm)
}

func (o *machine) LateCount() int64 { return o.lates }

func (o *machine) Close() { o.store.Close() }

// reach is how far event time has come for the key at hand. Nothing is late by the wall clock.
func (o *machine) reach() int64 {
	switch {
	case o.spec.Processing:
		return flow.NoTime
	case o.wm >= o.top:
		return o.wm
	}
	return max(o.wm, o.floors[o.store.Group()-o.From])
}

func (o *machine) Advance(wm int64, limit int) (done bool) {
	o.wm = max(o.wm, wm)
	if wm != flow.EndTime {
		o.before = o.wm
	}
	if !o.fireDue(heap.Event, o.wm, limit) {
		return false
	}
	return wm != flow.EndTime || o.fireDue(heap.Processing, flow.EndTime, limit)
}

func (o *machine) NextTick() (at int64, ok bool) {
	return o.store.NextTimer(heap.Processing)
}

func (o *machine) Tick(now int64, limit int) (done bool) {
	return o.fireDue(heap.Processing, now, limit)
}

func (o *machine) fireDue(d heap.Domain, upTo int64, limit int) (done bool) {
	more, err := o.store.Fire(d, upTo, limit)
	flow.Check(err)
	return !more
}
