package leat_test

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
	"leat.dev/leat/window"
)

// at is a time of the records here, in seconds after they begin.
func at(seconds int) time.Time { return allocStart.Add(time.Duration(seconds) * time.Second) }

// visit is a click at a second.
func visit(user string, page int64, second int) click {
	return click{User: user, Page: page, At: at(second)}
}

// runAll runs a job to its end and returns what it wrote, sorted.
func runAll[T int | int64 | string](t *testing.T, job *leat.Job, s *leat.Stream[T]) []T {
	t.Helper()
	var all []T
	s.To("all", mem.Into(&all))
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestMapFilterFlatMap(t *testing.T) {
	job := leat.NewJob("stream")
	lines := job.From("lines", mem.From("to be", "or", "not to be"))
	words := lines.
		FlatMap(func(s string) iter.Seq[string] { return strings.FieldsSeq(s) }).
		Filter(func(w string) bool { return w != "or" }).
		Map(strings.ToUpper)
	if got := runAll(t, job, words); !slices.Equal(got, []string{"BE", "BE", "NOT", "TO", "TO"}) {
		t.Errorf("got %v", got)
	}
}

// Side outputs go to whoever reads them, several readers too, and one that nobody reads goes nowhere.
func TestSideOutputs(t *testing.T) {
	job := leat.NewJob("stream")
	job.Parallelism = 3
	numbers := job.From("numbers", mem.From(1, 2, 3, 4, 5, 6)).
		Process("sort", func(op *leat.Unkeyed[int]) func(int) error {
			toOdd, toBig := op.Side(oddNumbers), op.Side(bigNumbers)
			return func(n int) error {
				if n > 4 {
					toBig(strconv.Itoa(n))
				}
				if n%2 == 1 {
					toOdd(n)
				} else {
					op.Emit(n)
				}
				return nil
			}
		})
	var odd, alsoOdd []int
	numbers.Side(oddNumbers).To("odd", mem.Into(&odd))
	numbers.Side(oddNumbers).To("also-odd", mem.Into(&alsoOdd))
	even := runAll(t, job, numbers)
	slices.Sort(odd)
	slices.Sort(alsoOdd)
	if fmt.Sprint(even, odd, alsoOdd) != "[2 4 6] [1 3 5] [1 3 5]" {
		t.Errorf("got %v, %v, %v", even, odd, alsoOdd)
	}
}

const (
	oddNumbers leat.Output[int]    = "odd"
	bigNumbers leat.Output[string] = "big"
)

// The records of a union come from all its streams, and event time is the least of theirs: nothing is late.
func TestUnion(t *testing.T) {
	job := leat.NewJob("stream")
	ahead := job.From("ahead", mem.From[click]()).EventTime(click.When, 0)
	behind := job.From("behind", mem.From[click]()).EventTime(click.When, 0)
	ahead.Union(behind).KeyBy(click.UserID).Window(window.Tumbling(10*time.Second)).Aggregate("visits", agg.Count).
		To("counts", mem.Into(new([]leat.Pane[string, int64])))
	run := leattest.Run(t, job,
		leattest.Records("ahead", visit("eve", 1, 1), visit("eve", 1, 1000)),
		leattest.Records("behind", visit("eve", 2, 2), visit("eve", 2, 15), visit("eve", 2, 16)))
	if got := counts(run, "counts"); got != "eve 0-10: 2, eve 10-20: 2, eve 1000-1010: 1" {
		t.Errorf("got %s", got)
	}
	if late := run.Late("visits"); late != 0 {
		t.Errorf("%d late records", late)
	}
}

// Rebalance gives every subtask its share, however few splits there are.
func TestRebalance(t *testing.T) {
	job := leat.NewJob("stream")
	job.Parallelism = 4
	var mu sync.Mutex // guards share
	share := map[int]int{}
	counted := job.From("numbers", gen.Func(gen.Options{Count: 16_384}, func(i int64) int64 { return i })).
		Rebalance().
		Process("count", func(op *leat.Unkeyed[int64]) func(int64) error {
			me, _ := op.Subtask()
			return func(n int64) error {
				mu.Lock()
				share[me]++
				mu.Unlock()
				op.Emit(n)
				return nil
			}
		})
	if got := runAll(t, job, counted); len(got) != 16_384 || got[16_383] != 16_383 {
		t.Errorf("%d records", len(got))
	}
	for i := range 4 {
		if share[i] == 0 {
			t.Errorf("subtask %d had no record: %v", i, share)
		}
	}
}

// Behind Global there is one subtask with one key, whatever the job's parallelism.
func TestGlobal(t *testing.T) {
	job := leat.NewJob("stream")
	job.Parallelism = 4
	sums := job.From("numbers", gen.Func(gen.Options{Count: 1000, Splits: 3}, func(i int64) int64 { return i })).
		Global().
		Process("sum", func(op *leat.Operator[struct{}, int64]) func(int64) error {
			sum := op.Value[int64]("sum")
			return func(n int64) error {
				sum.Set(sum.Get() + n)
				op.Emit(sum.Get())
				return nil
			}
		})
	if got := runAll(t, job, sums); got[999] != 999*1000/2 {
		t.Errorf("the sum is %d", got[999])
	}
}

// Connected streams share the state of a key.
func TestConnect(t *testing.T) {
	d := leattest.DriveConnected(t, func(o order) string { return o.ID }, func(p payment) string { return p.Order }, settle)
	d.First(at(1), order{"a", 30})
	d.Second(at(2), payment{"a", 10})
	d.Second(at(3), payment{"b", 10})
	d.Second(at(4), payment{"a", 20})
	if got := d.Emitted(); !slices.Equal(got, []string{"a is paid"}) {
		t.Errorf("got %v", got)
	}
	if open, ok := d.Value[int64]("open", "b"); !ok || open != -10 {
		t.Errorf("order b has %d open", open)
	}
}

type order struct {
	ID    string
	Cents int64
}

type payment struct {
	Order string
	Cents int64
}

func settle(op *leat.Operator[string, string]) (func(order) error, func(payment) error) {
	open := op.Value[int64]("open")
	add := func(cents int64) {
		open.Set(open.Get() + cents)
		if open.Get() == 0 {
			op.Emit(op.Key() + " is paid")
		}
	}
	return func(o order) error { add(o.Cents); return nil }, func(p payment) error { add(-p.Cents); return nil }
}

// A stream may be connected with itself, and its verbs used by several operators.
func TestDiamond(t *testing.T) {
	job := leat.NewJob("stream")
	job.Parallelism = 2
	numbers := job.From("numbers", mem.From(1, 2, 3))
	byNumber := numbers.KeyBy(func(n int) int { return n })
	both := byNumber.Connect(byNumber).Process("both", func(op *leat.Operator[int, int]) (func(int) error, func(int) error) {
		seen := op.Value[int]("seen")
		add := func(n int) error {
			if seen.Set(seen.Get() + n); seen.Get() == 2*n {
				op.Emit(seen.Get())
			}
			return nil
		}
		return add, add
	})
	if got := runAll(t, job, both.Union(numbers, numbers)); !slices.Equal(got, []int{1, 1, 2, 2, 2, 3, 3, 4, 6}) {
		t.Errorf("got %v", got)
	}
}

const unparsed leat.Output[leat.Rejected] = "unparsed"

// What TryMap can't map goes to its side output as it came, or fails the job.
func TestTryMap(t *testing.T) {
	job := leat.NewJob("stream")
	job.Parallelism = 1
	numbers := job.From("texts", mem.From("1", "two", "3")).TryMap("parse", strconv.Atoi, leat.Rejects(unparsed))
	var rejected []leat.Rejected
	numbers.Side(unparsed).To("rejected", mem.Into(&rejected))
	if got := runAll(t, job, numbers); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("got %v", got)
	}
	if len(rejected) != 1 || string(rejected[0].Raw) != "two" || rejected[0].Position != "operator parse" ||
		!strings.Contains(rejected[0].Err, "invalid syntax") {
		t.Errorf("rejected %+v", rejected)
	}

	failing := leat.NewJob("stream")
	failing.From("texts", mem.From("1", "two", "3")).TryMap("parse", strconv.Atoi).To("all", nowhere)
	err := failing.Run(t.Context())
	if !errors.Is(err, strconv.ErrSyntax) || !strings.Contains(err.Error(), "operator parse, subtask 0: record two") {
		t.Errorf("got %v", err)
	}
}

