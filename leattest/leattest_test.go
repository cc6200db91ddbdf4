package leattest_test

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
)

func TestRun(t *testing.T) {
	run := leattest.Run(t, fraud(), leattest.Records("payments",
		Txn{"a", 0.5, at(0)}, Txn{"b", 0.1, at(1)}, Txn{"a", 900, at(2)}, Txn{"b", -1, at(3)}))
	if got := run.Output[Alert]("alerts"); !slices.Equal(got, []Alert{{"a", 900}}) {
		t.Errorf("alerts: %v", got)
	}
	if got := run.Side("detect-fraud", review); !slices.Equal(got, []Txn{{"b", -1, at(3)}}) {
		t.Errorf("review: %v", got)
	}
	if got := run.Output[Txn]("review"); len(got) != 1 {
		t.Errorf("sink review: %v", got)
	}
	small := run.State[string, time.Time]("detect-fraud", "last-small")
	if !maps.Equal(small, map[string]time.Time{"a": at(0), "b": at(1)}) {
		t.Errorf("state: %v", small)
	}
	timers := run.Timers[string]("detect-fraud")
	if got := timers["b"]["forget"]; len(timers) != 2 || !got.Equal(at(61)) {
		t.Errorf("timers: %v", timers)
	}
}

func TestRunOfWindows(t *testing.T) {
	run := leattest.Run(t, words(), leattest.Records("lines", "to be or not to be"))
	got := run.Output[leat.Pane[string, int64]]("counts")
	if len(got) != 4 || got[0].Key != "be" || got[0].Value != 2 || !got[0].Start.Equal(noon) {
		t.Errorf("counts: %v", got)
	}
}

func TestRunReadsWhatIsNotGiven(t *testing.T) {
	job := leat.NewJob("two")
	numbers := job.From("numbers", mem.From(1, 2, 3))
	numbers.Union(job.From("more", mem.From[int]())).To("all", mem.Into(new([]int)))
	run := leattest.Run(t, job, leattest.Records("more", 30, 10))
	if got := run.Output[int]("all"); !slices.Equal(got, []int{1, 2, 3, 10, 30}) {
		t.Errorf("all: %v", got)
	}
	again := leattest.Run(t, job)
	if got := again.Output[int]("all"); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("without records: %v", got)
	}
}

// states has all kinds of state.
func states() *leat.Job {
	job := leat.NewJob("states")
	job.From("payments", mem.From[Txn]()).
		EventTime(Txn.When, 0).
		KeyBy(Txn.AccountID).
		Process("keep", func(op *leat.Operator[string, int]) func(Txn) error {
			list := op.List[float64]("list")
			byAmount := op.Map[string, int]("map")
			ordered := op.Ordered[time.Time, float64]("ordered")
			sum := op.Reducing("sum", func(a, b float64) float64 { return a + b })
			items := op.EventTimers("items", func(float64, time.Time) error { return nil })
			return func(tx Txn) error {
				list.Append(tx.Amount)
				byAmount.Set(tx.Account, byAmount.Get(tx.Account)+1)
				ordered.Set(tx.At, tx.Amount)
				sum.Add(tx.Amount)
				items.At(tx.Amount, tx.At.Add(time.Hour))
				return nil
			}
		}).
		To("none", mem.Into(new([]int)))
	return job
}

func TestRunShowsAllKindsOfState(t *testing.T) {
	run := leattest.Run(t, states(), leattest.Records("payments", Txn{"a", 2, at(0)}, Txn{"a", 3, at(1)}, Txn{"b", 2, at(1)}))
	if got := run.List[string, float64]("keep", "list")["a"]; !slices.Equal(got, []float64{2, 3}) {
		t.Errorf("list: %v", got)
	}
	if got := run.Map[string, string, int]("keep", "map"); got["a"]["a"] != 2 || got["b"]["b"] != 1 {
		t.Errorf("map: %v", got)
	}
	if got := run.Map[string, time.Time, float64]("keep", "ordered")["a"]; len(got) != 2 {
		t.Errorf("ordered: %v", got)
	}
	if got := run.State[string, float64]("keep", "sum"); got["a"] != 5 || got["b"] != 2 {
		t.Errorf("sum: %v", got)
	}
	if got := run.ItemTimers[string, float64]("keep", "items")["a"]; len(got) != 2 || !got[3].Equal(at(3601)) {
		t.Errorf("items: %v", got)
	}
}

func TestEveryWay(t *testing.T) {
	run := leattest.EveryWay(t, fraud, leattest.Records("payments", payments(200)...))
	if got := run.Output[Alert]("alerts"); len(got) == 0 {
		t.Error("no alerts")
	}
}

func TestEveryWayOfWindows(t *testing.T) {
	lines := strings.SplitAfterN(strings.Repeat("to be or not to be that is the question ", 40), " ", 100)
	leattest.EveryWay(t, words, leattest.Records("lines", lines...))
}

