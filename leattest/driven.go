package leattest

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/bridge"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/internal/runtime"
)

// operatorName is what a driven operator is called.
const operatorName = "operator"

// driven is a keyed operator without a job round it: what drivers of one and of two inputs have in common.
type driven[K comparable, R any] struct {
	t         testing.TB
	node      *graph.Node
	codecs    *codec.Set
	keys      *keygroup.Keys[K]
	max       int // key groups
	clock     *clock.Manual
	watermark int64
	out       []R
	heard     []chunk // of side outputs

	env    *flow.Env
	made   graph.Made
	opened bool
}

func (d *driven[K, R]) begin(t testing.TB, job *leat.Job) {
	t.Helper()
	inside := bridge.Of(job)
	d.t, d.codecs, d.max = t, inside.Codecs, inside.Settings.MaxParallelism
	d.clock, d.watermark = clock.NewManual(Start), flow.NoTime
	if _, err := graph.New(inside.Graph, inside.Settings); err != nil {
		t.Fatalf("leattest.Drive: %v", err)
	}
	for _, n := range inside.Graph.Nodes {
		if n.Name == operatorName {
			d.node = n
		}
	}
	keys, err := keygroup.Derive(codec.Lookup[K](d.codecs))
	d.check(err)
	d.keys = keys
	t.Cleanup(d.close)
	d.make()
	d.open()
}

// make calls the constructor and attaches the driver to the main output; side outputs come through the tap.
func (d *driven[K, R]) make() {
	d.t.Helper()
	d.env = flow.DryEnv("driven", operatorName, d.max)
	d.env.Clock, d.env.Tap = d.clock, d
	d.do(func() {
		made, err := d.node.Make(d.env)
		flow.Check(err)
		d.made = made
		flow.Check(made.Outs[""].Attach(collector[K, R]{d}))
	})
}

func (d *driven[K, R]) open() {
	d.t.Helper()
	if o, ok := d.made.Operator.(runtime.Opener); ok {
		d.do(func() { flow.Check(o.Open(context.Background())) })
	}
	d.opened = true
}

func (d *driven[K, R]) close() {
	d.t.Helper()
	if !d.opened {
		return
	}
	d.opened = false
	if c, ok := d.made.Operator.(runtime.Closer); ok {
		d.do(func() { flow.Check(c.Close()) })
	}
}

// do runs the operator's code, then hands on what it has put out. What it throws fails the test.
func (d *driven[K, R]) do(f func()) {
	d.t.Helper()
	if err := d.caught(f); err != nil {
		d.t.Fatalf("leattest: %v", err)
	}
}

func (d *driven[K, R]) caught(f func()) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		where := "operator"
		if at := d.env.Site.At; at != nil {
			_, what := at.Locate()
			where += ": " + what
		}
		switch r := r.(type) {
		case flow.Failure:
			err = fmt.Errorf("%s: %w", where, r.Err)
		case interface{ Refused() error }:
			err = fmt.Errorf("%s: %w", where, r.Refused())
		default:
			err = fmt.Errorf("%s: panic: %v\n%s", where, r, debug.Stack())
		}
	}()
	f()
	for _, o := range d.made.Outs {
		o.Flush()
	}
	return nil
}

func (d *driven[K, R]) check(err error) {
	if err != nil {
		d.t.Helper()
		d.t.Fatalf("leattest: %v", err)
	}
}

func (d *driven[K, R]) watermarkTo(to time.Time) {
	d.t.Helper()
	var at int64
	d.do(func() { at = nanos(to) })
	if at < d.watermark {
		d.t.Fatalf("leattest: the watermark is at %s and can't go back to %s", operator.Time(d.watermark), to)
	}
	d.advance(at)
}

func (d *driven[K, R]) advance(at int64) {
	d.t.Helper()
	d.watermark = at
	firing := d.made.Operator.(runtime.Firing)
	d.do(func() { untilDone(func() bool { return firing.Advance(at, runtime.FireLimit) }) })
}

func untilDone(some func() (done bool)) {
	for !some() {
	}
}

func (d *driven[K, R]) processingTime(by time.Duration) {
	d.t.Helper()
	if by < 0 {
		d.t.Fatalf("leattest: processing time can't go back by %v", -by)
	}
	d.clock.Advance(by)
	ticking := d.made.Operator.(runtime.Ticking)
	d.do(func() { untilDone(func() bool { return ticking.Tick(d.clock.Now(), runtime.FireLimit) }) })
}

