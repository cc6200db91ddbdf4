package leat_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/state"
	"leat.dev/leat/window"
)

// report is what the jobs of these tests write: how much of something a key has.
type report struct {
	What string
	Key  int
	N    int64
}

// The types of the first version.
type (
	totalV1 struct {
		Cents int32
		Junk  []string
	}
	seenV1 struct{ No int32 }
	dayV1  struct {
		Day  int16
		Hour int8
	}
	sumV1  struct{ N int32 }
	timeV1 string
)

// The types of the second.
type (
	totalV2 struct{ Amount money }
	money   struct{ Whole, Cents int64 }
	seenV2  struct {
		Number int64 `leat:"number,was=No"`
		Note   string
	}
	dayV2 struct {
		Hour int64
		Day  int64
		Zone string
	}
	sumV2 struct {
		Records int64 `leat:"records,was=N"`
		Late    bool
	}
)

func (s *sumV1) add(int64)     { s.N++ }
func (s *sumV1) merge(o sumV1) { s.N += o.N }
func (s *sumV2) add(int64)     { s.Records++ }
func (s *sumV2) merge(o sumV2) { s.Records += o.Records }

func centsOf(t totalV2) int64 { return t.Amount.Whole*100 + t.Amount.Cents }

func amountOf(cents int64) totalV2 { return totalV2{money{cents / 100, cents % 100}} }

const evolvingCount = 40_000

// evolvingJob begins a job in either version; only the first is slow.
func evolvingJob(dir, source string, perSecond float64, opts ...leat.Option) (*leat.Job, *leat.Keyed[int, int64]) {
	job := leat.NewJob("evolving")
	job.Parallelism = 2
	job.Checkpoint = leat.Checkpoint{Store: filepath.Join(dir, "store"), Every: 5 * time.Millisecond}
	numbers := job.From(source, gen.Func(gen.Options{Count: evolvingCount, PerSecond: perSecond}, func(i int64) int64 { return i }), opts...)
	return job, numbers.EventTime(secondsIn, 0).KeyBy(func(n int64) int { return int(n % 7) })
}

func secondsIn(n int64) time.Time { return time.Unix(n, 0) }

var never = time.Unix(evolvingCount*10, 0)

func write(s *leat.Stream[report], name, dir string, opts ...leat.Option) {
	s.To(name, file.Write(filepath.Join(dir, "out")).CSV, append(opts, leat.ExactlyOnce())...)
}

func versionOne(dir string) *leat.Job {
	job, keyed := evolvingJob(dir, "numbers", 100_000)
	counts := keyed.Process("count", func(op *leat.Operator[int, report]) func(int64) error {
		total := op.Value[totalV1]("total")
		seen := op.List[seenV1]("seen")
		days := op.Map[dayV1, int32]("days")
		hours := op.Ordered[int32, dayV1]("hours")
		most := op.Reducing("most", func(a, b int32) int32 { return max(a, b) })
		sum := op.Aggregating("sum", agg.Fold((*sumV1).add, (*sumV1).merge))
		end := op.EventTimer("end", func(time.Time) error { return nil })
		marks := op.EventTimers("marks", func(timeV1, time.Time) error { return nil })
		return func(n int64) error {
			t := total.Get()
			total.Set(totalV1{t.Cents + int32(n%100), []string{"junk"}})
			seen.Append(seenV1{int32(n)})
			day := dayV1{int16(n % 5), int8(n % 3)}
			days.Set(day, days.Get(day)+1)
			hours.Set(int32(n%11), day)
			most.Add(int32(n))
			sum.Add(n)
			end.At(never)
			marks.At(timeV1(fmt.Sprint(n%4)), never)
			return nil
		}
	})
	write(counts, "counts", dir)
	windows := keyed.Window(window.Sliding(20*time.Second, 10*time.Second)).
		Aggregate("per-window", agg.Fold((*sumV1).add, (*sumV1).merge)).
		Map(func(p leat.Pane[int, sumV1]) report { return report{"window", p.Key, int64(p.Value.N)} })
	write(windows, "windows", dir)
	return job
}

func versionTwo(dir string) *leat.Job {
	job, keyed := evolvingJob(dir, "integers", 0, leat.Was("numbers"))
	job.Parallelism = 3
	counts := keyed.Process("tally", tally2, leat.Was("count"))
	write(counts, "tallies", dir, leat.Was("counts"))
	windows := keyed.Window(window.Sliding(20*time.Second, 10*time.Second)).
		Aggregate("sliding", agg.Fold((*sumV2).add, (*sumV2).merge), leat.Was("older", "per-window")).
		Map(func(p leat.Pane[int, sumV2]) report { return report{"window", p.Key, p.Value.Records} })
	write(windows, "windows", dir)
	return job
}

