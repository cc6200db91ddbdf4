package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/runtime"
)

// input is splits of numbers, with what goes wrong.
type input struct {
	splits  []connector.Split
	count   map[string]int // records of each split
	prompt  bool
	fails   map[string]string // open, read or close → the split that fails to
	rejects bool              // each number that ends with 5
	timed   bool
	dryAt   int // a batch ends before the record whose number is divisible by it; 0: none

	mu     sync.Mutex // guards all below
	opened []string
	closed []string
}

func newInput(prompt bool, counts ...int) *input {
	in := &input{prompt: prompt, count: map[string]int{}, fails: map[string]string{}}
	for i, n := range counts {
		name := string(rune('a' + i))
		in.splits = append(in.splits, connector.Split{Name: name})
		in.count[name] = n
	}
	return in
}

func (in *input) Splits(context.Context) ([]connector.Split, error) { return in.splits, nil }

func (in *input) Open(_ context.Context, s connector.Split, position []byte) (connector.Reader[int], error) {
	if in.fails["open"] == s.Name {
		return nil, errBroken
	}
	if in.fails["panic"] == s.Name {
		panic("slipped")
	}
	r := &numbers{in: in, name: s.Name}
	if position != nil {
		var n uint64
		if err := connector.DecodePosition(position, &n); err != nil {
			return nil, err
		}
		r.next = int(n)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.opened = append(in.opened, fmt.Sprintf("%s@%d", s.Name, r.next))
	if in.prompt {
		return promptNumbers{r}, nil
	}
	return r, nil
}

type numbers struct {
	in   *input
	name string
	next int
}

func (r *numbers) Read(ctx context.Context, into *connector.Batch[int]) error {
	for into.Room() > 0 {
		switch {
		case r.next == r.in.count[r.name]:
			return io.EOF
		case r.in.fails["read"] == r.name && r.next == 3:
			return errBroken
		case r.in.fails["wait"] == r.name && r.next == 3 && len(into.Values) == 0:
			<-ctx.Done()
			return ctx.Err()
		case r.in.fails["wait"] == r.name && r.next == 3:
			return nil
		}
		r.add(into)
		r.next++
		if r.in.dryAt > 0 && r.next%r.in.dryAt == 0 {
			return nil
		}
	}
	return nil
}

func (r *numbers) add(into *connector.Batch[int]) {
	if r.in.rejects && r.next%10 == 5 {
		into.Rejected = append(into.Rejected, connector.Rejected{Raw: []byte("x"), Position: fmt.Sprintf("%s:%d", r.name, r.next), Err: "ends with 5"})
		return
	}
	into.Values = append(into.Values, r.next)
	if r.in.timed {
		into.Times = append(into.Times, second(r.next))
	}
}

func (r *numbers) Position() []byte { return connector.EncodePosition(uint64(r.next)) }

func (r *numbers) Close() error {
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	r.in.closed = append(r.in.closed, r.name)
	if r.in.fails["close"] == r.name {
		return errBroken
	}
	return nil
}

type promptNumbers struct{ *numbers }

func (promptNumbers) Prompt() {}

// reading is a source that is read by hand.
type reading struct {
	*Source[int]
	*notes
	in   *input
	env  *flow.Env
	woke chan struct{}
}

func read(in *input, subtask, parallelism int) reading {
	env := newEnv()
	env.Subtask, env.Parallelism, env.Enumerated = subtask, parallelism, in.splits
	n := &notes{}
	var rejects *flow.Out[connector.Rejected]
	if in.rejects {
		rejects = flow.NewOut[connector.Rejected](env)
		if err := rejects.Attach(rejected{n}); err != nil {
			panic(err)
		}
	}
	return reading{NewSource(env, in, newOut[int](env, n, ""), rejects), n, in, env, make(chan struct{}, 100)}
}

type rejected struct{ *notes }

func (r rejected) Receive(b *flow.Batch[connector.Rejected]) {
	for i, v := range b.Values {
		r.note("reject%d %s@%s", b.Split, v.Position, seconds(b.Times[i]))
	}
}

func (r rejected) Watermark(at int64) { r.note("reject wm%s", seconds(at)) }

func (r rejected) Idle(bool) {}

// begin opens and starts it, as the loop does.
func (r reading) begin(t *testing.T) {
	t.Helper()
	if err := r.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.env.Splits.OnDry = append(r.env.Splits.OnDry, func(split int) { r.note("dry%d", split) })
	r.env.Splits.OnDone = append(r.env.Splits.OnDone, func(split int) { r.note("done%d", split) })
	if err := r.Start(func() { r.woke <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
}

// pull pulls so many times, or until the source has finished or is dry, and returns the last answer.
func (r reading) pull(t *testing.T, times int) runtime.Pulled {
	t.Helper()
	for range times {
		_, p, err := r.Pull(r.env.BatchSize)
		if err != nil {
			t.Fatal(err)
		}
		if p != runtime.More {
			return p
		}
	}
	return runtime.More
}

func (r reading) entries(t *testing.T) []backend.Entry {
	t.Helper()
	entries, err := r.Entries()
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestSourceReadsSplitsInTurn(t *testing.T) {
	r := read(newInput(true, 6, 5, 0), 0, 1)
	r.begin(t)
	r.pull(t, 3)
	check(t, "in turn", r.taken(), "0[0@none 1@none 2@none 3@none] 1[0@none 1@none 2@none 3@none] done2")
	if p := r.pull(t, 10); p != runtime.Finished {
		t.Errorf("got %d, not that it has finished", p)
	}
	check(t, "to the end", r.taken(), "0[4@none 5@none] done0 1[4@none] done1")
	if !r.Ready() {
		t.Error("a source that has finished is not ready to say so")
	}
	r.Finish(true)
	check(t, "drained", r.taken(), "wmend")
	r.Finish(false)
	check(t, "not drained", r.taken(), "")
	if err := r.Close(); err != nil || !slices.Equal(r.in.closed, []string{"c", "a", "b"}) {
		t.Errorf("closed %q, %v", r.in.closed, err)
	}
	if n := r.env.Metrics.In.Load(); n != 11 {
		t.Errorf("%d records counted, not 11", n)
	}
}

func TestSourceSplitsAreDealtOut(t *testing.T) {
	for subtask, want := range []string{"[a@0 d@0]", "[b@0]", "[c@0]"} {
		r := read(newInput(true, 1, 1, 1, 1), subtask, 3)
		r.begin(t)
		if got := fmt.Sprint(r.in.opened); got != want {
			t.Errorf("subtask %d opened %s, want %s", subtask, got, want)
		}
	}
}

func TestSourceWithoutSplits(t *testing.T) {
	r := read(newInput(true, 1), 1, 2)
	r.begin(t)
	if p := r.pull(t, 1); p != runtime.Finished || !r.Ready() {
		t.Errorf("got %d, not that it has finished", p)
	}
}

func TestSourceDry(t *testing.T) {
	in := newInput(true, 9)
	in.dryAt = 2
	r := read(in, 0, 1)
	r.begin(t)
	r.pull(t, 10)
	check(t, "batches with room left", r.taken(), "0[0@none 1@none] dry0 0[2@none 3@none] dry0 0[4@none 5@none] dry0 0[6@none 7@none] dry0 0[8@none] done0")
}

func TestSourceTimes(t *testing.T) {
	in := newInput(true, 3)
	in.timed = true
	r := read(in, 0, 1)
	r.begin(t)
	r.pull(t, 10)
	check(t, "the source's own times", r.taken(), "0[0@0 1@1 2@2] done0")
}

func TestSourceRejects(t *testing.T) {
	in := newInput(true, 1, 7)
	in.rejects = true
	r := read(in, 0, 1)
	r.begin(t)
	r.pull(t, 10)
	r.Finish(true)
	check(t, "rejects", r.taken(), "0[0@none] done0 1[0@none 1@none 2@none 3@none] reject1 b:5@none 1[4@none 6@none] done1 wmend reject wmend")
	if n := r.env.Metrics.Rejected.Load(); n != 1 {
		t.Errorf("%d rejects counted, not 1", n)
	}
}

func TestSourceRejectFailsTheJob(t *testing.T) {
	in := newInput(true, 7)
	in.rejects = true
	r := read(in, 0, 1)
	r.rejects = nil
	r.begin(t)
	err := failure(func() { r.pull(t, 10) })
	checkError(t, err, "a:5: ends with 5 (to go on without such records, give the source the option leat.Rejects)")
}

// A restored source reads on where the snapshot left each split, in whichever subtask it is now.
func TestSourceRestores(t *testing.T) {
	for _, prompt := range []bool{true, false} {
		t.Run(fmt.Sprint("prompt ", prompt), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := read(newInput(prompt, 3, 9, 2), 0, 1)
				r.begin(t)
				for range 3 {
					synctest.Wait()
					r.pull(t, 1)
				}
				entries := r.entries(t)
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				in := newInput(prompt, 3, 9, 2, 1)
				second := read(in, 1, 2)
				if err := second.RestoreEntries(entries); err != nil {
					t.Fatal(err)
				}
				second.begin(t)
				if got := fmt.Sprint(in.opened); got != "[b@4 d@0]" {
					t.Errorf("opened %s", got)
				}
				first := read(in, 0, 2)
				if err := first.RestoreEntries(entries); err != nil {
					t.Fatal(err)
				}
				first.begin(t)
				if p := first.pull(t, 1); p != runtime.Finished || !slices.Equal(first.env.Splits.Done, []bool{true, true}) {
					t.Errorf("splits that were done are read again: %d, %v", p, first.env.Splits.Done)
				}
				if again := first.entries(t); len(again) != 2 || again[0].Value[0] != splitDone {
					t.Errorf("entries %v", again)
				}
				if err := errors.Join(first.Close(), second.Close()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A position may be no bytes; the split's entry never is.
func TestSourceEntryOfASplitAtItsBeginning(t *testing.T) {
	r := read(newInput(false, 3), 0, 1)
	if err := r.RestoreEntries([]backend.Entry{{State: "splits", Key: "a", Value: []byte{splitOpen}}}); err != nil {
		t.Fatal(err)
	}
	if err := r.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.in.opened); got != "[a@0]" {
		t.Errorf("opened %s", got)
	}
	checkError(t, r.RestoreEntries([]backend.Entry{{Key: "a"}}), "job job, operator op, subtask 0: the position of split a in the snapshot is empty")
}

func TestSourceMissesASplit(t *testing.T) {
	open := backend.Entry{State: "splits", Key: "gone", Value: []byte{splitOpen, 4}}
	r := read(newInput(true, 1), 0, 1)
	if err := r.RestoreEntries([]backend.Entry{open}); err != nil {
		t.Fatal(err)
	}
	checkError(t, r.Open(t.Context()), "the snapshot had not finished split gone, which is not there any more")
	open.Value[0] = splitDone
	if err := r.RestoreEntries([]backend.Entry{open}); err != nil {
		t.Fatal(err)
	}
	if err := r.Open(t.Context()); err != nil {
		t.Errorf("a split that was finished is missed: %v", err)
	}
}

// A source that can't open closes what it has opened.
func TestSourceOpenFails(t *testing.T) {
	for what, want := range map[string]string{"open": "split b: broken", "panic": "split b: panic: slipped"} {
		in := newInput(true, 1, 1, 1)
		in.fails[what] = "b"
		r := read(in, 0, 1)
		err := r.Open(t.Context())
		if line, _, _ := strings.Cut(fmt.Sprint(err), "\n"); line != want {
			t.Errorf("got %s, want %s", line, want)
		}
		if !slices.Equal(in.closed, []string{"a"}) {
			t.Errorf("closed %q", in.closed)
		}
	}
}

func TestSourceReadFails(t *testing.T) {
	for _, prompt := range []bool{true, false} {
		t.Run(fmt.Sprint("prompt ", prompt), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInput(prompt, 10)
				in.fails["read"] = "a"
				r := read(in, 0, 1)
				r.begin(t)
				synctest.Wait()
				_, _, err := r.Pull(r.env.BatchSize)
				checkError(t, err, "split a: broken")
				if operator, at := r.env.Site.At.Locate(); operator != "op" || at != "reading" {
					t.Errorf("located at %s, %s", operator, at)
				}
				if err := r.Close(); err != nil || !slices.Equal(in.closed, []string{"a"}) {
					t.Errorf("closed %q, %v", in.closed, err)
				}
			})
		})
	}
}

func TestSourceCloseFails(t *testing.T) {
	in := newInput(true, 1, 1)
	in.fails["close"] = "a"
	r := read(in, 0, 1)
	r.begin(t)
	_, _, err := r.Pull(r.env.BatchSize)
	checkError(t, err, "split a: close: broken")

	in = newInput(true, 1, 1)
	in.fails["close"] = "a"
	r = read(in, 0, 1)
	r.begin(t)
	checkError(t, r.Close(), "split a: broken")
	if !slices.Equal(in.closed, []string{"a", "b"}) {
		t.Errorf("closed %q", in.closed)
	}
}

// A reader that waits is read by a goroutine of its own, some batches ahead; its position is that of what was sent on.
func TestPump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(newInput(false, 100), 0, 1)
		r.begin(t)
		synctest.Wait()
		if n := len(r.woke); n != pumpBatches || !r.Ready() {
			t.Errorf("%d batches are read ahead, not %d", n, pumpBatches)
		}
		if value := r.entries(t)[0].Value; len(value) != 1 {
			t.Errorf("a position before anything was sent on: %v", value)
		}
		for i := range 25 {
			r.pull(t, 1)
			if value := r.entries(t)[0].Value; i < 24 && !slices.Equal(value, append([]byte{splitOpen}, connector.EncodePosition(uint64(4*i+4))...)) {
				t.Errorf("position %v after batch %d", value, i)
			}
			synctest.Wait()
		}
		if p := r.pull(t, 2); p != runtime.Finished {
			t.Errorf("got %d, not that it has finished", p)
		}
		if n := r.env.Metrics.In.Load(); n != 100 {
			t.Errorf("%d records, not 100", n)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Closing ends a reader that waits. A source of which one split has nothing goes on with the others.
func TestPumpWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInput(false, 10, 2)
		in.fails["wait"] = "a"
		r := read(in, 0, 1)
		r.begin(t)
		synctest.Wait()
		if p := r.pull(t, 10); p != runtime.Dry || r.Ready() {
			t.Errorf("got %d, not that it is dry", p)
		}
		check(t, "what there was", r.taken(), "0[0@none 1@none 2@none] dry0 1[0@none 1@none] done1")
		begin := time.Now()
		if err := r.Close(); err != nil || time.Since(begin) > 0 {
			t.Errorf("closed after %v, %v", time.Since(begin), err)
		}
	})
}
