package general

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// TestScripts runs the scripts in testdata/scripts, which show what windows do. Times are in seconds.
//
//	define            one setting a line:
//	    windows tumbling 10s | sliding 20s 10s | cumulating 20s 5s | days 1 Europe/Berlin | session 10s | count 3 | count 3 2 |
//	            global | gaps (a session whose gap is the record's value) | spans (as many seconds from the record on as its value)
//	    clock   (the windows follow the wall clock)
//	    trigger every 5s | every 5s clock | count 3 | on time; and: early …, late …, purging; or a trigger of its own:
//	            delta 10 | sum 10 | goodbye | at end
//	    evict   last 2 | for 10s | equal
//	    mode    accumulating | discarding | retracting
//	    lateness 20s; agg values
//	feed              in order: records as key@time or key@time=value, watermarks as wm@time or wm@end, the wall clock as clock@time
//	advance wm=T limit=N   one call of Advance
//	checkpoint        takes a snapshot
//	restore parallelism=N  goes back to it
//	states            what the last snapshot holds: how many entries of each state
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.run(t, d) })
	})
}

type script struct {
	settings
	c     cluster
	saved *saved
	seq   int
	out   strings.Builder
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	switch d.Cmd {
	case "define":
		s.define(t, d)
	case "feed":
		for _, word := range strings.Fields(d.Input) {
			s.feed(word)
		}
	case "advance":
		var wm string
		limit := math.MaxInt
		d.ScanArgs(t, "wm", &wm)
		d.MaybeScanArgs(t, "limit", &limit)
		done := s.c.advance(-1, instant(wm), limit)
		s.panes()
		if !done {
			s.out.WriteString("not done\n")
		}
	case "checkpoint":
		s.saved = s.c.snapshot()
		s.check(s.saved.wait())
	case "restore":
		n := 1
		d.MaybeScanArgs(t, "parallelism", &n)
		s.check(s.c.restore(s.saved, n))
	case "states":
		s.states()
	default:
		t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	}
	return s.out.String()
}

func (s *script) check(err error) {
	if err != nil {
		fmt.Fprintf(&s.out, "error: %v\n", err)
	}
}

func (s *script) define(t *testing.T, d *datadriven.TestData) {
	s.settings, s.saved = settings{}, nil
	aggregator, parallelism, onClock := "values", 1, false
	for line := range strings.Lines(d.Input) {
		words := strings.Fields(line)
		switch args := words[1:]; words[0] {
		case "windows":
			s.defineWindows(t, args)
		case "clock":
			onClock = true
		case "trigger", "early", "late":
			s.defineTrigger(t, words[0], args)
		case "purging":
			*s.trigger = s.trigger.Purging()
		case "evict":
			s.defineEvictor(args)
		case "mode":
			s.mode = map[string]window.Mode{"discarding": window.Discarding, "retracting": window.Retracting}[args[0]]
		case "lateness":
			s.lateness = span(args[0])
		case "agg":
			aggregator = args[0]
		case "parallelism":
			parallelism = whole(args[0])
		default:
			t.Fatalf("%s: unknown setting %s", d.Pos, words[0])
		}
	}
	if onClock {
		s.windows = s.windows.(window.Times).ProcessingTime()
	}
	var err error
	s.c, _, err = aggregators[aggregator](s.settings, parallelism)
	s.check(err)
}

