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

// Order is what somebody wants, Payment what came for it, and Rate what a currency was worth from then on.
type (
	Order struct {
		ID, Currency string
		Cents        int64
		At           time.Time
	}
	Payment struct {
		OrderID string
		Cents   int64
		At      time.Time
	}
	Rate struct {
		Currency string
		Euros    float64
		At       time.Time
	}
)

func (o Order) Number() string       { return o.ID }
func (o Order) CurrencyCode() string { return o.Currency }
func (o Order) When() time.Time      { return o.At }
func (p Payment) Number() string     { return p.OrderID }
func (p Payment) When() time.Time    { return p.At }
func (r Rate) CurrencyCode() string  { return r.Currency }
func (r Rate) When() time.Time       { return r.At }

var (
	orders = []Order{
		{"o1", "EUR", 1_000, today(9, 0, 0)}, {"o2", "USD", 2_000, today(9, 10, 0)}, {"o3", "USD", 500, today(10, 30, 0)},
	}
	payments = []Payment{
		{"o1", 600, today(9, 5, 0)}, {"o1", 400, today(9, 50, 0)}, {"o2", 2_000, today(11, 0, 0)},
	}
	rates = []Rate{{"USD", 0.9, today(8, 0, 0)}, {"USD", 0.95, today(10, 0, 0)}, {"EUR", 1, today(0, 0, 0)}}
)

// ordersAndPayments brings both streams of a job together by the order's number.
func ordersAndPayments(job *leat.Job) *leat.Connected[string, Order, Payment] {
	bought := job.From("orders", mem.From(orders...)).EventTime(Order.When, 0)
	paid := job.From("payments", mem.From(payments...)).EventTime(Payment.When, 0)
	return bought.KeyBy(Order.Number).Connect(paid.KeyBy(Payment.Number))
}

// A window join relates what lies in the same hour; here an order without a payment in its hour counts as well.
func ExampleConnected_Window() {
	openAfter := func(o Order, p *Payment) string {
		if p == nil {
			return fmt.Sprintf("%s: %d open", o.ID, o.Cents)
		}
		return fmt.Sprintf("%s: %d of %d", o.ID, p.Cents, o.Cents)
	}

	job := leat.NewJob("hourly")
	ordersAndPayments(job).
		Window(window.Tumbling(time.Hour)).
		LeftJoin("paid", openAfter).
		To("out", file.Stdout)
	run(job)
	// Unordered output:
	// "o1: 600 of 1000"
	// "o1: 400 of 1000"
	// "o2: 2000 open"
	// "o3: 500 open"
}

// An interval join relates what happened at most so much later; this one tells which orders were not paid within an hour.
func ExampleConnected_Within() {
	job := leat.NewJob("unpaid")
	ordersAndPayments(job).
		Within(0, time.Hour).
		AntiJoin("unpaid").
		Map(func(o Order) string { return o.ID }).
		To("out", file.Stdout)
	run(job)
	// Unordered output:
	// "o2"
	// "o3"
}

// A temporal join looks up what held at the time of the record.
func ExampleConnected_AsOf() {
	inEuros := func(o Order, r Rate) string { return fmt.Sprintf("%s: %.2f", o.ID, float64(o.Cents)*r.Euros/100) }

	job := leat.NewJob("euros")
	bought := job.From("orders", mem.From(orders...)).EventTime(Order.When, 0)
	worth := job.From("rates", mem.From(rates...)).EventTime(Rate.When, 24*time.Hour)
	bought.KeyBy(Order.CurrencyCode).Connect(worth.KeyBy(Rate.CurrencyCode)).
		AsOf().
		Join("in-euros", inEuros).
		To("out", file.Stdout)
	run(job)
	// Unordered output:
	// "o1: 10.00"
	// "o2: 18.00"
	// "o3: 4.75"
}

// A co-group has all records of both streams in a window at once, and state for each key.
func ExampleRelated_CoGroup() {
	balance := func(op *leat.Operator[string, string]) func(leat.Pane[string, agg.Both[[]Order, []Payment]]) error {
		open := op.Value[int64]("open")
		return func(p leat.Pane[string, agg.Both[[]Order, []Payment]]) error {
			for _, o := range p.Value.A {
				*open.Ref() += o.Cents
			}
			for _, paid := range p.Value.B {
				*open.Ref() -= paid.Cents
			}
			op.Emit(fmt.Sprintf("%s %s: %d open", p.End.Format("15:04"), p.Key, open.Get()))
			return nil
		}
	}

	job := leat.NewJob("balances")
	ordersAndPayments(job).
		Window(window.Tumbling(time.Hour)).
		CoGroup("balance", balance).
		To("out", file.Stdout)
	run(job)
	// Unordered output:
	// "10:00 o1: 0 open"
	// "10:00 o2: 2000 open"
	// "11:00 o3: 500 open"
	// "12:00 o2: 0 open"
}
