package main

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/internal/failpoint"
)

// The test binary is the job when it is asked to, so that it can be killed.
func TestMain(m *testing.M) {
	if code, asked := child(os.Stdout); asked {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// Every generated job is killed some times; make crash does so in full.
func TestKills(t *testing.T) {
	s := settings{kills: 30, workers: 2, seed: 7, backend: "any", dir: t.TempDir(), log: testWriter{t}}
	if testing.Short() {
		s.kills, s.jobs = 4, []int{1, 5}
	}
	line, err := s.run()
	if err != nil {
		t.Fatalf("%v\n%s", err, line)
	}
	t.Log(line)
}

type testWriter struct{ *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func TestPlanGivesEachPointItsShare(t *testing.T) {
	points := failpoint.All()
	p, r := newPlan(200, points), rand.New(rand.NewPCG(1, 1))
	missed := 0
	for {
		o, ok := p.next(r)
		if !ok {
			break
		}
		if missed < 50 && r.IntN(3) == 0 {
			missed++
			p.missedOrder(o)
			continue
		}
		p.died(o)
	}
	all, atPoints, met := p.kills()
	if met != len(points) || p.least() != perPoint || all < 200 || atPoints != met*perPoint || !p.fulfilled() || len(p.unmet(points)) > 0 {
		t.Errorf("%d kills, %d at %d points, at least %d each", all, atPoints, met, p.least())
	}
}

func TestPointThatNobodyMeetsIsGivenUp(t *testing.T) {
	points := []failpoint.Point{failpoint.TidyAfter}
	p, r := newPlan(2, points), rand.New(rand.NewPCG(1, 1))
	for !p.fulfilled() {
		o, _ := p.next(r)
		if o.point == "" {
			p.died(o)
		} else {
			p.missedOrder(o)
		}
	}
	if unmet := p.unmet(points); len(unmet) != 1 || !strings.Contains(unmet[0], "tidy/after") {
		t.Errorf("unmet: %q", unmet)
	}
}

// What a watcher is there to find.
func TestWatcherFinds(t *testing.T) {
	lines := []Rec{{ID: 1}, {ID: 2}}
	all := lines[0].line() + "\n" + lines[1].line() + "\n"
	for what, c := range map[string]struct {
		first, second map[string]string // files; none: gone
		want          string
	}{
		"nothing":   {map[string]string{"a": all}, map[string]string{"a": all}, ""},
		"shrinking": {map[string]string{"a": all}, nil, "shrinks"},
		"changing":  {map[string]string{"a": all}, map[string]string{"a": all + all}, "changes"},
		"tearing":   {nil, map[string]string{"a": all[:len(all)-5]}, "torn"},
		"broken":    {nil, map[string]string{"a": all[3:]}, "torn"},
		"repeating": {map[string]string{"a": all}, map[string]string{"a": all, "b": lines[1].line() + "\n"}, "repeats"},
		"strange":   {map[string]string{"a": lines[0].line() + "\n"}, map[string]string{"a": lines[0].line() + "\n", "b": Rec{ID: 3}.line() + "\n"}, "repeats"},
	} {
		root := t.TempDir()
		w := &watcher{
			root: root, files: map[string]seenFile{}, got: map[string]int{}, grown: make(chan int, 1),
			expect: expect([]output{{folder: "sink-0", oracle: func() []string { return []string{lines[0].line(), lines[1].line()} }}}),
		}
		show(t, root, c.first)
		w.look()
		show(t, root, c.second)
		w.look()
		switch {
		case c.want == "" && w.err != nil, c.want != "" && (w.err == nil || !strings.Contains(w.err.Error(), c.want)):
			t.Errorf("%s: %v", what, w.err)
		}
	}
}

// show makes the files of a sink be these.
func show(t *testing.T, root string, files map[string]string) {
	t.Helper()
	dir := root + "/sink-0"
	if err := os.MkdirAll(dir+"/.hidden", 0o777); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, stays := files[e.Name()]; !stays && !e.IsDir() {
			if err := os.Remove(dir + "/" + e.Name()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range files {
		if was, err := os.ReadFile(dir + "/" + name); err == nil && string(was) == text {
			continue
		}
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// Each kind of block is in some job, and a job is the same each time it is built.
func TestJobsAreTheSameEachTime(t *testing.T) {
	for i := range themes {
		c := Case{Job: i, Dir: t.TempDir(), Seed: 1, Records: 200, Splits: 2}
		one, two := build(c, 0), build(c, 0)
		run := Run{Case: c, Parallelism: 2}
		plan, err := run.job().Plan()
		if err != nil {
			t.Fatal(err)
		}
		again, err := run.job().Plan()
		if err != nil || plan.String() != again.String() {
			t.Errorf("job %d differs: %v", i, err)
		}
		for j := range one.outputs {
			if a, b := slices.Sorted(slices.Values(one.outputs[j].oracle())), slices.Sorted(slices.Values(two.outputs[j].oracle())); !slices.Equal(a, b) {
				t.Errorf("job %d: the oracle differs", i)
			}
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}
