package exchange

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
)

const maxParallelism = 128

// sending is a sender of numbers.
type sending interface {
	flow.Receiver[int]
	Sender
}

// edge is the channels of one sender to several subtasks.
type edge struct {
	env      *flow.Env
	channels []*Channel
	inboxes  []*Inbox
}

func newEdge(to, batch int) *edge {
	e := &edge{env: &flow.Env{
		Context: context.Background(), Operator: "op", BatchSize: batch, MaxParallelism: maxParallelism, Site: &flow.Site{},
	}}
	for i := range to {
		in := NewInbox(NewWaker())
		e.inboxes = append(e.inboxes, in)
		e.channels = append(e.channels, NewChannel(in, i, 0, NewWaker(), nil))
	}
	return e
}

// taken is what came to each subtask since the last time: batches of numbers, and signals. Everything goes back.
func (e *edge) taken() string {
	var all []string
	for _, in := range e.inboxes {
		var one []string
		for _, m := range in.Take(nil) {
			one = append(one, show(m))
			m.Channel.Recycle(m.Records(), m.Payload)
		}
		all = append(all, strings.Join(one, " "))
	}
	return strings.Join(all, " / ")
}

func show(m Message) string {
	switch m.Kind {
	case Data:
		switch b := m.Payload.(type) {
		case *flow.Batch[int]:
			return fmt.Sprint(b.Values)
		case *flow.Keyed[int, int]:
			return fmt.Sprint(b.Values)
		}
	case Watermark:
		return fmt.Sprintf("wm%d", m.At)
	case Idle:
		return fmt.Sprintf("idle%d", m.At)
	case Dry:
		return "dry"
	case Barrier:
		return fmt.Sprintf("|%d", m.At)
	case End:
		return "end"
	}
	return fmt.Sprintf("%+v", m)
}

func batchOf(values ...int) *flow.Batch[int] {
	b := &flow.Batch[int]{Values: values}
	for _, v := range values {
		b.Times = append(b.Times, int64(v)*10)
	}
	return b
}

