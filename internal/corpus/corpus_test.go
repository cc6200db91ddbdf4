// Package corpus_test restores snapshots that earlier versions wrote. Each folder of testdata has one, of a job that is here, and what
// the job had written before:
//
//	go test ./internal/corpus                            restore them all
//	go test ./internal/corpus -write format-2            write another; committed ones stay as they are
package corpus_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/state"
	"leat.dev/leat/window"
)

var writeTo = flag.String("write", "", "write the snapshot of a job to this folder of testdata")

// A corpus is a job whose snapshots are committed, in folders of testdata that match.
type corpus struct {
	folders string
	// job is slow where it is to stop at a record: it then reads few at a time.
	job func(out *[]string, perSecond float64, reached func(i int64)) *leat.Job
	cut int64 // the record at which the snapshot is asked for
}

var corpora = []corpus{{"format-?", corpusJob, corpusCut}, {"format-?-windows", windowsJob, windowsCut}}

// sighting is a record with everything that codecs have kinds for.
type sighting struct {
	ID     int64
	Place  string
	At     time.Time
	Degree float64
	Tags   []string
	By     map[string]int32
	Next   *sighting
	Raw    []byte
	Flag   bool
	Small  int8
	Fixed  [3]uint16
}

func makeSighting(i int64) sighting {
	s := sighting{
		ID: i, Place: fmt.Sprintf("place-%d", i%17), At: corpusStart.Add(time.Duration(i) * time.Second), Degree: float64(i) / 8,
		Tags: []string{fmt.Sprint(i % 3)}, By: map[string]int32{"n": int32(i)}, Raw: []byte{byte(i)}, Flag: i%2 == 0, Small: int8(i % 100), Fixed: [3]uint16{1, uint16(i)},
	}
	if i%5 == 0 {
		s.Next = &sighting{ID: -i}
	}
	return s
}

func (s sighting) when() time.Time { return s.At }
func (s sighting) place() string   { return s.Place }

var corpusStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// corpusRecords is how many records the corpus job has in all, and corpusCut how many come before its snapshot.
const corpusRecords, corpusCut = 1600, 1100

// corpusJob has each kind of state, timer and window. Every output is a line.
func corpusJob(out *[]string, perSecond float64, reached func(i int64)) *leat.Job {
	job := leat.NewJob("corpus")
	job.Parallelism = 2
	sightings := job.From("sightings", gen.Func(gen.Options{Count: corpusRecords, PerSecond: perSecond}, func(i int64) sighting {
		reached(i)
		return makeSighting(i)
	})).EventTime(sighting.when, 3*time.Second)
	byPlace := sightings.KeyBy(sighting.place)
	line := func(pane leat.Pane[string, int64]) string {
		return fmt.Sprintf("%s %d %d %d", pane.Key, pane.Start.Unix(), pane.End.Unix(), pane.Value)
	}
	tumbling := byPlace.Window(window.Tumbling(time.Minute)).Aggregate("tumbling", agg.Count)
	sliding := byPlace.Window(window.Sliding(time.Minute, 20*time.Second)).Aggregate("sliding", agg.Sum(func(s sighting) int64 { return s.ID }))
	session := byPlace.Window(window.Session(16*time.Second)).Aggregate("session", agg.Count)
	keyed := byPlace.Process("states", corpusStates)
	loose := sightings.Process("loose", func(op *leat.Unkeyed[string]) func(sighting) error {
		held := op.List[int64]("held")
		return func(s sighting) error {
			if s.ID%100 == 0 {
				held.Append(s.ID)
			}
			if s.ID == corpusRecords-1 {
				op.Emit("last")
			}
			return nil
		}
	}, leat.Parallelism(1))
	both := byPlace.Connect(tumbling.KeyBy(leat.PaneKey[string, int64])).Process("both", func(op *leat.Operator[string, string]) (func(sighting) error, func(leat.Pane[string, int64]) error) {
		seen := op.Value[int64]("seen")
		return func(sighting) error { seen.Set(seen.Get() + 1); return nil },
			func(p leat.Pane[string, int64]) error { op.Emit("pane of " + p.Key); return nil }
	})
	all := keyed
	for i, s := range []*leat.Stream[string]{tumbling.Map(line), sliding.Map(line), session.Map(line), loose, both} {
		prefix := fmt.Sprintf("%d ", i)
		all = all.Union(s.Map(func(l string) string { return prefix + l }))
	}
	all.To("lines", mem.Into(out))
	return job
}

