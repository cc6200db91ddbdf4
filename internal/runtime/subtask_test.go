package runtime

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/flow"
)

// bubble runs a test in virtual time.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestMessagesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, flow.NoTime, quiet)
		r.run()
		r.send("0a 1b 0c")
		r.expect("a, b, c")
		r.send("1d")
		r.expect("d")
	})
}

func TestWatermarksOfTwoChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, flow.NoTime, quiet)
		r.run()
		r.send("0:5 0a 1:3 1b 1:9")
		r.expect("a, wm 3, b, wm 5")
		r.send("0~ 1:12")
		r.expect("wm 9, wm 12")
		r.send("1~")
		r.expect("idle true")
		r.send("0^ 0:20 1:21")
		r.expect("idle false, wm 20")
	})
}

// A channel that was stopped holds event time where it was; one that has come to its end does not.
func TestStoppedChannelHoldsEventTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 3, flow.NoTime, quiet)
		r.run()
		r.send("0:5 1:7 2:6 0. 2:end 2. 1:20 1.")
		r.expect("wm 5, send end, ended 1/3")
	})
}

func TestFinishedBesideIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, flow.NoTime, quiet)
		r.run()
		r.send("0:5 1:5 1~ 0:end 0.")
		r.expect("wm 5, idle true")
		r.send("1a 1:8 1:end 1.")
		r.expect("a, idle false, wm 8, wm end, send end, ended 1/3")
	})
}

func TestSplitsFinishWithTheirChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, flow.NoTime, quiet)
		splits := r.sub.Chain.Links[0].Env.Splits
		splits.OnDone = append(splits.OnDone, func(split int) { r.note("done %d", split) })
		r.run()
		r.send("1:end 1. 0:4 0.")
		r.expect("done 1, wm 4, send end, ended 1/3")
	})
}

func TestBarriersAlign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, flow.NoTime, func(h *head) any { return keyed{h} })
		r.run()
		r.send("0a 0:5 1:4 0|1 0b 0:9 1c 1|1 1d")
		r.expect("a, wm 4, c, released, part 1 wm=4, send |1, b, d")
		r.send("1:7")
		r.expect("wm 7")
	})
}

func TestBarrierAlignedByAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, flow.NoTime, quiet)
		r.run()
		r.send("0|1 0a 0.")
		r.expect("")
		r.send("1b 1.")
		r.expect("b, part 1, send |1, a, send end, ended 1/3")
	})
}

func TestSupersededBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, flow.NoTime, quiet)
		r.run()
		r.send("0|1 0a 0|2 0b")
		r.expect("")
		r.send("1|2 1c")
		r.expect("a, part 2, send |2, b, c")
		r.send("0|1 1|1 1d")
		r.expect("d")
	})
}

// What waits takes no credit back, so that its sender stops.
func TestWhatWaitsKeepsItsCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, flow.NoTime, quiet)
		r.run()
		r.send("0|1")
		for range 16 {
			r.send("0a")
		}
		r.expect("")
		if r.channels[0].HasCredit() || !r.channels[1].HasCredit() {
			t.Error("the channel that waits has credit, or the other has none")
		}
		r.send("1|1")
		synctest.Wait()
		if !r.channels[0].HasCredit() {
			t.Error("no credit after the barrier was aligned")
		}
	})
}

func TestBarrierInTheMiddleOfAFiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, func(h *head) any { return &firing{keyed: keyed{h}, due: 3} })
		r.send("0:5 0|1 0a 0|2")
		r.run()
		r.expect("fire 5, released, part 1 wm=5 firing, send |1, fire 5, fire 5, a, released, part 2 wm=5, send |2")
	})
}

// A record has to wait for the firing, and with it all that comes behind.
func TestRecordsWaitForTheFiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, func(h *head) any { return &firing{keyed: keyed{h}, due: 2} })
		r.send("0:5 0a 0|1 0.")
		r.run()
		r.expect("fire 5, fire 5, a, released, part 1 wm=5, send |1, send end, ended 1/3")
	})
}

// A firing that waits for credit goes on when there is some.
func TestFiringWaitsForCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &firing{due: 2}
		r := newRig(t, 1, flow.NoTime, func(h *head) any { f.head = h; return f })
		f.fired = func() { r.out.empty.Store(true) }
		r.run()
		r.send("0:5 0a")
		r.expect("fire 5")
		r.out.empty.Store(false)
		r.sub.Waker.Wake()
		r.expect("fire 5")
		r.out.empty.Store(false)
		r.sub.Waker.Wake()
		r.expect("a")
	})
}

func TestNoBatchWithoutCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, quiet)
		r.out.empty.Store(true)
		r.send("0a")
		r.run()
		r.send("0b")
		r.expect("")
		r.out.empty.Store(false)
		r.sub.Waker.Wake()
		r.expect("a, b")
	})
}

func TestSourceWithoutCreditAnswersMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrap, _ := reading("a", "b")
		r := newRig(t, 0, flow.NoTime, wrap)
		r.out.empty.Store(true)
		r.run()
		r.expect("")
		r.sub.Trigger(1)
		r.expect("part 1 left=2, send |1")
	})
}

// A subtask that can't do what is due must sleep: one that went round and round would never be at rest here.
func TestDueWithoutCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, func(h *head) any { return &tickingHead{h, 0, true} })
		r.out.empty.Store(true)
		r.run()
		r.expect("")
		r.out.empty.Store(false)
		r.sub.Waker.Wake()
		r.expect("tick")
	})
}

func TestDueAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &tickingHead{at: time.Now().Add(time.Second).UnixNano(), due: true}
		r := newRig(t, 1, flow.NoTime, func(h *head) any { k.head = h; return k })
		r.run()
		r.send("0.")
		r.expect("send end, ended 1/3")
		time.AfterFunc(time.Minute, func() { r.note("a minute") })
		<-time.After(time.Hour)
		r.expect("a minute")
	})
}

func TestAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &tickingHead{at: time.Now().Add(time.Hour).UnixNano(), due: true}
		r := newRig(t, 1, flow.NoTime, func(h *head) any { k.head = h; return k })
		r.run()
		<-time.After(time.Hour - 1)
		r.expect("")
		<-time.After(1)
		r.expect("tick")
		r.send("0a")
		r.expect("a")
	})
}

func TestSourceReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrap, s := reading("a", "", "b")
		r := newRig(t, 0, flow.NoTime, wrap)
		r.run()
		r.expect("read a")
		r.sub.Trigger(1)
		r.expect("part 1 left=1, send |1, read b, finish drain=true, send end, ended 1/3")
		if s.wake == nil {
			t.Error("the source was not started")
		}
	})
}

func TestDrySourceWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrap, s := reading("a", "", "b", "")
		r := newRig(t, 0, flow.NoTime, wrap)
		r.run()
		r.expect("read a")
		s.ready.Store(true)
		s.wake()
		r.expect("read b")
	})
}

func TestPartsAfterTheEnd(t *testing.T) {
	bubble(t, "source", func(t *testing.T) {
		wrap, _ := reading()
		r := newRig(t, 0, flow.NoTime, wrap)
		r.run()
		r.expect("finish drain=true, send end, ended 1/3")
		r.sub.Trigger(7)
		r.expect("part 7 left=0")
		r.sub.Trigger(7)
		r.expect("")
	})
	bubble(t, "asked before the end", func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, quiet)
		r.run()
		r.sub.Trigger(4)
		r.sub.Trigger(5)
		r.expect("")
		r.send("0a 0:end 0.")
		r.expect("a, wm end, send end, part 4, part 5, ended 1/3")
		r.sub.Trigger(6)
		r.expect("part 6")
	})
	bubble(t, "asked and answered by barrier", func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, quiet)
		r.run()
		r.sub.Trigger(4)
		r.send("0|4")
		r.expect("part 4, send |4")
		r.sub.Trigger(4)
		r.send("0.")
		r.expect("send end, ended 1/3")
	})
}

func TestStop(t *testing.T) {
	bubble(t, "drain", func(t *testing.T) {
		wrap, _ := reading("a", "", "b")
		r := newRig(t, 0, flow.NoTime, wrap)
		r.run()
		r.expect("read a")
		r.sub.Stop(true)
		r.expect("finish drain=true, send end, ended 1/3")
	})
	bubble(t, "no drain", func(t *testing.T) {
		wrap, _ := reading("a", "", "b")
		r := newRig(t, 0, flow.NoTime, wrap)
		r.run()
		r.expect("read a")
		r.sub.Stop(false)
		r.sub.Trigger(1)
		r.expect("finish drain=false, part 1 left=1, send |1, send end, ended 1/3")
		r.sub.Stop(true)
		r.expect("")
	})
	bubble(t, "not a source", func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, quiet)
		r.run()
		r.sub.Stop(true)
		r.send("0a")
		r.expect("a")
	})
}

// restored is a snapshot with one state, and a watermark for all key groups.
type restored struct {
	*rig
	floors []backend.Floor
	state  string
}

func (s restored) Keyed(_ context.Context, operator string, from, to int, _ backend.Adopt, f func(string, int, backend.Reader) error) error {
	s.note("groups %d to %d of %s", from, to, operator)
	return f(s.state, 2, nil)
}

func (s restored) States(string) map[string]backend.State {
	return map[string]backend.State{"last": {Name: "first"}}
}

func (s restored) Entries(string) []backend.Entry { return nil }

func (s restored) Floors(string) []backend.Floor { return s.floors }

func TestRestore(t *testing.T) {
	floors := []backend.Floor{{From: 0, To: 4, Watermark: 9}, {From: 4, To: 6, Watermark: 7}, {From: 100, To: 101, Watermark: 1}}
	for _, c := range []struct {
		name   string
		firing bool
		want   string
	}{
		{"at rest", false, "groups 0 to 8 of speller, restore last of 2, was first, wm 7, fire 8"},
		{"in the middle of a firing", true, "groups 0 to 8 of speller, restore last of 2, was first, fire 7, fire 8"},
	} {
		bubble(t, c.name, func(t *testing.T) {
			r := newRig(t, 1, flow.NoTime, func(h *head) any { return &firing{keyed: keyed{h}} })
			floors[0].Firing = c.firing
			floor, err := r.sub.Restore(t.Context(), restored{r, floors, "last"})
			if err != nil {
				t.Fatal(err)
			}
			r.sub.Prepare(1, floor)
			r.run()
			r.send("0:5 0:8")
			r.expect(c.want)
		})
	}
	bubble(t, "a state that nobody has", func(t *testing.T) {
		r := newRig(t, 1, flow.NoTime, func(h *head) any { return keyed{h} })
		_, err := r.sub.Restore(t.Context(), restored{r, nil, "first"})
		if want := `the snapshot has a state "first" that the operator does not have`; err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	})
}

func TestLinger(t *testing.T) {
	r := newRig(t, 1, flow.NoTime, quiet)
	flushes := &flushing{}
	r.sub.Chain.Senders[0] = flushes
	for _, now := range []int64{LingerNanos, LingerNanos + 1, 2 * LingerNanos, 2*LingerNanos + 2} {
		r.sub.linger(now)
	}
	if flushes.count != 2 {
		t.Errorf("flushed %d times, not 2", flushes.count)
	}
}

type flushing struct {
	sender
	count int
}

func (f *flushing) Flush() { f.count++ }