func span(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

func whole(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func (s *script) defineWindows(t *testing.T, args []string) {
	switch args[0] {
	case "tumbling":
		s.windows = window.Tumbling(span(args[1]))
	case "sliding":
		s.windows = window.Sliding(span(args[1]), span(args[2]))
	case "cumulating":
		s.windows = window.Cumulating(span(args[1]), span(args[2]))
	case "days":
		zone, err := time.LoadLocation(args[2])
		if err != nil {
			t.Fatal(err)
		}
		s.windows = window.Days(whole(args[1]), zone)
	case "session":
		s.windows = window.Session(span(args[1]))
	case "count":
		s.windows = window.Count(whole(args[1]))
		if len(args) > 2 {
			s.windows = window.SlidingCount(whole(args[1]), whole(args[2]))
		}
	case "global":
		s.windows = window.Global()
	case "gaps":
		s.by = window.SessionBy(func(r rec) time.Duration { return time.Duration(r.V) * time.Second })
	case "spans":
		s.by = window.Custom(func(r rec, at time.Time) iter.Seq[window.Span] {
			return slices.Values([]window.Span{{Start: at, End: at.Add(time.Duration(r.V) * time.Second)}})
		})
	}
}

func (s *script) defineTrigger(t *testing.T, where string, args []string) {
	var f window.Trigger
	switch args[0] {
	case "every":
		if f = window.Every(span(args[1])); len(args) > 2 {
			f = f.ProcessingTime()
		}
	case "count":
		f = window.AtCount(whole(args[1]))
	case "on":
		f = window.OnTime()
	case "delta":
		s.triggerBy = window.Delta(float64(whole(args[1])), func(a, b rec) float64 { return math.Abs(float64(b.V - a.V)) })
		return
	case "sum":
		s.triggerBy = atSum(int64(whole(args[1])))
		return
	case "goodbye":
		s.triggerBy = onZero
		return
	case "at":
		s.triggerBy = atEnd
		return
	default:
		t.Fatal("unknown trigger ", args)
	}
	if args[len(args)-1] == "purging" {
		f = f.Purging()
	}
	switch {
	case where == "trigger":
		s.trigger = &f
	case where == "early":
		*s.trigger = s.trigger.Early(f)
	default:
		*s.trigger = s.trigger.Late(f)
	}
}

// atSum fires and purges when the values since the last time add up to so much.
func atSum(limit int64) window.TriggerBy[rec] {
	return func(c *window.Control) func(rec) window.Action {
		sum := c.Value("sum", func(a, b int64) int64 { return a + b })
		return func(r rec) window.Action {
			sum.Set(sum.Get() + r.V)
			if sum.Get() < limit {
				return window.Continue
			}
			sum.Clear()
			return window.FireAndPurge
		}
	}
}

// onZero fires at zeros, and purges at records below.
func onZero(*window.Control) func(rec) window.Action {
	return func(r rec) window.Action {
		switch {
		case r.V == 0:
			return window.Fire
		case r.V < 0:
			return window.Purge
		}
		return window.Continue
	}
}

// atEnd fires when the window ends, and in the middle if its first record comes before.
func atEnd(c *window.Control) func(rec) window.Action {
	again := c.Value[bool]("again")
	return func(rec) window.Action {
		w := c.Span()
		if again.Get() {
			c.FireAt(w.End)
		} else {
			again.Set(true)
			c.FireAt(w.Start.Add(w.End.Sub(w.Start) / 2))
		}
		return window.Continue
	}
}

func (s *script) defineEvictor(args []string) {
	switch args[0] {
	case "last":
		s.evict = window.KeepLast(whole(args[1]))
	case "for":
		s.evict = window.KeepFor(span(args[1]))
	case "equal":
		s.evictBy = func(r, newest rec) bool { return r.V == newest.V }
	}
}

func (s *script) feed(word string) {
	key, rest, _ := strings.Cut(word, "@")
	at, v, _ := strings.Cut(rest, "=")
	switch key {
	case "wm":
		for !s.c.advance(-1, instant(at), math.MaxInt) {
		}
	case "clock":
		s.c.tick(instant(at))
	default:
		n, _ := strconv.ParseInt(cmp.Or(v, "1"), 10, 64)
		s.seq++
		late, err := s.c.receive([]event{{key, instant(at), rec{n, s.seq}}})
		s.check(err)
		for range late {
			fmt.Fprintf(&s.out, "too late %s\n", word)
		}
	}
	s.panes()
}

func instant(text string) int64 {
	switch text {
	case "end":
		return flow.EndTime
	case "none":
		return flow.NoTime
	}
	if t, err := time.Parse("2006-01-02T15:04Z07:00", text); err == nil {
		return t.UnixNano()
	}
	sec, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return int64(sec * float64(time.Second))
}

func seconds(at int64) string {
	switch t := time.Unix(0, at); {
	case at == flow.NoTime:
		return "none"
	case t.Year() > 1990:
		return t.UTC().Format("2006-01-02T15:04")
	case (at+1)%int64(time.Millisecond) == 0:
		return strconv.FormatFloat(float64(at+1)/float64(time.Second), 'g', -1, 64) + "-"
	case (at-1)%int64(time.Millisecond) == 0:
		return strconv.FormatFloat(float64(at-1)/float64(time.Second), 'g', -1, 64) + "+"
	}
	return strconv.FormatFloat(float64(at)/float64(time.Second), 'g', -1, 64)
}

func (s *script) panes() {
	for _, p := range byKey(s.c.panes()) {
		verb := "pane"
		if p.retract {
			verb = "take back"
		}
		fmt.Fprintf(&s.out, "%s %s [%s,%s) %s", verb, p.key, seconds(p.start), seconds(p.end), p.v)
		if p.timing != window.PaneOnTime || p.index > 0 {
			fmt.Fprintf(&s.out, " %v, pane %d", p.timing, p.index)
		}
		if p.end != flow.NoTime && p.at != p.end-1 && p.at != p.end {
			fmt.Fprintf(&s.out, " at %s", seconds(p.at))
		}
		s.out.WriteString("\n")
	}
}

// states shows how many entries of each state the last snapshot has.
func (s *script) states() {
	for _, state := range s.saved.states {
		n := 0
		for g := range groups {
			n += len(s.saved.memory.Entries(state.Name, g))
		}
		fmt.Fprintf(&s.out, "%s: %d\n", state.Name, n)
	}
}
