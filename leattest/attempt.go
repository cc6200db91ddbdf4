package leattest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector"
	"leat.dev/leat/internal/bridge"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/store"
)

// Start is where processing time stands in tests.
var Start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// setting is how one attempt of a job runs.
type setting struct {
	parallelism int // of operators that have none of their own; 0: the job's, or 1
	unchained   bool
	spread      bool // operators with several subtasks of their own have as many as the others too
	batch       int  // records
	every       int  // records between watermarks
	disk        bool // state goes to disk at once, in place of where the job has it
}

// attempt is a job that runs on given records.
type attempt struct {
	*local.Attempt
	inside bridge.Inside
	heard  *recorder
	feeds  []*feed
	idle   *idleSources
}

// errKilled is the cause of the end of an attempt that a test has cancelled.
var errKilled = errors.New("killed by leattest")

// start plans a job and starts an attempt, whose given sources wait for a first allow.
func start(j *leat.Job, given []Given, s setting, from *checkpoint.Snapshot, prepare func(*attempt)) (*attempt, error) {
	a := &attempt{inside: bridge.Of(j), heard: newRecorder()}
	if s.disk {
		a.inside.Budget = diskOf(fewRows)
	}
	undo, err := a.replace(given)
	defer undo()
	if err != nil {
		return nil, err
	}
	plan, err := graph.New(a.inside.Graph, a.settings(j, s))
	if err != nil {
		return nil, err
	}
	prepare(a)
	a.idle = a.idleIn(plan)
	var in store.Store // that of the attempt before: checkpoints may have files of earlier ones
	if from != nil {
		in = from.Store
	}
	a.Attempt, err = local.Start(context.Background(), plan, local.Options{
		Store:     in,
		BatchSize: s.batch, WatermarkEvery: s.every, Clock: clock.NewManual(Start),
		Budget: a.inside.Budget, Metrics: a.heard.metrics, Restore: from, Tap: a.heard,
		Ended: a.idle.end,
	})
	if err != nil {
		return nil, err
	}
	return a, a.settle()
}

// settle waits until everybody has heard that the subtasks of given sources which have no split have ended. Until then
// they hold event time back, and how long that takes would be left to chance, and with it which records timers and
// windows see. A checkpoint comes through only where each channel has brought a barrier or its end.
func (a *attempt) settle() error {
	select {
	case <-a.idle.ended:
	case <-a.Done():
		return a.Wait()
	}
	if len(a.feeds) == 0 {
		return nil
	}
	_, err := a.snapshot()
	return err
}

// idleSources counts the subtasks of given sources that have no split, until they have ended.
type idleSources struct {
	ended chan struct{} // closed when all have

	mu    sync.Mutex // guards all below
	left  map[string]int
	total int
}

func (a *attempt) idleIn(plan *graph.Plan) *idleSources {
	s := &idleSources{ended: make(chan struct{}), left: map[string]int{}}
	for _, f := range a.feeds {
		node, _ := a.source(f.source)
		s.left[f.source] = plan.TaskOf[node].Parallelism - 1
		s.total += s.left[f.source]
	}
	if s.total == 0 {
		close(s.ended)
	}
	return s
}

// end takes one out; subtasks of other tasks don't count, nor does the one that has the split.
func (s *idleSources) end(head string, _ int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left[head] == 0 {
		return
	}
	s.left[head]--
	s.total--
	if s.total == 0 {
		close(s.ended)
	}
}

func (a *attempt) settings(j *leat.Job, s setting) graph.Settings {
	of := a.inside.Settings
	of.Unchained = s.unchained
	switch {
	case s.parallelism > 0:
		of.Parallelism = min(s.parallelism, of.MaxParallelism)
	case j.Parallelism == 0:
		of.Parallelism = 1
	}
	if s.spread {
		for _, n := range a.inside.Graph.Nodes {
			if n.Parallelism > 1 {
				n.Parallelism = of.Parallelism
			}
		}
	}
	return of
}

// replace puts given records in the place of sources. The plan takes them over; undo gives the job its own back.
func (a *attempt) replace(given []Given) (undo func(), err error) {
	var undos []func()
	undo = func() {
		for _, u := range undos {
			u()
		}
	}
	seen := map[string]bool{}
	for _, g := range given {
		if seen[g.source] {
			return undo, fmt.Errorf("source %s is given records twice", g.source)
		}
		seen[g.source] = true
		node, err := a.source(g.source)
		if err != nil {
			return undo, err
		}
		f := newFeed(g)
		u, err := g.replace(node, f)
		if err != nil {
			return undo, err
		}
		a.feeds, undos = append(a.feeds, f), append(undos, u)
	}
	return undo, nil
}

func (a *attempt) source(name string) (*graph.Node, error) {
	var have []string
	for _, n := range a.inside.Graph.Nodes {
		if n.Kind != graph.Source {
			continue
		}
		if n.Name == name {
			return n, nil
		}
		have = append(have, n.Name)
	}
	return nil, fmt.Errorf("job %s has no source %q; it has %s", a.inside.Graph.Job, name, strings.Join(have, ", "))
}

// finish lets given sources come to their end and waits for that of the job.
func (a *attempt) finish() error {
	for _, f := range a.feeds {
		f.allow(f.count + 1)
	}
	return a.Wait()
}

// kill ends the attempt, and waits until nothing of it is left.
func (a *attempt) kill() error {
	a.Cancel(errKilled)
	if err := a.Wait(); err != nil && !errors.Is(err, errKilled) {
		return err
	}
	return nil
}

// snapshot waits until the given sources have been read as far as they may be, and takes a checkpoint of just then. It
// returns nil if the attempt has ended before.
func (a *attempt) snapshot() (*checkpoint.Snapshot, error) {
	for _, f := range a.feeds {
		if !f.reached(a.Done()) {
			return nil, a.Wait()
		}
	}
	id := a.Trigger()
	for _, f := range a.feeds {
		f.nudge()
	}
	s, err := a.Await(context.Background(), id)
	switch {
	case errors.Is(err, checkpoint.ErrAborted):
		return nil, a.Wait()
	case err != nil:
		return nil, errors.Join(err, a.kill())
	}
	return s, nil
}

// positionIn is how many given records of a source a snapshot has. A split's entry is a byte that says whether the
// split is finished, then the reader's position.
func positionIn(s *checkpoint.Snapshot, source string) int {
	var at uint64
	for _, e := range s.Entries(source) {
		if len(e.Value) > 1 && connector.DecodePosition(e.Value[1:], &at) == nil {
			return int(at)
		}
	}
	return 0
}
