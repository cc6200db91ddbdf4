package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"leat.dev/leat/internal/failpoint"
)

// subject is something to kill: a job from its beginning to its end.
type subject struct {
	name string
	dir  string
	// command is a process that runs the job, or goes on with it. A slow one takes some seconds for all of its input.
	command func(r *rand.Rand, slow bool, o order) (*exec.Cmd, error)
	// stopped hears of the savepoint that a process has stopped with; nil if none does.
	stopped func(place string)
	// instant is how long a process lives at most that is to die at a random instant.
	instant time.Duration
	// check is called when the job has ended.
	check func() (compared, lost, doubled int, err error)
	// failure is what a look at the output has found so far.
	failure func() error
	grown   <-chan int // an event for each growth of the visible output
	// whole is whether a process may come to the job's end, and takes savepoints, so that all points can be met.
	whole bool
}

// campaign kills a subject again and again.
type campaign struct {
	subject
	*rand.Rand
	plan *plan
	runs int
}

// patience is how long a process may take to come to a point, or, if nobody kills it, to its end.
const (
	patience      = 5 * time.Second
	fencePatience = 30 * time.Second // however busy the machine is
	endPatience   = 2 * time.Minute
)

// outcome is how a process ended.
type outcome uint8

const (
	finished outcome = iota // by itself, all input worked through
	died                    // as it was ordered
	overdue                 // killed, as it did not come to its point
	halted                  // it stopped with a savepoint before
)

// run kills the subject up to so many times, has it come to its end, and compares.
func (c *campaign) run(most int) (result, error) {
	kills := 0
	for ended := false; !ended; {
		o, ok := order{}, false
		if kills < most {
			o, ok = c.plan.next(c.Rand)
		}
		var err error
		switch {
		case !ok:
			ended, err = true, c.finish()
		case o.point == "" && canPause && c.IntN(5) == 0:
			ended, err = c.takeOver(o)
		default:
			ended, err = c.kill(o)
		}
		if err = errors.Join(err, c.failure()); err != nil {
			return result{}, fmt.Errorf("%s, process %d: %w", c.name, c.runs, err)
		}
		kills++
	}
	compared, lost, doubled, err := c.check()
	return result{compared, lost, doubled}, err
}

// result is what a campaign has found.
type result struct{ compared, lost, doubled int }

// kill runs a process until it dies as ordered, or ends before.
func (c *campaign) kill(o order) (ended bool, err error) {
	if !c.whole && o.beyond() {
		c.plan.giveBack(o)
		return false, nil
	}
	slow := c.IntN(6) > 0 && !slices.Contains(final, o.point)
	p, err := c.start(slow, o)
	if err != nil {
		return false, err
	}
	how, err := c.await(p, o)
	switch {
	case err != nil:
		return false, err
	case how == finished:
		c.plan.missedOrder(o)
		return true, nil
	case how == halted && o.point == failpoint.SavepointDiscarded:
		return c.kill(o) // there is a savepoint now that the next process can claim
	case how == halted:
		c.plan.missedOrder(o)
	case how == overdue:
		c.plan.missedOrder(o)
		c.plan.died(order{})
	default:
		c.plan.died(o)
	}
	return false, nil
}

// process is a process of the subject that runs.
type process struct {
	cmd     *exec.Cmd
	started chan struct{} // closed when the job runs, or has ended
	ended   chan struct{}
	err     error // valid when ended is closed
	stderr  string
	out     signal
}

func (c *campaign) start(slow bool, o order) (*process, error) {
	cmd, err := c.command(c.Rand, slow, o)
	if err != nil {
		return nil, err
	}
	c.runs++
	p := &process{cmd: cmd, started: make(chan struct{}), ended: make(chan struct{}), stderr: filepath.Join(c.dir, fmt.Sprintf("stderr-%d", c.runs))}
	log, err := os.Create(p.stderr)
	if err != nil {
		return nil, err
	}
	cmd.Stderr, cmd.Stdout = log, &p.out
	p.out.c = p.started
	if o.point != "" {
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%s=%d", failpoint.Variable, o.point, o.hit))
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		defer close(p.ended)
		p.err = errors.Join(cmd.Wait(), log.Close())
	}()
	return p, nil
}

// signal closes a channel at the first write, and keeps what is written.
type signal struct {
	c    chan struct{}
	text []byte
}

func (s *signal) Write(b []byte) (int, error) {
	if len(s.text) == 0 {
		close(s.c)
	}
	s.text = append(s.text, b...)
	return len(b), nil
}

// halt says whether a process has stopped with a savepoint, and tells the subject so.
func (c *campaign) halt(p *process) bool {
	if p.cmd.ProcessState.ExitCode() != stoppedCode {
		return false
	}
	_, place, ok := strings.Cut(string(p.out.text), stopped)
	if ok && c.stopped != nil {
		c.stopped(strings.TrimSpace(place))
	}
	return ok
}

