package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

// recordsPerSecond is how fast a slow source is.
const recordsPerSecond = 2000

// generated is a case of a generated job, to be killed.
type generated struct {
	Case
	self  string // the program that is the job
	watch *watcher
	// from is the savepoint that the job was told to go on from; fresh says that no process has been told so far.
	from         string
	claim, fresh bool
	// stopping says that the last process was to stop with a savepoint.
	stopping bool
	// backend is where processes have their state: "heap", "disk", or "any" of these.
	backend string
}

func (g *generated) subject() *subject {
	g.watch = watch(filepath.Join(g.Dir, "out"), expect(build(g.Case, 0).outputs))
	return &subject{
		name: fmt.Sprintf("crash-%d with records of seed %d", g.Job, g.Seed), dir: g.Dir, instant: 400 * time.Millisecond, whole: true,
		failure: g.watch.failure, grown: g.watch.grown, command: g.command, check: g.check,
		stopped: func(place string) { g.from, g.fresh = place, true },
	}
}

func (g *generated) command(r *rand.Rand, slow bool, o order) (*exec.Cmd, error) {
	run := Run{
		Case: g.Case, Parallelism: 1 + r.IntN(4), Keep: 1 + r.IntN(3), Every: time.Duration(20+r.IntN(80)) * time.Millisecond,
	}
	run.Disk = g.backend == "disk" || g.backend == "any" && r.IntN(2) == 0
	if slow {
		run.PerSecond = recordsPerSecond
	}
	soon := time.Duration(10+r.IntN(100)) * time.Millisecond
	switch n := r.IntN(10); {
	case slices.Contains(stopping, o.point), o.point == failpoint.SavepointDiscarded && g.from == "", n == 0:
		run.StopAfter = soon
	case slices.Contains(saving, o.point), n <= 2:
		run.Savepoints = soon
	}
	if o.swift || o.point == failpoint.SavepointDiscarded {
		run.Every, run.Keep = 20*time.Millisecond, 1
	}
	if err := g.restore(r, &run, o); err != nil {
		return nil, err
	}
	g.stopping = run.StopAfter > 0
	text, err := json.Marshal(run)
	cmd := exec.Command(g.self)
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	return cmd, err
}

// restore has the first process after a savepoint go on from it by its place, or as from any snapshot. If it was told the place,
// so are the others after it, as after a crash the same command is given again.
func (g *generated) restore(r *rand.Rand, run *Run, o order) error {
	if g.stopping && !g.fresh { // it may have come so far that the job goes on from a savepoint that nobody has heard of
		g.from = ""
	}
	if g.fresh {
		g.fresh, g.claim = false, r.IntN(2) == 0 || o.point == failpoint.SavepointDiscarded
		if r.IntN(3) == 0 && !g.claim {
			g.from = ""
		}
	}
	if g.from == "" {
		return nil
	}
	switch err := g.there(); {
	case errors.Is(err, store.ErrNotFound) && g.claim:
		g.from = "" // the job owned it, and has deleted it
		return nil
	case err != nil:
		return err
	}
	run.From, run.Claim = g.from, g.claim
	return nil
}

// there is whether the savepoint is.
func (g *generated) there() error {
	s, err := store.Locate(g.from)
	if err != nil {
		return err
	}
	p, err := s.Open(context.Background(), "manifest.json")
	if err != nil {
		return err
	}
	return p.Close()
}

func (g *generated) check() (compared, lost, doubled int, err error) {
	err = g.watch.end()
	compared, lost, doubled, examples := g.watch.difference()
	if err == nil && len(examples) > 0 {
		err = fmt.Errorf("%d lost, %d doubled: %q", lost, doubled, examples)
	}
	return compared, lost, doubled, err
}
