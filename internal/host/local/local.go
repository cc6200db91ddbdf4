// Package local places the subtasks of a job in this process: each in a goroutine, with channels between them.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/runtime"
	"leat.dev/leat/internal/store"
)

// Options are how to run a plan.
type Options struct {
	BatchSize      int // default DefaultBatch
	WatermarkEvery int // default DefaultWatermarkEvery
	Clock          clock.Clock
	Budget         *heap.Budget
	Metrics        *metrics.Job
	Store          store.Store          // for checkpoints; default: memory
	Restore        *checkpoint.Snapshot // nil: from nothing
	Tap            flow.Tap             // takes the place of all sinks and hears side outputs, for tests; nil: none
	Epoch          int64                // of the attempt, see checkpoint.Claim
	Held           func() error         // says whether the job is still this process's to run; nil: it can't be lost
	// After is the newest manifest of the job in the store, which the attempt's come behind; nil: that of Restore.
	After *checkpoint.Manifest
	// AllowDrop names states of the snapshot ("operator" or "operator/state") that may be left behind.
	AllowDrop []string
	// Final says that the attempt ends with a checkpoint after its last record, so that exactly-once sinks commit.
	Final bool
	// Turn is called where a goroutine begins, or goes on after it has waited, and each time round a subtask's loop: a test
	// that runs one of them at a time has it wait there. Nil: nobody is asked.
	Turn func(who string)
	// FireLimit is how many timers or panes fire before the loop looks for a barrier; default runtime.FireLimit.
	FireLimit int
	// Complete is called with each checkpoint of the job's history that is complete, before it is committed and before anything is
	// deleted that it makes superfluous; nil: nobody is told. What was complete before the attempt began is not told of.
	Complete func(*checkpoint.Snapshot)
	// Ended is called, from any goroutine, when a subtask of the task with this head has sent its last record; nil: by nobody.
	Ended func(head string, subtask int)
}

const (
	// DefaultBatch is how many records a batch has at most.
	DefaultBatch = 512
	// DefaultWatermarkEvery is how many records of a split lie between two watermarks.
	DefaultWatermarkEvery = 1024
)

func (o Options) withDefaults() Options {
	if o.BatchSize == 0 {
		o.BatchSize = DefaultBatch
	}
	if o.WatermarkEvery == 0 {
		o.WatermarkEvery = DefaultWatermarkEvery
	}
	if o.Clock == nil {
		o.Clock = clock.Wall{}
	}
	if o.FireLimit == 0 {
		o.FireLimit = runtime.FireLimit
	}
	if o.Metrics == nil {
		o.Metrics = &metrics.Job{}
	}
	if o.Store == nil {
		o.Store = store.NewMemory()
	}
	return o
}

// Attempt is a plan that runs.
type Attempt struct {
	plan     *graph.Plan
	options  Options
	ctx      context.Context
	cancel   context.CancelCauseFunc
	subtasks []*runtime.Subtask
	byTask   map[*graph.Task][]*runtime.Subtask
	check    *checkpoint.Coordinator
	splits   map[*graph.Node][]connector.Split
	running  sync.WaitGroup
	ended    chan struct{} // closed when all goroutines have ended

	finishing chan struct{} // closed when all subtasks have sent their last record

	mu      sync.Mutex // guards all below
	ending  *ending    // how StopTo wants the attempt to end; nil: as Options.Final says
	commits map[int64]*commit
	left    int   // subtasks that have not sent their last record
	last    error // of a subtask that failed to close after all work was done

	triggering sync.Mutex // so that all subtasks hear of checkpoints in one order
}

// errDone is the cause of the end of an attempt that has done all its work.
var errDone = errors.New("done")

// Start builds all subtasks, restores their state and starts them.
func Start(ctx context.Context, p *graph.Plan, o Options) (*Attempt, error) {
	a := &Attempt{
		plan: p, options: o.withDefaults(), byTask: map[*graph.Task][]*runtime.Subtask{},
		splits: map[*graph.Node][]connector.Split{}, ended: make(chan struct{}),
		finishing: make(chan struct{}), commits: map[int64]*commit{},
	}
	a.check = &checkpoint.Coordinator{
		Job: p.Graph.Job, Store: a.options.Store, MaxParallelism: p.Settings.MaxParallelism, Nodes: p.Graph.Nodes,
		Clock: a.options.Clock, Epoch: a.options.Epoch, Turn: a.options.Turn,
	}
	switch {
	case o.After != nil:
		a.check.After(o.After)
	case o.Restore != nil:
		a.check.After(o.Restore.Manifest)
	}
	if r := o.Restore; r != nil && r.Manifest.Place == "" && store.Same(r.Store, a.options.Store) {
		a.check.Share(r.Manifest)
	}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	if err := a.prepare(); err != nil {
		a.cancel(err)
		return nil, err
	}
	a.run()
	return a, nil
}

