package leattest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
	"leat.dev/leat/state"
)

// recent is what an account has of states of each kind that forget after some time.
type recent struct {
	Account string
	At      int64
	What    string
}

const (
	forget  = 90 * time.Second
	recall  = 40 * time.Second
	pending = 30 * time.Second
)

// remember shows what it sees before each record, and at a time set by each.
func remember(op *leat.Operator[string, recent]) func(Txn) error {
	last := op.Value[float64]("last", state.TTL{After: forget})
	read := op.Value[float64]("read", state.TTL{After: recall, OnRead: true})
	all := op.List[float64]("all", state.TTL{After: forget})
	byCents := op.Map[int64, float64]("by-cents", state.TTL{After: forget})
	byTime := op.Ordered[time.Time, float64]("by-time", state.TTL{After: recall})
	sum := op.Reducing("sum", func(a, b float64) float64 { return a + b }, state.TTL{After: recall})
	show := func(at time.Time) {
		var items []string
		for a, v := range byCents.All() {
			items = append(items, fmt.Sprint(a, ":", v))
		}
		slices.Sort(items)
		first, _, _ := byTime.First()
		op.Emit(recent{op.Key(), at.Unix(), fmt.Sprint(last.Get(), read.Get(), slices.Collect(all.All()), items, first.Unix(), sum.Get())})
	}
	later := op.EventTimer("later", func(at time.Time) error {
		show(at)
		return nil
	})
	return func(tx Txn) error {
		show(tx.At)
		last.Set(tx.Amount)
		if int64(tx.Amount)%2 == 0 {
			read.Set(tx.Amount)
		}
		all.Append(tx.Amount)
		byCents.Set(int64(tx.Amount)%5, tx.Amount)
		byTime.Set(tx.At, tx.Amount)
		sum.Add(tx.Amount)
		later.At(tx.At.Add(pending))
		return nil
	}
}

func remembering() *leat.Job {
	job := leat.NewJob("remember")
	job.From("payments", mem.From[Txn](), leat.Parallelism(1)).
		EventTime(Txn.When, 0).
		KeyBy(Txn.AccountID).
		Process("remember", remember).
		To("seen", mem.Into(new([]recent)))
	return job
}

// stamped is a number with the time of its last write.
type stamped struct {
	at time.Time
	v  float64
}

// expiringModel is what remember keeps of an account, as a plain loop has it.
type expiringModel struct {
	last, read, sum *stamped
	all             []stamped
	byCents         map[int64]stamped
	byTime          []stamped
}

func alive(s *stamped, now time.Time, after time.Duration) bool {
	return s != nil && now.Before(s.at.Add(after))
}

func (f *expiringModel) show(account string, now time.Time) recent {
	value := func(s *stamped, after time.Duration) float64 {
		if alive(s, now, after) {
			return s.v
		}
		return 0
	}
	var items []string
	for a, s := range f.byCents {
		if alive(&s, now, forget) {
			items = append(items, fmt.Sprint(a, ":", s.v))
		}
	}
	slices.Sort(items)
	var all []float64
	for _, s := range f.all {
		if alive(&s, now, forget) {
			all = append(all, s.v)
		}
	}
	first := time.Time{}
	for _, s := range f.byTime {
		if alive(&s, now, recall) {
			first = s.at
			break
		}
	}
	read := value(f.read, recall)
	if alive(f.read, now, recall) {
		f.read.at = now
	}
	return recent{account, now.Unix(), fmt.Sprint(value(f.last, forget), read, all, items, first.Unix(), value(f.sum, recall))}
}

// forgetting is what the job is to emit, where a watermark follows each record.
func forgetting(txns []Txn) (want []recent) {
	models, later := map[string]*expiringModel{}, map[string]time.Time{}
	for _, tx := range append(txns, Txn{At: noon.AddDate(1, 0, 0)}) {
		m := models[tx.Account]
		if m == nil {
			m = &expiringModel{byCents: map[int64]stamped{}}
			models[tx.Account] = m
		}
		if tx.Account != "" { // that is the end of the input
			want = append(want, m.show(tx.Account, tx.At))
			m.add(tx)
			later[tx.Account] = tx.At.Add(pending)
		}
		for account, at := range later {
			if at.Before(tx.At) {
				want = append(want, models[account].show(account, at))
				delete(later, account)
			}
		}
	}
	return want
}

