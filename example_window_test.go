package leat_test

import (
	"fmt"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/window"
)

// show is a pane in words.
func show[V any](p leat.Pane[string, V]) string {
	return fmt.Sprintf("%s-%s %s: %v", p.Start.Format("15:04"), p.End.Format("15:04"), p.Key, p.Value)
}

func ExampleWindowed_Aggregate() {
	job := leat.NewJob("merchants")
	job.From("payments", mem.From(txns...)).
		EventTime(Txn.When, 5*time.Second).
		KeyBy(Txn.MerchantID).
		Window(window.Tumbling(10*time.Minute)).
		Aggregate("count", agg.Count).
		Map(show).
		To("counts", file.Stdout)
	run(job)
	// Unordered output:
	// "09:00-09:10 books: 3"
	// "09:00-09:10 jewels: 2"
	// "09:10-09:20 books: 1"
}

// Sessions end when nothing has come for a while; Combine2 aggregates twice in one pass.
func ExampleKeyed_Window() {
	spent := func(n int64, cents int64) string { return fmt.Sprintf("%d payments of %d", n, cents) }

	job := leat.NewJob("sessions")
	job.From("payments", mem.From(txns...)).
		EventTime(Txn.When, 0).
		KeyBy(Txn.AccountID).
		Window(window.Session(5*time.Minute)).
		Aggregate("sessions", agg.Combine2(agg.Count, agg.Sum(Txn.Amount), spent)).
		Map(show).
		To("sessions-out", file.Stdout)
	run(job)
	// Unordered output:
	// "09:00-09:05 ada: 2 payments of 90050"
	// "09:00-09:05 bob: 1 payments of 2000"
	// "09:06-09:11 ada: 1 payments of 1500"
	// "09:07-09:12 bob: 1 payments of 70000"
	// "09:12-09:17 ada: 1 payments of 3000"
}

// A pane may be handed to an operator with state for each key: here it compares a window with the one before.
func ExampleWindowed_Process() {
	job := leat.NewJob("merchants")
	job.From("payments", mem.From(txns...)).
		EventTime(Txn.When, 0).
		KeyBy(Txn.MerchantID).
		Window(window.Tumbling(5*time.Minute)).
		Process("change", agg.Sum(Txn.Amount), func(op *leat.Operator[string, string]) func(leat.Pane[string, int64]) error {
			before := op.Value[int64]("before")
			return func(p leat.Pane[string, int64]) error {
				if before.Has() {
					op.Emit(fmt.Sprintf("%s at %s: %+d", p.Key, p.Start.Format("15:04"), p.Value-before.Get()))
				}
				before.Set(p.Value)
				return nil
			}
		}).
		To("changes", file.Stdout)
	run(job)
	// Unordered output:
	// "books at 09:05: -550"
	// "books at 09:10: +1500"
	// "jewels at 09:05: -20000"
}

// Global brings all panes together: here the best merchant of each window.
func ExampleStream_Global() {
	job := leat.NewJob("merchants")
	job.From("payments", mem.From(txns...)).
		EventTime(Txn.When, 0).
		KeyBy(Txn.MerchantID).
		Window(window.Tumbling(10*time.Minute)).Aggregate("sums", agg.Sum(Txn.Amount)).
		Global().
		Window(window.Tumbling(10*time.Minute)).Aggregate("best", agg.Top(1, leat.PaneValue[string, int64])).
		Map(func(p leat.Pane[struct{}, []leat.Pane[string, int64]]) string { return show(p.Value[0]) }).
		To("best-out", file.Stdout)
	run(job)
	// Unordered output:
	// "09:00-09:10 jewels: 160000"
	// "09:10-09:20 books: 3000"
}
