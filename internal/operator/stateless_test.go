package operator

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/flow"
)

// Operators keep order, times and splits, and pass signals on behind the records before them.
func TestStateless(t *testing.T) {
	for name, c := range map[string]struct {
		make func(env *flow.Env, out *flow.Out[int]) flow.Receiver[int]
		want string
	}{
		"map": {
			func(env *flow.Env, out *flow.Out[int]) flow.Receiver[int] {
				return NewMap(env, out, func(v int) int { return v * 10 })
			},
			"7[10@1 20@2 30@3 40@4] 7[50@5] wm4 idle=true",
		},
		"filter": {
			func(env *flow.Env, out *flow.Out[int]) flow.Receiver[int] {
				return NewFilter(env, out, func(v int) bool { return v%2 == 0 })
			},
			"7[2@2 4@4] wm4 idle=true",
		},
		"flat map": {
			func(env *flow.Env, out *flow.Out[int]) flow.Receiver[int] {
				return NewFlatMap(env, out, func(v int) iter.Seq[int] { return slices.Values(make([]int, v-1)) })
			},
			"7[0@2 0@3 0@3 0@4] 7[0@4 0@4 0@5 0@5] 7[0@5 0@5] wm4 idle=true",
		},
		"try map": {
			func(env *flow.Env, out *flow.Out[int]) flow.Receiver[int] {
				return NewTryMap(env, out, func(v int) (int, error) { return -v, nil }, nil)
			},
			"7[-1@1 -2@2 -3@3 -4@4] 7[-5@5] wm4 idle=true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			env, n := newEnv(), &notes{}
			r := c.make(env, newOut[int](env, n, ""))
			b := at(1, 2, 3, 4, 5)
			b.Split = 7
			r.Receive(b)
			r.Watermark(second(4).UnixNano())
			r.Idle(true)
			check(t, name, n.taken(), c.want)
			if in := env.Metrics.In.Load(); in != 5 {
				t.Errorf("%d records counted, not 5", in)
			}
		})
	}
}

func TestFailuresAreLocated(t *testing.T) {
	env := newEnv()
	m := NewMap(env, newOut[int](env, &notes{}, ""), func(v int) int {
		if v == 3 {
			flow.Fail(errBroken)
		}
		return v
	})
	if err := failure(func() { m.Receive(at(1, 2, 3, 4)) }); err != errBroken {
		t.Errorf("got %v", err)
	}
	if operator, at := env.Site.At.Locate(); operator != "op" || at != "record 3 at 2026-03-01T12:00:03Z" {
		t.Errorf("located at %s, %s", operator, at)
	}
}

// odd refuses even numbers.
func odd(v int) (int, error) {
	if v%2 == 0 {
		return 0, errors.New("even")
	}
	return v, nil
}

func TestTryMapRejects(t *testing.T) {
	env, n := newEnv(), &notes{}
	rejects := flow.NewOut[connector.Rejected](env)
	if err := rejects.Attach(rejected{n}); err != nil {
		t.Fatal(err)
	}
	m := NewTryMap(env, newOut[int](env, n, ""), odd, rejects)
	b := at(1, 2, 3, 4)
	b.Split = 6
	m.Receive(b)
	m.Watermark(second(4).UnixNano())
	m.Idle(true)
	check(t, "rejects", n.taken(), "6[1@1 3@3] reject6 operator op@2 reject6 operator op@4 wm4 reject wm4 idle=true")
	if got := env.Metrics.Rejected.Load(); got != 2 {
		t.Errorf("%d rejects counted, not 2", got)
	}
}

func TestTryMapFailsTheJob(t *testing.T) {
	env, n := newEnv(), &notes{}
	m := NewTryMap(env, newOut[int](env, n, ""), odd, nil)
	checkError(t, failure(func() { m.Receive(at(1, 2, 3)) }), "even")
	if _, at := env.Site.At.Locate(); at != "record 2 at 2026-03-01T12:00:02Z" {
		t.Errorf("located at %s", at)
	}
	check(t, "nothing leaves", n.taken(), "")
}

func TestRaw(t *testing.T) {
	for want, v := range map[string]any{"text": "text", "bytes": []byte("bytes"), "7": 7} {
		if got := string(raw(v)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// hooked is hooks that note what is called.
func hooked(n *notes, fails string) *Hooks {
	h := &Hooks{}
	for i := range 3 {
		do := func(what string) error {
			n.note("%s%d", what, i)
			if fails == fmt.Sprint(what, i) {
				return fmt.Errorf("%s%d: %w", what, i, errBroken)
			}
			return nil
		}
		h.OnOpen(func(context.Context) error { return do("open") })
		h.OnClose(func() error { return do("close") })
	}
	return h
}

func TestHooks(t *testing.T) {
	n := &notes{}
	h := hooked(n, "")
	if err := errors.Join(h.Open(t.Context()), h.Close()); err != nil {
		t.Error(err)
	}
	check(t, "order", n.taken(), "open0 open1 open2 close2 close1 close0")
	checkError(t, hooked(n, "open1").Open(t.Context()), "open1: broken")
	check(t, "an open that fails is the last", n.taken(), "open0 open1")
	checkError(t, hooked(n, "close2").Close(), "close2: broken")
	check(t, "all are closed", n.taken(), "close2 close1 close0")
}

// list is a list state of an operator without keys.
type list struct {
	all  []backend.Entry
	was  string
	fail error
}

func (l *list) Entries() ([]backend.Entry, error) { return l.all, l.fail }

func (l *list) Expect(was backend.State) error { l.was = was.Name; return l.fail }

func (l *list) Restore(all []backend.Entry) error { l.all = all; return l.fail }

func (l *list) Describe() backend.State { return backend.State{Name: "open"} }

func TestUnkeyed(t *testing.T) {
	env, n := newEnv(), &notes{}
	u := NewUnkeyed[int](env)
	out := newOut[int](env, n, "")
	u.Outs[""] = out
	u.Each(func(v int) error {
		if v == 3 {
			return errBroken
		}
		out.Emit(v, u.At())
		return nil
	})
	u.Receive(at(1, 2))
	u.Watermark(second(2).UnixNano())
	u.Idle(true)
	check(t, "records and signals", n.taken(), "0[1@1 2@2] wm2 idle=true")
	if err := failure(func() { u.Receive(at(3)) }); err != errBroken {
		t.Errorf("got %v", err)
	}
	first, second := &list{all: []backend.Entry{{Key: "1"}}}, &list{all: []backend.Entry{{Key: "2"}, {Key: "3"}}}
	u.AddList(first)
	u.AddList(second)
	entries, err := u.Entries()
	if err != nil || len(entries) != 3 || len(u.Lists()) != 2 {
		t.Errorf("entries %v, %v", entries, err)
	}
	if err := u.RestoreEntries(entries); err != nil || len(second.all) != 3 {
		t.Errorf("restored %v, %v", second.all, err)
	}
	if err := u.Expect(map[string]backend.State{"open": {Name: "todo"}, "other": {}}); err != nil || second.was != "todo" {
		t.Errorf("expects what was %q, %v", second.was, err)
	}
	second.fail = errBroken
	checkError(t, u.Expect(map[string]backend.State{"open": {}}), "job job, operator op, subtask 0: list open: broken")
	if _, err := u.Entries(); err != errBroken {
		t.Errorf("got %v", err)
	}
	checkError(t, u.RestoreEntries(entries), "job job, operator op, subtask 0: list open: broken")
}
