package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOutputs runs the job on all flights and compares its four outputs, as files, with the oracle's. With -short they are those
// of some weeks; make crash has all of them.
func TestOutputs(t *testing.T) {
	out, in, flights := t.TempDir(), "data/flights.csv.zst", readFlights(t)
	if testing.Short() {
		in, flights = firstFlights(t, flights)
	}
	job := Flights(in, out)
	job.Parallelism = 2
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare(t, "delays", written(t, out, "delays", true), oracleHours(flights))
	compare(t, "worst", rounded(t, written(t, out, "worst", false)), rounded(t, lines(oracleRankings(flights))))
	compare(t, "rotations", written(t, out, "rotations", false), lines(oracleRotations(flights)))
	compare(t, "alerts", written(t, out, "alerts", false), lines(oracleAlerts(flights)))

	var text strings.Builder // what make demo prints
	if err := summary(&text, out); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + text.String())
	if !strings.HasPrefix(text.String(), fmt.Sprintf("%d flights read, from EWR, JFK, LGA\n", len(flights))) {
		t.Error("the summary does not begin with the number of flights")
	}
}

// TestGolden compares the oracle's hours, which TestOutputs compares the job's with, with what Flink SQL makes of the
// same flights.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("golden/delays-hourly.csv")
	if err != nil {
		t.Fatal(err)
	}
	golden := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	slices.Sort(golden)
	compare(t, "delays by Flink SQL", oracleHours(readFlights(t)), golden)
}

// firstFlights is the first of all flights, in a file of their own.
func firstFlights(t *testing.T, all []Flight) (in string, flights []Flight) {
	t.Helper()
	in, flights = filepath.Join(t.TempDir(), "flights.csv"), all[:shortFlights]
	rows := strings.SplitN(string(decompressed(t)), "\n", shortFlights+2)
	if err := os.WriteFile(in, []byte(strings.Join(rows[:shortFlights+1], "\n")+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return in, flights
}

const allFlightsCount, shortFlights = 336_776, 40_000

// written returns the sorted lines of an output's files.
func written(t *testing.T, out, folder string, header bool) []string {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(out, folder, "part-*"))
	if err != nil || len(parts) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	var all []string
	for _, part := range parts {
		text, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(strings.TrimSpace(string(text)), "\n")
		if header {
			rows = rows[1:]
		}
		all = append(all, rows...)
	}
	slices.Sort(all)
	return all
}

func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		t.Logf("%s: %d lines are equal", what, len(got))
		return
	}
	t.Errorf("%s: %d lines, not %d", what, len(got), len(want))
	shown := 0
	for i := range max(len(got), len(want)) {
		g, w := at(got, i), at(want, i)
		if g != w && shown < 5 {
			t.Errorf("line %d:\n got %s\nwant %s", i, g, w)
			shown++
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(none)"
}

// rounded cuts the means to nine digits: floating point sums depend on the order of the additions.
func rounded(t *testing.T, rankings []string) []string {
	t.Helper()
	out := make([]string, len(rankings))
	for i, line := range rankings {
		var r Ranking
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		for j, c := range r.Carriers {
			r.Carriers[j].Mean = math.Round(c.Mean*1e9) / 1e9
		}
		out[i] = lines([]Ranking{r})[0]
	}
	slices.Sort(out)
	return out
}
