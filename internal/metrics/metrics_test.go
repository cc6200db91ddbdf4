package metrics

import (
	"testing"
	"time"
)

func TestCheckpoints(t *testing.T) {
	var j Job
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if _, ok := j.Age(at); ok {
		t.Error("an age of no checkpoint")
	}
	j.Failed()
	j.Completed(Checkpoint{Number: 1, Taken: at})
	j.Completed(Checkpoint{Number: 2, Taken: at.Add(time.Minute), Took: time.Second, Bytes: 7})
	j.Failed()
	if complete, failed := j.Checkpoints(); complete != 2 || failed != 2 {
		t.Errorf("%d complete, %d failed", complete, failed)
	}
	if age, ok := j.Age(at.Add(90 * time.Second)); !ok || age != 30*time.Second {
		t.Errorf("the newest is %v old", age)
	}
}

func TestLongest(t *testing.T) {
	var s Subtask
	for _, nanos := range []int64{3, 9, 5} {
		s.Aligned(nanos)
		s.Paused(nanos)
	}
	if s.Alignment.Load() != 5 || s.Alignments.Load() != 9 || s.Pause.Load() != 9 {
		t.Errorf("alignment %d, at most %d, pause %d", s.Alignment.Load(), s.Alignments.Load(), s.Pause.Load())
	}
}
