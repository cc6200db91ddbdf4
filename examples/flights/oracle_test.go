package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// The oracle is the four questions answered by plain loops over all flights in memory: no windows, no state.

// readFlights reads the data without leat, once for all tests, which change nothing of it.
func readFlights(t *testing.T) []Flight {
	t.Helper()
	if allFlights == nil {
		allFlights = readAll(t)
	}
	if len(allFlights) != allFlightsCount {
		t.Fatalf("%d flights, not %d", len(allFlights), allFlightsCount)
	}
	return slices.Clone(allFlights)
}

var allFlights []Flight

// decompressed is the data's file.
func decompressed(t *testing.T) []byte {
	t.Helper()
	packed, err := os.ReadFile("data/flights.csv.zst")
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := z.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readAll(t *testing.T) []Flight {
	t.Helper()
	rows := csv.NewReader(bytes.NewReader(decompressed(t)))
	header, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	var flights []Flight
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return flights
		}
		if err != nil {
			t.Fatal(err)
		}
		flights = append(flights, parse(t, header, row))
	}
}

func parse(t *testing.T, header, row []string) Flight {
	cell := func(name string) string { return row[slices.Index(header, name)] }
	at, err := time.Parse(time.RFC3339, cell("sched_dep"))
	if err != nil {
		t.Fatal(err)
	}
	f := Flight{Scheduled: at, Carrier: cell("carrier"), Tail: cell("tailnum"), Origin: cell("origin"), Dest: cell("dest")}
	if text := cell("dep_delay"); text != "" {
		minutes, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		f.Delay = &minutes
	}
	return f
}

func lines[T any](records []T) []string {
	out := make([]string, len(records))
	for i, r := range records {
		text, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		out[i] = string(text)
	}
	slices.Sort(out)
	return out
}

// oracleHours are lines of the CSV output, without its header.
func oracleHours(flights []Flight) []string {
	type key struct {
		at     time.Time
		origin string
	}
	groups := map[key][]Flight{}
	for _, f := range flights {
		k := key{f.Scheduled.Truncate(time.Hour), f.Origin}
		groups[k] = append(groups[k], f)
	}
	var out []string
	for k, group := range groups {
		departed, total, most := 0, 0, ""
		for _, f := range group {
			if f.Delay == nil {
				continue
			}
			departed++
			total += *f.Delay
			if n, _ := strconv.Atoi(most); most == "" || *f.Delay > n {
				most = strconv.Itoa(*f.Delay)
			}
		}
		sum := ""
		if departed > 0 {
			sum = strconv.Itoa(total)
		}
		out = append(out, fmt.Sprintf("%s,%s,%d,%d,%s,%s", k.at.Format(time.RFC3339), k.origin, len(group), departed, sum, most))
	}
	slices.Sort(out)
	return out
}

// oracleRankings goes through the hours of the year, and for each through the flights of the day before it.
func oracleRankings(flights []Flight) []Ranking {
	type total struct{ flights, minutes int }
	hours := map[time.Time]map[string]total{}
	first, last := flights[0].Scheduled.Truncate(time.Hour), flights[len(flights)-1].Scheduled.Truncate(time.Hour)
	for _, f := range flights {
		at := f.Scheduled.Truncate(time.Hour)
		if hours[at] == nil {
			hours[at] = map[string]total{}
		}
		if f.Delay != nil {
			c := hours[at][f.Carrier]
			hours[at][f.Carrier] = total{c.flights + 1, c.minutes + *f.Delay}
		}
	}
	var out []Ranking
	for end := first.Add(time.Hour); !end.After(last.Add(day)); end = end.Add(time.Hour) {
		sums := map[string]total{}
		for at := end.Add(-day); at.Before(end); at = at.Add(time.Hour) {
			for carrier, c := range hours[at] {
				sums[carrier] = total{sums[carrier].flights + c.flights, sums[carrier].minutes + c.minutes}
			}
		}
		if len(sums) == 0 {
			continue
		}
		out = append(out, rank(end, maps.Collect(func(yield func(string, CarrierDelay) bool) {
			for carrier, c := range sums {
				yield(carrier, CarrierDelay{carrier, int64(c.flights), float64(c.minutes) / float64(c.flights)})
			}
		})))
	}
	return out
}

func rank(end time.Time, carriers map[string]CarrierDelay) Ranking {
	all := slices.SortedFunc(maps.Values(carriers), func(a, b CarrierDelay) int {
		return cmp.Or(-cmp.Compare(a.Mean, b.Mean), cmp.Compare(a.Carrier, b.Carrier))
	})
	return Ranking{end, all[:min(10, len(all))]}
}

func byAircraft(flights []Flight) map[string][]Flight {
	tails := map[string][]Flight{}
	for _, f := range flights {
		if f.Tail != "" {
			tails[f.Tail] = append(tails[f.Tail], f)
		}
	}
	return tails
}

func oracleRotations(flights []Flight) []Rotation {
	var out []Rotation
	for tail, all := range byAircraft(flights) {
		var r Rotation
		for _, f := range all {
			if len(r.Legs) > 0 && f.Scheduled.Sub(r.Last) > 8*time.Hour {
				out = append(out, r)
				r = Rotation{}
			}
			if len(r.Legs) == 0 {
				r.Tail, r.First = tail, f.Scheduled
			}
			r.Last = f.Scheduled
			r.Legs = append(r.Legs, f.Origin+"-"+f.Dest)
			if f.Delay != nil {
				r.Delay += *f.Delay
			}
		}
		out = append(out, r)
	}
	return out
}

func oracleAlerts(flights []Flight) []Alert {
	var out []Alert
	for tail, all := range byAircraft(flights) {
		departed := slices.DeleteFunc(all, func(f Flight) bool { return f.Delay == nil })
		for i := 2; i < len(departed); i++ {
			a, b, c := departed[i-2], departed[i-1], departed[i]
			growing := 0 < *a.Delay && *a.Delay < *b.Delay && *b.Delay < *c.Delay
			if growing && c.Scheduled.Sub(a.Scheduled) <= day {
				out = append(out, Alert{tail, c.Scheduled, [3]int{*a.Delay, *b.Delay, *c.Delay}})
			}
		}
	}
	return out
}
