package sim

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
)

var (
	oneSeed = flag.Uint64("seed", 0, "run this seed alone; with -v all that happens is printed")
	seeds   = flag.Int("seeds", 0, "run so many seeds, from 1; default 100, and 20 with -short")
	first   = flag.Uint64("from", 1, "the first of these seeds")
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	os.Exit(m.Run())
}

// run runs a seed in a bubble of its own.
func run(t *testing.T, seed uint64, lines func(string)) (r Result) {
	synctest.Test(t, func(*testing.T) { r = Run(seed, generate, lines) })
	return r
}

// TestSim runs jobs of many seeds. A seed that fails is run again with
//
//	go test ./internal/sim -run TestSim -seed=N -v
func TestSim(t *testing.T) {
	if *oneSeed > 0 {
		r := run(t, *oneSeed, linesOf(t))
		t.Logf("seed %d: %d turns, %d processes, %d records shown, trace %016x", *oneSeed, r.Turns, r.Processes, r.Shown, r.Hash)
		if r.Err != nil {
			t.Error(r.Err)
		}
		return
	}
	n := *seeds
	if n == 0 {
		n = 100
		if testing.Short() {
			n = 20
		}
	}
	var turns, processes, shown, failed int64
	for seed := *first; seed < *first+uint64(n); seed++ {
		r := run(t, seed, nil)
		turns, processes, shown = turns+r.Turns, processes+int64(r.Processes), shown+int64(r.Shown)
		if r.Err != nil {
			failed++
			t.Errorf("seed %d: %v\nagain, with all that happens: go test ./internal/sim -run TestSim -seed=%d -v", seed, r.Err, seed)
		}
	}
	t.Logf("%d seeds, %d failed: %d turns, %d processes, %d records shown", n, failed, turns, processes, shown)
}

// linesOf prints lines if somebody wants them.
func linesOf(t *testing.T) func(string) {
	if !testing.Verbose() {
		return nil
	}
	return func(line string) { fmt.Fprintln(t.Output(), line) }
}

// A seed does the same each time.
func TestReplay(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 5
	}
	for seed := uint64(1001); seed <= uint64(1000+n); seed++ {
		want, first := recorded(t, seed)
		for range 2 {
			got, second := recorded(t, seed)
			if got.Hash != want.Hash {
				t.Errorf("seed %d: trace %016x, and %016x the time before: %s", seed, got.Hash, want.Hash, difference(first, second))
				break
			}
		}
	}
}

// recorded runs a seed and returns all that happened.
func recorded(t *testing.T, seed uint64) (r Result, lines []string) {
	r = run(t, seed, func(line string) { lines = append(lines, line) })
	return r, lines
}

// difference is where two runs part.
func difference(first, second []string) string {
	for i := range min(len(first), len(second)) {
		if first[i] != second[i] {
			return fmt.Sprintf("line %d is %q, and was %q; before it %q", i, second[i], first[i], first[max(0, i-5):i])
		}
	}
	return fmt.Sprintf("%d lines, and %d", len(second), len(first))
}
