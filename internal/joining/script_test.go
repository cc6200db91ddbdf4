package joining

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// TestScripts runs the scripts in testdata/scripts, which show what joins do. Times are numbers without a unit.
//
//	define by=tumbling size=10 kind=left [late=(5,0)] [parallelism=2]
//	define by=sliding size=10 slide=5 kind=…
//	define by=session gap=5 kind=…
//	define by=within from=0 to=10 kind=…
//	define by=asof kind=…
//	feed              in order: orders as o1:ann@5, which is number 1, of the key ann, at 5; payments as p1:ann@7; wm@9
//	checkpoint        takes a snapshot
//	restore [parallelism=3]  goes back to it
//	states            how many entries each state has
//
// Results are shown as "o1 p1 @7", with - where there is no partner; groups as their window and what is in it.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.run(t, d) })
	})
}

type script struct {
	c     *cluster
	saved *saved
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "define":
		s.define(t, d)
	case "feed":
		return s.feed(t, d)
	case "checkpoint":
		s.saved = s.c.snapshot(false)
		if err := s.saved.wait(); err != nil {
			t.Fatal(err)
		}
	case "restore":
		s.c.restore(s.saved, int(number(d, "parallelism", 1)))
	case "states":
		if text := s.c.entries(); text != "" {
			return text
		}
		return "none"
	default:
		d.Fatalf(t, "unknown command")
	}
	return ""
}

func number(d *datadriven.TestData, name string, otherwise int64) int64 {
	for _, a := range d.CmdArgs {
		if a.Key == name {
			n, err := strconv.ParseInt(a.Vals[0], 10, 64)
			if err != nil {
				panic(err)
			}
			return n
		}
	}
	return otherwise
}

func (s *script) define(t *testing.T, d *datadriven.TestData) {
	var set settings
	set.groups = 8
	d.ScanArgs(t, "by", &set.by)
	d.ScanArgs(t, "kind", &set.kind)
	for _, a := range d.CmdArgs {
		if a.Key == "late" {
			var first, second int
			d.ScanArgs(t, "late", &first, &second)
			set.lateness = Lateness{time.Duration(first), time.Duration(second)}
		}
	}
	size := time.Duration(number(d, "size", 0))
	switch set.by {
	case "tumbling":
		set.windows = window.Tumbling(size)
	case "sliding":
		set.windows = window.Sliding(size, time.Duration(number(d, "slide", 0)))
	case "session":
		set.windows = window.Session(time.Duration(number(d, "gap", 0)))
	}
	set.from, set.to = number(d, "from", 0), number(d, "to", 0)
	s.c = newCluster(t, set, int(number(d, "parallelism", 1)))
}

var token = regexp.MustCompile(`^(?:([op])(\d+):(\w+)|wm)@(-?\w+)$`)

func (s *script) feed(t *testing.T, d *datadriven.TestData) string {
	var text strings.Builder
	for word := range strings.FieldsSeq(d.Input) {
		m := token.FindStringSubmatch(word)
		if m == nil {
			d.Fatalf(t, "%s: an order is o1:ann@5, a payment p1:ann@7, a watermark wm@9 or wm@end", word)
		}
		at, err := strconv.ParseInt(m[4], 10, 64)
		switch {
		case m[4] == "end":
			at = flow.EndTime
		case err != nil:
			d.Fatalf(t, "%s: %v", word, err)
		}
		if m[1] == "" {
			s.c.advance(at, math.MaxInt, func() {})
		} else {
			id, _ := strconv.Atoi(m[2])
			s.c.receive(event{second: m[1] == "p", key: m[3], at: at, id: id})
		}
		s.show(&text, word)
	}
	return text.String()
}

var pairText = regexp.MustCompile(`(?m)^(\d*)-(\d*) @`)

func (s *script) show(to *strings.Builder, cause string) {
	out, late := s.c.taken()
	for i, lines := range [][]string{out, late} {
		for _, line := range lines {
			line = pairText.ReplaceAllStringFunc(line, func(text string) string {
				m := pairText.FindStringSubmatch(text)
				return named("o", m[1]) + " " + named("p", m[2]) + " @"
			})
			if i == 1 {
				line = "too late: " + line
			}
			fmt.Fprintf(to, "%-10s %s\n", cause, line)
		}
	}
}

func named(stream, id string) string {
	if id == "" {
		return "-"
	}
	return stream + id
}
