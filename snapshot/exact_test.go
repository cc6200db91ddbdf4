package snapshot_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/snapshot"
)

type tally struct {
	Key string
	N   int64
}

// exact counts the sales of each account into files, exactly once.
func exact(dir string, in held) *leat.Job {
	job := leat.NewJob("exact")
	job.Parallelism = 2
	job.Checkpoint = leat.Checkpoint{Store: filepath.Join(dir, "store"), Every: time.Hour}
	job.From("sales", func() connector.Input[sale] { return in }).EventTime(sale.when, 0).
		KeyBy(sale.account).
		Process("count", func(op *leat.Operator[string, tally]) func(sale) error {
			n := op.Value[int64]("n")
			return func(sale) error {
				n.Set(n.Get() + 1)
				op.Emit(tally{op.Key(), n.Get()})
				return nil
			}
		}).
		To("out", file.Write(filepath.Join(dir, "out")).CSV, leat.ExactlyOnce())
	return job
}

func shown(t *testing.T, dir string) (all []string) {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(dir, "out", "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		text, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Fields(string(text))[1:]...)
	}
	slices.Sort(all)
	return all
}

// A job that was stopped goes on in its own store from what its savepoint was rewritten to, and shows everything once.
func TestRewrittenTakesTheOldOnesPlace(t *testing.T) {
	records, dir := sales(100), t.TempDir()
	reached := make(chan struct{})
	running, err := exact(dir, held{records, 60, reached}).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	place, err := running.StopWithSavepoint(t.Context(), filepath.Join(dir, "savepoints"), false)
	if err != nil {
		t.Fatal(err)
	}
	once := rewritten(t, place, func(w *snapshot.Writer) { w.MaxParallelism(64) })
	twice := rewritten(t, once, func(w *snapshot.Writer) { w.MaxParallelism(32) })
	job := exact(dir, held{records, len(records), nil})
	job.MaxParallelism, job.Restore.From = 32, twice
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want []string
	counts := map[string]int{}
	for _, s := range records {
		counts[s.Account]++
		want = append(want, s.Account+","+strconv.Itoa(counts[s.Account]))
	}
	slices.Sort(want)
	if got := shown(t, dir); !slices.Equal(got, want) {
		t.Errorf("%d lines, want %d: %q", len(got), len(want), got)
	}
	job = exact(dir, held{records, len(records), nil})
	job.MaxParallelism, job.Restore.From = 64, once
	if err := job.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--allow-repeat") {
		t.Errorf("what was shown since would come again: %v", err)
	}
}
