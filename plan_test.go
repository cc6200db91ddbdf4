package leat_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/state"
	"leat.dev/leat/window"
)

// click is a record of the jobs here.
type click struct {
	User  string
	Page  int64
	At    time.Time
	Score float64
}

func (c click) UserID() string { return c.User }

func (c click) PageID() int64 { return c.Page }

func (c click) When() time.Time { return c.At }

func clicks(job *leat.Job) *leat.Stream[click] { return job.From("clicks", mem.From[click]()) }

func users(job *leat.Job) *leat.Keyed[string, click] { return clicks(job).KeyBy(click.UserID) }

// refusal is a job that can't run, and what its error says beside "at plan_test.go".
type refusal struct {
	name  string
	build func(job *leat.Job)
	want  []string
}

// here stands for the file and line of a verb, which every error names.
const here = "HERE"

var places = regexp.MustCompile(`[^ (]+/plan_test\.go:\d+`)

func refused(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			job := leat.NewJob("clicks")
			r.build(job)
			_, err := job.Plan()
			if err == nil {
				t.Fatal("the plan is made")
			}
			text := places.ReplaceAllString(err.Error(), here)
			for _, want := range r.want {
				if !strings.Contains(text, want) {
					t.Errorf("%v\nlacks %q", err, want)
				}
			}
			if !strings.HasPrefix(err.Error(), "job clicks") {
				t.Errorf("%v\ndoes not begin with the job", err)
			}
			if run := job.Run(t.Context()); run == nil || run.Error() != err.Error() {
				t.Errorf("Run says %v, and Plan %v", run, err)
			}
		})
	}
}

// pass is a keyed operator that does nothing.
func pass[K comparable, T any](*leat.Operator[K, T]) func(T) error {
	return func(T) error { return nil }
}

func TestPlanRefusesNames(t *testing.T) {
	refused(t, []refusal{
		{"two sources", func(job *leat.Job) {
			job.From("a", mem.From(1)).To("x", mem.Into(new([]int)))
			job.From("a", mem.From(1)).To("y", mem.Into(new([]int)))
		}, []string{`two operators are called "a": source at ` + here, "and source at " + here}},
		{
			"source and sink", func(job *leat.Job) { job.From("a", mem.From(1)).To("a", mem.Into(new([]int))) },
			[]string{`two operators are called "a": source at ` + here, "and sink at " + here},
		},
		{"processes", func(job *leat.Job) {
			users(job).Process("p", pass)
			users(job).Process("p", pass)
		}, []string{`two operators are called "p"`, `two operators are called "clicks"`}},
		{"named map", func(job *leat.Job) {
			clicks(job).Map(click.UserID, leat.Named("clicks"))
		}, []string{`two operators are called "clicks": source at ` + here, "and map at " + here}},
		{"source without", func(job *leat.Job) { job.From(" ", mem.From(1)) }, []string{"source at " + here, "has no name"}},
		{"process without", func(job *leat.Job) { users(job).Process("", pass) }, []string{"keyed process at " + here, "has no name"}},
		{"unkeyed process without", func(job *leat.Job) {
			clicks(job).Process("", func(*leat.Unkeyed[int]) func(click) error { return func(click) error { return nil } })
		}, []string{"process at " + here, "has no name"}},
		{"sink without", func(job *leat.Job) { clicks(job).To("", mem.Into(new([]click))) }, []string{"sink at " + here, "has no name"}},
		{"try map without", func(job *leat.Job) {
			clicks(job).TryMap("", func(c click) (int64, error) { return c.Page, nil })
		}, []string{"try map at " + here, "has no name"}},
		{"window without", func(job *leat.Job) {
			users(job).Window(window.Tumbling(time.Hour)).Aggregate("", agg.Count)
		}, []string{"window at " + here, "has no name"}},
		{
			"option Named without", func(job *leat.Job) { clicks(job).Map(click.UserID, leat.Named("")) },
			[]string{"map at " + here, "has no name"},
		},
		{"state without", func(job *leat.Job) {
			users(job).Process("p", func(op *leat.Operator[string, int]) func(click) error {
				op.Value[int]("")
				return func(click) error { return nil }
			})
		}, []string{"keyed process p at " + here, "without a name"}},
		{"states", func(job *leat.Job) {
			users(job).Process("p", func(op *leat.Operator[string, int]) func(click) error {
				op.Value[int]("n")
				op.EventTimer("n", func(time.Time) error { return nil })
				return func(click) error { return nil }
			})
		}, []string{"keyed process p at " + here, `two states or timers are called "n"`}},
		{"operator lists", func(job *leat.Job) {
			clicks(job).Process("p", func(op *leat.Unkeyed[int]) func(click) error {
				op.List[int]("n")
				op.List[int]("n")
				return func(click) error { return nil }
			})
		}, []string{"process p at " + here, `"n"`}},
	})
}

