package runtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/metrics"
)

// journal is what the fakes round a subtask have seen, in order.
type journal struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// taken is what there is since the last call.
func (j *journal) taken() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := strings.Join(j.lines, ", ")
	j.lines = nil
	return text
}

// head is an operator that notes what it is given. Its payloads are words.
type head struct {
	*journal
	env *flow.Env
	at  string // the word at hand
}

func (h *head) Deliver(payload any) {
	h.at, h.env.Site.At = payload.(string), h
	if h.at == "panic" {
		panic("no such word")
	}
	if h.at == "fail" {
		flow.Fail(errors.New("no word"))
	}
	if h.at == "refuse" {
		panic(backend.Refusal{Err: errors.New("no room")})
	}
	h.note("%s", payload)
}

func (h *head) Watermark(at int64) { h.note("wm %s", timeName(at)) }

func (h *head) Idle(idle bool) { h.note("idle %v", idle) }

func (h *head) Locate() (string, string) { return "speller", "word " + h.at }

func timeName(at int64) string {
	switch at {
	case flow.EndTime:
		return "end"
	case flow.NoTime:
		return "none"
	}
	return fmt.Sprint(at)
}

// sender is the sending end of an edge that notes what is sent.
type sender struct {
	*journal
	empty atomic.Bool // no credit

	admits, taken int64
}

func (s *sender) HasCredit() bool { return !s.empty.Load() }
func (s *sender) Flush()          {}
func (s *sender) Dry()            {}
func (s *sender) AskedDry() bool  { return false }

func (s *sender) Taken() int64 { return s.taken }

func (s *sender) Admitted() int64 {
	if s.admits == 0 {
		return math.MaxInt32
	}
	return s.admits
}

func (s *sender) Barrier(id int64) { s.note("send |%d", id) }
func (s *sender) End()             { s.note("send end") }

// rig is a subtask among fakes, in a bubble of virtual time.
type rig struct {
	*journal
	t        *testing.T
	sub      *Subtask
	channels []*exchange.Channel
	out      *sender
	ctx      context.Context
	cancel   context.CancelFunc
}

// Frozen is the coordinator's.
func (r *rig) Request(id int64) backend.Request { return backend.Request{Checkpoint: id} }

func (r *rig) Frozen(c *Capture) {
	text := fmt.Sprintf("part %d", c.Checkpoint)
	for _, o := range c.Operators {
		for _, f := range o.Floors {
			text += fmt.Sprintf(" wm=%s", timeName(f.Watermark))
			if f.Firing {
				text += " firing"
			}
		}
		for _, e := range o.Entries {
			text += " " + e.Key
		}
	}
	c.Release()
	r.note("%s", text)
}

// Ended is the coordinator's.
func (r *rig) Completed(int, int, int64) {}

func (r *rig) Ended(task, subtask int) { r.note("ended %d/%d", task, subtask) }

// Failed is the coordinator's.
func (r *rig) Failed(err error) {
	line, _, _ := strings.Cut(err.Error(), "\n")
	r.note("failed: %s", line)
}

// newRig makes a subtask whose head is made by wrap from one that notes what it is given, with operators behind it.
func newRig(t *testing.T, channels int, floor int64, wrap func(*head) any, behind ...any) *rig {
	j := &journal{}
	w := exchange.NewWaker()
	r := &rig{journal: j, t: t, out: &sender{journal: j}}
	r.ctx, r.cancel = context.WithCancel(t.Context())
	site, splits := &flow.Site{}, &flow.Splits{Names: make([]string, channels), Done: make([]bool, channels)}
	env := func(name string) *flow.Env {
		return &flow.Env{Context: r.ctx, Job: "words", Operator: name, Subtask: 3, Clock: clock.Wall{}, Site: site, Splits: splits, Metrics: &metrics.Subtask{}}
	}
	h := &head{journal: j, env: env("speller")}
	ports := []graph.Port{{Deliver: h.Deliver, Signals: h}}
	chain := &Chain{Senders: []exchange.Sender{r.out}}
	for i, o := range append([]any{wrap(h)}, behind...) {
		name := []string{"speller", "second", "third"}[i]
		chain.Links = append(chain.Links, Link{&graph.Node{Name: name}, env(name), graph.Made{Operator: o, Ports: ports}, nil})
	}
	r.sub = &Subtask{
		Task: 1, Index: 3, Chain: chain, Inbox: exchange.NewInbox(w), Waker: w, Clock: clock.Wall{}, Coordinator: r, GroupTo: 8,
	}
	for i := range channels {
		r.channels = append(r.channels, exchange.NewChannel(r.sub.Inbox, i, 0, exchange.NewWaker(), r.ctx.Done()))
	}
	r.sub.Prepare(channels, floor)
	return r
}

