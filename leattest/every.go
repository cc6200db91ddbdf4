package leattest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"leat.dev/leat"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/host/local"
)

const (
	// seedVariable is an environment variable: EveryWay then kills and restores by this seed only.
	seedVariable = "LEATTEST_SEED"
	// seedsVariable is an environment variable: how many seeds EveryWay uses in place of defaultSeeds.
	seedsVariable = "LEATTEST_SEEDS"
	defaultSeeds  = 8
	// rarely is how many records lie between two watermarks in the ways with whole batches; with a watermark after every
	// record each record is a batch by itself.
	rarely = 32
	// smallBatch is a size of batches that divides neither rarely nor much else.
	smallBatch = 7
)

// EveryWay runs a job in many ways and fails the test unless all outputs are the same: what sinks and side outputs
// receive, with event times, as multisets, and how many records came late. The ways are
//
//   - chained, and every operator in a task of its own;
//   - parallelism 1, 2, 3 and 4;
//   - batches of 512 records and of one;
//   - straight, and killed at random places and restored from a snapshot, several times in a run, at the same and at
//     another parallelism;
//   - with state in memory, and on disk, one after the other where it is restored.
//
// The first way, chained and at parallelism 1, is what the others are compared with; its result is returned. Ways in
// which watermarks come after every record, and ways in which they come after every 32, are compared among themselves.
//
// Build makes the job. It is called for each attempt, as a process that restarts would: only what is in state survives.
// Given records are read by every attempt, so nobody may change what they refer to. Killing is exact where sources are
// given records; other sources must read the same whenever they are opened.
//
// Floats that differ by less than one part in 1e9 are the same: sums in another order differ in their last bits.
//
// What a job promises is the same output where each key's records come from one split in one order, and no record is
// late. A job that depends on how two inputs mix, on the number of subtasks or on the time of day, has no such promise,
// and fails here.
//
// A failure names a seed: run that one alone with LEATTEST_SEED=n. LEATTEST_SEEDS=n tries n of them, in place of 8.
func EveryWay(t testing.TB, build func() *leat.Job, given ...Given) *Result {
	t.Helper()
	seeds, err := seeds()
	if err != nil {
		t.Fatalf("leattest.EveryWay: %v", err)
	}
	c := &campaign{t: t, build: build, given: given}
	result := c.reference(1)
	want := map[int]*outcome{1: result.outcome, rarely: c.reference(rarely).outcome}
	for _, w := range append(straightWays(), restoredWays(seeds)...) {
		c.try(w, want[w.every])
	}
	return result
}

func seeds() ([]uint64, error) {
	if text := os.Getenv(seedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil || seed == 0 {
			return nil, fmt.Errorf("%s=%s: it must be a number greater than 0", seedVariable, text)
		}
		return []uint64{seed}, nil
	}
	count := defaultSeeds
	if text := os.Getenv(seedsVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%s=%s: it must be a number, 0 or more", seedsVariable, text)
		}
		count = n
	}
	all := make([]uint64, count)
	for i := range all {
		all[i] = uint64(i + 1)
	}
	return all, nil
}

// way is one way to run a job.
type way struct {
	setting
	seed uint64 // 0: straight
	// parallelisms are those of the attempts: the job is killed and restored between each two.
	parallelisms []int
	disks        []bool // which of them have their state on disk
}

// String describes the way in words.
func (w way) String() string {
	var parts []string
	if w.unchained {
		parts = append(parts, "every operator in a task of its own")
	} else {
		parts = append(parts, "chained")
	}
	parts = append(parts, fmt.Sprintf("batches of %d", w.batch), fmt.Sprintf("a watermark every %d records", w.every))
	if w.disk {
		parts = append(parts, "state on disk")
	}
	if w.seed == 0 {
		return fmt.Sprintf("parallelism %d, %s, straight", w.parallelism, strings.Join(parts, ", "))
	}
	return fmt.Sprintf("seed %d: %s, killed and restored", w.seed, strings.Join(parts, ", "))
}

