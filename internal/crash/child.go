package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"leat.dev/leat"
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
}

// started is what a child prints when its job runs.
const started = "started\n"

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
	if err != nil {
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
	return running.Wait()
}

// job is the job with its checkpoints. A failure ends it: none is expected.
func (r Run) job() *leat.Job {
	job := build(r.Case, r.PerSecond).job
	job.Parallelism = r.Parallelism
	job.Checkpoint = leat.Checkpoint{Store: filepath.Join(r.Case.Dir, "store"), Every: r.Every, Keep: r.Keep}
	job.Restart = leat.Restart{Never: true}
	return job
}
