package leat_test

import (
	"fmt"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/state"
)

// perAccount runs an operator over the payments of each account and prints what it emits.
func perAccount(construct func(*leat.Operator[string, string]) func(Txn) error) {
	job := leat.NewJob("accounts")
	job.From("payments", mem.From(txns...)).
		EventTime(Txn.When, 0).
		KeyBy(Txn.AccountID).
		Process("account", construct).
		To("out", file.Stdout)
	run(job)
}

// A value for each key: here the balance.
func ExampleOperator_Value() {
	perAccount(func(op *leat.Operator[string, string]) func(Txn) error {
		balance := op.Value[int64]("balance")
		return func(tx Txn) error {
			balance.Set(balance.Get() + tx.Cents)
			if balance.Get() > 90_000 {
				op.Emit(fmt.Sprint(op.Key(), " has spent ", balance.Get()))
			}
			return nil
		}
	})
	// Output:
	// "ada has spent 90050"
	// "ada has spent 91550"
	// "ada has spent 94550"
}

// A value that is forgotten: here the first payment of an account in ten minutes.
func ExampleOperator_Value_timeToLive() {
	perAccount(func(op *leat.Operator[string, string]) func(Txn) error {
		seen := op.Value[bool]("seen", state.TTL{After: 10 * time.Minute})
		return func(tx Txn) error {
			if !seen.Has() {
				seen.Set(true)
				op.Emit(op.Key() + " pays for " + tx.Merchant)
			}
			return nil
		}
	})
	// Unordered output:
	// "ada pays for books"
	// "bob pays for books"
	// "ada pays for books"
}

// A list for each key: here the merchants, in order.
func ExampleOperator_List() {
	perAccount(func(op *leat.Operator[string, string]) func(Txn) error {
		merchants := op.List[string]("merchants")
		return func(tx Txn) error {
			merchants.Append(tx.Merchant)
			if merchants.Len() == 3 {
				for m := range merchants.All() {
					op.Emit(op.Key() + " paid " + m)
				}
				merchants.Clear()
			}
			return nil
		}
	})
	// Output:
	// "ada paid books"
	// "ada paid jewels"
	// "ada paid books"
}

// A map for each key: here how often an account has paid each merchant.
func ExampleOperator_Map() {
	perAccount(func(op *leat.Operator[string, string]) func(Txn) error {
		times := op.Map[string, int]("times")
		return func(tx Txn) error {
			times.Set(tx.Merchant, times.Get(tx.Merchant)+1)
			if n := times.Get(tx.Merchant); n > 1 {
				op.Emit(fmt.Sprintf("%s paid %s %d times", op.Key(), tx.Merchant, n))
			}
			return nil
		}
	})
	// Output:
	// "ada paid books 2 times"
	// "ada paid books 3 times"
}

// An ordered map for each key: here the payments of the last ten minutes, by time.
func ExampleOperator_Ordered() {
	perAccount(func(op *leat.Operator[string, string]) func(Txn) error {
		recent := op.Ordered[time.Time, int64]("recent")
		return func(tx Txn) error {
			recent.Set(tx.At, tx.Cents)
			recent.DeleteRange(time.Time{}, tx.At.Add(-10*time.Minute))
			sum := int64(0)
			for _, cents := range recent.All() {
				sum += cents
			}
			op.Emit(fmt.Sprint(op.Key(), " spent ", sum, " in ten minutes"))
			return nil
		}
	})
	// Output:
	// "ada spent 50 in ten minutes"
	// "bob spent 2000 in ten minutes"
	// "ada spent 90050 in ten minutes"
	// "ada spent 91550 in ten minutes"
	// "bob spent 72000 in ten minutes"
	// "ada spent 4500 in ten minutes"
}

// What a function of two values makes of all: here the largest payment.
func ExampleOperator_Reducing() {
	perAccount(func(op *leat.Operator[string, string]) func(Txn) error {
		largest := op.Reducing("largest", func(a, b int64) int64 { return max(a, b) })
		return func(tx Txn) error {
			before := largest.Get()
			largest.Add(tx.Cents)
			if before > 0 && largest.Get() > before {
				op.Emit(fmt.Sprint(op.Key(), " has a new record: ", largest.Get()))
			}
			return nil
		}
	})
	// Output:
	// "ada has a new record: 90000"
	// "bob has a new record: 70000"
}

// What an aggregator makes of all: here the mean.
func ExampleOperator_Aggregating() {
	perAccount(func(op *leat.Operator[string, string]) func(Txn) error {
		mean := op.Aggregating("mean", agg.Mean(Txn.Amount))
		done := op.EventTimer("done", func(time.Time) error {
			op.Emit(fmt.Sprintf("%s: %.2f", op.Key(), mean.Get()))
			return nil
		})
		return func(tx Txn) error {
			mean.Add(tx)
			done.At(today(23, 59, 59))
			return nil
		}
	})
	// Unordered output:
	// "ada: 23637.50"
	// "bob: 36000.00"
}

// A timer for each key, which setting it again moves: here it fires when an account has been silent for
// five minutes. Event time moves by steps, and so few records are one step.
func ExampleOperator_EventTimer() {
	perAccount(func(op *leat.Operator[string, string]) func(Txn) error {
		silent := op.EventTimer("silent", func(at time.Time) error {
			op.Emit(op.Key() + " is silent at " + at.Format(time.TimeOnly))
			return nil
		})
		return func(tx Txn) error {
			silent.At(tx.At.Add(5 * time.Minute))
			return nil
		}
	})
	// Output:
	// "bob is silent at 09:12:00"
	// "ada is silent at 09:17:00"
}

// A timer for each item of a key: here one for each merchant of an account.
func ExampleOperator_EventTimers() {
	perAccount(func(op *leat.Operator[string, string]) func(Txn) error {
		forgotten := op.EventTimers("forgotten", func(merchant string, at time.Time) error {
			op.Emit(fmt.Sprintf("%s has left %s at %s", op.Key(), merchant, at.Format(time.TimeOnly)))
			return nil
		})
		return func(tx Txn) error {
			forgotten.At(tx.Merchant, tx.At.Add(10*time.Minute))
			return nil
		}
	})
	// Output:
	// "bob has left books at 09:10:10"
	// "ada has left jewels at 09:10:30"
	// "bob has left jewels at 09:17:00"
	// "ada has left books at 09:22:00"
}
