package leat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/connector"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/internal/recovery"
	"leat.dev/leat/internal/store"
	_ "leat.dev/leat/internal/store/s3" // jobs name stores as s3://bucket/prefix
	"leat.dev/leat/internal/view"
	"leat.dev/leat/state"
)

// Job is a graph of streams and how to run it. Set its fields before it runs; flags override them.
type Job struct {
	// Parallelism is the number of subtasks of each operator that does not ask for its own; default GOMAXPROCS.
	Parallelism int
	// MaxParallelism is the number of key groups, the units in which keyed state is divided among subtasks. It bounds
	// the parallelism and is fixed by the first snapshot; default 128, at most 32768.
	MaxParallelism int
	// Backend is where state lives; default state.Heap{}.
	Backend state.Backend
	// Checkpoint says when checkpoints are taken and where they go; without a store there are none.
	Checkpoint Checkpoint
	// Restart says what follows a failure of a job with checkpoints. A job without fails.
	Restart Restart
	// Restore says what a job with checkpoints takes over.
	Restore Restore

	name   string
	graph  *graph.Graph
	codecs codec.Set
}

// Checkpoint says when checkpoints are taken and where they go.
type Checkpoint struct {
	// Store is a folder, for all jobs that share it; none: no checkpoints.
	Store string
	// Every is the time from the beginning of one to that of the next; default 10 s.
	Every time.Duration
	// MinPause is the time from the end of one to the beginning of the next, at least; default 0.
	MinPause time.Duration
	// Timeout is after how long one that is not complete is given up; default 10 min.
	Timeout time.Duration
	// Keep is how many complete ones are kept; default 3.
	Keep int
	// FailAfter is how many failed ones in a row fail the job; 0, the default: a failed one is reported, and no more.
	FailAfter int
}

// Defaults of [Checkpoint].
const (
	DefaultCheckpointEvery   = 10 * time.Second
	DefaultCheckpointTimeout = 10 * time.Minute
	DefaultCheckpointKeep    = 3
)

// Restore says what a job starts from. Flags of the command line set it.
type Restore struct {
	// From is a snapshot's place, or "latest" in Checkpoint.Store; none: the latest, if there is one.
	From string
	// Claim makes the snapshot the job's own from now on: the job may delete it.
	Claim bool
	// Standby waits while another process runs the job, and takes over when that one ends or is lost.
	Standby bool
	// AllowDrop are states ("operator" or "operator/state") that may be left behind.
	AllowDrop []string
	// AllowRepeat lets a job with exactly-once sinks begin from an older checkpoint where the newest is damaged: what was
	// committed since may come again.
	AllowRepeat bool
}

// Restart says what follows a failure: another attempt from the newest complete checkpoint. The zero value tries for
// ever, with growing pauses.
type Restart struct {
	// Never fails the job with its first failure.
	Never bool
	// Attempts is how many restarts there may be within Per; 0: without limit.
	Attempts int
	// Per is the time that Attempts counts; 0: the job's life.
	Per time.Duration
	// Pause is the time before the first restart, which doubles from failure to failure; default 1 s.
	Pause time.Duration
	// MaxPause is the longest pause; default 1 min; the same as Pause: fixed.
	MaxPause time.Duration
}

// NewJob returns an empty job. Its name is part of its snapshots.
func NewJob(name string) *Job {
	return &Job{name: name, graph: &graph.Graph{Job: name}}
}

// Name is the name that the job was made with.
func (j *Job) Name() string { return j.name }

// From begins a stream. The name is part of snapshots, which have the source's position, and unique within the job.
func (j *Job) From[T any](name string, s connector.Source[T], opts ...Option) *Stream[T] {
	node := &graph.Node{Kind: graph.Source, Name: name, Named: true, Place: place(), Out: typeName[T](), Source: &s}
	j.apply(node, opts)
	var input connector.Input[T]
	node.Check = func(*flow.Env) error {
		if s == nil {
			return errors.New("the source is nil")
		}
		input = s()
		if checked, ok := input.(connector.Checked); ok {
			return checked.Check()
		}
		return nil
	}
	node.Enumerate = func(ctx context.Context) ([]connector.Split, error) { return input.Splits(ctx) }
	node.Make = func(env *flow.Env) (graph.Made, error) {
		out, rejects := flow.NewOut[T](env), rejectsOf(node, env)
		src := operator.NewSource(env, input, out, rejects)
		return graph.Made{Operator: src, Outs: outsOf(out, node.Rejects, rejects)}, nil
	}
	addRejects(node)
	return newStream[T](j, j.graph.Add(node))
}