func TestEveryWayOfSourcesOfItsOwn(t *testing.T) {
	leattest.EveryWay(t, func() *leat.Job {
		job := leat.NewJob("numbers")
		job.From("numbers", gen.Func(gen.Options{Count: 3000}, func(i int64) int64 { return i })).
			KeyBy(func(n int64) int64 { return n % 17 }).
			Process("sum", func(op *leat.Operator[int64, int64]) func(int64) error {
				sum := op.Value[int64]("sum")
				return func(n int64) error {
					sum.Set(sum.Get() + n)
					op.Emit(sum.Get())
					return nil
				}
			}).
			To("sums", mem.Into(new([]int64)))
		return job
	})
}

// forgetful counts in a variable of the closure: right as long as nothing is restored.
func forgetful() *leat.Job {
	job := leat.NewJob("forgetful")
	job.From("payments", mem.From[Txn]()).
		KeyBy(Txn.AccountID).
		Process("count", func(op *leat.Operator[string, int]) func(Txn) error {
			counts := map[string]int{}
			return func(Txn) error {
				counts[op.Key()]++
				op.Emit(counts[op.Key()])
				return nil
			}
		}).
		To("counts", mem.Into(new([]int)))
	return job
}

// restless depends on how many subtasks there are.
func restless() *leat.Job {
	job := leat.NewJob("restless")
	job.From("payments", mem.From[Txn]()).
		KeyBy(Txn.AccountID).
		Process("count", func(op *leat.Operator[string, int]) func(Txn) error {
			count := 0
			return func(Txn) error {
				count++
				op.Emit(count)
				return nil
			}
		}).
		To("counts", mem.Into(new([]int)))
	return job
}

// broken fails at one payment.
func broken() *leat.Job {
	job := leat.NewJob("broken")
	job.From("payments", mem.From[Txn]()).
		KeyBy(Txn.AccountID).
		Process("fail", func(*leat.Operator[string, int]) func(Txn) error {
			return func(tx Txn) error {
				if tx.Amount < 0 {
					return errors.New("negative")
				}
				return nil
			}
		}).
		To("none", mem.Into(new([]int)))
	return job
}

func TestWhatFails(t *testing.T) {
	given := leattest.Records("payments", payments(200)...)
	for name, c := range map[string]struct {
		test func(testing.TB)
		want []string
	}{
		"state in a closure":       {func(t testing.TB) { leattest.EveryWay(t, forgetful, given) }, []string{"sink counts", "missing:", "more than expected:", "LEATTEST_SEED=", "closure", "killed"}},
		"subtasks that matter":     {func(t testing.TB) { leattest.EveryWay(t, restless, given) }, []string{"sink counts", "parallelism 2"}},
		"a failing job":            {func(t testing.TB) { leattest.Run(t, broken(), given) }, []string{"operator fail", "key", "negative"}},
		"a failing job, every way": {func(t testing.TB) { leattest.EveryWay(t, broken, given) }, []string{"negative"}},
		"no such source":           {func(t testing.TB) { leattest.Run(t, fraud(), leattest.Records("pay", 1)) }, []string{`no source "pay"`, "payments"}},
		"another type":             {func(t testing.TB) { leattest.Run(t, fraud(), leattest.Records("payments", 1)) }, []string{"Txn", "int"}},
		"given twice":              {func(t testing.TB) { leattest.Run(t, fraud(), given, given) }, []string{"twice"}},
		"no such sink":             {func(t testing.TB) { leattest.Run(t, fraud(), given).Output[Alert]("alarms") }, []string{"alarms", "alerts"}},
		"another record":           {func(t testing.TB) { leattest.Run(t, fraud(), given).Output[Txn]("alerts") }, []string{"Alert", "Txn"}},
		"no such side":             {func(t testing.TB) { leattest.Run(t, fraud(), given).Side[Txn]("detect-fraud", "view") }, []string{"view", "review"}},
		"no such state":            {func(t testing.TB) { leattest.Run(t, fraud(), given).State[string, int]("detect-fraud", "x") }, []string{"last-small (value)"}},
		"another kind":             {func(t testing.TB) { leattest.Run(t, fraud(), given).List[string, int]("detect-fraud", "last-small") }, []string{"value", "list"}},
		"another value":            {func(t testing.TB) { leattest.Run(t, fraud(), given).State[string, int]("detect-fraud", "last-small") }, []string{"last-small"}},
		"another key": {func(t testing.TB) {
			leattest.Run(t, fraud(), given).State[int, time.Time]("detect-fraud", "last-small")
		}, []string{"string", "int"}},
		"no records": {func(t testing.TB) { leattest.Run(t, fraud()).State[string, time.Time]("detect-fraud", "last-small") }, []string{"no source is given"}},
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

// failure is what a test fails with.
func failure(t *testing.T, test func(testing.TB)) string {
	t.Helper()
	f := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(f)
	}()
	<-done
	if f.message == "" {
		t.Error("the test does not fail")
	}
	return f.message
}

// failing takes the failure of a test.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
