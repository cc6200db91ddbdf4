package sim

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/graph"
)

// jobName is the name of all jobs.
const jobName = "sim"

const (
	// mostTurns is after how many turns a run that has not come to its end never will.
	mostTurns = 400_000
	// mostProcesses is how many processes a run may need.
	mostProcesses = 60
)

// World is one run: a job that a seed has made, and everything outside of its processes.
type World struct {
	seed     uint64
	random   *rand.Rand // drawn from by whoever has the turn
	turns    *turns
	trace    *trace
	settings settings
	budget   budget
	disk     *disk
	named    map[string][]string // files by the manifest that names them
	stale    map[string]bool     // manifests that were written behind newer ones
	job      Job
	sinks    []*Sink
	writers  int

	alive     []*Process // the newest last
	processes int
	doomed    *Process // dies before the next turn
	halted    bool     // the disk does nothing more until a crash
	err       error    // the first thing that was wrong
}

// settings are how a run's processes are set.
type settings struct {
	batch, watermarkEvery, fireLimit, keep, attempts, failAfter int
	every, minPause, timeout                                    time.Duration
}

// Job makes the plan of a job for a process. What it decides, save parallelism, depends on the world's seed alone.
type Job func(w *World, p *Process) (*graph.Plan, *heap.Budget, error)

// Result is how a run ended.
type Result struct {
	Hash      uint64 // of all that happened
	Turns     int64
	Processes int
	Shown     int // records in sinks
	Err       error
}

// Run runs the job of a seed to its end. It is called in a bubble of testing/synctest. Lines hears of all that happens; it
// may be nil.
func Run(seed uint64, job Job, lines func(string)) Result {
	w := newWorld(seed, job, lines)
	w.start()
	for w.step() {
	}
	for len(w.alive) > 0 {
		w.kill(w.alive[0])
	}
	w.disk.heal()
	if w.err == nil {
		w.checkEnd()
	}
	r := Result{Hash: w.trace.sum(), Turns: w.turns.taken, Processes: w.processes, Err: w.err}
	for _, s := range w.sinks {
		for _, n := range s.shown {
			r.Shown += n
		}
	}
	return r
}

func newWorld(seed uint64, job Job, lines func(string)) *World {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &World{seed: seed, random: r, trace: newTrace(lines), named: map[string][]string{}, stale: map[string]bool{}, job: job}
	w.turns = newTurns(r, w.trace)
	w.disk = newDisk(r.IntN(4) == 0)
	ms := func(from, to int) time.Duration {
		return time.Duration(from)*time.Millisecond + time.Duration(r.IntN(to-from))*time.Millisecond
	}
	w.settings = settings{
		batch: 1 + r.IntN(8)*r.IntN(3), watermarkEvery: 1 + r.IntN(12), fireLimit: 1 + r.IntN(6), keep: 1 + r.IntN(3),
		every: ms(1, 12), timeout: ms(100, 300), attempts: r.IntN(2) * (1 + r.IntN(4)), failAfter: []int{0, 0, 2, 3}[r.IntN(4)],
	}
	if r.IntN(4) == 0 {
		w.settings.minPause = ms(0, 4)
	}
	w.budget = budget{
		crashes: r.IntN(5), stops: r.IntN(2) * r.IntN(3), zombies: r.IntN(2) * r.IntN(3), fails: r.IntN(4), lies: r.IntN(4),
		slow: r.IntN(4), user: r.IntN(2) * r.IntN(3),
	}
	if w.disk.files != nil {
		w.budget.zombies = 0 // the zombie would be on the disk as it was before the crash
	}
	w.trace.add("seed %d: %+v %+v, disk with files: %v", seed, w.settings, w.budget, w.disk.files != nil)
	return w
}

// fail notes what is wrong. The first thing counts.
func (w *World) fail(format string, about ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("turn %d: "+format, append([]any{w.turns.taken}, about...)...)
		w.trace.add("WRONG: %v", w.err)
	}
}

// step goes on by one turn, and says whether there is more to do.
func (w *World) step() bool {
	if w.doomed != nil {
		doomed := w.doomed
		w.doomed = nil
		if slices.Contains(w.alive, doomed) {
			w.crash(doomed)
		}
	}
	if !w.reap() || w.err != nil {
		return false
	}
	w.meddle()
	switch {
	case w.turns.taken > mostTurns:
		w.fail("the job has not come to its end")
	case w.err == nil && !w.turns.next():
		w.fail("nobody waits for a turn or a time: the job hangs")
	}
	return w.err == nil
}

