package leat_test

import (
	"context"
	"fmt"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/mem"
)

// Txn is a payment.
type Txn struct {
	Account  string
	Merchant string
	Cents    int64
	At       time.Time
}

func (t Txn) AccountID() string { return t.Account }

func (t Txn) MerchantID() string { return t.Merchant }

func (t Txn) When() time.Time { return t.At }

func (t Txn) Amount() int64 { return t.Cents }

// Alert is a payment to look at.
type Alert struct {
	Account string
	Cents   int64
}

// today is a time of the day of all examples.
func today(hour, minute, second int) time.Time {
	return time.Date(2026, 11, 22, hour, minute, second, 0, time.UTC)
}

var txns = []Txn{
	{"ada", "books", 50, today(9, 0, 0)},
	{"bob", "books", 2_000, today(9, 0, 10)},
	{"ada", "jewels", 90_000, today(9, 0, 30)},
	{"ada", "books", 1_500, today(9, 6, 0)},
	{"bob", "jewels", 70_000, today(9, 7, 0)},
	{"ada", "books", 3_000, today(9, 12, 0)},
}

// A large payment within a minute of a small one on the same account is suspicious.
func Example() {
	detectFraud := func(op *leat.Operator[string, Alert]) func(Txn) error {
		small := op.Value[time.Time]("last-small")
		return func(tx Txn) error {
			switch {
			case tx.Cents < 100:
				small.Set(tx.At)
			case tx.Cents > 50_000 && tx.At.Sub(small.Get()) < time.Minute:
				op.Emit(Alert{op.Key(), tx.Cents})
			}
			return nil
		}
	}

	job := leat.NewJob("fraud")
	job.From("payments", mem.From(txns...)).
		EventTime(Txn.When, 5*time.Second).
		KeyBy(Txn.AccountID).
		Process("detect-fraud", detectFraud).
		To("alerts", file.Stdout)

	if err := job.Run(context.Background()); err != nil { // a program of its own calls leat.Main(job)
		fmt.Println(err)
	}
	// Output:
	// {"Account":"ada","Cents":90000}
}

// run runs a job as an example does; a program of its own calls leat.Main.
func run(job *leat.Job) {
	job.Parallelism = 1 // so that the output has one order
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
}
