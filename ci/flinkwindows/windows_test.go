// Package flinkwindows runs the scenarios of windows and joins that the Java program beside it runs on Flink: what Flink 2.3
// emitted for the inputs in testdata/flink, and what leat emits, are the same lines. docs/flink-differences.md says where the
// two differ.
//
// It is a package of its own because each combination of types that goes through windows or joins is compiled anew.
package flinkwindows_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
	"leat.dev/leat/window"
)

// tick is a record of the inputs. Its watermark, if it has one, follows it: no record before that time is to come.
type tick struct {
	Side, Key string
	Value, At int64 // milliseconds since 1970 in UTC
	Watermark int64 // 0 without
}

func (r tick) KeyOf() string   { return r.Key }
func (r tick) When() time.Time { return time.UnixMilli(r.At) }
func (r tick) ValueOf() int64  { return r.Value }
func (r tick) String() string  { return fmt.Sprintf("%s %d@%d", r.Key, r.Value, r.At) }

func (r tick) mark() time.Time {
	if r.Watermark == 0 {
		return time.Time{}
	}
	return time.UnixMilli(r.Watermark)
}

// readTicks reads an input.
func readTicks(t *testing.T, name string) []tick {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "testdata", "flink", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []tick
	for _, row := range rows[1:] {
		r := tick{Side: row[0], Key: row[1]}
		for i, to := range []*int64{&r.Value, &r.At, &r.Watermark} {
			if text := row[i+2]; text != "" {
				if *to, err = strconv.ParseInt(text, 10, 64); err != nil {
					t.Fatal(err)
				}
			}
		}
		all = append(all, r)
	}
	return all
}

// ofSide are the records of one side.
func ofSide(side string, all []tick) []tick {
	return slices.DeleteFunc(slices.Clone(all), func(r tick) bool { return r.Side != side })
}

// inMilliseconds says in Flink's terms when a window is. Flink's global windows have no time.
func inMilliseconds(s window.Span) string {
	return fmt.Sprintf("%d-%d", s.Start.UnixMilli(), s.End.UnixMilli())
}

// ascending are values as a line has them.
func ascending(all []tick) string {
	var values []int64
	for _, r := range all {
		values = append(values, r.Value)
	}
	slices.Sort(values)
	return strings.Trim(fmt.Sprint(values), "[]")
}

// onFlink is what Flink emitted, in order.
func onFlink(t *testing.T, scenario string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "flink", scenario+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// sameLines compares lines as multisets and shows what only one side has.
func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(got)
	var more, missing []string
	for len(got) > 0 || len(want) > 0 {
		switch {
		case len(want) == 0 || len(got) > 0 && got[0] < want[0]:
			more, got = append(more, got[0]), got[1:]
		case len(got) == 0 || want[0] < got[0]:
			missing, want = append(missing, want[0]), want[1:]
		default:
			got, want = got[1:], want[1:]
		}
	}
	if len(more)+len(missing) > 0 {
		t.Errorf("only leat:\n\t%s\nonly Flink:\n\t%s", strings.Join(more, "\n\t"), strings.Join(missing, "\n\t"))
	}
}

// flinkLate is where the scenarios send records that are too late.
const flinkLate leat.Output[tick] = "late"

// build makes a scenario of the records that come on a stream. Its lines may come from several streams.
type build func(clicks *leat.Stream[tick]) []*leat.Stream[string]

// clicksOf are records with event time, whose watermarks they say themselves.
func clicksOf(job *leat.Job, name string) *leat.Stream[tick] {
	return job.From(name, mem.From[tick]()).
		Watermarks(tick.When, func() func(tick) time.Time { return tick.mark })
}

// runOnLeat runs a scenario over an input.
func runOnLeat(t *testing.T, input []tick, scenario build) []string {
	t.Helper()
	job := leat.NewJob("flink")
	streams := scenario(clicksOf(job, "clicks"))
	for i, s := range streams {
		s.To(fmt.Sprint("lines", i), mem.Into(new([]string)))
	}
	run := leattest.Run(t, job, leattest.Records("clicks", input...))
	var lines []string
	for i := range streams {
		lines = append(lines, run.Output[string](fmt.Sprint("lines", i))...)
	}
	return lines
}

// contents is a scenario that says what is in each pane, and which records were late.
func contents(refine func(*leat.Keyed[string, tick]) *leat.Windowed[string, tick]) build {
	return func(clicks *leat.Stream[tick]) []*leat.Stream[string] {
		return []*leat.Stream[string]{refine(clicks.KeyBy(tick.KeyOf)).Aggregate("panes", agg.Collect).Map(contentLine)}
	}
}

func contentLine(p leat.Pane[string, []tick]) string {
	return fmt.Sprintf("%s %s: %s", p.Key, inMilliseconds(p.Span), ascending(p.Value))
}

func in(w window.Assigner) build {
	return contents(func(k *leat.Keyed[string, tick]) *leat.Windowed[string, tick] { return k.Window(w) })
}

