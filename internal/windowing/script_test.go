package windowing

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/window"
)

// TestScripts runs the scripts in testdata/scripts, which show what windows do. Times are in seconds.
//
//	define windows=tumbling size=10s [slide=5s] [offset=2s] [lateness=20s] [agg=count] [parallelism=2]
//	define windows=days zone=Europe/Berlin [n=1]; times are then as 2026-03-28T12:00:00Z
//	feed              in order: records as key@time or key@time=value, watermarks as wm@time or wm@end
//	advance wm=T limit=N   one call of Advance
//	checkpoint        takes a snapshot
//	restore parallelism=N  goes back to it
//	states            what the last snapshot holds
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.run(t, d) })
	})
}

type script struct {
	settings
	aggregator string
	c          cluster
	saved      *saved
	seq        int
	zone       *time.Location // of days, whose times are written as 2006-01-02T15:04
	out        strings.Builder
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	switch d.Cmd {
	case "define":
		s.define(t, d)
	case "feed":
		s.feed(t, d)
	case "advance":
		s.advance(d)
	case "checkpoint":
		s.saved = s.c.snapshot()
		s.check(s.saved.wait())
	case "restore":
		s.check(s.c.restore(s.saved, number(d, "parallelism", 1)))
	case "states":
		s.states(t)
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

func text(d *datadriven.TestData, name, otherwise string) string {
	for _, a := range d.CmdArgs {
		if a.Key == name {
			return a.Vals[0]
		}
	}
	return otherwise
}

func duration(d *datadriven.TestData, name string) time.Duration {
	v, err := time.ParseDuration(text(d, name, "0s"))
	if err != nil {
		d.Fatalf(nil, "%s: %v", d.Pos, err)
	}
	return v
}

func number(d *datadriven.TestData, name string, otherwise int) int {
	v, err := strconv.Atoi(text(d, name, strconv.Itoa(otherwise)))
	if err != nil {
		d.Fatalf(nil, "%s: %v", d.Pos, err)
	}
	return v
}

func (s *script) define(t *testing.T, d *datadriven.TestData) {
	s.zone = nil
	size, slide, offset := duration(d, "size"), duration(d, "slide"), duration(d, "offset")
	s.settings = settings{lateness: duration(d, "lateness"), groups: 8}
	switch text(d, "windows", "") {
	case "tumbling":
		s.windows = window.Tumbling(size).Offset(offset)
	case "sliding":
		s.windows = window.Sliding(size, slide).Offset(offset)
	case "cumulating":
		s.windows = window.Cumulating(size, duration(d, "step")).Offset(offset)
	case "days":
		zone, err := time.LoadLocation(text(d, "zone", "UTC"))
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.zone = zone
		s.windows = window.Days(number(d, "n", 1), zone).Offset(offset)
	case "session":
		s.windows = window.Session(duration(d, "gap"))
	}
	s.aggregator, s.saved = text(d, "agg", "count"), nil
	if err := window.SpecOf(s.windows).Validate(); err != nil {
		s.check(err)
		return
	}
	s.c, _ = aggregators[s.aggregator](t, s.settings, number(d, "parallelism", 1))
}

func (s *script) feed(t *testing.T, d *datadriven.TestData) {
	for _, word := range strings.Fields(d.Input) {
		key, rest, _ := strings.Cut(word, "@")
		at, v, _ := strings.Cut(rest, "=")
		if key == "wm" {
			for !s.c.advance(-1, instant(at), math.MaxInt) {
			}
			s.panes()
			continue
		}
		n, _ := strconv.ParseInt(cmp.Or(v, "1"), 10, 64)
		s.seq++
		late, err := s.c.receive([]event{{key, instant(at), rec{n, s.seq}}})
		s.check(err)
		for range late {
			fmt.Fprintf(&s.out, "too late %s\n", word)
		}
		s.panes()
	}
}

func instant(text string) int64 {
	switch text {
	case "end":
		return flow.EndTime
	case "none":
		return flow.NoTime
	}
	if strings.Contains(text, "T") {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			panic(err)
		}
		return at.UnixNano()
	}
	sec, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return int64(sec * float64(time.Second))
}

// time is a time as the scripts write it.
func (s *script) time(at int64) string {
	if s.zone != nil {
		return time.Unix(0, at).In(s.zone).Format("2006-01-02T15:04Z07:00")
	}
	return strconv.FormatFloat(float64(at)/float64(time.Second), 'g', -1, 64)
}

func (s *script) panes() {
	for _, p := range sortedPanes(s.c.panes()) {
		fmt.Fprintf(&s.out, "pane %s [%s,%s) %s", p.key, s.time(p.start), s.time(p.end), p.v)
		if p.timing != window.PaneOnTime || p.index > 0 {
			fmt.Fprintf(&s.out, " %v, pane %d", p.timing, p.index)
		}
		s.out.WriteString("\n")
	}
}

func (s *script) advance(d *datadriven.TestData) {
	done := s.c.advance(-1, instant(text(d, "wm", "")), number(d, "limit", math.MaxInt))
	s.panes()
	if !done {
		s.out.WriteString("not done\n")
	}
}

// states shows the entries of the last snapshot.
func (s *script) states(t *testing.T) {
	keys, err := keygroup.Derive[string](nil)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := codec.Derive[int64](nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, state := range s.saved.states {
		for g := range s.groups {
			for _, e := range s.saved.memory.Entries(state.Name, g) {
				key, _ := keys.Decode(e.Key)
				at, _ := decodeTime(e.Item)
				value := fmt.Sprintf("%x", e.Value)
				if n, err := counts.Decode(e.Value); err == nil && state.Name == slicesState {
					value = fmt.Sprint(n)
				}
				lines = append(lines, fmt.Sprintf("%s %s %s: %s\n", state.Name, s.time(at), key, value))
			}
		}
	}
	slices.Sort(lines)
	s.out.WriteString(strings.Join(lines, ""))
}