// await has a process die as ordered, and waits for its end.
func (c *campaign) await(p *process, o order) (outcome, error) {
	killed := false
	if o.point == "" {
		killed = c.strike(p)
	} else {
		killed = !p.endsWithin(patience)
	}
	if killed {
		_ = p.cmd.Process.Kill() // it may have ended meanwhile
	}
	<-p.ended
	switch {
	case p.err == nil:
		return finished, nil
	case c.halt(p):
		return halted, nil
	case p.cmd.ProcessState.Exited():
		return finished, p.explain()
	case killed && o.point != "":
		return overdue, nil
	}
	return died, nil
}

// strike waits for a random instant, and says whether the process runs then.
func (c *campaign) strike(p *process) bool {
	instant := time.Duration(c.Int64N(int64(c.instant)))
	switch c.IntN(5) {
	case 0: // while it starts
		return !p.endsWithin(instant / 4)
	case 1: // when it has shown something
		p.waits(p.started, c.instant*10)
		for range 1 + c.IntN(3) {
			if p.waitsGrown(c.grown, c.instant) {
				return false
			}
		}
		return !p.endsWithin(time.Duration(c.Int64N(int64(5 * time.Millisecond))))
	}
	p.waits(p.started, c.instant*10)
	return !p.endsWithin(instant)
}

func (p *process) waits(event <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-event:
	case <-p.ended:
	case <-timer.C:
	}
}

// waitsGrown waits until there is more output, and says whether the process has ended instead.
func (p *process) waitsGrown(grown <-chan int, most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-grown:
	case <-timer.C:
	case <-p.ended:
		return true
	}
	return false
}

func (p *process) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		return false
	}
}

// explain is why a process ended by itself with an error.
func (p *process) explain() error {
	text, err := os.ReadFile(p.stderr)
	return errors.Join(fmt.Errorf("it ended with %w:\n%s", p.err, bytes.TrimSpace(text[max(0, len(text)-3000):])), err)
}

// finish runs a process to the end of the input, and others behind it as long as they stop with a savepoint.
func (c *campaign) finish() error {
	p, err := c.start(false, order{})
	if err != nil {
		return err
	}
	if !p.endsWithin(endPatience) {
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("it does not come to its end within %v, see %s", endPatience, p.stderr)
	}
	switch {
	case p.err == nil:
		return nil
	case c.halt(p):
		return c.finish()
	}
	return p.explain()
}

// takeOver halts a process, has another one go on with the job, and lets the first one loose again: it has to find out that the
// job is not its own any more, and end, before it shows anything. Then the other one is killed.
func (c *campaign) takeOver(o order) (ended bool, err error) {
	first, err := c.start(true, order{swift: true})
	if err != nil {
		return false, err
	}
	first.waits(first.started, patience)
	if c.IntN(2) == 0 { // else before it has written anything whose loss it would notice
		first.endsWithin(time.Duration(c.Int64N(int64(c.instant))))
	}
	if err := pause(first.cmd.Process); err != nil { // it has ended
		c.plan.missedOrder(o)
		if <-first.ended; c.halt(first) {
			return false, nil
		}
		return first.err == nil, c.ownEnd(first)
	}
	second, err := c.start(true, order{swift: true})
	if err != nil {
		return false, errors.Join(err, first.cmd.Process.Kill())
	}
	second.waits(second.started, patience)
	second.endsWithin(c.instant/2 + time.Duration(c.Int64N(int64(c.instant)))) // so long that it deletes old checkpoints
	_ = resume(first.cmd.Process)
	fenced := first.endsWithin(fencePatience)
	if !fenced { // it says on standard error what it is doing
		_ = first.cmd.Process.Signal(syscall.SIGQUIT)
		first.endsWithin(patience)
	}
	for _, p := range []*process{first, second} {
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if !fenced || first.err == nil && second.err != nil {
		how := "ends as if it had done all of"
		if !fenced {
			how = "goes on with"
		}
		return false, fmt.Errorf("a process %s a job that another one has taken over, see %s and %s", how, first.stderr, second.stderr)
	}
	if c.halt(second) {
		c.plan.missedOrder(o)
		return false, nil
	}
	if second.err == nil || second.cmd.ProcessState.Exited() {
		c.plan.missedOrder(o)
		return second.err == nil, c.ownEnd(second)
	}
	c.plan.died(o)
	return false, nil
}

// ownEnd is what is wrong with a process that has ended by itself.
func (c *campaign) ownEnd(p *process) error {
	if p.err == nil {
		return nil
	}
	return p.explain()
}
