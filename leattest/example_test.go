package leattest_test

import (
	"fmt"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/leattest"
)

// t is the *testing.T of a test; examples have none.
var t = &quiet{}

func ExampleDrive() {
	op := leattest.Drive(t, Txn.AccountID, detectFraud)
	op.Send(noon, Txn{Account: "a", Amount: 0.5, At: noon})
	op.Restore()
	op.Send(at(1), Txn{Account: "a", Amount: 900, At: at(1)})
	fmt.Println("alerts:", op.Emitted())

	last, _ := op.Value[time.Time]("last-small", "a")
	fmt.Println("last small payment:", last.Format(time.TimeOnly))
	fmt.Println("forgotten at:", op.Timers("a")["forget"].Format(time.TimeOnly))

	op.Watermark(at(60))
	_, ok := op.Value[time.Time]("last-small", "a")
	fmt.Println("still there:", ok)
	// Output:
	// alerts: [{a 900}]
	// last small payment: 12:00:00
	// forgotten at: 12:01:00
	// still there: false
}

func ExampleDriveConnected() {
	op := leattest.DriveConnected(t, Order.Key, Payment.Key, settle)
	op.Second(noon, Payment{Order: "1"})
	op.First(noon, Order{ID: "1", Item: "table"})
	fmt.Println(op.Emitted())
	// Output: [table]
}

func ExampleRun() {
	run := leattest.Run(t, words(), leattest.Records("lines", "to be or", "not to be"))
	for _, p := range run.Output[leat.Pane[string, int64]]("counts") {
		fmt.Println(p.Key, p.Value)
	}
	// Output:
	// be 2
	// not 1
	// or 1
	// to 2
}

func ExampleEveryWay() {
	run := leattest.EveryWay(t, fraud, leattest.Records("payments",
		Txn{Account: "a", Amount: 0.5, At: noon},
		Txn{Account: "b", Amount: -3, At: noon},
		Txn{Account: "a", Amount: 900, At: at(1)}))
	fmt.Println("alerts:", run.Output[Alert]("alerts"))
	fmt.Println("for review:", len(run.Side("detect-fraud", review)))
	// Output:
	// alerts: [{a 900}]
	// for review: 1
}

func ExampleResult_State() {
	run := leattest.Run(t, fraud(), leattest.Records("payments", Txn{Account: "a", Amount: 0.5, At: noon}))
	small := run.State[string, time.Time]("detect-fraud", "last-small")
	fmt.Println(small["a"].Format(time.TimeOnly))
	// Output: 12:00:00
}

// quiet stands in for the *testing.T that an example does not have.
type quiet struct{ testing.TB }

func (*quiet) Helper()                   {}
func (*quiet) Cleanup(func())            {}
func (*quiet) Name() string              { return "Example" }
func (*quiet) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