func upTo(from, to int) []int {
	var all []int
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func TestPlainGoesRoundByBatches(t *testing.T) {
	e := newEdge(3, 2)
	p := NewPlain[int](e.env, e.channels)
	p.Receive(batchOf(upTo(0, 9)...))
	if got, want := e.taken(), "[0 1] [6 7] / [2 3] / [4 5]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.Receive(batchOf(9)) // joins the 8, which has waited
	p.Flush()
	p.Receive(batchOf(10))
	p.Flush()
	p.Flush()
	if got, want := e.taken(), " / [8 9] / [10]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPlainBeginsWithItsOwn(t *testing.T) {
	e := newEdge(3, 2)
	e.env.Subtask = 4
	p := NewPlain[int](e.env, e.channels)
	p.Receive(batchOf(1))
	p.Flush()
	if got, want := e.taken(), " / [1] / "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever the sizes of batches, forward changes no order and loses nothing.
func TestPlainKeepsOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	e := newEdge(1, 7)
	p := NewPlain[int](e.env, e.channels)
	var got []int
	next := 0
	for range 200 {
		to := next + random.IntN(20)
		p.Receive(batchOf(upTo(next, to)...))
		next = to
		for _, m := range e.inboxes[0].Take(nil) {
			b := m.Payload.(*flow.Batch[int])
			for i, v := range b.Values {
				if b.Times[i] != int64(v)*10 {
					t.Fatalf("record %d has time %d", v, b.Times[i])
				}
			}
			got = append(got, b.Values...)
			m.Channel.Recycle(m.Records(), b)
		}
	}
	p.Flush()
	for _, m := range e.inboxes[0].Take(nil) {
		got = append(got, m.Payload.(*flow.Batch[int]).Values...)
	}
	if !slices.Equal(got, upTo(0, next)) {
		t.Errorf("records are lost, doubled or out of order")
	}
}

func TestSignalsGoBehindRecords(t *testing.T) {
	keys := keysOf(t)
	for name, make := range map[string]func(e *edge) sending{
		"plain": func(e *edge) sending { return NewPlain[int](e.env, e.channels) },
		"hash":  func(e *edge) sending { return NewHash(e.env, e.channels, func(int) int { return 5 }, keys) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				do   func(s Sender)
				want string
			}{
				{func(s Sender) { s.Flush() }, ""},
				{func(s Sender) { s.(flow.Signals).Watermark(7) }, "wm7"},
				{func(s Sender) { s.(flow.Signals).Idle(true) }, "idle1"},
				{func(s Sender) { s.(flow.Signals).Idle(false) }, "idle0"},
				{func(s Sender) { s.Barrier(3) }, "|3"},
				{func(s Sender) { s.End() }, "end"},
			} {
				e := newEdge(2, 10)
				s := make(e)
				s.Receive(batchOf(1, 2))
				c.do(s)
				want := fmt.Sprintf("[1 2] %s / %s", c.want, c.want)
				if name == "hash" && keygroup.Subtask(keygroup.Of(keys.Hash(5), maxParallelism), 2, maxParallelism) == 1 {
					want = fmt.Sprintf("%s / [1 2] %s", c.want, c.want)
				}
				if got := e.taken(); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
}

func TestCreditOfAllChannels(t *testing.T) {
	e := newEdge(2, 1)
	p := NewPlain[int](e.env, e.channels)
	for range CreditBatches {
		if !p.HasCredit() {
			t.Fatal("no credit yet")
		}
		e.channels[1].Send(Watermark, 1, nil)
	}
	if p.HasCredit() {
		t.Error("one channel has no credit, but the edge has")
	}
}

func keysOf(t testing.TB) *keygroup.Keys[int] {
	t.Helper()
	keys, err := keygroup.Derive[int](nil)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Each record goes where its key group is, with its key and hash, and the records of a key stay in order.
func TestHashDealsByKeyGroup(t *testing.T) {
	keys := keysOf(t)
	for _, parallelism := range []int{1, 2, 3, 7, 128} {
		t.Run(fmt.Sprint(parallelism), func(t *testing.T) {
			e := newEdge(parallelism, 5)
			h := NewHash(e.env, e.channels, func(v int) int { return v % 100 }, keys)
			for from := 0; from < 3000; from += 11 {
				h.Receive(batchOf(upTo(from, min(from+11, 3000))...))
			}
			h.End()
			last, count := map[int]int{}, 0
			for i, in := range e.inboxes {
				for _, m := range in.Take(nil) {
					if m.Kind == Data {
						b := m.Payload.(*flow.Keyed[int, int])
						checkDealt(t, b, i, parallelism, keys, last)
						count += b.Len()
					}
				}
			}
			if count != 3000 {
				t.Errorf("%d records came, not 3000", count)
			}
		})
	}
}

func checkDealt(t *testing.T, b *flow.Keyed[int, int], to, parallelism int, keys *keygroup.Keys[int], last map[int]int) {
	t.Helper()
	if b.Len() > 5 || len(b.Times) != b.Len() || len(b.Keys) != b.Len() || len(b.Hashes) != b.Len() {
		t.Fatalf("columns of %d, %d, %d and %d", b.Len(), len(b.Times), len(b.Keys), len(b.Hashes))
	}
	for i, v := range b.Values {
		key, hash := b.Keys[i], b.Hashes[i]
		if key != v%100 || hash != keys.Hash(key) || b.Times[i] != int64(v)*10 {
			t.Fatalf("record %d has key %d, hash %x, time %d", v, key, hash, b.Times[i])
		}
		if s := keygroup.Subtask(keygroup.Of(hash, maxParallelism), parallelism, maxParallelism); s != to {
			t.Errorf("key %d went to subtask %d, not %d", key, to, s)
		}
		if v < last[key] {
			t.Errorf("record %d of key %d came behind %d", v, key, last[key])
		}
		last[key] = v
	}
}

// In steady state batches go round: no memory is made.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	keys := keysOf(t)
	for _, to := range []int{1, 4} {
		e := newEdge(to, 64)
		plain := NewPlain[int](e.env, e.channels)
		hash := NewHash(e.env, e.channels, func(v int) int { return v }, keys)
		in := batchOf(upTo(0, 512)...)
		queues := make([][]Message, to)
		turn := func(s sending) {
			s.Receive(in)
			s.Flush()
			for i, inbox := range e.inboxes {
				queues[i] = inbox.Take(queues[i])
				for _, m := range queues[i] {
					m.Channel.Recycle(m.Records(), m.Payload)
				}
			}
		}
		for name, s := range map[string]sending{"plain": plain, "hash": hash} {
			for _, c := range e.channels {
				c.free = nil
			}
			for range 10 {
				turn(s)
			}
			if n := testing.AllocsPerRun(50, func() { turn(s) }); n > 0 {
				t.Errorf("%s to %d subtasks: %v allocations for 512 records", name, to, n)
			}
		}
	}
}

// A batch that comes back lets go of what its records referred to, before it is filled again.
func TestFreshBatchesAreClear(t *testing.T) {
	e := newEdge(1, 4)
	p := NewPlain[*int](e.env, e.channels)
	one := new(int)
	p.Receive(&flow.Batch[*int]{Values: []*int{one, one, one, one}, Times: make([]int64, 4)})
	sent := e.inboxes[0].Take(nil)[0]
	e.channels[0].Recycle(0, sent.Payload)
	p.Receive(&flow.Batch[*int]{Values: []*int{one}, Times: make([]int64, 1)})
	p.Flush()
	again := e.inboxes[0].Take(nil)[0].Payload.(*flow.Batch[*int])
	if again != sent.Payload.(*flow.Batch[*int]) {
		t.Error("not the batch that came back")
	}
	if rest := again.Values[1:4]; !slices.Equal(rest, make([]*int, 3)) {
		t.Errorf("%v is kept alive", rest)
	}
}

func TestSplitIsTheChannel(t *testing.T) {
	e := newEdge(2, 1)
	e.channels[0].Index, e.channels[1].Index = 4, 9
	p := NewPlain[int](e.env, e.channels)
	p.Receive(&flow.Batch[int]{Values: []int{1, 2}, Times: make([]int64, 2), Split: 77})
	for i, want := range []int{4, 9} {
		if got := e.inboxes[i].Take(nil)[0].Payload.(*flow.Batch[int]).Split; got != want {
			t.Errorf("split %d, not %d", got, want)
		}
	}
}

// A sender that may not send any more unwinds the chain with the cause.
func TestSendFailsAtTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := newEdge(1, 1)
	e.env.Context = ctx
	e.channels[0].done = ctx.Done()
	p := NewPlain[int](e.env, e.channels)
	p.Receive(batchOf(upTo(0, CreditBatches+OverdraftBatches)...))
	cancel()
	defer func() {
		if f, ok := recover().(flow.Failure); !ok || !errors.Is(f.Err, context.Canceled) {
			t.Errorf("got %v", f)
		}
	}()
	p.Receive(batchOf(1))
	t.Error("sent after the end")
}

func TestHashLocates(t *testing.T) {
	e := newEdge(2, 4)
	h := NewHash(e.env, e.channels, func(v int) int {
		if v == 3 {
			panic("three")
		}
		return v
	}, keysOf(t))
	func() {
		defer func() { _ = recover() }()
		h.Receive(batchOf(1, 2, 3))
	}()
	operator, at := e.env.Site.At.Locate()
	if want := "key of record 3 at 1970-01-01T00:00:00.00000003Z"; operator != "op" || at != want {
		t.Errorf("got %s, %s", operator, at)
	}
	h.Receive(batchOf(4, 5))
	if _, at := h.Locate(); at != "hashes of the keys of 2 records" {
		t.Errorf("got %s", at)
	}
}

// Batches are smaller for a slow receiver, also those that are open; a burst beyond the credit goes in full ones.
func TestSmallBatches(t *testing.T) {
	for name, of := range map[string]func(*edge) sending{
		"plain": func(e *edge) sending { return NewPlain[int](e.env, e.channels) },
		"hash": func(e *edge) sending {
			return NewHash(e.env, e.channels, func(v int) int { return v }, keysOf(t))
		},
	} {
		e := newEdge(1, 8)
		s := of(e)
		s.Receive(batchOf(upTo(0, 5)...))
		e.inboxes[0].Admit(12)
		if !s.HasCredit() || s.Admitted() != 12 {
			t.Errorf("%s: %d records are admitted", name, s.Admitted())
		}
		s.Receive(batchOf(upTo(5, 10)...))
		if got, want := e.taken(), "[0 1 2 3 4 5] [6 7 8]"; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		s.Receive(batchOf(upTo(10, 10+3*CreditBatches)...))
		s.Flush()
		last := e.inboxes[0].Take(nil)
		if n := last[len(last)-1].Records(); s.Taken() != 10+3*CreditBatches || n <= 3 && len(last) > CreditBatches+1 {
			t.Errorf("%s: %d messages, %d records in the last, %d taken", name, len(last), n, s.Taken())
		}
	}
}

// Who asks is told that nothing more comes, when something has come since.
func TestDry(t *testing.T) {
	e := newEdge(2, 2)
	asked := true
	for _, in := range e.inboxes {
		in.AskDry(func() bool { return asked })
	}
	p := NewPlain[int](e.env, e.channels)
	p.Dry()
	p.Receive(batchOf(0))
	p.Dry()
	p.Watermark(7)
	p.Dry()
	asked = false
	p.Receive(batchOf(1))
	p.Dry()
	for _, want := range []string{"[0] dry wm7", "wm7 [1]"} {
		i := 0
		if want[0] == 'w' {
			i = 1
		}
		var got []string
		for _, m := range e.inboxes[i].Take(nil) {
			got = append(got, show(m))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("to %d: got %v, want %s", i, got, want)
		}
	}
}
