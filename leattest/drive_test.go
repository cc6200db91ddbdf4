package leattest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/leattest"
)

func TestDrive(t *testing.T) {
	op := leattest.Drive(t, Txn.AccountID, detectFraud)
	op.Send(noon, Txn{"a", 0.5, noon})
	if got := op.Timers("a")["forget"]; !got.Equal(at(60)) {
		t.Errorf("forget is set to %v", got)
	}
	op.Restore()
	op.Send(noon, Txn{"a", 900, at(1)})
	if got := op.Emitted(); !slices.Equal(got, []Alert{{"a", 900}}) {
		t.Errorf("alerts: %v", got)
	}
	if got := op.Emitted(); len(got) != 0 {
		t.Errorf("alerts since: %v", got)
	}
	op.Watermark(at(59))
	if _, ok := op.Value[time.Time]("last-small", "a"); !ok {
		t.Error("last-small was forgotten early")
	}
	op.Restore()
	op.Watermark(at(60))
	if when, ok := op.Value[time.Time]("last-small", "a"); ok {
		t.Errorf("last-small is still %v", when)
	}
	op.Send(at(61), Txn{"b", -1, at(61)})
	if got := op.Side(review); !slices.Equal(got, []Txn{{"b", -1, at(61)}}) {
		t.Errorf("for review: %v", got)
	}
	if got := op.Side(review); len(got) != 0 {
		t.Errorf("for review since: %v", got)
	}
}

// keeper has all kinds of state and timers.
func keeper(op *leat.Operator[int, string]) func(string) error {
	list := op.List[string]("list")
	lengths := op.Map[string, int]("lengths")
	count := op.Aggregating("count", agg.Count[string])
	asleep := op.ProcessingTimer("asleep", func(at time.Time) error {
		op.Emit(fmt.Sprintf("%d asleep at %s", op.Key(), at.Format(time.TimeOnly)))
		return nil
	})
	due := op.EventTimers("due", func(item string, at time.Time) error {
		op.Emit(item + " due at " + at.Format(time.TimeOnly))
		return nil
	})
	return func(s string) error {
		if s == "" {
			return errors.New("an empty string")
		}
		list.Append(s)
		lengths.Set(s, len(s))
		count.Add(s)
		asleep.At(op.Now().Add(time.Minute))
		due.At(s, op.Time().Add(time.Second))
		return nil
	}
}

func byLength(s string) int { return len(s) }

func TestDriveStatesAndTimers(t *testing.T) {
	op := leattest.Drive(t, byLength, keeper)
	for i, s := range []string{"be", "to", "question", "be"} {
		op.Send(at(i), s)
		op.Restore()
	}
	if got := op.List[string]("list", 2); !slices.Equal(got, []string{"be", "to", "be"}) {
		t.Errorf("list: %v", got)
	}
	if got := op.Map[string, int]("lengths", 8); !maps.Equal(got, map[string]int{"question": 8}) {
		t.Errorf("map: %v", got)
	}
	if got, ok := op.Value[int64]("count", 2); got != 3 || !ok {
		t.Errorf("count: %v %v", got, ok)
	}
	if got := op.ItemTimers[string]("due", 2); len(got) != 2 || !got["be"].Equal(at(4)) {
		t.Errorf("due: %v", got)
	}
	if got := op.Timers(8); !got["asleep"].Equal(leattest.Start.Add(time.Minute)) {
		t.Errorf("timers: %v", got)
	}
	op.Watermark(at(3))
	if got := op.Emitted(); !slices.Equal(got, []string{"to due at 12:00:02", "question due at 12:00:03"}) {
		t.Errorf("at the watermark: %v", got)
	}
	op.ProcessingTime(time.Minute)
	got := op.Emitted()
	slices.Sort(got)
	if !slices.Equal(got, []string{"2 asleep at 00:01:00", "8 asleep at 00:01:00"}) {
		t.Errorf("after a minute: %v", got)
	}
	op.End()
	if got := op.Emitted(); !slices.Equal(got, []string{"be due at 12:00:04"}) {
		t.Errorf("at the end: %v", got)
	}
}

// Order and its payment.
type Order struct{ ID, Item string }

type Payment struct{ Order string }

func (o Order) Key() string { return o.ID }

func (p Payment) Key() string { return p.Order }

// settle puts orders and payments together.
func settle(op *leat.Operator[string, string]) (func(Order) error, func(Payment) error) {
	order, paid := op.Value[Order]("order"), op.Value[bool]("paid")
	match := func() error {
		if o, ok := order.Lookup(); ok && paid.Get() {
			op.Emit(o.Item)
		}
		return nil
	}
	return func(o Order) error { order.Set(o); return match() },
		func(Payment) error { paid.Set(true); return match() }
}

func TestDriveConnected(t *testing.T) {
	op := leattest.DriveConnected(t, Order.Key, Payment.Key, settle)
	op.Second(noon, Payment{"1"})
	op.First(noon, Order{"2", "chair"})
	op.Restore()
	if got, ok := op.Value[bool]("paid", "1"); !got || !ok {
		t.Error("the payment is lost")
	}
	op.First(noon, Order{"1", "table"})
	op.Second(noon, Payment{"2"})
	if got := op.Emitted(); !slices.Equal(got, []string{"table", "chair"}) {
		t.Errorf("settled: %v", got)
	}
}

func TestDriveOpensAndCloses(t *testing.T) {
	var calls []string
	t.Run("one", func(t *testing.T) {
		op := leattest.Drive(t, byLength, func(op *leat.Operator[int, string]) func(string) error {
			op.OnOpen(func(context.Context) error { calls = append(calls, "open"); return nil })
			op.OnClose(func() error { calls = append(calls, "close"); return nil })
			return func(string) error { return nil }
		})
		op.Restore()
	})
	if want := []string{"open", "close", "open", "close"}; !slices.Equal(calls, want) {
		t.Errorf("calls: %v", calls)
	}
}

func TestDriveFails(t *testing.T) {
	nothing := func(string) error { return nil }
	for name, c := range map[string]struct {
		test func(testing.TB)
		want []string
	}{
		"an error": {func(t testing.TB) { leattest.Drive(t, byLength, keeper).Send(noon, "") }, []string{"an empty string", "key 0"}},
		"a panic":  {func(t testing.TB) { leattest.Drive(t, func(string) int { panic("no key") }, keeper).Send(noon, "a") }, []string{"panic: no key", "drive_test.go"}},
		"no function": {func(t testing.TB) {
			leattest.Drive(t, byLength, func(*leat.Operator[int, string]) func(string) error { return nil })
		}, []string{"returned nil"}},
		"same names": {func(t testing.TB) {
			leattest.Drive(t, byLength, func(op *leat.Operator[int, string]) func(string) error {
				op.Value[int]("a")
				op.Value[int]("a")
				return nothing
			})
		}, []string{`called "a"`}},
		"back in time": {func(t testing.TB) {
			op := leattest.Drive(t, byLength, keeper)
			op.Watermark(noon)
			op.Watermark(at(-1))
		}, []string{"can't go back"}},
		"no such side": {func(t testing.TB) { leattest.Drive(t, Txn.AccountID, detectFraud).Side[int]("view") }, []string{"view", "review"}},
		"a year that nanoseconds do not reach": {func(t testing.TB) {
			leattest.Drive(t, byLength, keeper).Watermark(time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC))
		}, []string{"3000"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := failure(t, c.test)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("the failure does not speak of %q:\n%s", want, got)
				}
			}
		})
	}
}
