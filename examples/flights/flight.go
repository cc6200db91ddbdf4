package main

import "time"

// Flight is a scheduled departure from one of New York's airports.
type Flight struct {
	Scheduled time.Time `csv:"sched_dep"`
	Carrier   string    `csv:"carrier"`
	Number    int       `csv:"flight"`
	Tail      string    `csv:"tailnum"` // of the aircraft; "" for some that were cancelled
	Origin    string    `csv:"origin"`
	Dest      string    `csv:"dest"`
	Delay     *int      `csv:"dep_delay"` // in minutes, negative for early; nil for a flight that was cancelled
}

// Departure is when the flight should have left: its event time.
func (f Flight) Departure() time.Time { return f.Scheduled }

// Departed says whether the flight left at all.
func (f Flight) Departed() bool { return f.Delay != nil }

// Minutes is the delay of a flight that has departed.
func (f Flight) Minutes() float64 { return float64(*f.Delay) }

// HasTail says whether it is known which aircraft flew.
func (f Flight) HasTail() bool { return f.Tail != "" }

// Airport, Airline and Aircraft are what the job groups by.
func (f Flight) Airport() string { return f.Origin }

// Airline is the carrier's code.
func (f Flight) Airline() string { return f.Carrier }

// Aircraft is the tail number.
func (f Flight) Aircraft() string { return f.Tail }
