package nexmark

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/mem"
)

// final gathers what is left of a query's lines at the end.
type final struct {
	mu    sync.Mutex
	fixed []string
	last  map[string]string // by key
}

func (f *final) sink() connector.Sink[Line] {
	return mem.Each(func(_ context.Context, l Line) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if l.Key == "" {
			f.fixed = append(f.fixed, l.Text)
		} else {
			f.last[l.Key] = l.Text
		}
		return nil
	})
}

// lines are sorted.
func (f *final) lines() []string {
	all := slices.Clone(f.fixed)
	for _, text := range f.last {
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// run runs a query over the first n events.
func run(t *testing.T, q Query, g *Generator, n int64, parallelism int) []string {
	t.Helper()
	job := leat.NewJob("nexmark")
	job.Parallelism = parallelism
	f := &final{last: map[string]string{}}
	q.Attach(Streams{Job: job, Generator: g, Count: n}, f.sink())
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f.lines()
}

// inOrder says that a query's result depends on the order of records from several splits, of which parallelism has more than one:
// which of equal bids, or of bids at one time, came first.
var inOrder = map[string]bool{"q18": true, "q19": true}

// Each query says what a plain loop over the events says.
func TestQueriesEqualOracles(t *testing.T) {
	const n = 20_000
	g := NewGenerator(Config{PerSecond: 100, Seed: 7})
	w := newWorld(g, n)
	for _, q := range Queries() {
		if q.Name == timed {
			continue
		}
		t.Run(q.Name, func(t *testing.T) {
			oracle, ok := oracles[q.Name]
			if !ok {
				t.Fatal("there is no oracle")
			}
			want := oracle(w)
			slices.Sort(want)
			if len(want) == 0 {
				t.Fatal("the oracle says nothing: there are too few events")
			}
			for _, parallelism := range []int{1, 3} {
				if parallelism > 1 && inOrder[q.Name] {
					continue
				}
				same(t, run(t, q, g, n, parallelism), want)
			}
		})
	}
}

// timed is the query whose windows go by the clock, so that each run has others.
const timed = "q12"

// What q12 counts of a bidder is, over all windows, how many bids there are; its windows are of ten seconds.
func TestTimedQueryCountsEachBidOnce(t *testing.T) {
	const n = 20_000
	g := NewGenerator(Config{})
	want := map[int64]int64{}
	for _, b := range newWorld(g, n).bids {
		want[b.Bidder]++
	}
	at := slices.IndexFunc(Queries(), func(q Query) bool { return q.Name == timed })
	got := map[int64]int64{}
	for _, l := range run(t, Queries()[at], g, n, 2) {
		var bidder, count int64
		if _, err := fmt.Sscanf(l, "%d,%d,", &bidder, &count); err != nil {
			t.Fatalf("line %q: %v", l, err)
		}
		fields := strings.Split(l, ",")
		from, to := instant(t, fields[2]), instant(t, fields[3])
		if to.Sub(from) != 10*time.Second || !from.Equal(from.Truncate(10*time.Second)) {
			t.Errorf("line %q: that is no window of ten seconds", l)
		}
		got[bidder] += count
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d bidders with other counts than the %d that there are", len(got), len(want))
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05.000", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// same compares lines, and shows the first that differ.
func same(t *testing.T, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("line %d is\n%s\nwant\n%s\n(%d lines, want %d)", i+1, got[i], want[i], len(got), len(want))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
}

// Each query says what Flink SQL says of the same events.
func TestQueriesEqualFlinkSQL(t *testing.T) {
	n := int64(1_000_000)
	if testing.Short() {
		n = 100_000
	}
	want := readDigests(t, fmt.Sprintf("testdata/flink-%d.txt", n))
	g := NewGenerator(Config{})
	for _, q := range Queries() {
		if !q.SQL {
			continue
		}
		t.Run(q.Name, func(t *testing.T) {
			lines := run(t, q, g, n, 1)
			if whole, err := os.ReadFile(fmt.Sprintf("testdata/%s-%d.csv", q.Name, n)); err == nil { // of short results: tells what differs
				same(t, lines, strings.Split(strings.TrimSpace(string(whole)), "\n"))
			}
			if got := digest(lines); got != want[q.Name] {
				t.Errorf("%s lines and digest, Flink SQL has %s", got, want[q.Name])
			}
		})
	}
}

// digest is the number of sorted lines, and what sha256sum says of them.
func digest(lines []string) string {
	h := sha256.New()
	for _, l := range lines {
		fmt.Fprintln(h, l)
	}
	return fmt.Sprintf("%d %x", len(lines), h.Sum(nil))
}

// readDigests reads lines of a query's name, its number of lines and their digest.
func readDigests(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for l := range strings.Lines(string(text)) {
		name, rest, ok := strings.Cut(strings.TrimSpace(l), " ")
		if !ok {
			t.Fatalf("%s: %q is no digest", path, l)
		}
		digests[name] = rest
	}
	return digests
}