func (a *Attempt) prepare() (err error) {
	defer func() { // sources and constructors are user code
		if r := recover(); r != nil {
			err = fmt.Errorf("job %s: %w", a.plan.Graph.Job, runtime.Thrown(r))
		}
	}()
	if err := a.checkRestore(); err != nil {
		return err
	}
	if err := a.enumerate(); err != nil {
		return err
	}
	if err := a.recoverSinks(); err != nil {
		return err
	}
	a.place()
	for _, t := range a.plan.Tasks {
		if err := a.build(t); err != nil {
			return err
		}
	}
	if err := a.restore(); err != nil {
		return err
	}
	failpoint.Hit(failpoint.RestoreAfter)
	return nil
}

// checkRestore refuses a snapshot that the job does not fit.
func (a *Attempt) checkRestore() error {
	r := a.options.Restore
	if r == nil {
		return nil
	}
	match, err := checkpoint.Compare(r.Manifest, a.plan.Graph.Nodes, a.plan.Settings.MaxParallelism, a.options.AllowDrop)
	if err != nil {
		return fmt.Errorf("job %s: restore checkpoint %d: %w", a.plan.Graph.Job, r.Manifest.Checkpoint, err)
	}
	r.Match = match
	if match.Changes() {
		slog.Info("restoring into a changed job", "job", a.plan.Graph.Job, "checkpoint", r.Manifest.Checkpoint,
			"new", match.New, "renamed", match.Renamed, "dropped", match.Dropped)
	}
	return nil
}

// enumerate lists the splits of all sources.
func (a *Attempt) enumerate() error {
	for _, n := range a.plan.Graph.Nodes {
		if n.Enumerate == nil {
			continue
		}
		splits, err := list(a.ctx, n)
		if err != nil {
			return fmt.Errorf("job %s, source %s: %w", a.plan.Graph.Job, n.Name, err)
		}
		if err := checkSplits(splits); err != nil {
			return fmt.Errorf("job %s, source %s: %w", a.plan.Graph.Job, n.Name, err)
		}
		a.splits[n] = splits
	}
	return nil
}

// list lists the splits of a source, which is user code.
func list(ctx context.Context, n *graph.Node) (splits []connector.Split, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = runtime.Thrown(r)
		}
	}()
	return n.Enumerate(ctx)
}