// Encode uses c for all values of its type: in state, in keys, and between subtasks.
func (j *Job) Encode[T any](c codec.Codec[T]) {
	if err := j.codecs.Add(c); err != nil {
		j.graph.Errs = append(j.graph.Errs, fmt.Errorf("Encode at %s: %w", place(), err))
	}
}

// Plan checks the job and draws it. Every mistake that can be seen without running is in the error.
func (j *Job) Plan() (*Plan, error) {
	p, err := graph.New(j.graph, j.settings())
	if err != nil {
		return nil, err
	}
	return &Plan{p}, nil
}

// Run runs the job to its end, or until ctx is done, whose cause is then the error.
func (j *Job) Run(ctx context.Context) error {
	r, err := j.Start(ctx)
	if err != nil {
		return err
	}
	return r.Wait()
}

// Start plans the job, starts it and returns at once. A job may be started once at a time.
func (j *Job) Start(ctx context.Context) (*Running, error) {
	p, err := j.Plan()
	if err != nil {
		return nil, err
	}
	c, err := j.supervise(p.plan)
	if err != nil {
		return nil, err
	}
	if c.From, err = j.origin(ctx); err != nil {
		return nil, err
	}
	sup, err := recovery.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Running{supervisor: sup, metrics: c.Options.Metrics, job: j, reader: view.New(sup, p.plan)}, nil
}

func (j *Job) settings() graph.Settings {
	s := graph.Settings{Parallelism: j.Parallelism, MaxParallelism: j.MaxParallelism}
	if b, ok := j.Backend.(interface{ ColdStore() string }); ok {
		s.ColdStore = b.ColdStore()
	}
	if s.MaxParallelism == 0 {
		s.MaxParallelism = keygroup.DefaultMax
	}
	if s.Parallelism == 0 {
		s.Parallelism = min(runtime.GOMAXPROCS(0), s.MaxParallelism)
	}
	return s
}

func (j *Job) budget() *heap.Budget {
	if j.Backend == nil {
		return state.Heap{}.NewBudget()
	}
	return j.Backend.NewBudget()
}

// supervise says how the job is kept running.
func (j *Job) supervise(p *graph.Plan) (recovery.Config, error) {
	budget := j.budget()
	c := recovery.Config{
		Plan: p, Clock: clock.Wall{}, Policy: recovery.Policy(j.Restart),
		Options: local.Options{Budget: budget, Metrics: &metrics.Job{State: budget.Numbers}, AllowDrop: j.Restore.AllowDrop},
		Every:   cmp.Or(j.Checkpoint.Every, DefaultCheckpointEvery), MinPause: j.Checkpoint.MinPause,
		Timeout: cmp.Or(j.Checkpoint.Timeout, DefaultCheckpointTimeout), Keep: cmp.Or(j.Checkpoint.Keep, DefaultCheckpointKeep),
		FailAfter: j.Checkpoint.FailAfter, Claim: j.Restore.Claim, AllowRepeat: j.Restore.AllowRepeat, Standby: j.Restore.Standby, Lease: recovery.DefaultLease,
	}
	if j.Checkpoint.Store == "" {
		return c, nil
	}
	var err error
	if c.Store, err = store.Locate(j.Checkpoint.Store); err != nil {
		return c, fmt.Errorf("job %s: Checkpoint.Store: %w", j.name, err)
	}
	return c, nil
}

// latest is the newest snapshot in the job's store, as a place.
const latest = "latest"

// origin is the snapshot that the job is to begin from; nil: the newest in its store, if there is one.
func (j *Job) origin(ctx context.Context) (*checkpoint.Snapshot, error) {
	from := j.Restore.From
	if from == "" {
		return nil, nil
	}
	s, err := j.snapshot(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("job %s: restore %s: %w", j.name, from, err)
	}
	if from == latest {
		return nil, nil // whoever takes the job over finds it
	}
	return s, nil
}

// Running is a job that runs.
type Running struct {
	supervisor *recovery.Supervisor
	metrics    *metrics.Job
	job        *Job
	reader     *view.Reader
}

// Wait waits for the job's end and returns what it failed with, if it failed. It may be called by several goroutines.
func (r *Running) Wait() error { return r.supervisor.Wait() }

