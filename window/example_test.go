package window_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/window"
)

// reading is what a sensor says.
type reading struct {
	Sensor string
	Value  int64
	At     time.Time
}

func (r reading) SensorID() string { return r.Sensor }
func (r reading) Number() int64    { return r.Value }
func (r reading) When() time.Time  { return r.At }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func after(seconds int, value int64) reading {
	return reading{"a", value, noon.Add(time.Duration(seconds) * time.Second)}
}

var readings = []reading{after(1, 10), after(3, 12), after(8, 30), after(14, 31), after(40, 7)}

// show runs a job that shows the readings of each pane.
func show(windows func(*leat.Keyed[string, reading]) *leat.Windowed[string, reading]) {
	job := leat.NewJob("readings")
	job.Parallelism = 1
	sensors := job.From("readings", mem.From(readings...)).EventTime(reading.When, 0).KeyBy(reading.SensorID)
	windows(sensors).Aggregate("panes", agg.Sum(reading.Number)).Map(text).To("out", file.Stdout)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
}

func text(p leat.Pane[string, int64]) string {
	s := fmt.Sprintf("%s-%s: %d %v", p.Start.Format("05"), p.End.Format("05"), p.Value, p.Timing)
	if p.Retract {
		s += ", taken back"
	}
	return s
}

func ExampleCount() {
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] { return s.Window(window.Count(2)) })
	// Output:
	// "01-03: 22 on time"
	// "08-14: 61 on time"
}

func ExampleSlidingCount() {
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] {
		return s.Window(window.SlidingCount(3, 2))
	})
	// Output:
	// "01-03: 22 on time"
	// "03-14: 73 on time"
}

func ExampleGlobal() {
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] {
		return s.Window(window.Global()).Trigger(window.AtCount(2).Purging())
	})
	// Output:
	// "01-03: 22 early"
	// "08-14: 61 early"
}

// A sensor that says much may be silent for longer.
func ExampleSessionBy() {
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] {
		return s.WindowBy(window.SessionBy(func(r reading) time.Duration { return time.Duration(r.Value) * time.Second }))
	})
	// Output:
	// "01-47: 90 on time"
}

// Each reading is in a window of as many seconds as it says.
func ExampleCustom() {
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] {
		return s.WindowBy(window.Custom(func(r reading, at time.Time) iter.Seq[window.Span] {
			return slices.Values([]window.Span{{Start: at, End: at.Add(time.Duration(r.Value) * time.Second)}})
		}))
	})
	// Output:
	// "01-11: 10 on time"
	// "03-15: 12 on time"
	// "08-38: 30 on time"
	// "14-45: 31 on time"
	// "40-47: 7 on time"
}

func ExampleTrigger_Early() {
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] {
		return s.Window(window.Tumbling(20 * time.Second)).Trigger(window.OnTime().Early(window.AtCount(3)))
	})
	// Output:
	// "00-20: 52 early"
	// "00-20: 83 on time"
	// "40-00: 7 on time"
}

func ExampleMode() {
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] {
		return s.Window(window.Tumbling(20 * time.Second)).Trigger(window.OnTime().Early(window.AtCount(3))).Mode(window.Retracting)
	})
	// Output:
	// "00-20: 52 early"
	// "00-20: 52 early, taken back"
	// "00-20: 83 on time"
	// "40-00: 7 on time"
}

func ExampleKeepLast() {
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] {
		return s.Window(window.Tumbling(20 * time.Second)).Evict(window.KeepLast(2))
	})
	// Output:
	// "00-20: 61 on time"
	// "40-00: 7 on time"
}

func ExampleDelta() {
	apart := func(last, now reading) float64 { return float64(now.Value - last.Value) }
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] {
		return s.Window(window.Global()).TriggerBy(window.Delta(10, apart)).Evict(window.KeepLast(1))
	})
	// Output:
	// "01-08: 30 early"
}

// A trigger of one's own: it keeps the sum of each window, and fires when that is 50.
func ExampleTriggerBy() {
	atFifty := func(c *window.Control) func(reading) window.Action {
		sum := c.Value[int64]("sum")
		return func(r reading) window.Action {
			sum.Set(sum.Get() + r.Value)
			if sum.Get() < 50 {
				return window.Continue
			}
			sum.Clear()
			return window.FireAndPurge
		}
	}
	show(func(s *leat.Keyed[string, reading]) *leat.Windowed[string, reading] {
		return s.Window(window.Tumbling(time.Minute)).TriggerBy(atFifty)
	})
	// Output:
	// "00-00: 52 early"
}