// checkSplits refuses two splits of one name, for positions are restored by it.
func checkSplits(splits []connector.Split) error {
	seen := map[string]bool{}
	for _, s := range splits {
		if seen[s.Name] {
			return fmt.Errorf("two splits are called %q", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

// place makes the subtasks, so that channels can lead to them.
func (a *Attempt) place() {
	for _, t := range a.plan.Tasks {
		for i := range t.Parallelism {
			w := exchange.NewWaker()
			s := &runtime.Subtask{
				Task: t.ID, Index: i, Waker: w, Inbox: exchange.NewInbox(w), Clock: a.options.Clock, Coordinator: a,
				Turn: a.options.Turn, FireLimit: a.options.FireLimit,
			}
			s.GroupFrom, s.GroupTo = keygroup.Range(i, t.Parallelism, a.plan.Settings.MaxParallelism)
			a.byTask[t] = append(a.byTask[t], s)
			a.subtasks = append(a.subtasks, s)
		}
	}
	a.left = len(a.subtasks)
}

// build makes the chains of a task's subtasks. Receivers come after senders in a plan, but channels need both ends'
// inboxes only, which are there already.
func (a *Attempt) build(t *graph.Task) error {
	for _, s := range a.byTask[t] {
		chain, err := runtime.BuildChain(t, a.outgoing(t, s), a.splitsOf(t, s.Index), func(n *graph.Node) *flow.Env { return a.env(n, t, s.Index) })
		if err != nil {
			return err
		}
		s.Chain = chain
	}
	return nil
}

func (a *Attempt) env(n *graph.Node, t *graph.Task, index int) *flow.Env {
	return &flow.Env{
		Context: a.ctx, Job: a.plan.Graph.Job, Operator: n.Name, Subtask: index, Parallelism: t.Parallelism,
		MaxParallelism: a.plan.Settings.MaxParallelism, BatchSize: a.options.BatchSize, WatermarkEvery: a.options.WatermarkEvery,
		Clock: a.options.Clock, Metrics: a.options.Metrics.Add(n.Name, index, flow.NoTime), Budget: a.options.Budget,
		Enumerated: a.splits[n], Tap: a.options.Tap, ExactlyOnce: n.ExactlyOnce && a.options.Tap == nil,
		Restored: a.options.Restore != nil, Attempt: a.options.Epoch, Held: a.options.Held,
	}
}

// splitsOf is what a task's head reads from: its channels, unless it is a source, which adds its own.
func (a *Attempt) splitsOf(t *graph.Task, index int) *flow.Splits {
	s := &flow.Splits{}
	if len(t.In) == 0 {
		return s
	}
	n := a.channelsTo(t, index)
	s.Channels, s.Done = true, make([]bool, n)
	for i := range n {
		s.Names = append(s.Names, fmt.Sprintf("channel %d", i))
	}
	return s
}

// channelsTo is how many channels lead to a subtask.
func (a *Attempt) channelsTo(t *graph.Task, index int) int {
	n := 0
	for _, e := range t.In {
		n += len(a.senders(e, index))
	}
	return n
}

// senders are the subtasks that an edge leads from to one subtask of the receiver.
func (a *Attempt) senders(e graph.Edge, index int) []*runtime.Subtask {
	from := a.byTask[e.From]
	if e.Partition == graph.Forward {
		return from[index : index+1]
	}
	return from
}

// outgoing makes the channels that lead from one subtask.
func (a *Attempt) outgoing(t *graph.Task, s *runtime.Subtask) []runtime.Outgoing {
	var out []runtime.Outgoing
	for _, to := range a.plan.Tasks {
		first := make([]int, len(a.byTask[to])) // the number of the next edge's first channel, for each receiver
		for _, e := range to.In {
			if e.From == t {
				out = append(out, runtime.Outgoing{Input: e.Input, Channels: a.channels(e, s, a.byTask[to], first)})
			}
			for i := range first {
				first[i] += len(a.senders(e, i))
			}
		}
	}
	return out
}

func (a *Attempt) channels(e graph.Edge, s *runtime.Subtask, to []*runtime.Subtask, first []int) []*exchange.Channel {
	if e.Partition == graph.Forward {
		r := to[s.Index]
		return []*exchange.Channel{exchange.NewChannel(r.Inbox, first[s.Index], e.Port, s.Waker, a.ctx.Done())}
	}
	channels := make([]*exchange.Channel, len(to))
	for i, r := range to {
		channels[i] = exchange.NewChannel(r.Inbox, first[i]+s.Index, e.Port, s.Waker, a.ctx.Done())
	}
	return channels
}

func (a *Attempt) run() {
	for _, s := range a.subtasks {
		a.running.Go(func() { s.Run(a.ctx) })
	}
	go func() {
		a.running.Wait()
		a.check.Close()
		close(a.ended)
	}()
}

// Request says what a subtask's part of a checkpoint is to be.
func (a *Attempt) Request(id int64) backend.Request { return a.check.Request(id) }

// Bases are the checkpoints whose files those under way need, see [checkpoint.Tidy].
func (a *Attempt) Bases() []*checkpoint.Manifest { return a.check.Bases() }

// Frozen takes a subtask's part of a checkpoint.
func (a *Attempt) Frozen(c *runtime.Capture) {
	failpoint.Hit(failpoint.CheckpointCaptured)
	a.check.Frozen(c)
}

// Ended ends the attempt with its last subtask, after a last checkpoint if one is asked for.
func (a *Attempt) Ended(task, subtask int) {
	if f := a.options.Ended; f != nil {
		f(a.plan.Tasks[task].Nodes[0].Name, subtask)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left--
	if a.left > 0 {
		return
	}
	close(a.finishing)
	if a.options.Final || a.ending != nil {
		a.running.Go(a.finish)
		return
	}
	a.cancel(errDone)
}

// Finishing is closed when all subtasks have sent their last record.
func (a *Attempt) Finishing() <-chan struct{} { return a.finishing }

// Commit has all sinks commit what they prepared up to a complete checkpoint, and waits until they have.
func (a *Attempt) Commit(ctx context.Context, id int64) error {
	waiting := &commit{left: len(a.subtasks), done: make(chan struct{})}
	a.mu.Lock()
	a.commits[id] = waiting
	a.mu.Unlock()
	failpoint.Hit(failpoint.CommitBefore)
	for _, s := range a.subtasks {
		s.Complete(id)
	}
	select {
	case <-waiting.done:
		a.turn(fmt.Sprint("committed ", id))
		failpoint.Hit(failpoint.CommitAfter)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-a.ctx.Done():
		return context.Cause(a.ctx)
	}
}

func (a *Attempt) turn(who string) {
	if a.options.Turn != nil {
		a.options.Turn(who)
	}
}

// commit is a checkpoint that sinks are committing.
type commit struct {
	left int // subtasks
	done chan struct{}
}

// Completed counts the subtasks that have committed a checkpoint.
func (a *Attempt) Completed(_, _ int, id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.commits[id]
	if c == nil {
		return
	}
	if c.left--; c.left == 0 {
		close(c.done)
		delete(a.commits, id)
		return
	}
	failpoint.Hit(failpoint.CommitBetween)
}

// recoverSinks settles what earlier attempts of exactly-once sinks have prepared.
func (a *Attempt) recoverSinks() error {
	if a.options.Tap != nil {
		return nil
	}
	failpoint.Hit(failpoint.RecoverBefore)
	for _, n := range a.plan.Graph.Nodes {
		var committables [][]byte
		if a.options.Restore != nil {
			committables = a.options.Restore.Committables(n.Name)
		}
		if n.Recover == nil || !n.ExactlyOnce && len(committables) == 0 { // what was prepared once is owed, also by a sink that is at least once now
			continue
		}
		if err := n.Recover(a.ctx, graph.Attempt{Number: a.options.Epoch, Restored: a.options.Restore != nil}, committables); err != nil {
			return fmt.Errorf("job %s, operator %s: recover: %w", a.plan.Graph.Job, n.Name, err)
		}
		failpoint.Hit(failpoint.RecoverBetween)
	}
	failpoint.Hit(failpoint.RecoverAfter)
	return nil
}

// Failed ends the attempt; the first failure is the one that counts.
func (a *Attempt) Failed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cancel(err)
	if a.last == nil {
		a.last = err
	}
}

// Wait waits for the end of the attempt, and until all its goroutines have ended.
func (a *Attempt) Wait() error {
	<-a.ended
	if err := context.Cause(a.ctx); !errors.Is(err, errDone) {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

// Done is closed when the attempt and all its goroutines have ended.
func (a *Attempt) Done() <-chan struct{} { return a.ended }

// Stop ends the sources' reading. With drain all timers and windows fire.
func (a *Attempt) Stop(drain bool) {
	for _, s := range a.subtasks {
		s.Stop(drain)
	}
}

// Cancel ends the attempt at once.
func (a *Attempt) Cancel(cause error) { a.cancel(cause) }

// Checkpoint takes a checkpoint and waits until it is complete.
func (a *Attempt) Checkpoint(ctx context.Context) (*checkpoint.Snapshot, error) {
	return a.Await(ctx, a.Trigger())
}

// Savepoint takes a savepoint and waits until it is complete. One that fails leaves nothing.
func (a *Attempt) Savepoint(ctx context.Context, to *checkpoint.Target) (*checkpoint.Snapshot, error) {
	id := a.trigger(to)
	taken, err := a.Await(ctx, id)
	if err != nil {
		a.Abort(id, err)
		return nil, errors.Join(err, to.Discard(context.WithoutCancel(ctx)))
	}
	return taken, nil
}

// Trigger begins a checkpoint and returns its number. Every source that has not begun its next batch by then takes
// part before it does.
func (a *Attempt) Trigger() int64 { return a.trigger(nil) }

func (a *Attempt) trigger(to *checkpoint.Target) int64 {
	a.triggering.Lock()
	defer a.triggering.Unlock()
	id := a.check.Begin(len(a.subtasks), to)
	failpoint.Hit(failpoint.CheckpointBegun)
	for _, s := range a.subtasks {
		s.Trigger(id)
		failpoint.Hit(failpoint.CheckpointTriggered)
	}
	return id
}

// Abort gives a checkpoint up, if it is not complete.
func (a *Attempt) Abort(id int64, why error) { a.check.Abort(id, why) }

// Await waits until a checkpoint is complete.
func (a *Attempt) Await(ctx context.Context, id int64) (*checkpoint.Snapshot, error) {
	m, err := a.check.Wait(ctx, id)
	if err != nil {
		return nil, err
	}
	taken := &checkpoint.Snapshot{Manifest: m, Store: a.options.Store}
	if m.ID == "" {
		a.complete(taken)
	}
	return taken, nil
}

// complete tells of a checkpoint of the job's history.
func (a *Attempt) complete(s *checkpoint.Snapshot) {
	if f := a.options.Complete; f != nil {
		f(s)
	}
}