// tally2 reports at the end of input what each state has.
func tally2(op *leat.Operator[int, report]) func(int64) error {
	total := op.Value[totalV2]("amount", state.Was("total"), state.Migrate(func(t totalV1) totalV2 { return amountOf(int64(t.Cents)) }))
	seen := op.List[seenV2]("seen")
	days := op.Map[dayV2, int64]("calendar", state.Was("days"))
	hours := op.Ordered[int64, dayV2]("hours")
	most := op.Reducing("most", func(a, b int64) int64 { return max(a, b) })
	sum := op.Aggregating("records", agg.Fold((*sumV2).add, (*sumV2).merge), state.Was("sum"))
	say := func(what string, n int64) { op.EmitAt(never, report{what, op.Key(), n}) }
	end := op.EventTimer("finish", func(time.Time) error {
		say("total", centsOf(total.Get()))
		var numbers, days64, ordered int64
		for s := range seen.All() {
			numbers += s.Number
		}
		for d, n := range days.All() {
			days64 += n * (d.Day*10 + d.Hour + int64(len(d.Zone))*1000)
		}
		for h, d := range hours.All() {
			ordered = ordered*13 + h*10 + d.Day
		}
		say("seen", numbers)
		say("days", days64)
		say("hours", ordered)
		say("most", most.Get())
		say("sum", sum.Get().Records)
		return nil
	}, state.Was("end"))
	marks := op.EventTimers("marks", func(item string, at time.Time) error {
		say("mark "+item, at.Unix())
		return nil
	})
	return func(n int64) error {
		total.Set(amountOf(centsOf(total.Get()) + n%100))
		seen.Append(seenV2{Number: n})
		day := dayV2{n % 3, n % 5, ""}
		days.Set(day, days.Get(day)+1)
		hours.Set(n%11, day)
		most.Add(n)
		sum.Add(n)
		end.At(never)
		marks.At(fmt.Sprint(n%4), never)
		return nil
	}
}

// A job that was stopped goes on as another version of itself, with other names, types and states, once and then again:
// its output is that of the second version alone.
func TestEvolution(t *testing.T) {
	whole := t.TempDir()
	if err := versionTwo(whole).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	running, err := versionOne(dir).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stopSoon(t, running, dir, 0)
	second := versionTwo(dir)
	running, err = second.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Stop(t.Context(), false); err != nil { // soon after its first checkpoint, which is of the new schemas
		t.Fatal(err)
	}
	last := versionTwo(dir)
	last.Parallelism = 1
	if err := last.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := visible(t, dir), visible(t, whole); !slices.Equal(got, want) {
		t.Errorf("%d lines, want %d; %s", len(got), len(want), differing(got, want))
	}
}

// stopSoon stops a job when more of its output is visible than so many lines.
func stopSoon(t *testing.T, running *leat.Running, dir string, lines int) {
	t.Helper()
	for len(visible(t, dir)) <= lines {
		if t.Context().Err() != nil {
			t.Fatal("no output")
		}
	}
	if err := running.Stop(t.Context(), false); err != nil {
		t.Fatal(err)
	}
}

// differing is what two lists of lines have not in common.
func differing(got, want []string) string {
	count := map[string]int{}
	for _, g := range got {
		count[g]++
	}
	for _, w := range want {
		count[w]--
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n == 0 })
	var all []string
	for line, n := range count {
		all = append(all, fmt.Sprintf("%+d %s", n, line))
	}
	sort.Strings(all)
	return strings.Join(all[:min(len(all), 20)], ", ")
}

// What a job can't take over is refused in one error before anything is restored, and the job can still go on as it was.
func TestEvolutionThatIsRefused(t *testing.T) {
	dir := t.TempDir()
	running, err := versionOne(dir).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stopSoon(t, running, dir, 0)
	job, keyed := evolvingJob(dir, "numbers", 0)
	keyed.Process("count", func(op *leat.Operator[int, report]) func(int64) error {
		op.Value[struct{ Cents string }]("total")
		op.List[struct{ No int8 }]("seen")
		op.Map[string, int32]("days")
		op.Ordered[int32, struct{ Day []int }]("hours")
		op.Value[int32]("most")
		op.Aggregating("sum", agg.Fold(func(s *[]int64, n int64) {}, func(s *[]int64, o []int64) {}))
		op.ProcessingTimer("end", func(time.Time) error { return nil })
		op.EventTimers("marks", func(int64, time.Time) error { return nil })
		return func(int64) error { return nil }
	}).To("counts", file.Discard)
	keyed.Window(window.Tumbling(30*time.Second)).Aggregate("per-window", agg.Count).To("windows", file.Discard)
	err = job.Run(t.Context())
	if err == nil {
		t.Fatal("it was restored")
	}
	for _, want := range []string{
		"count/total can't be read: values: field .Cents: does not fit: int32 was written, string is wanted",
		"its values were struct{Cents int32; Junk []string}\n            and are struct{Cents string}",
		"count/seen can't be read: values: field .No: does not fit: int32 was written, int8 is wanted",
		"count/days can't be read: items: does not fit",
		"its items were struct{Day int16; Hour int8}\n           and are string",
		"count/hours can't be read: values: field .Day: does not fit",
		"count/most can't be read: its kind was reducing and is value",
		"count/sum can't be read: values: ",
		"count/end can't be read: its kind was event timer and is processing timer",
		"count/marks can't be read: items: does not fit: string was written, int64 is wanted",
		"per-window/slices can't be read: the windows are others",
		"state.Migrate", "--allow-drop count/total", "package snapshot",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if err := versionTwo(dir).Run(t.Context()); err != nil {
		t.Error(err)
	}
}
