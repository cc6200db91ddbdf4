package leat_test

import (
	"strconv"
	"strings"

	"leat.dev/leat"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/mem"
)

func ExampleStream_FlatMap() {
	job := leat.NewJob("words")
	job.From("lines", mem.From("to be", "or not")).
		FlatMap(strings.FieldsSeq).
		Filter(func(word string) bool { return word != "or" }).
		Map(strings.ToUpper).
		To("words", file.Stdout)
	run(job)
	// Output:
	// "TO"
	// "BE"
	// "NOT"
}

// What can't be parsed goes to a side output, as it came and with the reason, and the job goes on.
func ExampleRejects() {
	const malformed leat.Output[leat.Rejected] = "malformed"

	job := leat.NewJob("numbers")
	numbers := job.From("texts", mem.From("1", "two", "3")).
		TryMap("parse", strconv.Atoi, leat.Rejects(malformed))
	numbers.To("numbers", file.Stdout)
	numbers.Side(malformed).
		Map(func(r leat.Rejected) string { return string(r.Raw) + ": " + r.Err }).
		To("dead-letters", file.Stdout)
	run(job)
	// Output:
	// 1
	// 3
	// "two: strconv.Atoi: parsing \"two\": invalid syntax"
}

// An operator may have any number of side outputs, each with a type of its own.
func ExampleStream_Side() {
	const review leat.Output[Txn] = "review"

	job := leat.NewJob("fraud")
	accepted := job.From("payments", mem.From(txns...)).
		Process("sort", func(op *leat.Unkeyed[string]) func(Txn) error {
			toReview := op.Side(review)
			return func(tx Txn) error {
				if tx.Cents > 80_000 {
					toReview(tx)
				} else {
					op.Emit(tx.Account + " pays " + tx.Merchant)
				}
				return nil
			}
		})
	accepted.Side(review).
		Map(func(tx Txn) string { return tx.Account + " has to wait" }).
		To("review", file.Stdout)
	run(job)
	// Output:
	// "ada has to wait"
}

// Two streams with one key share its state.
func ExampleConnected_Process() {
	type Order struct {
		ID   string
		Item string
	}
	type Shipment struct{ OrderID, Carrier string }

	job := leat.NewJob("orders")
	orders := job.From("orders", mem.From(Order{"o1", "book"}, Order{"o2", "lamp"})).
		KeyBy(func(o Order) string { return o.ID })
	shipments := job.From("shipments", mem.From(Shipment{"o2", "bike"})).
		KeyBy(func(s Shipment) string { return s.OrderID })

	orders.Connect(shipments).
		Process("match", func(op *leat.Operator[string, string]) (func(Order) error, func(Shipment) error) {
			item, carrier := op.Value[string]("item"), op.Value[string]("carrier")
			match := func() {
				if item.Has() && carrier.Has() {
					op.Emit(item.Get() + " by " + carrier.Get())
				}
			}
			return func(o Order) error { item.Set(o.Item); match(); return nil },
				func(s Shipment) error { carrier.Set(s.Carrier); match(); return nil }
		}).
		To("matches", file.Stdout)
	run(job)
	// Output:
	// "lamp by bike"
}
