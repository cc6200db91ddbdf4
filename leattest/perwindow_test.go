package leattest_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
	"leat.dev/leat/state"
	"leat.dev/leat/window"
)

// step is by how much a pane went beyond the one before it of its window, and which it was.
type step struct {
	Account  string
	Start    int64
	By, Now  int64
	Nth      int
	InWindow int
}

// steps remembers of each window what its last pane was.
func steps(op *leat.Operator[string, step]) func(leat.Pane[string, int64]) error {
	last := op.Value[int64]("last", state.PerWindow())
	panes := op.Reducing("panes", func(a, b int) int { return a + b }, state.PerWindow())
	nth := op.Value[int]("nth")
	return func(p leat.Pane[string, int64]) error {
		nth.Set(nth.Get() + 1)
		panes.Add(1)
		op.Emit(step{p.Key, p.Start.Unix(), p.Value - last.Get(), p.Value, nth.Get(), panes.Get()})
		last.Set(p.Value)
		return nil
	}
}

func stepping() *leat.Job {
	job := leat.NewJob("steps")
	job.From("payments", mem.From[Txn](), leat.Parallelism(1)).
		EventTime(Txn.When, 10*time.Second).
		KeyBy(Txn.AccountID).
		Window(window.Sliding(2*time.Minute, time.Minute)).
		Trigger(window.OnTime().Early(window.AtCount(2))).
		AllowLateness(30*time.Second).
		Process("measure", agg.Count, steps).
		To("steps", mem.Into(new([]step)))
	return job
}

// TestPerWindow follows what states per window hold from pane to pane, also over kills and restores.
func TestPerWindow(t *testing.T) {
	run := leattest.EveryWay(t, stepping, leattest.Records("payments", payments(200)...))
	sums, counts := map[string]int64{}, map[string]int{}
	most := 0
	all := run.Output[step]("steps")
	slices.SortFunc(all, func(a, b step) int { return cmp.Or(strings.Compare(a.Account, b.Account), a.Nth-b.Nth) })
	for _, s := range all {
		id := fmt.Sprint(s.Account, s.Start)
		sums[id] += s.By
		counts[id]++
		if sums[id] != s.Now || counts[id] != s.InWindow {
			t.Fatalf("%+v: the steps before come to %d, and were %d", s, sums[id], counts[id])
		}
		most = max(most, s.InWindow)
	}
	if most < 3 {
		t.Errorf("no window had more than %d panes", most)
	}
}

// TestPerWindowGoes has more windows than a budget would hold the states of.
func TestPerWindowGoes(t *testing.T) {
	job := leat.NewJob("short")
	job.Backend = state.Heap{BudgetBytes: 512 << 10}
	job.From("payments", mem.From[Txn]()).
		EventTime(Txn.When, 0).
		KeyBy(Txn.AccountID).
		Window(window.Tumbling(time.Second)).
		AllowLateness(2*time.Second).
		Process("large", agg.Count, func(op *leat.Operator[string, int]) func(leat.Pane[string, int64]) error {
			large := op.Value[[]byte]("large", state.PerWindow())
			return func(leat.Pane[string, int64]) error {
				large.Set(make([]byte, 1<<12))
				op.Emit(1)
				return nil
			}
		}).
		To("ones", mem.Into(new([]int)))
	var all []Txn
	for i := range 20_000 {
		all = append(all, Txn{Account: "a", At: noon.Add(time.Duration(i) * time.Second)})
	}
	if n := len(leattest.Run(t, job, leattest.Records("payments", all...)).Output[int]("ones")); n != len(all) {
		t.Errorf("%d panes of %d", n, len(all))
	}
}

func TestPerWindowRefused(t *testing.T) {
	for want, refine := range map[string]func(*leat.Keyed[string, Txn]){
		"merge": func(s *leat.Keyed[string, Txn]) {
			s.Window(window.Session(time.Second)).Process("p", agg.Count, steps).To("steps", mem.Into(new([]step)))
		},
		"no span from the beginning": func(s *leat.Keyed[string, Txn]) {
			s.Window(window.Count(3)).Process("p", agg.Count, steps).To("steps", mem.Into(new([]step)))
		},
		"operators that process panes": func(s *leat.Keyed[string, Txn]) {
			s.Process("p", func(op *leat.Operator[string, int]) func(Txn) error {
				op.Value[int]("n", state.PerWindow())
				return func(Txn) error { return nil }
			}).To("ints", mem.Into(new([]int)))
		},
		"may hold a slice": func(s *leat.Keyed[string, Txn]) {
			s.Window(window.Tumbling(time.Second)).Process("p", agg.Count, func(op *leat.Operator[string, int]) func(leat.Pane[string, int64]) error {
				op.List[int]("n", state.PerWindow())
				return func(leat.Pane[string, int64]) error { return nil }
			}).To("ints", mem.Into(new([]int)))
		},
	} {
		job := leat.NewJob("refused")
		refine(job.From("payments", mem.From[Txn]()).EventTime(Txn.When, 0).KeyBy(Txn.AccountID))
		if _, err := job.Plan(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one that says %q", err, want)
		}
	}
}
