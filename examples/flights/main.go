// Command flights watches a year of departures from New York's three airports: delays by airport and hour, the
// carriers with the worst delays, the rotations of each aircraft, and aircraft that leave later and later.
//
//	go run ./examples/flights run
//	go run ./examples/flights plan
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/window"
)

func main() {
	in, out := "examples/flights/data/flights.csv.zst", "out/flights"
	leat.Main(Flights(in, out))
	if err := summary(os.Stdout, out); err != nil {
		fmt.Fprintln(os.Stderr, "flights:", err)
		os.Exit(1)
	}
}

// Flights is the job: it reads one file, or several, and writes four folders below out. The options are the sinks'.
func Flights(in, out string, sink ...leat.Option) *leat.Job {
	to := func(folder string) file.Writing { return file.Write(filepath.Join(out, folder)).Replace() }
	job := leat.NewJob("flights")
	flights := job.From("flights", file.Read(in).CSV[Flight]).EventTime(Flight.Departure, 0)

	flights.KeyBy(Flight.Airport).
		Window(window.Tumbling(time.Hour)).
		Aggregate("delays", agg.Fold((*Delays).Add, (*Delays).Merge)).
		Map(hour).
		To("delays-by-hour", to("delays").CSV, sink...)

	flights.KeyBy(Flight.Airline).
		Window(window.Sliding(day, time.Hour)).
		Aggregate("lateness", lateness).
		Filter(func(p leat.Pane[string, Lateness]) bool { return p.Value.Flights > 0 }).
		Global().
		Window(window.Tumbling(time.Hour)).
		Aggregate("worst-carriers", agg.Top(10, meanDelay)).
		Map(ranking).
		To("worst", to("worst").JSONLines, sink...)

	aircraft := flights.Filter(Flight.HasTail).KeyBy(Flight.Aircraft)
	aircraft.
		Window(window.Session(8*time.Hour)).
		Aggregate("rotations", agg.Fold((*Legs).Add, (*Legs).Merge)).
		Map(rotation).
		To("rotations-by-aircraft", to("rotations").JSONLines, sink...)
	aircraft.
		Process("later-and-later", laterAndLater).
		To("alerts", to("alerts").JSONLines, sink...)
	return job
}