func (d *driven[K, R]) end() {
	d.t.Helper()
	d.advance(flow.EndTime)
}

// restore replaces the operator by a new one with the same state.
func (d *driven[K, R]) restore() {
	d.t.Helper()
	c := d.content()
	floors := d.floors()
	d.close()
	d.make()
	d.do(func() {
		for _, f := range floors {
			d.made.Operator.(runtime.Floored).RestoreFloor(f)
		}
		flow.Check(c.restoreTo(d.made.Operator.(runtime.Stateful).State(), d.groupOf))
	})
	d.open()
	if d.watermark != flow.NoTime {
		d.do(func() { d.made.Ports[0].Watermark(d.watermark) })
	}
}

func (d *driven[K, R]) floors() []backend.Floor {
	return d.made.Operator.(runtime.Floored).Floors(0, d.max, d.watermark)
}

// groupOf is the key group of a key's canonical bytes.
func (d *driven[K, R]) groupOf(key []byte) (int, error) {
	k, err := d.keys.Decode(key)
	return keygroup.Of(d.keys.Hash(k), d.max), err
}

// content is the operator's state, by way of a snapshot.
func (d *driven[K, R]) content() *content {
	d.t.Helper()
	c := &content{operator: operatorName, key: d.node.Key, states: d.node.States, entries: map[string][]entry{}}
	c.passed = func(of backend.State) int64 {
		if of.TTL != nil && of.TTL.Time == backend.ProcessingTime {
			return d.clock.Now()
		}
		return backend.Passed(d.floors())
	}
	for _, k := range d.made.Operator.(runtime.Stateful).State() {
		s := k.Snapshot(backend.Request{})
		err := s.Persist(&contentWriter{content: c})
		s.Release()
		d.check(err)
	}
	return c
}

// contentWriter takes a snapshot apart; it is a backend.Writer.
type contentWriter struct {
	content *content
	state   string
}

func (w *contentWriter) Begin(state string, _ int) error {
	w.state = state
	return nil
}

func (w *contentWriter) Entry(key, item, value []byte) error {
	w.content.add(w.state, key, item, value)
	return nil
}

// restoreTo gives entries to the part of an operator that has their state, by key group.
func (c *content) restoreTo(parts []backend.Keyed, groupOf func(key []byte) (int, error)) error {
	for _, part := range parts {
		for _, s := range part.States() {
			groups := map[int]*entryReader{}
			for _, e := range c.entries[s.Name] {
				g, err := groupOf(e.key)
				if err != nil {
					return err
				}
				if groups[g] == nil {
					groups[g] = &entryReader{}
				}
				groups[g].entries = append(groups[g].entries, e)
			}
			for g, r := range groups {
				if err := part.Restore(s, s.Name, g, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// entryReader reads entries; it is a backend.Reader.
type entryReader struct{ entries []entry }

func (r *entryReader) Next() (key, item, value []byte, err error) {
	if len(r.entries) == 0 {
		return nil, nil, nil, io.EOF
	}
	e := r.entries[0]
	r.entries = r.entries[1:]
	return e.key, e.item, e.value, nil
}

func (d *driven[K, R]) emitted() []R {
	out := d.out
	d.out = nil
	return out
}

func (d *driven[K, R]) hasSide(name string) bool {
	_, ok := d.made.Outs[name]
	return ok && name != ""
}

func (d *driven[K, R]) sides() []string {
	var names []string
	for _, s := range d.node.Sides {
		names = append(names, s.Name)
	}
	return names
}

// Records keeps what a side output carries.
func (d *driven[K, R]) Records(_, output string, _ int, values any, times []int64) {
	d.heard = append(d.heard, chunk{output, values, times})
}

// Barrier means nothing to a driver.
func (d *driven[K, R]) Barrier(string, int, int64) {}

// collector receives what the operator emits.
type collector[K comparable, R any] struct{ d *driven[K, R] }

func (c collector[K, R]) Receive(b *flow.Batch[R]) { c.d.out = append(c.d.out, b.Values...) }

func (c collector[K, R]) Watermark(int64) {}

func (c collector[K, R]) Idle(bool) {}

// nanos is a time as the engine has it.
func nanos(at time.Time) int64 { return operator.Nanos(at) }
