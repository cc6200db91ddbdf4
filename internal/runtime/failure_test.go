package runtime

import (
	"strings"
	"testing"
	"testing/synctest"

	"leat.dev/leat/internal/flow"
)

func TestFailuresNameTheRecord(t *testing.T) {
	for word, want := range map[string]string{
		"panic":  "failed: job words, operator speller, subtask 3: word panic: panic: no such word",
		"fail":   "failed: job words, operator speller, subtask 3: word fail: no word",
		"refuse": "failed: job words, operator speller, subtask 3: word refuse: no room",
	} {
		bubble(t, word, func(t *testing.T) {
			r := newRig(t, 1, flow.NoTime, quiet)
			r.run()
			r.send("0a 0" + word + " 0b")
			r.expect("a, " + want)
		})
	}
}

func TestFailureOfASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrap, _ := reading("a", "broken")
		r := newRig(t, 0, flow.NoTime, wrap)
		r.run()
		r.expect("read a, failed: job words, operator speller, subtask 3: broken")
	})
}

// A failure after the attempt has ended is not told: the end may be what it comes from.
func TestFailureAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, func(h *head) any { return failingLate{h} })
		r.sub.Chain.Links[0].Ports[0].Deliver = func(any) { r.cancel(); panic("too late") }
		r.run()
		r.send("0a")
		r.expect("closed")
	})
}

type failingLate struct{ *head }

func (f failingLate) Close() error { f.note("closed"); return nil }

func TestLifecycle(t *testing.T) {
	const at = "failed: job words, operator "
	for _, c := range []struct {
		name          string
		second, third []string // how they fail
		want          string
	}{
		{"well", nil, nil, "open third, open second, a, flush second, flush third, send end, ended 1/3, close second, close third"},
		{"open fails", []string{"open"}, nil, "open third, open second, close third, " + at + "second, subtask 3: open: second won't open"},
		{"open fails first", nil, []string{"open"}, "open third, " + at + "third, subtask 3: open: third won't open"},
		{"open panics", []string{"open panics"}, nil, "open third, open second, close third, " + at + "second, subtask 3: open: panic: second has slipped"},
		{
			"flush fails",
			[]string{"flush"},
			nil,
			"open third, open second, a, flush second, close second, close third, " + at + "second, subtask 3: flush: second won't flush",
		},
		{
			"close fails",
			[]string{"close"},
			nil,
			"open third, open second, a, flush second, flush third, send end, ended 1/3, close second, close third, " + at + "second, subtask 3: close: second won't close",
		},
		{
			"close panics",
			[]string{"close panics"},
			[]string{"close"},
			"open third, open second, a, flush second, flush third, send end, ended 1/3, close second, close third, " +
				at + "second, subtask 3: close: panic: second has slipped",
		},
		{
			"flush and close fail",
			[]string{"flush", "close"},
			nil,
			"open third, open second, a, flush second, close second, close third, " + at + "second, subtask 3: flush: second won't flush",
		},
	} {
		bubble(t, c.name, func(t *testing.T) {
			var r *rig
			r = newRig(t, 1, flow.NoTime, quiet, lifecycle{"second", c.second, &r}, lifecycle{"third", c.third, &r})
			r.send("0a 0.")
			r.run()
			synctest.Wait()
			r.cancel() // ends a subtask that has ended well, which waits for triggers
			r.expect(c.want)
		})
	}
}

// What sinks have written is durable before the barrier goes on.
func TestFlushBeforeTheBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, 1, flow.NoTime, quiet, lifecycle{"second", nil, &r})
		r.run()
		r.send("0a 0|1")
		r.expect("open second, a, flush second, part 1, send |1")
	})
}

func TestThrown(t *testing.T) {
	err := Thrown(flow.Failure{Err: errStopped})
	if err != errStopped {
		t.Errorf("got %v", err)
	}
	if text := Thrown("oh").Error(); !strings.HasPrefix(text, "panic: oh\n") || !strings.Contains(text, "TestThrown") {
		t.Errorf("got %s, without the place", text)
	}
}
