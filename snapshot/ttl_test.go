package snapshot_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/snapshot"
	"leat.dev/leat/state"
)

// forgetful has states that forget, and says what it sees.
func forgetful(dir string) func(held, *output) *leat.Job {
	return func(in held, out *output) *leat.Job {
		job := leat.NewJob("forgetful")
		job.Parallelism = 2
		job.Checkpoint = leat.Checkpoint{Store: filepath.Join(dir, "store"), Every: time.Hour}
		job.From("sales", func() connector.Input[sale] { return in }).EventTime(sale.when, 0).KeyBy(sale.account).
			Process("see", func(op *leat.Operator[string, string]) func(sale) error {
				last := op.Value[int64]("last", state.TTL{After: 25 * time.Second})
				all := op.List[int64]("all", state.TTL{After: 40 * time.Second})
				byShop := op.Map[int32, int64]("by-shop", state.TTL{After: time.Minute, OnRead: true})
				byTime := op.Ordered[time.Time, int64]("by-time", state.TTL{After: 40 * time.Second})
				return func(s sale) error {
					first, _, _ := byTime.First()
					op.Emit(fmt.Sprint(op.Key(), s.At.Unix(), " ", last.Get(), slices.Collect(all.All()), byShop.Get(s.Shop), first.Unix()))
					last.Set(s.Cents)
					all.Append(s.Cents)
					byShop.Set(s.Shop, s.Cents)
					byTime.Set(s.At, s.Cents)
					return nil
				}
			}).To("out", mem.Each(out.add))
		return job
	}
}

// Whoever reads a snapshot sees values, and the time of their last write beside them; a job sees the same, whatever became of it.
func TestTTL(t *testing.T) {
	records, dir := sales(100), t.TempDir()
	place, before := savepoint(t, dir, forgetful(dir), records, 60)
	want := modelOf(records[:60])
	s := open(t, place)
	keys := 0
	for account, cents := range s.Values[string, int64]("see", "last") {
		if m := want[account]; cents != m.cents[len(m.cents)-1] {
			t.Errorf("last of %s is %d, want the last of %v", account, cents, m.cents)
		}
		keys++
	}
	for account, all := range s.Lists[string, int64]("see", "all") {
		if m := want[account].cents; len(all) > len(m) || !slices.Equal(all, m[len(m)-len(all):]) {
			t.Errorf("all of %s are %v, want the last of %v", account, all, m)
		}
	}
	for account, entries := range s.Ordered[string, time.Time, int64]("see", "by-time") {
		for at, cents := range entries {
			if want[account].history[at] != cents {
				t.Errorf("%s has %v: %d", account, at, cents)
			}
		}
	}
	if err := s.Err(); err != nil || keys < 20 {
		t.Fatalf("%d keys: %v", keys, err)
	}
	newest := records[59]
	shown, _, code := leatCommand(t, "snapshot", "inspect", place, "see/last", "--key", newest.Account, "--json")
	if written := newest.At.UTC().Format(time.RFC3339); code != 0 || !strings.Contains(shown, `"written":"`+written) {
		t.Errorf("exit code %d: %s, want it written at %s", code, shown, written)
	}
	straight := finish(t, "", forgetful(t.TempDir()), records)
	for name, place := range map[string]string{
		"restored": place, "of other key groups": rewritten(t, place, func(w *snapshot.Writer) { w.MaxParallelism(64) }),
	} {
		after := finish(t, place, func(in held, out *output) *leat.Job {
			job := forgetful(t.TempDir())(in, out)
			if name != "restored" {
				job.MaxParallelism = 64
			}
			return job
		}, records)
		if got := sorted(before, after); !slices.Equal(got, sorted(straight)) {
			t.Errorf("%s: %d lines, want %d:\n%s\nwant\n%s", name, len(got), len(straight), strings.Join(got, "\n"), strings.Join(sorted(straight), "\n"))
		}
	}
}
