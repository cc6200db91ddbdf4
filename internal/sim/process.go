package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/recovery"
)

// errDead is what a process gets that does something after its death.
var errDead = errors.New("the process is dead")

// Process is one run of the job's binary.
type Process struct {
	number int
	world  *World
	dead   bool // guarded by turns.mu
	died   chan struct{}
	ctx    context.Context
	cancel context.CancelCauseFunc

	epoch      int64 // the last that it claimed
	supervisor *recovery.Supervisor
	stopped    bool // the user has stopped it
	zombie     bool // it was taken for dead, and another one was started
	ended      bool
	err        error
}

// String is the process's name.
func (p *Process) String() string { return fmt.Sprintf("p%d", p.number) }

// clock is processing time as a process sees it.
type processClock struct{ p *Process }

func (c processClock) Now() int64 { return c.p.world.turns.Now() }

func (c processClock) At(t int64, f func()) func() { return c.p.world.turns.at(c.p, t, f) }

// turn is where the engine's goroutines wait.
func (p *Process) turn(who string) { p.world.turns.wait(context.Background(), p, who, 0) }

// run runs the job until it ends or the process dies.
func (p *Process) run(plan *graph.Plan, budget *heap.Budget) {
	defer func() { p.ended = true }()
	p.turn("main")
	s := &p.world.settings
	supervisor, err := recovery.Start(p.ctx, recovery.Config{
		Plan: plan, Store: p.world.storeOf(p), Clock: processClock{p},
		Options: local.Options{
			BatchSize: s.batch, WatermarkEvery: s.watermarkEvery, Clock: processClock{p}, Budget: budget,
			Metrics: &metrics.Job{}, Turn: p.turn, FireLimit: s.fireLimit,
		},
		Policy: recovery.Policy{Pause: time.Millisecond, MaxPause: time.Millisecond, Attempts: s.attempts},
		Every:  s.every, MinPause: s.minPause, Timeout: s.timeout, Keep: s.keep, FailAfter: s.failAfter,
	})
	if err != nil {
		p.err = err
		return
	}
	p.supervisor = supervisor
	p.err = supervisor.Wait()
}
