package leattest_test

import (
	"strings"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/window"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Txn is a payment.
type Txn struct {
	Account string
	Amount  float64
	At      time.Time
}

func (t Txn) AccountID() string { return t.Account }

func (t Txn) When() time.Time { return t.At }

// Alert is a payment that looks like fraud.
type Alert struct {
	Account string
	Amount  float64
}

const review leat.Output[Txn] = "review"

// detectFraud finds a large payment after a small one on the same account within a minute.
func detectFraud(op *leat.Operator[string, Alert]) func(Txn) error {
	small := op.Value[time.Time]("last-small")
	forget := op.EventTimer("forget", func(time.Time) error { small.Clear(); return nil })
	toReview := op.Side(review)

	return func(tx Txn) error {
		switch {
		case tx.Amount < 0:
			toReview(tx)
		case tx.Amount < 1:
			small.Set(tx.At)
			forget.At(tx.At.Add(time.Minute))
		case tx.Amount > 500 && tx.At.Sub(small.Get()) < time.Minute:
			op.Emit(Alert{op.Key(), tx.Amount})
		}
		return nil
	}
}

// fraud is the job round it.
func fraud() *leat.Job {
	job := leat.NewJob("fraud")
	payments := job.From("payments", mem.From[Txn]()).EventTime(Txn.When, 5*time.Second)
	alerts := payments.KeyBy(Txn.AccountID).Process("detect-fraud", detectFraud)
	alerts.To("alerts", mem.Into(new([]Alert)))
	alerts.Side(review).To("review", mem.Into(new([]Txn)))
	return job
}

// words counts the words of a minute.
func words() *leat.Job {
	job := leat.NewJob("words")
	job.From("lines", mem.From[string]()).
		EventTime(func(string) time.Time { return noon }, 0).
		FlatMap(strings.FieldsSeq).
		KeyBy(func(w string) string { return w }).
		Window(window.Tumbling(time.Minute)).
		Aggregate("count", agg.Count).
		To("counts", mem.Into(new([]leat.Pane[string, int64])))
	return job
}

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// payments are some of several accounts, in order.
func payments(count int) []Txn {
	var all []Txn
	for i := range count {
		amount := []float64{0.5, 900, 12, -3, 700}[i%5]
		all = append(all, Txn{string(rune('a' + i*i%7)), amount, at(7 * i)})
	}
	return all
}
