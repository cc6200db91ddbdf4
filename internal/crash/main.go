// Command crash kills jobs again and again, at random instants and at named steps, has others go on with them, and compares what
// they have shown with plain oracles:
//
//	go run ./internal/crash -kills 200
//
// Its last line says how many kills there were, how many records were compared, and how many were lost and doubled.
package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

func main() {
	if code, asked := child(os.Stdout); asked {
		os.Exit(code)
	}
	os.Exit(parent(os.Args[1:], os.Stdout))
}

// settings are the command line.
type settings struct {
	kills, workers int
	seed           uint64
	jobs           []int
	points         []failpoint.Point
	dir            string // for all cases
	root           string // of the repository, for the example; "" leaves it out
	store          string // a place for checkpoints and savepoints of generated jobs; "": in dir
	backend        string // "heap", "disk", or "any": one or the other, whatever the process before had
	log            io.Writer
}

func parent(args []string, out io.Writer) int {
	s := settings{log: out, points: failpoint.All()}
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	flags.IntVar(&s.kills, "kills", 200, "kills at least, half of them at failpoints")
	flags.IntVar(&s.workers, "workers", 3, "jobs at a time")
	flags.Uint64Var(&s.seed, "seed", 1, "of the random choices")
	flags.StringVar(&s.root, "root", ".", "the repository, for the example; empty leaves it out")
	flags.StringVar(&s.store, "store", "", "a place for checkpoints and savepoints, as s3://bucket/prefix; without the example; default a folder")
	flags.StringVar(&s.backend, "backend", "any", "where the state of generated jobs lives: heap, disk, or any: each process of a job where it likes")
	flags.Func("jobs", "numbers of generated jobs, with commas; default all", func(text string) error { return s.setJobs(text) })
	flags.Func("points", "failpoints, with commas; default all", func(text string) error { return s.setPoints(text) })
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := s.useStore(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if !slices.Contains([]string{"any", "heap", "disk"}, s.backend) {
		fmt.Fprintf(os.Stderr, "-backend %s: want heap, disk or any\n", s.backend)
		return 2
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "leat-crash-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	line, err := s.run()
	if err != nil {
		fmt.Fprintf(out, "%v\n%s\ncrash: failed; what is there is in %s\n", err, line, s.dir)
		return 1
	}
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Fprintln(out, line)
	return 0
}

func (s *settings) setPoints(text string) error {
	s.points = nil
	for name := range strings.SplitSeq(text, ",") {
		if !slices.Contains(failpoint.All(), failpoint.Point(name)) {
			return fmt.Errorf("there is no failpoint %q", name)
		}
		s.points = append(s.points, failpoint.Point(name))
	}
	return nil
}

// useStore has jobs keep their snapshots in a place that is not this run's folder: in a part of it that nobody else has. Points
// that only a folder has are not among those where processes die then.
func (s *settings) useStore() (err error) {
	if s.store == "" {
		return nil
	}
	s.root = ""
	s.points = slices.DeleteFunc(s.points, func(p failpoint.Point) bool { return p == failpoint.StoreLinked })
	s.store, err = store.Join(s.store, "crash-"+rand.Text())
	return err
}

func (s *settings) setJobs(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n >= len(themes) {
			return fmt.Errorf("jobs are 0 to %d", len(themes)-1)
		}
		s.jobs = append(s.jobs, n)
	}
	return nil
}

// run runs campaigns until the plan is fulfilled and every job had one, and returns the last line.
func (s *settings) run() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if len(s.jobs) == 0 {
		for i := range themes {
			s.jobs = append(s.jobs, i)
		}
	}
	w := &work{settings: s, self: self, plan: newPlan(s.kills, s.points)}
	var workers sync.WaitGroup
	if s.root != "" {
		workers.Go(w.example)
	}
	for range s.workers {
		workers.Go(w.loop)
	}
	workers.Wait()
	if unmet := w.plan.unmet(s.points); len(unmet) > 0 && w.err == nil {
		w.err = fmt.Errorf("too few processes died at %s", strings.Join(unmet, ", "))
	}
	return w.line(), w.err
}

// work is what the workers share.
type work struct {
	*settings
	self string
	plan *plan

	mu    sync.Mutex // guards all below
	next  int
	total result
	err   error
}

func (w *work) loop() {
	for {
		n, ok := w.take()
		if !ok {
			return
		}
		w.add(w.campaign(n))
	}
}

func (w *work) add(found result, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total.compared += found.compared
	w.total.lost += found.lost
	w.total.doubled += found.doubled
	w.err = errors.Join(w.err, err)
}

// examples is how often the example is run to its end: a few deaths each.
const examples = 4

// example kills the example.
func (w *work) example() {
	for n := range examples {
		dir := fmt.Sprintf("%s/flights-%d", w.dir, n)
		if err := os.Mkdir(dir, 0o777); err != nil {
			w.add(result{}, err)
			return
		}
		f, err := newFlights(w.root, dir)
		if err != nil {
			w.add(result{}, err)
			return
		}
		r := mathrand.New(mathrand.NewPCG(w.seed, 1<<32+uint64(n)))
		w.add(w.kill(&campaign{subject: *f.subject(), Rand: r, plan: w.plan}, 10))
	}
}

// take is the number of the next campaign.
func (w *work) take() (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || w.next >= len(w.jobs) && w.plan.fulfilled() {
		return 0, false
	}
	w.next++
	return w.next - 1, true
}

// campaign runs one campaign; what it found is printed.
func (w *work) campaign(n int) (result, error) {
	r := mathrand.New(mathrand.NewPCG(w.seed, uint64(n)))
	c := Case{
		Job: w.jobs[n%len(w.jobs)], Dir: fmt.Sprintf("%s/%d", w.dir, n), Seed: w.seed*1000 + uint64(n),
		Records: 3000 + r.Int64N(3000), Splits: 1 << r.IntN(3),
	}
	if w.store != "" {
		c.Store = store.Below(w.store, strconv.Itoa(n))
	}
	if err := os.Mkdir(c.Dir, 0o777); err != nil {
		return result{}, err
	}
	g := &generated{Case: c, self: w.self, backend: w.backend}
	s := g.subject()
	return w.kill(&campaign{subject: *s, Rand: r, plan: w.plan}, 10+r.IntN(10))
}

// kill runs a campaign of so many kills at most; its folder stays if something is wrong.
func (w *work) kill(k *campaign, most int) (result, error) {
	found, err := k.run(most)
	w.mu.Lock()
	fmt.Fprintf(w.log, "%s: %d processes, %d records compared, %d lost, %d doubled\n", k.name, k.runs, found.compared, found.lost, found.doubled)
	w.mu.Unlock()
	if err == nil {
		err = os.RemoveAll(k.dir)
	}
	return found, err
}

func (w *work) line() string {
	all, atPoints, points := w.plan.kills()
	return fmt.Sprintf("crash: %d kills (%d at %d failpoints, each at least %d times), %s records compared, %d lost, %d doubled",
		all, atPoints, points, w.plan.least(), grouped(w.total.compared), w.total.lost, w.total.doubled)
}

// grouped is a number with a comma before each group of three digits.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
