package exchange

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// open is a channel to an inbox of its own.
func open(done <-chan struct{}) (*Channel, *Inbox, *Waker) {
	in, w := NewInbox(NewWaker()), NewWaker()
	return NewChannel(in, 0, 0, w, done), in, w
}

func TestCredit(t *testing.T) {
	c, in, _ := open(nil)
	for i := range CreditBatches {
		if !c.HasCredit() {
			t.Fatalf("no credit after %d messages", i)
		}
		c.Send(Watermark, int64(i), nil)
	}
	if c.HasCredit() {
		t.Error("credit for more messages than there may be under way")
	}
	for i, m := range in.Take(nil) {
		if m.At != int64(i) || m.Channel != c {
			t.Errorf("message %d is %+v", i, m)
		}
		m.Channel.Recycle(0, nil)
		if !c.HasCredit() {
			t.Errorf("no credit after message %d came back", i)
		}
	}
}

// The sender of a burst waits in the middle of it, and goes on with each message that comes back.
func TestOverdraft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, in, _ := open(t.Context().Done())
		sent := 0
		go func() {
			for range CreditBatches + OverdraftBatches + 2 {
				if !c.Send(Data, 0, nil) {
					return
				}
				sent++
			}
		}()
		for i := range 3 {
			synctest.Wait()
			if want := CreditBatches + OverdraftBatches + i; sent != want {
				t.Errorf("%d messages sent, not %d", sent, want)
			}
			c.Recycle(0, nil)
		}
		if got := len(in.Take(nil)); got != sent {
			t.Errorf("%d messages came, not %d", got, sent)
		}
	})
}

func TestSendGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		c, _, _ := open(done)
		for range CreditBatches + OverdraftBatches {
			c.Send(Data, 0, nil)
		}
		result := make(chan bool)
		go func() { result <- c.Send(Data, 0, nil) }()
		synctest.Wait()
		close(done)
		if <-result {
			t.Error("sent after the attempt had ended")
		}
	})
}

func TestFreshIsWhatCameBack(t *testing.T) {
	c, _, _ := open(nil)
	if c.Fresh() != nil {
		t.Error("a batch out of nothing")
	}
	b := new(int)
	c.Recycle(0, b)
	c.Recycle(0, nil)
	if c.Fresh() != any(b) || c.Fresh() != nil {
		t.Error("not the batch that came back, once")
	}
	for range 3 * CreditBatches {
		c.Recycle(0, new(int))
	}
	if len(c.free) > CreditBatches {
		t.Errorf("%d batches are kept, more than %d", len(c.free), CreditBatches)
	}
}

func TestTakeReusesMemory(t *testing.T) {
	c, in, _ := open(nil)
	var queue []Message
	if !in.Empty() || len(in.Take(nil)) > 0 {
		t.Error("a new inbox is not empty")
	}
	turn := func() {
		for range 10 {
			c.Send(Watermark, 1, nil)
		}
		queue = in.Take(queue)
		for _, m := range queue {
			m.Channel.Recycle(0, nil)
		}
	}
	turn()
	turn()
	if n := testing.AllocsPerRun(100, turn); n > 0 {
		t.Errorf("%v allocations a turn", n)
	}
	if len(queue) != 10 {
		t.Errorf("%d messages", len(queue))
	}
}

// What was handled is not kept alive by the memory that goes back and forth.
func TestTakeForgets(t *testing.T) {
	c, in, _ := open(nil)
	c.Send(Data, 0, "payload")
	first := in.Take(nil)
	c.Send(Data, 0, nil)
	in.Take(first)
	if first[:1][0].Payload != nil {
		t.Error("a payload is left")
	}
}

// Two subtasks that sleep whenever they can: a lost wake-up would leave both asleep.
func TestNoWakeUpIsLost(t *testing.T) {
	const count = 20_000
	c, in, wake := open(t.Context().Done())
	go func() {
		for i := range int64(count) {
			for !c.HasCredit() {
				wake.Park(t.Context().Done(), c.HasCredit)
			}
			c.Send(Data, i, nil)
		}
		c.Send(End, 0, nil)
	}()
	var queue []Message
	for next := int64(0); ; {
		in.waker.Park(t.Context().Done(), func() bool { return !in.Empty() })
		queue = in.Take(queue)
		for _, m := range queue {
			if m.Kind == End {
				if next != count {
					t.Errorf("%d messages, not %d", next, count)
				}
				return
			}
			if m.At != next {
				t.Fatalf("message %d came in place of %d", m.At, next)
			}
			next++
			m.Channel.Recycle(0, nil)
		}
	}
}

func TestPark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, done := NewWaker(), make(chan struct{})
		awake := 0
		park := func(ready bool) {
			w.Park(done, func() bool { return ready })
			awake++
		}
		expect := func(want int, when string) {
			t.Helper()
			synctest.Wait()
			if awake != want {
				t.Errorf("%s: woke %d times, not %d", when, awake, want)
			}
		}
		go park(true)
		expect(1, "ready")
		go park(false)
		expect(1, "asleep")
		w.Wake()
		expect(2, "woken")
		w.Wake() // nobody sleeps
		go park(false)
		expect(2, "a wake-up from before")
		close(done)
		expect(3, "done")
	})
}

func ExampleChannel() {
	in := NewInbox(NewWaker())
	c := NewChannel(in, 0, 0, NewWaker(), nil)
	c.Send(Watermark, 7, nil)
	for _, m := range in.Take(nil) {
		fmt.Println(m.Kind == Watermark, m.At)
		m.Channel.Recycle(m.Records(), m.Payload)
	}
	// Output: true 7
}

// A receiver that is slow admits fewer records than fit into the batches that it would give credit for.
func TestAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, in, wake := open(t.Context().Done())
		in.Admit(10)
		send := func(records int64) { c.Send(Data, records, nil) }
		send(9)
		if !c.HasCredit() {
			t.Error("9 of 10 records leave no credit")
		}
		send(3)
		awake := 0
		go func() {
			for !c.HasCredit() {
				wake.Park(t.Context().Done(), c.HasCredit)
				awake++
			}
		}()
		expect := func(want int, when string) {
			t.Helper()
			synctest.Wait()
			if awake != want {
				t.Errorf("%s: woke %d times, not %d", when, awake, want)
			}
		}
		expect(0, "12 of 10")
		c.Recycle(3, nil)
		in.Admit(9)
		expect(0, "9 of 9")
		in.Admit(8)
		expect(0, "9 of 8")
		in.Admit(12)
		synctest.Wait()
		if awake == 0 {
			t.Error("not woken when more are admitted")
		}
	})
}