// start starts a process.
func (w *World) start() {
	w.processes++
	if w.processes > mostProcesses {
		w.fail("%d processes have not brought the job to its end", mostProcesses)
		return
	}
	p := &Process{number: w.processes, world: w, died: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	plan, budget, err := w.job(w, p)
	if err != nil {
		w.fail("the job can't be planned: %v", err)
		return
	}
	w.trace.add("%s starts, parallelism %d", p, plan.Settings.Parallelism)
	if w.processes == 1 && w.trace.lines != nil {
		w.trace.lines(plan.String())
	}
	w.alive = append(w.alive, p)
	go p.run(plan, budget)
	synctest.Wait()
}

// crash kills a process and starts another one, unless it was a zombie.
func (w *World) crash(p *Process) {
	w.trace.add("%s crashes", p)
	newest := p == w.newest()
	w.kill(p)
	w.disk.crash(w.random.Uint64())
	w.halted = false
	w.checkSnapshots()
	if newest && w.err == nil {
		w.start()
	}
}

func (w *World) kill(p *Process) {
	w.turns.kill(p)
	if !p.ended {
		w.fail("%s does not end when it is told to", p)
	}
	w.alive = slices.DeleteFunc(w.alive, func(x *Process) bool { return x == p })
}

func (w *World) newest() *Process { return w.alive[len(w.alive)-1] }

// reap takes out processes that have ended, starts another one where the job is not done, and says whether there is one.
func (w *World) reap() bool {
	for _, p := range slices.Clone(w.alive) {
		if !p.ended {
			continue
		}
		newest := p == w.newest()
		w.trace.add("%s ends: %v", p, p.err)
		w.alive = slices.DeleteFunc(w.alive, func(x *Process) bool { return x == p })
		switch {
		case !newest:
		case p.err != nil || p.stopped:
			w.start()
		default:
			return false
		}
	}
	return true
}

// meddle has something happen to the newest process, by chance.
func (w *World) meddle() {
	p := w.newest()
	switch w.random.IntN(500) {
	case 0:
		if w.budget.crashes > 0 {
			w.budget.crashes--
			w.crash(p)
		}
	case 1:
		if w.budget.zombies > 0 {
			w.budget.zombies--
			w.trace.add("%s is taken for dead", p)
			p.zombie = true
			w.start()
		}
	case 2:
		if w.budget.stops > 0 && p.supervisor != nil && !p.stopped {
			w.budget.stops--
			w.trace.add("%s is stopped", p)
			p.stopped = true
			p.supervisor.Stop(false)
			synctest.Wait()
		}
	}
}

// checkSnapshots reads all snapshots that there are.
func (w *World) checkSnapshots() {
	ctx, s := context.Background(), w.disk.open("checks")
	names, err := s.List(ctx, jobName+"/manifests/")
	if err != nil {
		w.fail("the manifests can't be listed: %v", err)
		return
	}
	clear(w.named)
	for _, name := range names {
		if w.stale[name] {
			continue
		}
		w.wrote(name)
		m, err := w.manifest(name)
		if err != nil {
			w.fail("manifest %s can't be read: %v", name, err)
			return
		}
		w.checkSnapshot(&checkpoint.Snapshot{Manifest: m, Store: s})
	}
}

// checkSnapshot reads all files of a snapshot.
func (w *World) checkSnapshot(s *checkpoint.Snapshot) {
	for _, o := range s.Manifest.Operators {
		read := func(_ string, _ int, r backend.Reader) (err error) {
			for err == nil {
				_, _, _, err = r.Next()
			}
			if err == io.EOF {
				return nil
			}
			return err
		}
		if err := s.Keyed(context.Background(), o.Name, 0, s.Manifest.MaxParallelism, nil, read); err != nil {
			w.fail("manifest %d: operator %s can't be read: %v", s.Manifest.Sequence, o.Name, err)
		}
	}
}

// checkEnd checks what must hold when the job is done.
func (w *World) checkEnd() {
	for _, s := range w.sinks {
		s.check()
	}
	w.checkSnapshots()
	ctx, s := context.Background(), w.disk.open("checks")
	newest, _, err := checkpoint.Newest(ctx, s, jobName)
	if err != nil || newest == nil {
		w.fail("there is no snapshot at the end: %v", err)
		return
	}
	if err := checkpoint.Tidy(ctx, s, newest.Manifest, w.settings.keep); err != nil {
		w.fail("the store can't be tidied: %v", err)
		return
	}
	w.checkSnapshots()
	w.checkTidy()
}

// checkTidy checks that nothing is in the store that is not wanted.
func (w *World) checkTidy() {
	names, err := w.disk.open("checks").List(context.Background(), jobName+"/")
	if err != nil {
		w.fail("the store can't be listed: %v", err)
		return
	}
	manifests, named := 0, map[string]bool{}
	var newest *checkpoint.Manifest
	for _, name := range names {
		if !strings.Contains(name, "/manifests/") {
			continue
		}
		manifests++
		if newest, err = w.manifest(name); err != nil {
			w.fail("manifest %s can't be read: %v", name, err)
			return
		}
		for _, o := range newest.Operators {
			for _, f := range o.AllFiles() {
				named[f.Name] = true
			}
		}
	}
	if manifests > w.settings.keep {
		w.fail("%d manifests are kept, not %d", manifests, w.settings.keep)
	}
	for _, name := range names {
		var epoch, id int64
		if n, _ := fmt.Sscanf(name, jobName+"/data/%d/%d/", &epoch, &id); n < 2 || named[name] {
			continue
		}
		if epoch < newest.Epoch || epoch == newest.Epoch && id < newest.Checkpoint {
			w.fail("%s is left behind by checkpoint %d of attempt %d", name, newest.Checkpoint, newest.Epoch)
		}
	}
}