const (
	bots      leat.Output[click]         = "bots"
	botNames  leat.Output[string]        = "bots"
	unknown   leat.Output[click]         = "unknown"
	noName    leat.Output[click]         = ""
	badClicks leat.Output[leat.Rejected] = "bad"
)

func withBots(op *leat.Operator[string, click]) func(click) error {
	bot := op.Side(bots)
	return func(c click) error { bot(c); return nil }
}

func TestPlanRefusesSideOutputs(t *testing.T) {
	refused(t, []refusal{
		{"read with another type", func(job *leat.Job) {
			users(job).Process("p", withBots).Side(botNames).To("bots", mem.Into(new([]string)))
		}, []string{`side output "bots" of p (` + here, "leat_test.click", "sink bots at " + here, "reads string"}},
		{"declared with two types", func(job *leat.Job) {
			users(job).Process("p", func(op *leat.Operator[string, int]) func(click) error {
				op.Side(bots)
				op.Side(botNames)
				return func(click) error { return nil }
			})
		}, []string{"keyed process p at " + here, `side output "bots"`, "leat_test.click", "string"}},
		{"that nobody makes", func(job *leat.Job) {
			users(job).Process("p", withBots).Side(unknown).To("x", mem.Into(new([]click)))
		}, []string{"sink x at " + here, `reads side output "unknown" of p (` + here, "it has bots"}},
		{"of an operator without", func(job *leat.Job) {
			clicks(job).Side(unknown).To("x", mem.Into(new([]click)))
		}, []string{`reads side output "unknown" of clicks`, "it has none"}},
		{"without a name", func(job *leat.Job) {
			users(job).Process("p", func(op *leat.Operator[string, int]) func(click) error {
				op.Side(noName)
				return func(click) error { return nil }
			})
		}, []string{"keyed process p at " + here, "without a name"}},
		{"late records as another type", func(job *leat.Job) {
			users(job).Window(window.Tumbling(time.Hour)).LateTo(bots).Aggregate("w", agg.Count).
				Side(botNames).To("x", mem.Into(new([]string)))
		}, []string{`side output "bots" of w (` + here, "leat_test.click", "string"}},
		{"rejects read without the option", func(job *leat.Job) {
			clicks(job).Side(badClicks).To("x", mem.Into(new([]leat.Rejected)))
		}, []string{`side output "bad"`, "it has none"}},
		{"rejects of a map", func(job *leat.Job) {
			clicks(job).Map(click.UserID, leat.Rejects(badClicks))
		}, []string{"map", here, "Rejects", "From", "TryMap"}},
	})
}

type (
	floats    struct{ Lat, Lon float64 }
	pointers  struct{ P *int64 }
	anyKeys   struct{ V any }
	timeKeys  struct{ At time.Time }
	nested    struct{ Home floats }
	functions struct{ On func() }
	visits    struct {
		Name string
		Of   []functions
	}
)

func keyedBy[K comparable](k K) func(job *leat.Job) {
	return func(job *leat.Job) {
		clicks(job).KeyBy(func(click) K { return k }).Process("p", pass)
	}
}

func TestPlanRefusesKeys(t *testing.T) {
	p := []string{"keyed process p at " + here}
	refused(t, []refusal{
		{"float", keyedBy(1.5), append(p, "float64")},
		{"struct with floats", keyedBy(floats{}), append(p, "Lat")},
		{"nested", keyedBy(nested{}), append(p, "Home.Lat")},
		{"pointer", keyedBy(new(int64(1))), append(p, "*int64")},
		{"struct with pointer", keyedBy(pointers{}), append(p, "P")},
		{"interface", keyedBy[any](1), append(p, "interface")},
		{"struct with interface", keyedBy(anyKeys{}), append(p, "V")},
		{"time", keyedBy(time.Time{}), append(p, "time.Time")},
		{"struct with time", keyedBy(timeKeys{}), append(p, "At")},
		{"array of floats", keyedBy([2]float64{}), append(p, "float64")},
		{"channel", keyedBy(make(chan int)), append(p, "chan int")},
		{"of a window", func(job *leat.Job) {
			clicks(job).KeyBy(func(c click) float64 { return c.Score }).Window(window.Tumbling(time.Hour)).Aggregate("w", agg.Count)
		}, []string{"window w at " + here, "float64"}},
		{"of connected streams", func(job *leat.Job) {
			byScore := clicks(job).KeyBy(func(c click) float64 { return c.Score })
			byScore.Connect(byScore).Process("c", func(*leat.Operator[float64, int]) (func(click) error, func(click) error) {
				return func(click) error { return nil }, func(click) error { return nil }
			})
		}, []string{"keyed process c at " + here, "float64"}},
	})
}

