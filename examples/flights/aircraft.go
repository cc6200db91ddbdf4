package main

import (
	"time"

	"leat.dev/leat"
)

// Rotation is a run of flights of one aircraft without a longer rest.
type Rotation struct {
	Tail        string
	First, Last time.Time // scheduled departures
	Legs        []string  // as "EWR-IAH"
	Delay       int       // minutes, over all legs that departed
}

// Legs gathers the flights of a rotation.
type Legs struct {
	First, Last time.Time
	Routes      []string
	Delay       int
}

// Add adds a flight.
func (l *Legs) Add(f Flight) {
	if len(l.Routes) == 0 {
		l.First = f.Scheduled
	}
	l.Last = f.Scheduled
	l.Routes = append(l.Routes, f.Origin+"-"+f.Dest)
	if f.Departed() {
		l.Delay += *f.Delay
	}
}

// Merge adds what came later.
func (l *Legs) Merge(o Legs) {
	if len(l.Routes) == 0 {
		l.First = o.First
	}
	if len(o.Routes) > 0 {
		l.Last = o.Last
	}
	l.Routes = append(l.Routes, o.Routes...)
	l.Delay += o.Delay
}

func rotation(p leat.Pane[string, Legs]) Rotation {
	return Rotation{p.Key, p.Value.First, p.Value.Last, p.Value.Routes, p.Value.Delay}
}

// Alert is an aircraft that left later and later.
type Alert struct {
	Tail   string
	At     time.Time
	Delays [3]int // minutes
}

// legs is how an operator remembers the last two departures of an aircraft.
type legs struct {
	At    [2]time.Time
	Delay [2]int
	Known int
}

// laterAndLater warns of an aircraft that leaves late on three consecutive legs, each time later, within a day.
func laterAndLater(op *leat.Operator[string, Alert]) func(Flight) error {
	last := op.Value[legs]("last-legs")
	forget := op.EventTimer("forget", func(time.Time) error { last.Clear(); return nil })

	return func(f Flight) error {
		if !f.Departed() {
			return nil
		}
		was, delay := last.Get(), *f.Delay
		growing := was.Known == 2 && 0 < was.Delay[0] && was.Delay[0] < was.Delay[1] && was.Delay[1] < delay
		if growing && f.Scheduled.Sub(was.At[0]) <= day {
			op.Emit(Alert{f.Tail, f.Scheduled, [3]int{was.Delay[0], was.Delay[1], delay}})
		}
		last.Set(legs{
			At:    [2]time.Time{was.At[1], f.Scheduled},
			Delay: [2]int{was.Delay[1], delay},
			Known: min(was.Known+1, 2),
		})
		forget.At(f.Scheduled.Add(day))
		return nil
	}
}

const day = 24 * time.Hour
