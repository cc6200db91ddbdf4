package local_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/runtime"
)

// slowly takes so long for each record.
func slowly(each time.Duration) func(op *leat.Operator[string, string]) func(word) error {
	return func(op *leat.Operator[string, string]) func(word) error {
		return func(w word) error {
			<-time.After(each)
			op.Emit(w.Text)
			return nil
		}
	}
}

// checkpointTimes is how long each of several checkpoints of a job takes, on the bubble's clock, after it has run for a
// while under back-pressure.
func checkpointTimes(t *testing.T, job *leat.Job, parallelism int) (all []time.Duration) {
	t.Helper()
	a, err := begin(t, job, parallelism, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{30 * time.Second, time.Second, 7 * time.Second, 333 * time.Millisecond} {
		<-time.After(after)
		begun := time.Now()
		if _, err := a.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = append(all, time.Since(begun))
	}
	a.Cancel(errEnough)
	if err := a.Wait(); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	return all
}

// Under back-pressure a barrier waits for what can be worked through in time, however slow the operator, and wherever it
// stands: a channel's full credit in full batches would be 16 × 512 records, 16 s of 2 channels at 1 ms a record.
func TestCheckpointsUnderBackPressure(t *testing.T) {
	const target = time.Duration(runtime.TargetNanos)
	for _, each := range []time.Duration{200 * time.Microsecond, time.Millisecond, 30 * time.Millisecond} {
		for name, c := range map[string]struct {
			stages  int // that a barrier has to pass, one after the other
			through func(*leat.Stream[word]) *leat.Stream[string]
		}{
			"behind a keyed edge": {1, func(s *leat.Stream[word]) *leat.Stream[string] {
				return s.KeyBy(word.key).Process("slow", slowly(each), leat.Parallelism(1))
			}},
			"after another task": {2, func(s *leat.Stream[word]) *leat.Stream[string] {
				return s.Rebalance().Map(func(w word) word { return w }).KeyBy(word.key).Process("slow", slowly(each), leat.Parallelism(1))
			}},
			"in the source's chain": {1, func(s *leat.Stream[word]) *leat.Stream[string] {
				return s.Map(func(w word) string { <-time.After(each); return w.Text })
			}},
		} {
			t.Run(fmt.Sprint(name, " ", each), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWords(2, 10_000_000)
					job := leat.NewJob("slow")
					c.through(job.From("words", w.source)).To("book", newBook().sink)
					for i, took := range checkpointTimes(t, job, 2) {
						t.Logf("checkpoint %d: %v", i+1, took)
						if most := time.Duration(c.stages)*target*3/2 + 3*each; took > most {
							t.Errorf("checkpoint %d took %v, more than %v", i+1, took, most)
						}
					}
				})
			})
		}
	}
}
