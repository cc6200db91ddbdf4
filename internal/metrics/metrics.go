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
	// Watermark is nanoseconds since 1970; flow.NoTime before the first.
	Watermark atomic.Int64
	counters  sync.Map // name → *atomic.Int64
}

// Counter is a metric that the user made, by name.
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

// Job is the numbers of all subtasks of a job.
type Job struct {
	// Attempt is the number of the attempt that runs; 0 without checkpoints.
	Attempt  atomic.Int64
	newest   atomic.Pointer[Checkpoint]
	mu       sync.Mutex // guards subtasks
	subtasks []*Subtask
}

// Checkpoint is a complete checkpoint of a job.
type Checkpoint struct {
	Number int64
	Taken  time.Time // when its barriers set out
}

// Completed notes the newest complete checkpoint.
func (j *Job) Completed(c Checkpoint) { j.newest.Store(&c) }

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
