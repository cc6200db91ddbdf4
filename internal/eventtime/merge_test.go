package eventtime

import (
	"fmt"
	"strings"
	"testing"

	"leat.dev/leat/internal/flow"
)

// play runs a script against a merge and returns what it has come to after each step: the watermark, * where it has
// moved, and ~ where the merge is idle. Steps are CHANNEL:WATERMARK, CHANNEL~ (idle), CHANNEL^ (active), CHANNEL. (End).
func play(m *Merge, script string) string {
	var out []string
	for step := range strings.FieldsSeq(script) {
		channel, what := int(step[0]-'0'), step[1:]
		var moved bool
		switch what[0] {
		case ':':
			moved = m.Advance(channel, timeOf(what[1:]))
		case '~':
			moved = m.SetIdle(channel, true)
		case '^':
			moved = m.SetIdle(channel, false)
		case '.':
			moved = m.End(channel)
		}
		out = append(out, show(m, moved))
	}
	return strings.Join(out, " ")
}

func timeOf(s string) (at int64) {
	if s == "end" {
		return flow.EndTime
	}
	fmt.Sscan(s, &at)
	return at
}

func show(m *Merge, moved bool) string {
	text := fmt.Sprint(m.Current())
	switch m.Current() {
	case flow.NoTime:
		text = "none"
	case flow.EndTime:
		text = "end"
	}
	if moved {
		text += "*"
	}
	if m.Idle() {
		text += "~"
	}
	return text
}

func TestMerge(t *testing.T) {
	for _, c := range []struct {
		name         string
		channels     int
		floor        int64
		script, want string
	}{
		{"one channel", 1, flow.NoTime, "0:5 0:7 0:6", "5* 7* 7"},
		{"the least of two", 2, flow.NoTime, "0:5 1:3 1:9 0:6", "none 3* 5* 6*"},
		{"none until all have spoken", 3, flow.NoTime, "0:5 1:5 2:4", "none none 4*"},
		{"it never goes back", 2, flow.NoTime, "0:5 1:5 0:2 1:1 0:6", "none 5* 5 5 5"},

		{"idle ones do not count", 2, flow.NoTime, "0:5 1~ 0:8", "none 5* 8*"},
		{"an idle one that returns holds", 2, flow.NoTime, "0:5 1~ 1^ 0:9 1:6", "none 5* 5 5 6*"},
		{"a watermark ends idleness", 2, flow.NoTime, "0:5 1~ 1:7 0:9", "none 5* 5 7*"},
		{"all idle", 2, flow.NoTime, "0:5 1:7 0~ 1~ 1^", "none 5* 7* 7~ 7"},
		{"all idle from the start", 2, flow.NoTime, "0~ 1~ 0:3", "none none~ 3*"},
		{"all idle moves nothing", 2, flow.NoTime, "0:5 1:3 1~ 0~ 1^ 1:4", "none 3* 5* 5~ 5 5"},

		{"ended ones do not count", 2, flow.NoTime, "0:5 1. 0:8", "none 5* 8*"},
		{"ended is not idle", 2, flow.NoTime, "0:5 1:6 1. 0~ 0.", "none 5* 5 5~ 5"},
		{"all ended before the end of time", 2, flow.NoTime, "0:5 1:6 0. 1.", "none 5* 6* 6"},
		{"all ended without a watermark", 2, flow.NoTime, "0. 1.", "none none"},
		{"ended comes to what was agreed on", 2, flow.NoTime, "0:9 1~ 0~ 1. 0.", "none 9* 9~ 9~ 9"},

		{"the end of time", 2, flow.NoTime, "0:end 1:end", "none end*"},
		{"one has finished, the other goes on", 2, flow.NoTime, "0:end 1:4 1:5", "none 4* 5*"},
		{"one has finished, the other is idle", 2, flow.NoTime, "1:4 0:end 1~ 1^ 1:5 1:end", "none 4* 4~ 4 5* end*"},
		{"idle, then the other finishes", 2, flow.NoTime, "0:3 1:4 1~ 0:end 0. 1:7", "none 3* 3 3~ 3~ 7*"},

		{"the floor", 2, 10, "0:5 1:7 0:11 1:12", "10 10 10 11*"},
		{"the floor and the end", 1, 10, "0:5 0.", "10 10"},
		{"the floor is no idleness", 1, 10, "0~ 0:12", "10~ 12*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := play(NewMerge(c.channels, c.floor), c.script); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.script, got, c.want)
			}
		})
	}
}

func TestMergeFinished(t *testing.T) {
	m := NewMerge(3, flow.NoTime)
	m.Advance(0, flow.EndTime)
	m.End(1)
	m.Advance(2, 7)
	for channel, want := range []bool{true, true, false} {
		if got := m.Finished(channel); got != want {
			t.Errorf("channel %d has finished: %v", channel, got)
		}
	}
}

// A merge of no channels stays where it begins: a source that has ended has one.
func TestMergeOfNothing(t *testing.T) {
	if m := NewMerge(0, 7); m.Current() != 7 || m.Idle() {
		t.Errorf("%d, idle %v", m.Current(), m.Idle())
	}
}