// Stop ends the job and waits for its end. The sources stop reading, and what they have read is worked through.
// Draining lets all timers and windows fire as if the input had ended; without it nothing fires. With checkpoints, the
// last one is taken then, from which the job can go on.
func (r *Running) Stop(ctx context.Context, drain bool) error {
	r.supervisor.Stop(drain)
	select {
	case <-r.supervisor.Done():
		return r.Wait()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Savepoint takes a savepoint in a new folder below a place (a folder, or whatever Checkpoint.Store may be), and returns
// its own place, from which [Restore] goes on. It commits no output: the next checkpoint does. The savepoint is the
// user's: it may be copied and moved, and the job does not delete it. While the job waits for another attempt, Savepoint
// waits too; ctx bounds that.
func (r *Running) Savepoint(ctx context.Context, to string) (string, error) {
	return r.supervisor.Savepoint(ctx, to)
}

// StopWithSavepoint ends the job as Stop does, and returns the place of a savepoint up to which all output is committed.
// The same command goes on from it, as long as it stays where it is. If the savepoint can't be written, the job ends as
// after Stop.
func (r *Running) StopWithSavepoint(ctx context.Context, to string, drain bool) (string, error) {
	return r.supervisor.StopTo(ctx, to, drain)
}

// place is where the user called the verb that calls this function.
func place() string {
	for skip := 2; ; skip++ {
		pc, file, line, ok := runtime.Caller(skip)
		if !ok {
			return "an unknown place"
		}
		if f := runtime.FuncForPC(pc); f == nil || !isVerb(f.Name()) {
			return fmt.Sprintf("%s:%d", filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file)), line)
		}
	}
}

// unique makes a name that no node has, for operators with state that the author does not name.
func (j *Job) unique(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(j.graph.Nodes, func(n *graph.Node) bool { return n.Name == name })
	}
	for i, base := 2, name; taken(name); i++ {
		name = fmt.Sprintf("%s %d", base, i)
	}
	return name
}

// nameEventTime names an operator of event time by the nearest operator before it that has a name of its author's, so that
// maps and filters may come and go between them. It has had the names that go with those that one has had.
func (j *Job) nameEventTime(n, from *graph.Node) {
	for !from.Named && len(from.Inputs) > 0 {
		from = from.Inputs[0].From
	}
	const prefix = "event-time of "
	n.Name = j.unique(prefix + from.Name)
	suffix := strings.TrimPrefix(n.Name, prefix+from.Name)
	for _, was := range from.Was {
		n.Was = append(n.Was, prefix+was+suffix)
	}
}

func typeName[T any]() string { return reflect.TypeFor[T]().String() }

func (j *Job) apply(n *graph.Node, opts []Option) {
	for _, o := range opts {
		if o.apply == nil {
			continue
		}
		if err := o.apply(n); err != nil {
			j.refuse(n, err)
		}
	}
}

// refuse notes a mistake in a node, for the plan.
func (j *Job) refuse(n *graph.Node, err error) {
	j.graph.Errs = append(j.graph.Errs, fmt.Errorf("%s %s at %s: %w", n.Kind, n.Name, n.Place, err))
}

// required is the check of a node that can't do without a function.
func required(isNil bool, what string) func(*flow.Env) error {
	return func(*flow.Env) error {
		if isNil {
			return fmt.Errorf("%s is nil", what)
		}
		return nil
	}
}

// errConstructor and errFunction are mistakes of whoever calls Process.
var (
	errConstructor = errors.New("the constructor is nil")
	errFunction    = errors.New("the constructor returned nil in place of a function that takes records")
)

// addRejects notes the side output that the option Rejects has asked for.
func addRejects(n *graph.Node) {
	if n.Rejects != "" {
		n.Sides = append(n.Sides, graph.Side{Name: n.Rejects, Type: typeName[Rejected]()})
	}
}

func rejectsOf(n *graph.Node, env *flow.Env) *flow.Out[Rejected] {
	if n.Rejects == "" {
		return nil
	}
	out := flow.NewOut[Rejected](env)
	out.Listen(n.Rejects)
	return out
}

func outsOf(main flow.Outlet, side string, rejects *flow.Out[Rejected]) map[string]flow.Outlet {
	outs := map[string]flow.Outlet{"": main}
	if rejects != nil {
		outs[side] = rejects
	}
	return outs
}

// encodable says whether a type can cross from task to task.
func encodable[T any](j *Job) func() error {
	return func() error {
		_, err := codec.Derive[T](&j.codecs)
		return err
	}
}

// plainSender makes the sending end of an edge without keys.
func plainSender[T any](env *flow.Env, to []*exchange.Channel) exchange.Sender {
	return exchange.NewPlain[T](env, to)
}