// send sends messages: CHANNELword, CHANNEL:watermark, CHANNEL~ and CHANNEL^ for idle and active, CHANNEL|barrier,
// CHANNEL. for the end.
func (r *rig) send(script string) {
	for step := range strings.FieldsSeq(script) {
		c, rest := r.channels[step[0]-'0'], step[1:]
		var at int64
		fmt.Sscan(rest[1:], &at)
		switch rest[0] {
		case ':':
			if rest == ":end" {
				at = flow.EndTime
			}
			c.Send(exchange.Watermark, at, nil)
		case '~', '^':
			c.Send(exchange.Idle, map[byte]int64{'~': 1, '^': 0}[rest[0]], nil)
		case '|':
			c.Send(exchange.Barrier, at, nil)
		case '.':
			c.Send(exchange.End, 0, nil)
		default:
			c.Send(exchange.Data, 0, rest)
		}
	}
}

// run starts the subtask's goroutine, which ends with the bubble.
func (r *rig) run() {
	go r.sub.Run(r.ctx)
	r.t.Cleanup(r.cancel)
}

// expect waits until the subtask sleeps, and compares what was noted since the last time.
func (r *rig) expect(want string) {
	r.t.Helper()
	synctest.Wait()
	if got := r.taken(); got != want {
		r.t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// quiet is a head without facets.
func quiet(h *head) any { return h }

// keyed is a head with state.
type keyed struct{ *head }

func (k keyed) State() []backend.Keyed { return []backend.Keyed{k} }

func (k keyed) States() []backend.State { return []backend.State{{Name: "last"}} }

func (k keyed) Snapshot(backend.Request) backend.Snapshot { return frozen(k) }

func (k keyed) Restore(was backend.State, state string, group int, _ backend.Reader) error {
	k.note("restore %s of %d, was %s", state, group, was.Name)
	return nil
}

type frozen struct{ *head }

func (f frozen) Persist(backend.Writer) error { return nil }

func (f frozen) Release() { f.note("released") }

// firing is a head that fires one thing at a time.
type firing struct {
	keyed
	due   int // things left to fire
	fired func()
}

func (f *firing) Advance(watermark int64, _ int) bool {
	f.note("fire %s", timeName(watermark))
	f.due--
	if f.fired != nil {
		f.fired()
	}
	return f.due <= 0
}

// tickingHead has something to do at a time.
type tickingHead struct {
	*head
	at  int64
	due bool
}

func (k *tickingHead) NextTick() (int64, bool) { return k.at, k.due }

func (k *tickingHead) Tick(int64, int) bool {
	k.note("tick")
	k.due = false
	return true
}

// source is a head that reads words.
type source struct {
	*head
	words  []string // "" is dry
	limits []int    // of each pull
	wake   func()
	ready  atomic.Bool
}

func (s *source) Start(wake func()) error { s.wake = wake; return nil }

func (s *source) Ready() bool { return s.ready.Load() }

func (s *source) Pull(limit int) (int, Pulled, error) {
	s.ready.Store(false)
	s.limits = append(s.limits, limit)
	if len(s.words) == 0 {
		return 0, Finished, nil
	}
	word := s.words[0]
	s.words = s.words[1:]
	switch word {
	case "":
		return 0, Dry, nil
	case "broken":
		return 0, More, errors.New("broken")
	}
	s.note("read %s", word)
	return 1, More, nil
}

func (s *source) Finish(drain bool) { s.note("finish drain=%v", drain) }

func (s *source) Entries() ([]backend.Entry, error) {
	return []backend.Entry{{Key: fmt.Sprintf("left=%d", len(s.words))}}, nil
}

func (s *source) RestoreEntries([]backend.Entry) error { return nil }

func reading(words ...string) (func(*head) any, *source) {
	s := &source{words: words}
	return func(h *head) any { s.head = h; return s }, s
}

// lifecycle is an operator that opens, flushes and closes, and fails where it is told to.
type lifecycle struct {
	name  string
	fails []string
	to    **rig
}

func (l lifecycle) do(what string) error {
	(*l.to).note("%s %s", what, l.name)
	if slices.Contains(l.fails, what+" panics") {
		panic(l.name + " has slipped")
	}
	if slices.Contains(l.fails, what) {
		return errors.New(l.name + " won't " + what)
	}
	return nil
}

func (l lifecycle) Open(context.Context) error  { return l.do("open") }
func (l lifecycle) Flush(context.Context) error { return l.do("flush") }
func (l lifecycle) Close() error                { return l.do("close") }
