package flow

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// listener notes what it receives.
type listener struct {
	name string
	to   *[]string
	site *Site
}

func (l listener) note(format string, args ...any) {
	*l.to = append(*l.to, l.name+" "+fmt.Sprintf(format, args...))
}

func (l listener) Receive(b *Batch[int]) {
	l.site.At = located(l.name)
	l.note("%v split %d", b.Values, b.Split)
}

func (l listener) Watermark(at int64) {
	l.site.At = located(l.name)
	l.note("wm %d", at)
}

func (l listener) Idle(idle bool) { l.note("idle %v", idle) }

type located string

func (l located) Locate() (string, string) { return string(l), "" }

func newOut(batch int, names ...string) (*Out[int], *Env, *[]string) {
	env := DryEnv("job", "op", 128)
	env.BatchSize = batch
	noted := &[]string{}
	out := NewOut[int](env)
	for _, name := range names {
		if err := out.Attach(listener{name, noted, env.Site}); err != nil {
			panic(err)
		}
	}
	return out, env, noted
}

func TestOut(t *testing.T) {
	out, env, noted := newOut(3, "a", "b")
	env.Site.At = located("op")
	out.Split(7)
	for i := range 4 {
		out.Emit(i, int64(i))
	}
	out.Flush()
	out.Flush()
	out.Emit(9, 9)
	out.Watermark(5)
	out.Emit(10, 10)
	out.Idle(true)
	want := []string{
		"a [0 1 2] split 7", "b [0 1 2] split 7", "a [3] split 7", "b [3] split 7",
		"a [9] split 7", "b [9] split 7", "a wm 5", "b wm 5",
		"a [10] split 7", "b [10] split 7", "a idle true", "b idle true",
	}
	if !slices.Equal(*noted, want) {
		t.Errorf("got %s", strings.Join(*noted, "\n    "))
	}
	if n := env.Metrics.Out.Load(); n != 6 {
		t.Errorf("%d records counted, not 6", n)
	}
	if env.Site.At != located("op") {
		t.Errorf("the site is left to %v", env.Site.At)
	}
}

// Records that are filled in where they lie keep their place among others, and batches their bound.
func TestOutExtends(t *testing.T) {
	out, _, noted := newOut(3, "a")
	out.Emit(1, 10)
	for next, left := 2, 6; left > 0; {
		made := out.Extend(left, 20)
		for i := range made {
			made[i] = next
			next++
		}
		out.Extended()
		left -= len(made)
	}
	out.Emit(8, 30)
	out.Emit(9, 30)
	out.Flush()
	if want := []string{"a [1 2 3] split 0", "a [4 5 6] split 0", "a [7 8 9] split 0"}; !slices.Equal(*noted, want) {
		t.Errorf("got %q", *noted)
	}
}

func TestOutToNobody(t *testing.T) {
	out, env, _ := newOut(1)
	out.Emit(1, 1)
	out.Watermark(1)
	if n := env.Metrics.Out.Load(); n != 1 {
		t.Errorf("%d records counted", n)
	}
}

func TestAttachOfAnotherType(t *testing.T) {
	env := DryEnv("job", "op", 128)
	err := NewOut[string](env).Attach(listener{})
	if want := "operator op: output of string attached to flow.listener"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// Pointers of records that were sent on are not kept.
func TestOutForgets(t *testing.T) {
	out := NewOut[*int](DryEnv("job", "op", 128))
	out.limit = 10
	out.Emit(new(int), 1)
	out.Flush()
	if out.batch.Values[:1][0] != nil {
		t.Error("a record is kept alive")
	}
}

func TestOutAllocatesNothing(t *testing.T) {
	out, _, _ := newOut(64)
	turn := func() {
		for i := range 256 {
			out.Emit(i, int64(i))
		}
	}
	turn()
	if n := testing.AllocsPerRun(20, turn); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// tap notes what a test hears.
type tap struct{ heard []string }

func (p *tap) Records(operator, output string, subtask int, values any, times []int64) {
	p.heard = append(p.heard, fmt.Sprint(operator, " ", output, " ", subtask, " ", values, " ", times))
}

func (p *tap) Barrier(string, int, int64) {}

// What a listener hears is its own.
func TestListen(t *testing.T) {
	out, env, _ := newOut(2)
	out.Listen("side") // nobody listens
	p := &tap{}
	env.Tap, env.Subtask = p, 4
	out.Listen("side")
	out.Emit(1, 10)
	out.Emit(2, 20)
	out.Watermark(5)
	out.Idle(true)
	if want := []string{"op side 4 [1 2] [10 20]"}; !slices.Equal(p.heard, want) {
		t.Errorf("heard %v", p.heard)
	}
}

func TestHoldsPointers(t *testing.T) {
	for name, c := range map[string]struct{ got, want bool }{
		"int":         {HoldsPointers[int](), false},
		"numbers":     {HoldsPointers[[4]struct{ a, b float64 }](), false},
		"string":      {HoldsPointers[string](), true},
		"time":        {HoldsPointers[struct{ from, to time.Time }](), false},
		"slice":       {HoldsPointers[struct{ s []int }](), true},
		"empty array": {HoldsPointers[[0]*int](), false},
		"any":         {HoldsPointers[any](), true},
		"complex":     {HoldsPointers[struct{ c complex128 }](), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", name, c.got)
		}
	}
}

func TestShow(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC).UnixNano()
	b := &Batch[any]{Values: []any{"a", struct{ N int }{4}, strings.Repeat("x", 5000)}, Times: []int64{at, NoTime, NoTime}}
	for i, want := range []string{
		"record a at 2026-03-01T12:00:00.000000005Z", "record {N:4}", "record " + strings.Repeat("x", shownBytes) + "…", "no record",
	} {
		if got := Show(b, i); got != want {
			t.Errorf("record %d: got %s", i, got)
		}
	}
	if got := Show[int](nil, 0); got != "no record" {
		t.Errorf("no batch: got %s", got)
	}
}

func TestCheck(t *testing.T) {
	Check(nil)
	want := errors.New("no")
	defer func() {
		if f, ok := recover().(Failure); !ok || f.Err != want || f.Error() != "no" {
			t.Errorf("thrown: %v", f)
		}
	}()
	Check(want)
}

func TestSplits(t *testing.T) {
	s := &Splits{Names: []string{"a", "b"}, Done: make([]bool, 2)}
	var heard []string
	for _, who := range []string{"x", "y"} {
		s.OnDone = append(s.OnDone, func(split int) { heard = append(heard, fmt.Sprint(who, " done ", split, s.Done)) })
		s.OnDry = append(s.OnDry, func(split int) { heard = append(heard, fmt.Sprint(who, " dry ", split)) })
	}
	s.Dry(0)
	s.Finish(1)
	if want := []string{"x dry 0", "y dry 0", "x done 1 [false true]", "y done 1 [false true]"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q", heard)
	}
}

func TestReset(t *testing.T) {
	k := &Keyed[string, *int]{Keys: []string{"a"}, Hashes: []uint64{1}}
	k.Values, k.Times = []*int{new(int)}, []int64{1}
	k.Reset(true)
	if k.Len()+len(k.Times)+len(k.Keys)+len(k.Hashes) > 0 {
		t.Errorf("not empty: %+v", k)
	}
	if k.Values[:1][0] != nil || k.Keys[:1][0] != "" {
		t.Error("pointers are kept")
	}
}

func TestEndsOfTime(t *testing.T) {
	if NoTime != math.MinInt64 || EndTime != math.MaxInt64 {
		t.Error("watermarks compare as numbers: the ends of time are the ends of int64")
	}
}