type sale struct {
	Shop  string `csv:"shop"`
	Cents int64  `csv:"cents"`
}

func sales(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "sales.csv")
	if err := os.WriteFile(path, []byte("shop,cents\nada,100\nbob,cheap\ncyd,300\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A malformed record fails the job with file, line, column and field.
func TestMalformedRecordFailsTheJob(t *testing.T) {
	path := sales(t)
	job := leat.NewJob("stream")
	job.From("sales", file.Read(path).CSV[sale]).To("all", nowhere)
	err := job.Run(t.Context())
	for _, want := range []string{"job stream, operator sales, subtask", path + ":3: column 2 (cents)", "cheap", "leat.Rejects"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
}

// With the option Rejects it goes to the dead letters, and the job goes on.
func TestMalformedRecordIsRejected(t *testing.T) {
	path := sales(t)
	job := leat.NewJob("stream")
	good := job.From("sales", file.Read(path).CSV[sale], leat.Rejects(unparsed))
	var rejected []leat.Rejected
	good.Side(unparsed).To("rejected", mem.Into(&rejected))
	if got := runAll(t, job, good.Map(func(s sale) int64 { return s.Cents })); !slices.Equal(got, []int64{100, 300}) {
		t.Errorf("got %v", got)
	}
	if len(rejected) != 1 || string(rejected[0].Raw) != "bob,cheap" || rejected[0].Position != path+":3: column 2 (cents)" {
		t.Errorf("rejected %+v", rejected)
	}
}

// EmitAt gives a result a time of its own; what the watermark has passed is late behind.
func TestEmitAt(t *testing.T) {
	job := leat.NewJob("stream")
	job.From("clicks", mem.From[click]()).EventTime(click.When, 0).KeyBy(click.UserID).
		Process("date", func(op *leat.Operator[string, click]) func(click) error {
			return func(c click) error {
				op.EmitAt(at(int(c.Page)), c)
				return nil
			}
		}).
		KeyBy(click.UserID).Window(window.Tumbling(10*time.Second)).LateTo(lateClicks).Aggregate("visits", agg.Count).
		To("counts", mem.Into(new([]leat.Pane[string, int64])))
	run := leattest.Run(t, job, leattest.Records("clicks", visit("eve", 15, 1), visit("eve", 25, 14), visit("eve", 3, 15)))
	if got := counts(run, "counts"); got != "eve 10-20: 1, eve 20-30: 1" {
		t.Errorf("got %s", got)
	}
	if got := run.Side("visits", lateClicks); len(got) != 1 || got[0].Page != 3 {
		t.Errorf("late: %v", got)
	}
}

const lateClicks leat.Output[click] = "late"

// An operator without keys has lists, which belong to its subtask.
func TestOperatorList(t *testing.T) {
	job := leat.NewJob("stream")
	job.Parallelism = 1
	pairs := job.From("numbers", mem.From(1, 2, 3, 4, 5)).
		Process("pair", func(op *leat.Unkeyed[string]) func(int) error {
			waiting := op.List[int]("waiting")
			return func(n int) error {
				if waiting.Append(n); waiting.Len() == 2 {
					op.Emit(fmt.Sprint(slices.Collect(waiting.All())))
					waiting.Clear()
				}
				return nil
			}
		})
	if got := runAll(t, job, pairs); !slices.Equal(got, []string{"[1 2]", "[3 4]"}) {
		t.Errorf("got %v", got)
	}
}

// A parallelism above the number of splits, and of keys, holds nothing back.
func TestParallelismAboveSplits(t *testing.T) {
	job := leat.NewJob("stream")
	job.Parallelism = 8
	panes := job.From("clicks", mem.From(visit("eve", 1, 1), visit("eve", 1, 12), visit("bob", 1, 25))).
		EventTime(click.When, 0).
		KeyBy(click.UserID).Window(window.Tumbling(10*time.Second)).Aggregate("visits", agg.Count)
	if got := runAll(t, job, panes.Map(leat.PaneValue)); !slices.Equal(got, []int64{1, 1, 1}) {
		t.Errorf("got %v", got)
	}
}