// straightWays are the ways without a restore.
func straightWays() []way {
	var all []way
	add := func(parallelism int, unchained bool, batch, every int) {
		all = append(all, way{setting: setting{parallelism: parallelism, unchained: unchained, spread: true, batch: batch, every: every}})
	}
	for _, unchained := range []bool{false, true} {
		for _, parallelism := range []int{1, 2, 4} {
			add(parallelism, unchained, local.DefaultBatch, 1)
			add(parallelism, unchained, 1, 1)
		}
	}
	add(1, true, smallBatch, rarely)
	add(2, false, local.DefaultBatch, rarely)
	add(3, true, local.DefaultBatch, rarely)
	add(4, false, 1, rarely)
	for _, w := range []way{all[0], all[len(all)-2]} {
		w.disk = true
		all = append(all, w)
	}
	return all
}

func restoredWays(seeds []uint64) []way {
	var all []way
	for _, seed := range seeds {
		all = append(all, restoredWay(seed))
	}
	return all
}

// restoredWay is the way of a seed. Every third one keeps its parallelism.
func restoredWay(seed uint64) way {
	random := random(seed)
	w := way{seed: seed, setting: setting{spread: true, unchained: random.IntN(3) == 0}}
	w.batch = []int{1, smallBatch, local.DefaultBatch}[random.IntN(3)]
	w.every = []int{1, rarely}[random.IntN(2)]
	if w.unchained {
		w.every = 1 // where event time is a task of its own, a restore begins to count records anew
	}
	first := 1 + random.IntN(4)
	for range 2 + random.IntN(3) {
		p := first
		if seed%3 != 0 {
			p = 1 + random.IntN(4)
		}
		w.parallelisms = append(w.parallelisms, p)
	}
	for range w.parallelisms {
		w.disks = append(w.disks, random.IntN(2) == 0)
	}
	return w
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x6c656174)) }

// campaign is one call of EveryWay.
type campaign struct {
	t     testing.TB
	build func() *leat.Job
	given []Given
}

// reference runs the first way of those with watermarks after so many records.
func (c *campaign) reference(every int) *Result {
	c.t.Helper()
	r, err := runOnce(c.build(), c.given, setting{parallelism: 1, spread: true, batch: local.DefaultBatch, every: every})
	if err != nil {
		c.t.Fatalf("leattest.EveryWay: %v", err)
	}
	r.t = c.t
	return r
}

// try runs the job one way and fails the test unless the outcome is as expected.
func (c *campaign) try(w way, want *outcome) {
	c.t.Helper()
	got, story, err := c.run(w, want)
	if err != nil {
		c.t.Fatalf("leattest.EveryWay: %s:%s\n%v%s", w, story, err, c.repeat(w))
	}
	got.sort()
	if d := differences(want, got); d != "" {
		c.t.Fatalf("leattest.EveryWay: the output depends on how the job runs\nthis way: %s%s\n%s%s%s", w, story, d, c.hint(w), c.repeat(w))
	}
}

func (c *campaign) run(w way, want *outcome) (o *outcome, story string, err error) {
	if w.seed != 0 {
		return c.runRestored(w, want)
	}
	a, err := start(c.build(), c.given, w.setting, nil, func(*attempt) {})
	if err != nil {
		return nil, "", err
	}
	o = newOutcome()
	err = a.finish()
	o.add(a.heard)
	return o, "", err
}

// hint says what the ways that agreed make likely.
func (c *campaign) hint(w way) string {
	if w.seed == 0 {
		return ""
	}
	return "\nAll ways without a restore agreed. What a restore loses is what is not in state: look for " +
		"variables that a constructor's closure, or a function given to Map or Filter, remembers from record to record."
}

func (c *campaign) repeat(w way) string {
	if w.seed == 0 {
		return ""
	}
	return fmt.Sprintf("\nRepeat with: %s=%d go test -run '^%s$'", seedVariable, w.seed, strings.ReplaceAll(c.t.Name(), "/", "$/^"))
}

// runRestored runs a job in several attempts, each restored from a snapshot of the one before.
func (c *campaign) runRestored(w way, want *outcome) (o *outcome, story string, err error) {
	if len(c.given) == 0 {
		w.batch = min(w.batch, smallBatch) // larger ones are through a short job before it can be killed
	}
	k := &killer{campaign: c, way: w, random: random(^w.seed), out: newOutcome(), size: want.size()}
	var from *checkpoint.Snapshot
	for i := range w.parallelisms {
		from, err = k.attempt(i, from)
		if err != nil || from == nil {
			break
		}
	}
	return k.out, k.story.String(), err
}

// size is the number of all records.
func (o *outcome) size() int {
	n := 0
	for _, s := range o.outputs {
		n += s.len()
	}
	return n
}
