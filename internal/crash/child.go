package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/internal/backend/disk"
	"leat.dev/leat/internal/backend/hashlog"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/store"
)

// childVariable has a Run as JSON: the process is a job then, to be killed.
const childVariable = "LEAT_CRASH_RUN"

// Run is one process of a case.
type Run struct {
	Case        Case
	Parallelism int
	Every       time.Duration // between checkpoints
	Keep        int           // checkpoints
	PerSecond   float64       // records a source; 0: as many as it can
	// From is a savepoint to go on from, "" for the newest snapshot; Claim makes it the job's.
	From  string
	Claim bool
	// Disk has state on disk, all but a few rows.
	Disk bool
	// Savepoints takes a savepoint after so much time, again and again; StopAfter stops the job with one. 0: never.
	Savepoints, StopAfter time.Duration
}

const (
	// started is what a child prints when its job runs, stopped, before the savepoint's place, when it has stopped with one.
	started = "started\n"
	stopped = "stopped "
	// stoppedCode is how it ends then.
	stoppedCode = 3
)

var errStopped = errors.New("stopped with a savepoint")

// child runs the job that the environment asks for, and says whether it asks for one.
func child(out io.Writer) (code int, asked bool) {
	text := os.Getenv(childVariable)
	if text == "" {
		return 0, false
	}
	var run Run
	err := json.Unmarshal([]byte(text), &run)
	if err == nil {
		slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})))
		err = run.run(out)
	}
	switch {
	case errors.Is(err, errStopped):
		return stoppedCode, true
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

func (r Run) run(out io.Writer) error {
	job := r.job()
	running, err := job.Start(context.Background())
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, started); err != nil {
		return err
	}
	switch {
	case r.Savepoints > 0:
		go r.save(running)
	case r.StopAfter > 0:
		return r.stop(running, out)
	}
	return running.Wait()
}

func (r Run) savepoints() string { return r.Case.place("savepoints") }

// place is where a case keeps something: in its store, or in its folder.
func (c Case) place(name string) string {
	if c.Store != "" {
		return store.Below(c.Store, name)
	}
	return filepath.Join(c.Dir, name)
}

// save takes savepoints until the job ends. One that fails ends the process, unless it is for that the job ends.
func (r Run) save(running *leat.Running) {
	for range time.Tick(r.Savepoints) {
		if _, err := running.Savepoint(context.Background(), r.savepoints()); err != nil {
			slog.Warn("no savepoint", "err", err)
			return
		}
	}
}

// stop stops the job with a savepoint, unless it ends before.
func (r Run) stop(running *leat.Running, out io.Writer) error {
	ended := make(chan error, 1)
	go func() { ended <- running.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(r.StopAfter):
	}
	place, err := running.StopWithSavepoint(context.Background(), r.savepoints(), false)
	if err != nil {
		return <-ended // at its end there is nothing to stop
	}
	if _, err := fmt.Fprintf(out, "%s%s\n", stopped, place); err != nil {
		return err
	}
	return errStopped
}

// job is the job with its checkpoints. A failure ends it: none is expected.
func (r Run) job() *leat.Job {
	job := build(r.Case, r.PerSecond).job
	job.Parallelism = r.Parallelism
	job.Checkpoint = leat.Checkpoint{Store: r.Case.place("store"), Every: r.Every, Keep: r.Keep}
	job.Restart = leat.Restart{Never: true}
	job.Restore = leat.Restore{From: r.From, Claim: r.Claim}
	if r.Disk {
		job.Backend = fewRows{filepath.Join(r.Case.Dir, "state")}
	}
	return job
}

// fewRows is a backend that has all but a few rows on disk.
type fewRows struct{ dir string }

// Name is "disk".
func (fewRows) Name() string { return "disk" }

// NewBudget is where the state lives: files that are so short that they are rewritten again and again.
func (b fewRows) NewBudget() *heap.Budget {
	return disk.New(disk.Options{Dir: b.dir, Rows: 100, Log: hashlog.Options{SegmentBytes: 64 << 10, BufferBytes: 4 << 10, RewriteBytesPerSecond: -1}}).Budget()
}