// withState is an operator with one state.
func withState(add func(op *leat.Operator[string, int])) func(job *leat.Job) {
	return func(job *leat.Job) {
		users(job).Process("p", func(op *leat.Operator[string, int]) func(click) error {
			add(op)
			return func(click) error { return nil }
		})
	}
}

func TestPlanRefusesTypes(t *testing.T) {
	p := []string{"keyed process p at " + here}
	refused(t, []refusal{
		{"value", withState(func(op *leat.Operator[string, int]) { op.Value[visits]("s") }), append(p, "state s", "Of[].On", "func")},
		{"list", withState(func(op *leat.Operator[string, int]) { op.List[functions]("s") }), append(p, "state s", "On", "func")},
		{"map", withState(func(op *leat.Operator[string, int]) { op.Map[string, chan int]("s") }), append(p, "state s", "chan int")},
		{"map key", withState(func(op *leat.Operator[string, int]) { op.Map[any, int]("s") }), append(p, "state s: key", "interface")},
		{"ordered", withState(func(op *leat.Operator[string, int]) { op.Ordered[time.Time, any]("s") }), append(p, "state s", "interface")},
		{"reducing", withState(func(op *leat.Operator[string, int]) {
			op.Reducing("s", func(a, _ functions) functions { return a })
		}), append(p, "state s", "On")},
		{"aggregating", withState(func(op *leat.Operator[string, int]) {
			op.Aggregating("s", agg.Collect[functions])
		}), append(p, "state s", "On")},
		{"timer items", withState(func(op *leat.Operator[string, int]) {
			op.EventTimers("s", func(any, time.Time) error { return nil })
		}), append(p, "state s: item", "interface")},
		{"operator list", func(job *leat.Job) {
			clicks(job).Process("p", func(op *leat.Unkeyed[int]) func(click) error {
				op.List[functions]("s")
				return func(click) error { return nil }
			})
		}, []string{"process p at " + here, "state s", "On"}},
		{"codec of another type", withState(func(op *leat.Operator[string, int]) {
			op.Value[string]("s", state.Codec(flipped))
		}), append(p, "state s", "int64")},
		{"accumulator", func(job *leat.Job) {
			clicks(job).Map(func(click) functions { return functions{} }).KeyBy(func(functions) int { return 1 }).
				Window(window.Tumbling(time.Hour)).Aggregate("w", agg.Collect)
		}, []string{"window w at " + here, "On"}},
		{"record between tasks", func(job *leat.Job) {
			clicks(job).Map(func(click) visits { return visits{} }).Rebalance().To("x", mem.Into(new([]visits)))
		}, []string{"records from map-1 (" + here, "to x (" + here, "Of[].On"}},
	})
}