// late is a scenario whose windows stay for some seconds, and that says which records were too late for them.
func late(w window.Assigner, lateness time.Duration) build {
	return func(clicks *leat.Stream[tick]) []*leat.Stream[string] {
		panes := clicks.KeyBy(tick.KeyOf).Window(w).AllowLateness(lateness).LateTo(flinkLate).Aggregate("panes", agg.Collect)
		tooLate := panes.Side(flinkLate).Map(func(r tick) string { return "late " + r.String() })
		return []*leat.Stream[string]{panes.Map(contentLine), tooLate}
	}
}

func TestFlinkTimeWindows(t *testing.T) {
	tumbling, sliding, session := window.Tumbling(5*time.Second), window.Sliding(12*time.Second, 4*time.Second), window.Session(2*time.Second)
	clicks := readTicks(t, "clicks.csv")
	for name, scenario := range map[string]build{
		"tumbling":                 in(tumbling),
		"tumbling-offset":          in(window.Tumbling(7 * time.Second).Offset(3 * time.Second)),
		"tumbling-negative-offset": in(window.Tumbling(7 * time.Second).Offset(-2 * time.Second)),
		"sliding":                  in(sliding),
		"sliding-uneven":           in(window.Sliding(10*time.Second, 3*time.Second)),
		"sliding-offset":           in(window.Sliding(10*time.Second, 5*time.Second).Offset(time.Second)),
		"hopping-with-gaps":        in(window.Sliding(4*time.Second, 10*time.Second)),
		"session":                  in(session),
		"tumbling-late":            late(tumbling, 0),
		"sliding-late":             late(sliding, 0),
		"session-late":             late(session, 0),
		"tumbling-lateness":        late(tumbling, 4*time.Second),
		"sliding-lateness":         late(sliding, 4*time.Second),
		"session-lateness":         late(session, 4*time.Second),
		"aggregates":               aggregates,
		"cascade":                  cascade,
		"unkeyed":                  withoutKey,
		"process-state":            processState,
	} {
		t.Run(name, func(t *testing.T) { sameLines(t, runOnLeat(t, clicks, scenario), onFlink(t, name)) })
	}
}

// aggregates are several numbers in one pass.
func aggregates(clicks *leat.Stream[tick]) []*leat.Stream[string] {
	numbers := agg.Combine4(agg.Count, agg.Sum(tick.ValueOf), agg.Combine2(agg.Min(tick.ValueOf), agg.Max(tick.ValueOf),
		func(low, high int64) string { return fmt.Sprint(low, high) }), agg.Mean(tick.ValueOf),
		func(n, sum int64, reach string, mean float64) string {
			return fmt.Sprintf("%d %d %s %.6f", n, sum, reach, mean)
		})
	return []*leat.Stream[string]{
		clicks.KeyBy(tick.KeyOf).Window(window.Tumbling(10*time.Second)).Aggregate("numbers", numbers).Map(resultLine[string]),
	}
}

func resultLine[V any](p leat.Pane[string, V]) string {
	return fmt.Sprintf("%s %s: %v", p.Key, inMilliseconds(p.Span), p.Value)
}

// cascade is windows of windows: each key's largest count of 5 seconds in each 20.
func cascade(clicks *leat.Stream[tick]) []*leat.Stream[string] {
	most := clicks.KeyBy(tick.KeyOf).Window(window.Tumbling(5*time.Second)).Aggregate("counts", agg.Count).
		KeyBy(leat.PaneKey).Window(window.Tumbling(20*time.Second)).Aggregate("most", agg.Max(leat.PaneValue[string, int64]))
	return []*leat.Stream[string]{most.Map(resultLine[int64])}
}

func withoutKey(clicks *leat.Stream[tick]) []*leat.Stream[string] {
	panes := clicks.Global().Window(window.Tumbling(10*time.Second)).Aggregate("all", agg.Collect)
	return []*leat.Stream[string]{panes.Map(func(p leat.Pane[struct{}, []tick]) string {
		return fmt.Sprintf("%s: %s", inMilliseconds(p.Span), ascending(p.Value))
	})}
}

// processState is a running sum for each key, and a timer that moves.
func processState(clicks *leat.Stream[tick]) []*leat.Stream[string] {
	return []*leat.Stream[string]{clicks.KeyBy(tick.KeyOf).Process("quiet", func(op *leat.Operator[string, string]) func(tick) error {
		sum := op.Value[int64]("sum")
		quiet := op.EventTimer("quiet", func(at time.Time) error {
			op.Emit(fmt.Sprintf("%s is quiet at %d with %d", op.Key(), at.UnixMilli(), sum.Get()))
			sum.Clear()
			return nil
		})
		return func(r tick) error {
			sum.Set(sum.Get() + r.Value)
			quiet.At(r.When().Add(3 * time.Second))
			op.Emit(fmt.Sprintf("%s +%d = %d", r.Key, r.Value, sum.Get()))
			return nil
		}
	})}
}
