package main

import (
	"slices"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/leattest"
)

// TestEveryWay runs the job on the flights of a few days chained and unchained, at several parallelisms, with batches of
// several sizes, and killed and restored at random places: all outputs are the same.
func TestEveryWay(t *testing.T) {
	flights := readFlights(t)[:300]
	run := leattest.EveryWay(t, func() *leat.Job { return Flights("not read", t.TempDir()) }, leattest.Records("flights", flights...))
	compare(t, "delays", lines(run.Output[Hour]("delays-by-hour")), lines(hours(flights)))
	compare(t, "rotations", lines(run.Output[Rotation]("rotations-by-aircraft")), lines(oracleRotations(flights)))
	compare(t, "alerts", lines(run.Output[Alert]("alerts")), lines(oracleAlerts(flights)))
}

// hours are the oracle's hours as records.
func hours(flights []Flight) []Hour {
	groups := map[Hour]*Delays{}
	for _, f := range flights {
		k := Hour{Start: f.Scheduled.Truncate(time.Hour), Origin: f.Origin}
		if groups[k] == nil {
			groups[k] = &Delays{}
		}
		groups[k].Add(f)
	}
	var all []Hour
	for h, d := range groups {
		h.Flights, h.Departed = d.Flights, d.Departed
		if d.Departed > 0 {
			h.Sum, h.Max = &d.Sum, &d.Max
		}
		all = append(all, h)
	}
	return all
}

// TestLaterAndLater drives the operator by itself: three growing delays are an alert, also after a restore, and what is
// older than a day is forgotten.
func TestLaterAndLater(t *testing.T) {
	morning := time.Date(2013, 7, 6, 6, 0, 0, 0, time.UTC)
	op := leattest.Drive(t, Flight.Aircraft, laterAndLater)
	leaves := func(after time.Duration, late int) {
		at := morning.Add(after)
		op.Send(at, Flight{Tail: "N705TW", Scheduled: at, Delay: &late})
	}
	leaves(0, 5)
	leaves(3*time.Hour, 20)
	op.Restore()
	op.Send(morning.Add(5*time.Hour), Flight{Tail: "N705TW", Scheduled: morning.Add(5 * time.Hour)}) // cancelled: it does not count
	leaves(6*time.Hour, 45)
	want := []Alert{{"N705TW", morning.Add(6 * time.Hour), [3]int{5, 20, 45}}}
	if got := op.Emitted(); !slices.Equal(got, want) {
		t.Errorf("alerts %v, not %v", got, want)
	}
	op.Watermark(morning.Add(6*time.Hour + day))
	if was, ok := op.Value[legs]("last-legs", "N705TW"); ok {
		t.Errorf("after a day it still knows %v", was)
	}
	leaves(31*time.Hour, 60)
	if got := op.Emitted(); len(got) != 0 {
		t.Errorf("alerts %v of legs that are more than a day apart", got)
	}
}
