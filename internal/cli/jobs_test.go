package cli_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/internal/cli"
	"leat.dev/leat/window"
)

// The jobs of the scripts, each a program of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"fraud":    func() { leat.Main(fraud()) },
		"failing":  func() { leat.Main(failing()) },
		"broken":   func() { leat.Main(broken()) },
		"missing":  func() { leat.Main(missing()) },
		"endless":  func() { leat.Main(endless()) },
		"tallying": func() { leat.Main(tallying()) },
		"leat":     func() { cli.Tool(context.Background(), cli.Process()).End() },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(env *testscript.Env) error {
		env.Setenv("GORACE", "atexit_sleep_ms=0") // or else each program of the race detector's takes a second to end
		return nil
	}})
}

type payment struct {
	Account string
	Cents   int64
	At      time.Time
}

func (p payment) AccountID() string { return p.Account }

func (p payment) When() time.Time { return p.At }

const large leat.Output[payment] = "large"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func payments(n int) (all []payment) {
	for i := range n {
		all = append(all, payment{fmt.Sprintf("account-%d", i%3), int64(i), noon.Add(time.Duration(i) * time.Second)})
	}
	return all
}

// fraud has a bit of everything.
func fraud() *leat.Job {
	job := leat.NewJob("fraud")
	job.Parallelism = 2
	timed := job.From("payments", mem.From(payments(100)...)).EventTime(payment.When, 0)
	flagged := timed.KeyBy(payment.AccountID).Process("flag", func(op *leat.Operator[string, int64]) func(payment) error {
		total := op.Value[int64]("total")
		forget := op.EventTimer("forget", func(time.Time) error { total.Clear(); return nil })
		toLarge := op.Side(large)
		return func(p payment) error {
			total.Set(total.Get() + p.Cents)
			forget.At(p.At.Add(time.Hour))
			if p.Cents > 90 {
				toLarge(p)
			}
			return nil
		}
	})
	flagged.To("totals", file.Discard)
	flagged.Side(large).To("large", file.Write("large").JSONLines)
	timed.KeyBy(payment.AccountID).Window(window.Tumbling(time.Minute)).Aggregate("count", agg.Count).To("counts", file.Discard)
	return job
}

func failing() *leat.Job {
	job := leat.NewJob("failing")
	job.Parallelism = 1
	job.From("payments", mem.From(payments(10)...)).TryMap("check", func(p payment) (payment, error) {
		if p.Cents == 7 {
			return p, errors.New("seven is not a price")
		}
		return p, nil
	}).To("out", file.Discard)
	return job
}

func broken() *leat.Job {
	job := leat.NewJob("broken")
	numbers := job.From("numbers", gen.Func(gen.Options{Count: 1}, func(i int64) int64 { return i }))
	numbers.To("out", file.Discard)
	numbers.To("out", file.Discard)
	numbers.To("", file.Discard)
	return job
}

func missing() *leat.Job {
	job := leat.NewJob("missing")
	job.From("payments", file.Read("no-such-*.csv").CSV[payment]).To("out", file.Discard)
	return job
}

// endless prints without end, 100 records a second.
func endless() *leat.Job {
	job := leat.NewJob("endless")
	job.Parallelism = 1
	job.From("numbers", gen.Func(gen.Options{PerSecond: 100}, func(i int64) int64 { return i })).To("out", file.Stdout)
	return job
}

// tallying counts without end, by the numbers' last digits, and remembers one number for good.
func tallying() *leat.Job {
	job := leat.NewJob("tallying")
	job.Parallelism = 2
	numbers := job.From("numbers", gen.Func(gen.Options{PerSecond: 1000}, func(i int64) int64 { return i }))
	numbers.KeyBy(func(i int64) string { return fmt.Sprint(i % 10) }).Process("tally", func(op *leat.Operator[string, int64]) func(int64) error {
		first := op.Value[payment]("first")
		count := op.Reducing("count", func(a, b int64) int64 { return a + b })
		seen := op.Map[string, int64]("seen")
		return func(i int64) error {
			if !first.Has() {
				first.Set(payment{"<" + op.Key() + ">", i, noon})
			}
			count.Add(1)
			seen.Set(fmt.Sprint("mod ", i%3), 7)
			op.Emit(i)
			return nil
		}
	}).To("out", file.Stdout)
	numbers.EventTime(func(i int64) time.Time { return noon.Add(time.Duration(i)) }, 0).
		KeyBy(func(i int64) string { return fmt.Sprint(i % 10) }).
		Window(window.Tumbling(time.Hour)).Aggregate("hourly", agg.Count).To("never", file.Discard)
	numbers.Global().Process("all", func(op *leat.Operator[struct{}, int64]) func(int64) error {
		least := op.Reducing("least", func(a, b int64) int64 { return min(a, b) })
		return func(i int64) error { least.Add(i); return nil }
	}).To("none", file.Discard)
	return job
}