// corpusStates emits what each kind of state has when the timer of a key goes off.
func corpusStates(op *leat.Operator[string, string]) func(sighting) error {
	last := op.Value[sighting]("last")
	times := op.List[time.Time]("times")
	byTag := op.Map[string, sighting]("by tag")
	byTime := op.Ordered[time.Time, float64]("by time")
	most := op.Reducing("most", func(a, b int64) int64 { return max(a, b) })
	mean := op.Aggregating("mean", agg.Mean(func(s sighting) float64 { return s.Degree }))
	single := op.EventTimer("single", func(at time.Time) error {
		op.Emit(fmt.Sprintf("states %s %d: %+v %d %d %d %d %.3f", op.Key(), at.Unix(), last.Get().ID, times.Len(), count(byTag.All()), count(byTime.All()), most.Get(), mean.Get()))
		byTime.DeleteRange(time.Time{}, at.Add(-time.Minute))
		return nil
	})
	each := op.EventTimers("each", func(id int64, at time.Time) error {
		op.Emit(fmt.Sprintf("timer %s %d %d", op.Key(), id, at.Unix()))
		return nil
	})
	never := op.ProcessingTimer("never", func(time.Time) error { op.Emit("never"); return nil })
	return func(s sighting) error {
		last.Set(s)
		times.Append(s.At)
		byTag.Set(s.Tags[0], s)
		byTime.Set(s.At, s.Degree)
		most.Add(s.ID)
		mean.Add(s)
		single.At(s.At.Truncate(time.Minute).Add(time.Minute))
		each.At(s.ID, s.At.Add(90*time.Second))
		never.At(time.Date(2222, 1, 1, 0, 0, 0, 0, time.UTC))
		return nil
	}
}

func count[K, V any](all func(func(K, V) bool)) (n int) {
	for range all {
		n++
	}
	return n
}

// TestCorpus restores the snapshots of this version and of all versions before, at several parallelisms: with what the job had
// written before, its output is that of an undisturbed run.
func TestCorpus(t *testing.T) {
	for _, c := range corpora {
		if matches, _ := filepath.Match(c.folders, *writeTo); matches {
			c.write(t, filepath.Join("testdata", *writeTo))
		}
		var want []string
		if err := c.job(&want, 0, func(int64) {}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		versions, err := filepath.Glob(filepath.Join("testdata", c.folders))
		if err != nil || len(versions) == 0 {
			t.Fatalf("no corpus %s: %v", c.folders, err)
		}
		for _, version := range versions {
			for _, parallelism := range []int{1, 2, 5} {
				t.Run(fmt.Sprintf("%s at %d", filepath.Base(version), parallelism), func(t *testing.T) { c.restore(t, version, parallelism, want) })
			}
		}
	}
}

// restore goes on from a snapshot and compares all that the job has written.
func (c corpus) restore(t *testing.T, version string, parallelism int, want []string) {
	before, err := os.ReadFile(filepath.Join(version, "before.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var after []string
	job := c.job(&after, 0, func(int64) {})
	job.Parallelism, job.Backend = parallelism, state.Heap{}
	job.Restore.From = filepath.Join(version, "savepoint")
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := append(strings.Split(strings.TrimSpace(string(before)), "\n"), after...)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d lines and %d before, not %d: the first that differs: %s", len(after), len(got)-len(after), len(want), firstOther(got, want))
	}
}

func firstOther(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return got[i] + " / " + want[i]
		}
	}
	return "the end"
}

// write stops the job in its middle with a savepoint.
func (c corpus) write(t *testing.T, version string) {
	t.Helper()
	var before []string
	there, goOn := make(chan struct{}), make(chan struct{})
	running, err := c.job(&before, 5000, func(i int64) {
		if i == c.cut {
			close(there)
			<-goOn
		}
	}).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- running.Wait() }()
	select {
	case <-there:
	case err := <-ended:
		t.Fatalf("it has ended: %v", err)
	}
	time.AfterFunc(time.Second, func() { close(goOn) }) // the stop has reached the source by then
	place, err := running.StopWithSavepoint(t.Context(), version, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(place, filepath.Join(version, "savepoint")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(version, "before.txt"), []byte(strings.Join(before, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}