func (f *expiringModel) add(tx Txn) {
	now, sum := stamped{tx.At, tx.Amount}, stamped{tx.At, tx.Amount}
	if alive(f.sum, tx.At, recall) {
		sum.v += f.sum.v
	}
	f.last, f.sum = &now, &sum
	if int64(tx.Amount)%2 == 0 {
		f.read = &stamped{tx.At, tx.Amount}
	}
	f.all, f.byTime = append(f.all, now), append(f.byTime, now)
	f.byCents[int64(tx.Amount)%5] = now
}

// TestTTL runs states that forget in every way, and compares with a plain loop.
func TestTTL(t *testing.T) {
	var txns []Txn
	at := noon
	for i := range 300 {
		at = at.Add(time.Duration(1+i*i%17) * time.Second)
		txns = append(txns, Txn{Account: string(rune('a' + i*i%7)), Amount: float64(1 + i*7%31), At: at})
	}
	run := leattest.EveryWay(t, remembering, leattest.Records("payments", txns...))
	got, want := run.Output[recent]("seen"), forgetting(txns)
	text := func(all []recent) string {
		var lines []string
		for _, r := range all {
			lines = append(lines, fmt.Sprint(r))
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	if text(got) != text(want) {
		t.Errorf("%d seen, want %d:\n%s\n\nwant\n%s", len(got), len(want), text(got), text(want))
	}
}

// A driver shows what has not expired, and a restore changes nothing.
func TestTTLDriven(t *testing.T) {
	op := leattest.Drive(t, Txn.AccountID, func(op *leat.Operator[string, bool]) func(Txn) error {
		seen := op.Value[bool]("seen", state.TTL{After: time.Hour})
		clocked := op.List[float64]("clocked", state.TTL{After: time.Minute, ProcessingTime: true})
		return func(tx Txn) error {
			op.Emit(!seen.Get())
			seen.Set(true)
			clocked.Append(tx.Amount)
			return nil
		}
	})
	send := func(at time.Duration, fresh bool) {
		t.Helper()
		op.Send(noon.Add(at), Txn{Account: "a", Amount: 1})
		if got := op.Emitted(); !slices.Equal(got, []bool{fresh}) {
			t.Errorf("after %v, fresh is %v", at, got)
		}
	}
	has := func(want bool, clocked int) {
		t.Helper()
		if _, ok := op.Value[bool]("seen", "a"); ok != want {
			t.Errorf("seen is there: %v", ok)
		}
		if n := len(op.List[float64]("clocked", "a")); n != clocked {
			t.Errorf("%d elements, want %d", n, clocked)
		}
	}
	send(0, true)
	op.Restore()
	op.ProcessingTime(30 * time.Second)
	send(time.Hour-1, false)
	has(true, 2)
	op.ProcessingTime(30 * time.Second)
	has(true, 1)
	op.Watermark(noon.Add(2*time.Hour - 2))
	op.Restore()
	has(true, 1)
	op.Watermark(noon.Add(2*time.Hour - 1))
	has(false, 1)
	op.Restore()
	send(2*time.Hour, true)
	op.End()
	has(true, 2)
}

func TestTTLRefused(t *testing.T) {
	hour := state.TTL{After: time.Hour}
	for want, declare := range map[string]func(*leat.Operator[string, bool]){
		"must be positive":     func(op *leat.Operator[string, bool]) { op.Value[int]("s", state.TTL{}) },
		"given twice":          func(op *leat.Operator[string, bool]) { op.Map[int, int]("s", hour, hour) },
		"takes only":           func(op *leat.Operator[string, bool]) { op.EventTimer("s", func(time.Time) error { return nil }, hour) },
		"goes with its window": func(op *leat.Operator[string, bool]) { op.Value[int]("s", hour, state.PerWindow()) },
	} {
		job := leat.NewJob("refused")
		job.From("payments", mem.From[Txn]()).KeyBy(Txn.AccountID).
			Process("p", func(op *leat.Operator[string, bool]) func(Txn) error {
				declare(op)
				return func(Txn) error { return nil }
			}).To("out", mem.Into(new([]bool)))
		if _, err := job.Plan(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one that says %q", err, want)
		}
	}
	job := leat.NewJob("unkeyed")
	job.From("payments", mem.From[Txn]()).Process("p", func(op *leat.Unkeyed[bool]) func(Txn) error {
		op.List[int]("l", hour)
		return func(Txn) error { return nil }
	}).To("out", mem.Into(new([]bool)))
	if _, err := job.Plan(); err == nil || !strings.Contains(err.Error(), "states by key") {
		t.Errorf("a list without keys: %v", err)
	}
}
