// Package metrics has the numbers that a running job shows of itself. They are added to once a batch, not once a record.
package metrics

import (
	"sync"
	"sync/atomic"
	"time"
)

// Subtask is the numbers of one operator's subtask. The subtask writes them, anyone reads them.
type Subtask struct {
	Operator string
	Index    int
	In, Out  atomic.Int64 // records
	Late     atomic.Int64 // records that came too late for a window
	Rejected atomic.Int64 // pieces of input that were no record
	Expired  atomic.Int64 // values of states, entries and elements that were freed because their time to live was up
	// Watermark is nanoseconds since 1970; flow.NoTime before the first.
	Watermark atomic.Int64
	// Alignment is how long the last barrier was waited for, from its first channel to its last; Alignments the longest.
	// Both are nanoseconds, and those of the operator at the head of a task.
	Alignment, Alignments atomic.Int64
	// Pause is the longest that the capture of a checkpoint has kept the loop from its work, in nanoseconds, likewise.
	Pause    atomic.Int64
	counters sync.Map // name → *atomic.Int64
}

// Aligned notes how many nanoseconds a barrier was waited for. The subtask calls it.
func (s *Subtask) Aligned(nanos int64) {
	s.Alignment.Store(nanos)
	s.Alignments.Store(max(s.Alignments.Load(), nanos))
}

// Paused notes how many nanoseconds a capture has taken. The subtask calls it.
func (s *Subtask) Paused(nanos int64) { s.Pause.Store(max(s.Pause.Load(), nanos)) }

// Counter is a metric that the user made, by name. It is not inlined, for a job would then compile all of [sync.Map].
//
//go:noinline
func (s *Subtask) Counter(name string) *atomic.Int64 {
	c, _ := s.counters.LoadOrStore(name, new(atomic.Int64))
	return c.(*atomic.Int64)
}

// Counters calls f for each metric of the user's.
func (s *Subtask) Counters(f func(name string, value int64)) {
	s.counters.Range(func(k, v any) bool {
		f(k.(string), v.(*atomic.Int64).Load())
		return true
	})
}

// State is the numbers of a process's state, as control.Memory explains them.
type State struct {
	Used, Limit, Copies int64
	Disk                *Disk // nil where all state lies in memory
}

// Disk is the numbers of state on disk.
type Disk struct {
	Found, Sought               int64
	Reads, ReadBytes, SlowReads int64
	Written, Rewritten          int64
	Files, Bytes                int64
	Records, Obsolete           int64
	Debt                        int64
}

// Job is the numbers of all subtasks of a job.
type Job struct {
	// State tells of the process's state; nil: nobody does. It is set before the job starts.
	State func() State
	// Attempt is the number of the attempt that runs; 0 without checkpoints.
	Attempt  atomic.Int64
	newest   atomic.Pointer[Checkpoint]
	complete atomic.Int64
	failed   atomic.Int64
	mu       sync.Mutex // guards subtasks
	subtasks []*Subtask
}

// Checkpoint is a complete checkpoint of a job.
type Checkpoint struct {
	Number int64
	Taken  time.Time // when its barriers set out
	// Took is how long it took until its manifest was durable; Bytes is what was written for it. 0 where it is not known, as
	// of a checkpoint of an earlier process.
	Took  time.Duration
	Bytes int64
}

// Completed notes the newest complete checkpoint, and counts it.
func (j *Job) Completed(c Checkpoint) {
	j.newest.Store(&c)
	j.complete.Add(1)
}

// Restored notes the checkpoint that the job goes on from.
func (j *Job) Restored(c Checkpoint) { j.newest.Store(&c) }

// Failed counts a checkpoint that failed.
func (j *Job) Failed() { j.failed.Add(1) }

// Checkpoints is how many checkpoints of this process are complete, and how many have failed.
func (j *Job) Checkpoints() (complete, failed int64) { return j.complete.Load(), j.failed.Load() }

// Age is how much of the job's work a restore would repeat now: the time since the barriers of the newest complete
// checkpoint set out; !ok if there is none. It is the number to raise an alarm on.
func (j *Job) Age(now time.Time) (age time.Duration, ok bool) {
	c, ok := j.Newest()
	if !ok {
		return 0, false
	}
	return now.Sub(c.Taken), true
}

// Newest is the newest complete checkpoint; !ok if there is none.
func (j *Job) Newest() (c Checkpoint, ok bool) {
	if newest := j.newest.Load(); newest != nil {
		return *newest, true
	}
	return c, false
}

// Add makes the numbers of one more subtask.
func (j *Job) Add(operator string, index int, noTime int64) *Subtask {
	s := &Subtask{Operator: operator, Index: index}
	s.Watermark.Store(noTime)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.subtasks = append(j.subtasks, s)
	return s
}

// Reset forgets all subtasks: another attempt begins.
func (j *Job) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.subtasks = nil
}

// Subtasks are the numbers of all subtasks so far.
func (j *Job) Subtasks() []*Subtask {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]*Subtask(nil), j.subtasks...)
}