func TestPlanRefusesNilFunctions(t *testing.T) {
	refused(t, []refusal{
		{"source", func(job *leat.Job) { job.From[int]("s", nil) }, []string{"source s at " + here, "nil"}},
		{"sink", func(job *leat.Job) { clicks(job).To("s", nil) }, []string{"sink s at " + here, "nil"}},
		{"map", func(job *leat.Job) { clicks(job).Map[int](nil) }, []string{"map", here, "nil"}},
		{"filter", func(job *leat.Job) { clicks(job).Filter(nil) }, []string{"filter", here, "nil"}},
		{"flat map", func(job *leat.Job) { clicks(job).FlatMap[int](nil) }, []string{"flat map", here, "nil"}},
		{"try map", func(job *leat.Job) { clicks(job).TryMap[int]("t", nil) }, []string{"try map t at " + here, "nil"}},
		{"key", func(job *leat.Job) { clicks(job).KeyBy[int](nil).Process("p", pass) }, []string{"KeyBy at " + here, "nil"}},
		{"event time", func(job *leat.Job) { clicks(job).EventTime(nil, 0) }, []string{here, "nil"}},
		{"watermarks", func(job *leat.Job) { clicks(job).Watermarks(click.When, nil) }, []string{here, "nil"}},
		{"constructor", func(job *leat.Job) { users(job).Process[int]("p", nil) }, []string{"keyed process p at " + here, "constructor is nil"}},
		{"unkeyed constructor", func(job *leat.Job) { clicks(job).Process[int]("p", nil) }, []string{"process p at " + here, "constructor is nil"}},
		{"constructor's function", func(job *leat.Job) {
			users(job).Process("p", func(*leat.Operator[string, int]) func(click) error { return nil })
		}, []string{"keyed process p at " + here, "returned nil"}},
		{"unkeyed constructor's function", func(job *leat.Job) {
			clicks(job).Process("p", func(*leat.Unkeyed[int]) func(click) error { return nil })
		}, []string{"process p at " + here, "returned nil"}},
		{"connected constructor", func(job *leat.Job) {
			users(job).Connect(clicks(job).KeyBy(click.UserID)).Process[int]("p", nil)
		}, []string{"keyed process p at " + here, "constructor is nil"}},
		{"connected constructor's function", func(job *leat.Job) {
			s := clicks(job)
			s.KeyBy(click.UserID).Connect(s.KeyBy(click.UserID)).
				Process("p", func(*leat.Operator[string, int]) (func(click) error, func(click) error) {
					return func(click) error { return nil }, nil
				})
		}, []string{"keyed process p at " + here, "returned nil"}},
		{"panes' constructor", func(job *leat.Job) {
			users(job).Window(window.Tumbling(time.Hour)).Process[int64, int64, int]("p", agg.Count, nil)
		}, []string{"window p at " + here, "constructor is nil"}},
		{"aggregator", func(job *leat.Job) {
			users(job).Window(window.Tumbling(time.Hour)).Aggregate[int, int]("w", nil)
		}, []string{"window w at " + here, "aggregator is nil"}},
		{"aggregator's parts", func(job *leat.Job) {
			parts := func() agg.Parts[click, int, int] { return agg.Parts[click, int, int]{} }
			users(job).Window(window.Tumbling(time.Hour)).Aggregate("w", parts)
		}, []string{"window w at " + here}},
		{
			"reduce", withState(func(op *leat.Operator[string, int]) { op.Reducing[int]("s", nil) }),
			[]string{"keyed process p at " + here, "state s", "nil"},
		},
		{
			"aggregating", withState(func(op *leat.Operator[string, int]) { op.Aggregating[int, int, int]("s", nil) }),
			[]string{"keyed process p at " + here, "state s", "nil"},
		},
		{
			"timer", withState(func(op *leat.Operator[string, int]) { op.EventTimer("t", nil) }),
			[]string{"keyed process p at " + here, "timer t", "nil"},
		},
		{
			"timers", withState(func(op *leat.Operator[string, int]) { op.ProcessingTimers[int]("t", nil) }),
			[]string{"keyed process p at " + here, "timer t", "nil"},
		},
		{
			"on open", withState(func(op *leat.Operator[string, int]) { op.OnOpen(nil) }),
			[]string{"keyed process p at " + here, "OnOpen", "nil"},
		},
		{
			"on close", withState(func(op *leat.Operator[string, int]) { op.OnClose(nil) }),
			[]string{"keyed process p at " + here, "OnClose", "nil"},
		},
	})
}

func windowed(w window.Assigner) func(job *leat.Job) {
	return func(job *leat.Job) { users(job).Window(w).Aggregate("w", agg.Count) }
}

