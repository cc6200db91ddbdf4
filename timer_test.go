package leat_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/leattest"
)

// reminders sets timers as pages say: page 0 stops the timer, others set it so many seconds ahead.
func reminders(op *leat.Operator[string, string]) func(click) error {
	timer := op.EventTimer("remind", func(when time.Time) error {
		op.Emit(fmt.Sprintf("%s at %d, time %d", op.Key(), second(when), second(op.Time())))
		return nil
	})
	return func(c click) error {
		if c.Page == 0 {
			timer.Stop()
			return nil
		}
		timer.At(c.At.Add(time.Duration(c.Page) * time.Second))
		return nil
	}
}

func driveReminders(t *testing.T) *leattest.Driver[string, click, string] {
	return leattest.Drive(t, click.UserID, reminders)
}

func send[R any](d *leattest.Driver[string, click, R], user string, page int64, second int) {
	d.Send(at(second), visit(user, page, second))
}

func emitted[R comparable](t *testing.T, d *leattest.Driver[string, click, R], want ...R) {
	t.Helper()
	if got := d.Emitted(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestEventTimersFireInOrder(t *testing.T) {
	d := driveReminders(t)
	send(d, "eve", 30, 0)
	send(d, "bob", 10, 0)
	send(d, "ada", 20, 0)
	d.Watermark(at(9))
	emitted(t, d)
	d.Watermark(at(25))
	emitted(t, d, "bob at 10, time 10", "ada at 20, time 20")
	d.Watermark(at(30))
	emitted(t, d, "eve at 30, time 30")
	d.Watermark(at(100))
	emitted(t, d)
}

func TestEventTimerMoves(t *testing.T) {
	d := driveReminders(t)
	send(d, "eve", 10, 0)
	send(d, "eve", 10, 5)
	send(d, "bob", 50, 0)
	send(d, "bob", 2, 6)
	d.Watermark(at(12))
	emitted(t, d, "bob at 8, time 8")
	d.Watermark(at(60))
	emitted(t, d, "eve at 15, time 15")
}

func TestEventTimerStops(t *testing.T) {
	d := driveReminders(t)
	send(d, "eve", 10, 0)
	send(d, "eve", 0, 1)
	send(d, "bob", 0, 1) // stopping one that is not set does nothing
	send(d, "ada", 10, 2)
	d.End()
	emitted(t, d, "ada at 12, time 12")
}

// A time that has passed fires the timer soon: with the next watermark.
func TestEventTimerInThePast(t *testing.T) {
	d := driveReminders(t)
	d.Watermark(at(100))
	send(d, "eve", 10, 0)
	d.Watermark(at(101))
	emitted(t, d, "eve at 10, time 10")
}

// Timers with items have a time for each item.
func TestTimersWithItems(t *testing.T) {
	d := leattest.Drive(t, click.UserID, func(op *leat.Operator[string, string]) func(click) error {
		due := op.EventTimers("due", func(page int64, when time.Time) error {
			op.Emit(fmt.Sprintf("%s %d at %d", op.Key(), page, second(when)))
			return nil
		})
		return func(c click) error {
			if c.Page < 0 {
				due.Stop(-c.Page)
				return nil
			}
			due.At(c.Page, c.At.Add(10*time.Second))
			return nil
		}
	})
	send(d, "eve", 1, 0)
	send(d, "eve", 2, 1)
	send(d, "eve", 3, 2)
	send(d, "bob", 2, 3)
	send(d, "eve", 1, 4) // moved
	send(d, "eve", -3, 5)
	if got := d.ItemTimers[int64]("due", "eve"); len(got) != 2 || !got[1].Equal(at(14)) {
		t.Errorf("timers: %v", got)
	}
	d.Watermark(at(13))
	emitted(t, d, "eve 2 at 11", "bob 2 at 13")
	d.End()
	emitted(t, d, "eve 1 at 14")
}

// Processing-time timers follow the clock and not the records' time.
func TestProcessingTimer(t *testing.T) {
	d := leattest.Drive(t, click.UserID, func(op *leat.Operator[string, string]) func(click) error {
		timer := op.ProcessingTimer("wait", func(when time.Time) error {
			op.Emit(fmt.Sprintf("%s after %v", op.Key(), when.Sub(leattest.Start)))
			return nil
		})
		return func(c click) error {
			timer.At(op.Now().Add(time.Duration(c.Page) * time.Second))
			return nil
		}
	})
	send(d, "eve", 60, 0)
	send(d, "bob", 90, 0)
	d.Watermark(at(1_000_000))
	emitted(t, d)
	d.ProcessingTime(time.Minute)
	emitted(t, d, "eve after 1m0s")
	send(d, "eve", 5, 0)
	d.End() // every timer that is set fires once
	emitted(t, d, "eve after 1m5s", "bob after 1m30s")
}

// At the end of input each timer that is set fires once; one that arms itself anew does not go on for ever.
func TestEndOfInputFiresTimersOnce(t *testing.T) {
	for _, kind := range []string{"event", "processing"} {
		t.Run(kind, func(t *testing.T) {
			d := leattest.Drive(t, click.UserID, func(op *leat.Operator[string, int]) func(click) error {
				var timer *leat.Timer
				again := func(when time.Time) error {
					op.Emit(1)
					timer.At(when.Add(time.Second))
					return nil
				}
				if kind == "event" {
					timer = op.EventTimer("again", again)
				} else {
					timer = op.ProcessingTimer("again", again)
				}
				return func(c click) error { timer.At(c.At.Add(100 * 365 * 24 * time.Hour)); return nil }
			})
			send(d, "eve", 1, 0)
			send(d, "bob", 1, 0)
			d.End()
			emitted(t, d, 1, 1)
		})
	}
}

// Callbacks of one key see what earlier ones have left in state.
func TestTimerCallbackHasState(t *testing.T) {
	d := leattest.Drive(t, click.UserID, func(op *leat.Operator[string, int64]) func(click) error {
		sum := op.Value[int64]("sum")
		flush := op.EventTimer("flush", func(time.Time) error {
			op.Emit(sum.Get())
			sum.Clear()
			return nil
		})
		return func(c click) error {
			sum.Set(sum.Get() + c.Page)
			flush.At(c.At.Add(10 * time.Second))
			return nil
		}
	})
	send(d, "eve", 1, 0)
	send(d, "eve", 2, 5)
	d.Watermark(at(15))
	send(d, "eve", 4, 20)
	d.Restore()
	d.End()
	emitted(t, d, 3, 4)
	if _, ok := d.Value[int64]("sum", "eve"); ok {
		t.Error("there is still a sum")
	}
}
