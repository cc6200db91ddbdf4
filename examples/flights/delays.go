package main

import (
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
)

// Delays is what became of the flights of an airport within an hour.
type Delays struct {
	Flights  int64
	Departed int64
	Sum, Max int64 // minutes; Max of those that have departed
}

// Add adds a flight.
func (d *Delays) Add(f Flight) {
	d.Flights++
	if !f.Departed() {
		return
	}
	if minutes := int64(*f.Delay); d.Departed == 0 || minutes > d.Max {
		d.Max = minutes
	}
	d.Departed++
	d.Sum += int64(*f.Delay)
}

// Merge adds another part of the same hour.
func (d *Delays) Merge(o Delays) {
	if o.Departed > 0 && (d.Departed == 0 || o.Max > d.Max) {
		d.Max = o.Max
	}
	d.Flights += o.Flights
	d.Departed += o.Departed
	d.Sum += o.Sum
}

// Hour is a line of the output.
type Hour struct {
	Start    time.Time `csv:"window_start"`
	Origin   string    `csv:"origin"`
	Flights  int64     `csv:"flights"`
	Departed int64     `csv:"departed"`
	Sum      *int64    `csv:"delay_sum"` // minutes; nil where nothing departed
	Max      *int64    `csv:"delay_max"`
}

func hour(p leat.Pane[string, Delays]) Hour {
	h := Hour{Start: p.Start, Origin: p.Key, Flights: p.Value.Flights, Departed: p.Value.Departed}
	if p.Value.Departed > 0 {
		h.Sum, h.Max = &p.Value.Sum, &p.Value.Max
	}
	return h
}

// lateness is the mean delay of the flights of a carrier that have departed.
var lateness = agg.Where(Flight.Departed, agg.Combine2(agg.Count, agg.Mean(Flight.Minutes),
	func(n int64, mean float64) Lateness { return Lateness{n, mean} }))

// Lateness is a carrier's mean delay in minutes, over so many flights.
type Lateness struct {
	Flights int64
	Mean    float64
}

func meanDelay(p leat.Pane[string, Lateness]) float64 { return p.Value.Mean }

// Ranking is the carriers with the worst mean delay over the day that ends with Until, the worst first.
type Ranking struct {
	Until    time.Time
	Carriers []CarrierDelay
}

// CarrierDelay is a carrier's place in a ranking.
type CarrierDelay struct {
	Carrier string
	Flights int64
	Mean    float64
}

func ranking(p leat.Pane[struct{}, []leat.Pane[string, Lateness]]) Ranking {
	r := Ranking{Until: p.End}
	for _, c := range p.Value {
		r.Carriers = append(r.Carriers, CarrierDelay{c.Key, c.Value.Flights, c.Value.Mean})
	}
	return r
}