func TestPlanRefusesSettings(t *testing.T) {
	w := []string{"window w at " + here}
	refused(t, []refusal{
		{"no windows", windowed(nil), w},
		{"size 0", windowed(window.Tumbling(0)), append(w, "0s")},
		{"negative size", windowed(window.Tumbling(-time.Hour)), append(w, "-1h")},
		{"slide 0", windowed(window.Sliding(time.Hour, 0)), append(w, "0s")},
		{"gap 0", windowed(window.Session(0)), append(w, "0s")},
		{"too large", windowed(window.Tumbling(2 * window.MaxSize)), w},
		{"too many slices", windowed(window.Sliding(24*time.Hour, time.Hour+time.Nanosecond)), w},
		{"negative lateness", func(job *leat.Job) {
			users(job).Window(window.Tumbling(time.Hour)).AllowLateness(-1).Aggregate("w", agg.Count)
		}, append(w, "lateness")},
		{"negative delay", func(job *leat.Job) { clicks(job).EventTime(click.When, -1) }, []string{here, "negative"}},
		{"negative idle", func(job *leat.Job) { clicks(job).EventTime(click.When, 0, leat.IdleAfter(-1)) }, []string{here, "negative"}},
		{"parallelism after Global", func(job *leat.Job) {
			clicks(job).Global().Process("p", pass, leat.Parallelism(2))
		}, []string{"keyed process p at " + here, "parallelism 2", "Global"}},
		{"parallelism below 1", func(job *leat.Job) {
			users(job).Process("p", pass, leat.Parallelism(0))
		}, []string{"keyed process p at " + here, "parallelism 0"}},
		{"parallelism above the most", func(job *leat.Job) {
			users(job).Process("p", pass, leat.Parallelism(129))
		}, []string{"keyed process p at " + here, "parallelism 129", "128"}},
		{"job's parallelism", func(job *leat.Job) { clicks(job); job.Parallelism = 200 }, []string{"parallelism 200", "128"}},
		{"max parallelism", func(job *leat.Job) { clicks(job); job.MaxParallelism = 40_000 }, []string{"max parallelism 40000", "32768"}},
		{"empty job", func(*leat.Job) {}, []string{"job is empty", "Job.From"}},
		{"union of two jobs", func(job *leat.Job) {
			clicks(job).Union(clicks(leat.NewJob("other")))
		}, []string{"Union at " + here, "different jobs"}},
		{"connect of two jobs", func(job *leat.Job) {
			users(job).Connect(users(leat.NewJob("other"))).
				Process("p", func(*leat.Operator[string, int]) (func(click) error, func(click) error) {
					return func(click) error { return nil }, func(click) error { return nil }
				})
		}, []string{"keyed process p at " + here, "different jobs"}},
		{"a codec twice", func(job *leat.Job) {
			clicks(job)
			job.Encode(flipped)
			job.Encode(flipped)
		}, []string{"Encode at " + here}},
		{"a source's own check", func(job *leat.Job) {
			job.From("g", file.Read("clicks.csv").CSV[int])
		}, []string{"source g at " + here, "int"}},
		{"constructor that panics", func(job *leat.Job) {
			users(job).Process("p", func(*leat.Operator[string, int]) func(click) error { panic("no database") })
		}, []string{"keyed process p at " + here, "no database", "OnOpen"}},
	})
}

// All mistakes are told at once.
func TestPlanTellsAllMistakes(t *testing.T) {
	job := leat.NewJob("clicks")
	clicks(job).Map[int](nil)
	users(job).Process("p", pass, leat.Parallelism(-1))
	_, err := job.Plan()
	for _, want := range []string{"3 reasons", `"clicks"`, "parallelism -1", "nil"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
}

// A settled plan leaves a job as it was: it can be planned again, and refined builders do not change one another.
func TestPlanAgain(t *testing.T) {
	job := leat.NewJob("clicks")
	hourly := users(job).Window(window.Tumbling(time.Hour))
	hourly.AllowLateness(time.Hour).Aggregate("late", agg.Count).To("a", nowhere)
	hourly.Aggregate("prompt", agg.Count).To("b", nowhere)
	first, err := job.Plan()
	if err != nil {
		t.Fatal(err)
	}
	second, err := job.Plan()
	if err != nil || first.String() != second.String() {
		t.Errorf("%v\n%s\n%s", err, first, second)
	}
	if got := strings.Count(first.String(), "lateness"); got != 1 {
		t.Errorf("%d windows with allowed lateness in\n%s", got, first)
	}
}

// The place of a verb is that of the call in the user's code, also within his helpers.
func TestPlanNamesPlaces(t *testing.T) {
	job := leat.NewJob("clicks")
	endless(job).KeyBy(func(i int64) float64 { return float64(i) }).Process("p", pass)
	endless(job)
	_, err := job.Plan()
	if err == nil || len(places.FindAllString(err.Error(), -1)) != 3 {
		t.Errorf("got %v", err)
	}
}

func endless(job *leat.Job) *leat.Stream[int64] {
	return job.From("numbers", gen.Func(gen.Options{}, func(i int64) int64 { return i }))
}
