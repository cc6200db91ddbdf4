package runtime

import (
	"fmt"
	"strings"
	"testing"

	"leat.dev/leat/internal/exchange"
)

// decisions plays messages to an alignment, as a subtask does, and returns what it decides about each: "pass", "wait",
// "ignore" for a barrier that means nothing, "block" for one that makes its channel wait, and "take 2" when barrier 2 is
// aligned. What is released comes after a plus. Messages are CHANNELname, CHANNEL|barrier, and CHANNEL. for the end.
func decisions(channels int, script string) string {
	a := newAlignment(channels)
	var out []string
	for step := range strings.FieldsSeq(script) {
		out = append(out, decide(a, messageOf(step)))
	}
	return strings.Join(out, ", ")
}

func messageOf(step string) exchange.Message {
	m := exchange.Message{Channel: &exchange.Channel{Index: int(step[0] - '0')}, Payload: step}
	switch step[1] {
	case '|':
		m.Kind = exchange.Barrier
		fmt.Sscan(step[2:], &m.At)
	case '.':
		m.Kind = exchange.End
	}
	return m
}

func decide(a *alignment, m exchange.Message) string {
	if a.holds(m) {
		return "wait"
	}
	switch m.Kind {
	case exchange.Barrier:
		return decideBarrier(a, m)
	case exchange.End:
		if a.end(m.Channel.Index) {
			return take(a)
		}
	}
	return "pass"
}

func decideBarrier(a *alignment, m exchange.Message) string {
	given := ""
	if a.supersedes(m.At) {
		id := a.id
		given = fmt.Sprintf("give up %d%s, then ", id, released(a))
	}
	blocked := a.blocked[m.Channel.Index]
	switch {
	case a.barrier(m.Channel.Index, m.At):
		return given + take(a)
	case a.blocked[m.Channel.Index] && !blocked:
		return given + "block"
	}
	return given + "ignore"
}

func take(a *alignment) string {
	id := a.id
	return fmt.Sprintf("take %d%s", id, released(a))
}

func released(a *alignment) string {
	text := ""
	for _, m := range a.release() {
		text += fmt.Sprintf("+%v", m.Payload)
	}
	return text
}

func TestAlignment(t *testing.T) {
	for _, c := range []struct {
		name         string
		channels     int
		script, want string
	}{
		{"one channel never waits", 1, "0a 0|1 0b 0|2", "pass, take 1, pass, take 2"},
		{"what comes behind the barrier waits", 2, "0a 0|1 0b 1c 0d 1|1 0e", "pass, block, wait, pass, wait, take 1+0b+0d, pass"},
		{"three channels", 3, "2|1 2a 0|1 2b 0c 1d 1|1", "block, wait, block, wait, wait, pass, take 1+2a+2b+0c"},
		{"a barrier behind a barrier waits", 2, "0|1 0|2 0a 1|1", "block, wait, wait, take 1+0|2+0a"},

		{"a newer barrier gives the older up", 2, "0|1 0a 1|2 0b", "block, wait, give up 1+0a, then block, pass"},
		{"what was given up is never aligned", 2, "0|1 1|2 0|1 0|2 1|1", "block, give up 1, then block, ignore, take 2, ignore"},
		{"barriers may be skipped", 2, "0|3 1|3 1|7 0|7", "block, take 3, block, take 7"},
		{"a barrier that is done means nothing", 2, "0|2 1|2 0|2 1|1", "block, take 2, ignore, ignore"},

		{"an end counts as aligned", 2, "0|1 0a 1.", "block, wait, take 1+0a"},
		{"an end before the barrier", 2, "1. 0|1 0a 0|2", "pass, take 1, pass, take 2"},
		{"the end of a channel that waits", 2, "0|1 0. 1a 1|1 0.", "block, wait, pass, take 1+0., pass"},
		{"two ends, one barrier", 3, "0. 1|4 2.", "pass, block, take 4"},
		{"ends without a barrier", 2, "0. 1.", "pass, pass"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := decisions(c.channels, c.script); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.script, got, c.want)
			}
		})
	}
}

func TestAllEnded(t *testing.T) {
	a := newAlignment(2)
	for i, want := range []bool{false, false, true} {
		if i > 0 {
			a.end(i - 1)
		}
		if a.allEnded() != want {
			t.Errorf("after %d ends: %v", i, !want)
		}
	}
}
