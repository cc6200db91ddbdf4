package runtime

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/flow"
)

// legible is a head that says what it has last been given, under any key but some.
type legible struct{ keyed }

func (l legible) State() []backend.Keyed { return []backend.Keyed{l} }

func (l legible) Look(state string, key, item []byte, f func(backend.Held) error) error {
	switch string(key) {
	case "panic":
		panic("no such key")
	case "slow":
		<-time.After(10 * time.Millisecond)
	case "large":
		return f(backend.Held{Value: make([]byte, LookBytes+1)})
	case "none":
		return nil
	}
	return f(backend.Held{Item: item, Value: []byte(l.at)})
}

func legibly(h *head) any { return legible{keyed{h}} }

// ask asks for keys, and says what they have.
func (r *rig) ask(ctx context.Context, state string, keys ...string) string {
	q := &Question{Operator: "speller", State: state, Item: []byte("i")}
	for _, k := range keys {
		q.Keys = append(q.Keys, []byte(k))
	}
	if err := r.sub.Ask(ctx, r.ctx.Done(), q); err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return line
	}
	var all []string
	for _, held := range q.Answers {
		for _, h := range held {
			all = append(all, string(h.Item)+"="+string(h.Value))
		}
		if len(held) == 0 {
			all = append(all, "nothing")
		}
	}
	return strings.Join(all, " ")
}

// A question is answered between two messages, also by a subtask that waits for input or credit, and by one that has ended its work.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, legibly)
		r.run()
		expect := func(when, want string, got string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: got %s, want %s", when, got, want)
			}
		}
		r.send("0a 0b")
		synctest.Wait()
		expect("waiting for input", "i=b nothing i=b", r.ask(t.Context(), "last", "x", "none", "y"))
		r.out.empty.Store(true)
		r.send("0c 0d")
		synctest.Wait()
		expect("waiting for credit", "i=b", r.ask(t.Context(), "last", "x"))
		r.out.empty.Store(false)
		r.sub.Waker.Wake()
		synctest.Wait()
		expect("with credit", "i=d", r.ask(t.Context(), "last", "x"))
		expect("a panic", "panic: no such key", r.ask(t.Context(), "last", "x", "panic"))
		expect("a large value", "it has more than 1048576 bytes, which would hold the job up: read it as of the last checkpoint, or ask for one item", r.ask(t.Context(), "last", "large"))
		expect("another state", "it can be read as of a checkpoint only", r.ask(t.Context(), "lost", "x"))
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		expect("nobody waits", "enough", r.ask(ctx, "last", "x"))
		r.send("0:end 0.")
		synctest.Wait()
		expect("ended", "i=d", r.ask(t.Context(), "last", "x"))
		r.cancel()
		expect("gone", "the attempt has ended", r.ask(t.Context(), "last", "x"))
	})
}

// Whoever asks without end gets a part of a busy subtask's time, and no more.
func TestQuestionsStarveNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := func(h *head) any { return legible{keyed{h}} }
		r := newRig(t, 1, flow.NoTime, busy)
		var work, answers atomic.Int64
		r.sub.Chain.Links[0].Ports[0].Deliver = func(any) {
			work.Add(1)
			<-time.After(4 * time.Millisecond)
		}
		for range 1000 {
			r.send("0w")
		}
		for range 2 * QuestionsWaiting {
			go func() {
				for r.ctx.Err() == nil {
					if r.ask(r.ctx, "last", "slow", "slow") == "i= i=" {
						answers.Add(1)
					}
				}
			}()
		}
		r.run()
		<-time.After(4 * time.Second)
		if work.Load() < 850 || work.Load() > 950 || answers.Load() < 10 {
			t.Errorf("in 4 seconds %d messages of 4 milliseconds each, and %d answers", work.Load(), answers.Load())
		}
		r.cancel()
		<-time.After(time.Second)
	})
}

// Questions are answered while timers fire.
func TestAskWhileFiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		answer, took := "", time.Duration(0)
		r = newRig(t, 1, flow.NoTime, func(h *head) any {
			f := &firing{keyed: keyed{h}, due: 50}
			f.fired = func() {
				<-time.After(time.Millisecond)
				if f.due == 40 {
					asked := time.Now()
					go func() { answer, took = r.ask(t.Context(), "last", "x"), time.Since(asked) }()
				}
			}
			return legibleFiring{f, legible{keyed{h}}}
		})
		r.run()
		r.send("0a 0:5")
		synctest.Wait()
		<-time.After(time.Second)
		synctest.Wait()
		if answer != "i=a" || took > 10*time.Millisecond {
			t.Errorf("%q after %v", answer, took)
		}
	})
}

type legibleFiring struct {
	*firing
	legible legible
}

func (l legibleFiring) State() []backend.Keyed { return []backend.Keyed{l.legible} }
