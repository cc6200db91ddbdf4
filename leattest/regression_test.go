package leattest_test

import (
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
	"leat.dev/leat/window"
)

// A timer that is set to a time which has passed fires when the watermark moves next: a restore is no such move.
func TestARestoreFiresNothing(t *testing.T) {
	leattest.EveryWay(t, func() *leat.Job {
		job := leat.NewJob("past")
		job.From("payments", mem.From[Txn]()).
			EventTime(Txn.When, 0).
			KeyBy(Txn.AccountID).
			Process("moved", func(op *leat.Operator[string, int]) func(Txn) error {
				count := op.Value[int]("count")
				past := op.EventTimer("past", func(time.Time) error {
					op.Emit(count.Get())
					count.Clear()
					return nil
				})
				return func(tx Txn) error {
					count.Set(count.Get() + 1)
					past.At(tx.At.Add(-time.Hour))
					return nil
				}
			}).
			To("counts", mem.Into(new([]int)))
		return job
	}, leattest.Records("payments", payments(150)...))
}

// What processing-time timers emit at the end of input is not late for the windows behind.
func TestTimersOfTheEndAreInTime(t *testing.T) {
	run := leattest.EveryWay(t, func() *leat.Job {
		job := leat.NewJob("end")
		job.From("payments", mem.From[Txn]()).
			EventTime(Txn.When, 0).
			KeyBy(Txn.AccountID).
			Process("later", func(op *leat.Operator[string, Alert]) func(Txn) error {
				later := op.ProcessingTimer("later", func(time.Time) error {
					op.Emit(Alert{Account: op.Key()})
					return nil
				})
				return func(Txn) error {
					later.At(op.Now().Add(time.Hour))
					return nil
				}
			}).
			Global().
			Window(window.Tumbling(time.Hour)).
			Aggregate("count", agg.Count).
			To("counts", mem.Into(new([]leat.Pane[struct{}, int64])))
		return job
	}, leattest.Records("payments", payments(50)...))
	panes := run.Output[leat.Pane[struct{}, int64]]("counts")
	if len(panes) != 1 || panes[0].Value != 4 {
		t.Errorf("panes: %v", panes)
	}
}

// An operator without a name has state too, and is called something: not what its author calls another one.
func TestNamesOfOperatorsWithoutOne(t *testing.T) {
	leattest.EveryWay(t, func() *leat.Job {
		job := leat.NewJob("names")
		job.From("payments", mem.From[Txn]()).
			Map(func(tx Txn) Txn { return tx }).
			KeyBy(Txn.AccountID).
			Process("map-1", func(op *leat.Operator[string, int]) func(Txn) error {
				count := op.Value[int]("count")
				return func(Txn) error {
					count.Set(count.Get() + 1)
					op.Emit(count.Get())
					return nil
				}
			}).
			To("counts", mem.Into(new([]int)))
		return job
	}, leattest.Records("payments", payments(100)...))
}

const tooLate leat.Output[Txn] = "too-late"

// Late records are the same ones in every way, for a watermark keeps its place among the records of a split.
func TestLateRecords(t *testing.T) {
	given := payments(100)
	for i := 10; i < 100; i += 10 {
		given[i].At = given[i].At.Add(-2 * time.Minute)
	}
	run := leattest.EveryWay(t, func() *leat.Job {
		job := leat.NewJob("late")
		counts := job.From("payments", mem.From[Txn]()).
			EventTime(Txn.When, 10*time.Second).
			KeyBy(Txn.AccountID).
			Window(window.Tumbling(30*time.Second)).
			LateTo(tooLate).
			Aggregate("count", agg.Count)
		counts.To("counts", mem.Into(new([]leat.Pane[string, int64])))
		counts.Side(tooLate).To("too-late", mem.Into(new([]Txn)))
		return job
	}, leattest.Records("payments", given...))
	if n := run.Late("count"); n != 9 {
		t.Errorf("%d late records", n)
	}
	if late := run.Side("count", tooLate); len(late) != 9 {
		t.Errorf("late records: %v", late)
	}
}

// A session's pane is in time for the windows behind, also if the watermark stood just before the session's end: a record of
// another key at that very time brings it there, and would still have gone on with the session.
func TestSessionsAreInTime(t *testing.T) {
	run := leattest.EveryWay(t, func() *leat.Job {
		job := leat.NewJob("sessions")
		job.From("payments", mem.From[Txn](), leat.Parallelism(1)).
			EventTime(Txn.When, 0).
			KeyBy(Txn.AccountID).
			Window(window.Session(10*time.Second)).
			Aggregate("session", agg.Count).
			Global().
			Window(window.Tumbling(10*time.Second)).
			Aggregate("sessions", agg.Sum(leat.PaneValue[string, int64])).
			To("sums", mem.Into(new([]leat.Pane[struct{}, int64])))
		return job
	}, leattest.Records("payments", Txn{Account: "a", At: noon}, Txn{Account: "b", At: noon.Add(10 * time.Second)}, Txn{Account: "c", At: noon.Add(11 * time.Second)}))
	var sum int64
	for _, p := range run.Output[leat.Pane[struct{}, int64]]("sums") {
		sum += p.Value
	}
	if sum != 3 {
		t.Errorf("the sessions had %d records, of 3", sum)
	}
}
