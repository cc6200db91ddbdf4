package main

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// summary reads the four outputs and says in a few lines what is in them.
func summary(w io.Writer, out string) error {
	hours, err := records(out, "delays", hoursOf)
	if err != nil {
		return err
	}
	rankings, err := records(out, "worst", jsonLines[Ranking])
	if err != nil {
		return err
	}
	rotations, err := records(out, "rotations", jsonLines[Rotation])
	if err != nil {
		return err
	}
	alerts, err := records(out, "alerts", jsonLines[Alert])
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d flights read, from %s\n\n", flightsIn(hours), strings.Join(airportsOf(hours), ", "))
	worstHours(w, hours)
	worstCarriers(w, rankings)
	longest(w, rotations)
	latest(w, alerts)
	fmt.Fprintf(w, "\nThe outputs are in %s\n", out)
	return nil
}

// line is an hour of an airport, as the output has it.
type line struct {
	start, origin     string
	flights, departed int
	sum               int
}

// records reads all parts of an output.
func records[T any](out, folder string, read func(io.Reader) ([]T, error)) ([]T, error) {
	parts, err := filepath.Glob(filepath.Join(out, folder, "part-*"))
	if err != nil {
		return nil, err
	}
	var all []T
	for _, part := range parts {
		f, err := os.Open(part)
		if err != nil {
			return nil, err
		}
		some, err := read(bufio.NewReader(f))
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

func jsonLines[T any](r io.Reader) (all []T, err error) {
	for d := json.NewDecoder(r); ; {
		var v T
		if err := d.Decode(&v); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
}

func hoursOf(r io.Reader) ([]line, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	number := func(text string) int { n, _ := strconv.Atoi(text); return n } // empty where nothing departed
	var all []line
	for _, row := range rows[1:] {
		all = append(all, line{row[0], row[1], number(row[2]), number(row[3]), number(row[4])})
	}
	return all, nil
}

func flightsIn(hours []line) (n int) {
	for _, h := range hours {
		n += h.flights
	}
	return n
}

func airportsOf(hours []line) []string {
	names := map[string]bool{}
	for _, h := range hours {
		names[h.origin] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// worstHours shows the hours with the longest mean delay, of those with ten departures or more.
func worstHours(w io.Writer, hours []line) {
	busy := slices.DeleteFunc(slices.Clone(hours), func(h line) bool { return h.departed < 10 })
	mean := func(h line) float64 { return float64(h.sum) / float64(h.departed) }
	slices.SortFunc(busy, func(a, b line) int {
		return cmp.Or(-cmp.Compare(mean(a), mean(b)), cmp.Compare(a.start, b.start), cmp.Compare(a.origin, b.origin))
	})
	fmt.Fprintf(w, "Worst hours of %d (ten departures or more):\n", len(hours))
	for _, h := range busy[:min(3, len(busy))] {
		fmt.Fprintf(w, "  %s  %s  %4.0f minutes late on average, %d of %d flights departed\n", h.start, h.origin, mean(h), h.departed, h.flights)
	}
}

// worstCarriers shows who headed the ranking of the last day most often.
func worstCarriers(w io.Writer, rankings []Ranking) {
	times := map[string]int{}
	for _, r := range rankings {
		times[r.Carriers[0].Carrier]++
	}
	order := slices.SortedFunc(maps.Keys(times), func(a, b string) int {
		return cmp.Or(-cmp.Compare(times[a], times[b]), cmp.Compare(a, b))
	})
	fmt.Fprintf(w, "Carriers with the worst delays of the past day, by hours of %d:\n ", len(rankings))
	for _, carrier := range order[:min(5, len(order))] {
		fmt.Fprintf(w, "  %s %d", carrier, times[carrier])
	}
	fmt.Fprintln(w)
}

// longest shows the rotation with the most legs.
func longest(w io.Writer, rotations []Rotation) {
	if len(rotations) == 0 {
		return
	}
	most := slices.MaxFunc(rotations, func(a, b Rotation) int {
		return cmp.Or(cmp.Compare(len(a.Legs), len(b.Legs)), -cmp.Compare(a.Tail, b.Tail), -a.First.Compare(b.First))
	})
	fmt.Fprintf(w, "Rotations: %d; the longest from New York was %s with %d departures on %s\n",
		len(rotations), most.Tail, len(most.Legs), most.First.Format("2006-01-02"))
}

// latest shows the alert with the longest delay.
func latest(w io.Writer, alerts []Alert) {
	if len(alerts) == 0 {
		return
	}
	most := slices.MaxFunc(alerts, func(a, b Alert) int {
		return cmp.Or(cmp.Compare(a.Delays[2], b.Delays[2]), -cmp.Compare(a.Tail, b.Tail), -a.At.Compare(b.At))
	})
	fmt.Fprintf(w, "Alerts for aircraft that left later and later: %d; the latest was %s on %s with %d, %d and %d minutes\n",
		len(alerts), most.Tail, most.At.Format("2006-01-02"), most.Delays[0], most.Delays[1], most.Delays[2])
}
