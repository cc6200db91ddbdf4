package flow

import (
	"context"
	"fmt"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/metrics"
)

// Env is what one operator's subtask knows of the world round it.
type Env struct {
	Context        context.Context // done when the attempt ends
	Job, Operator  string
	Subtask        int // which one, from 0
	Parallelism    int // of how many
	MaxParallelism int // key groups
	BatchSize      int // records a batch at most
	WatermarkEvery int // records of a split between watermarks
	Clock          clock.Clock
	Site           *Site   // shared by the operators of a chain
	Splits         *Splits // shared by the operators of a source's chain
	Metrics        *metrics.Subtask
	ExactlyOnce    bool         // of a sink: asked for
	Restored       bool         // the attempt goes on from a snapshot
	Attempt        int64        // grows from attempt to attempt of the job, in all processes; 0 without a store
	Held           func() error // says whether the job is still this process's to run; nil: it can't be lost
	Chained        bool         // false for the head of a task
	Budget         *heap.Budget // of the process's state
	Tap            Tap          // nil unless a test listens
	// Enumerated are the splits of a source, listed once for all its subtasks.
	Enumerated []connector.Split
}

// Tap listens to outputs, for tests. Its methods may be called by all subtasks at the same time.
type Tap interface {
	// Records has what a sink received or a side output carried, with event times: values is a []T. Both are the
	// listener's.
	Records(operator, output string, subtask int, values any, times []int64)
	// Barrier says that all records before it belong to a checkpoint.
	Barrier(operator string, subtask int, checkpoint int64)
}

// Site is where a subtask is at work, for its error messages.
type Site struct{ At Located }

// Located is an operator that can say what it is working on.
type Located interface {
	// Locate names the operator and the record, timer or pane at hand.
	Locate() (operator, at string)
}

// Failure carries an error out of a chain: operators return no errors to one another, a failing one unwinds the chain
// and nothing it emitted leaves the subtask.
type Failure struct{ Err error }

// Fail unwinds the chain with an error.
func Fail(err error) { panic(Failure{err}) }

// Check unwinds the chain if there is an error.
func Check(err error) {
	if err != nil {
		panic(Failure{err})
	}
}

// Error makes a Failure readable where it escapes.
func (f Failure) Error() string { return f.Err.Error() }

// Splits is what the source at the head of a chain reads, so that later operators of the chain can keep a watermark
// for each split.
type Splits struct {
	Names []string // by number
	Done  []bool   // a finished split holds no watermark back
	// Channels says that these are the channels of a task that has no source.
	Channels bool
	// OnDone are called when a split has finished, after its last record.
	OnDone []func(split int)
	// OnDry are called when a split has nothing more just now: who has gathered something sends it on.
	OnDry []func(split int)
	// Above is what an operator reads that makes records of its own, which are the only split here; nil elsewhere.
	Above *Splits
}

// Listen has done called when a split has finished, and dry when it has nothing more just now.
func (s *Splits) Listen(done, dry func(split int)) {
	if s.Above != nil && !s.Heard() {
		s.Above.Listen(func(int) {}, func(int) { s.Dry(0) })
	}
	s.OnDone, s.OnDry = append(s.OnDone, done), append(s.OnDry, dry)
}

// Heard says whether anybody wants to know when a split is dry.
func (s *Splits) Heard() bool { return len(s.OnDry) > 0 }

// Finish says that a split has no more records.
func (s *Splits) Finish(split int) {
	s.Done[split] = true
	for _, f := range s.OnDone {
		f(split)
	}
}

// Dry says that a split has nothing more just now.
func (s *Splits) Dry(split int) {
	for _, f := range s.OnDry {
		f(split)
	}
}

// String names the subtask as errors and logs do.
func (e *Env) String() string {
	return fmt.Sprintf("job %s, operator %s, subtask %d", e.Job, e.Operator, e.Subtask)
}

// DryEnv is an environment for planning: one subtask of one, whose output goes nowhere.
func DryEnv(job, operator string, maxParallelism int) *Env {
	return &Env{
		Context: context.Background(), Job: job, Operator: operator, Parallelism: 1, MaxParallelism: maxParallelism,
		BatchSize: 1, WatermarkEvery: 1, Clock: clock.Wall{}, Site: &Site{}, Splits: &Splits{}, Metrics: &metrics.Subtask{},
	}
}
