package leat_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
)

// begun starts a job and waits until it has shown output.
func begun(t *testing.T, dir string, job *leat.Job) *leat.Running {
	t.Helper()
	running, err := job.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for shown := len(visible(t, dir)); len(visible(t, dir)) == shown; {
		if t.Context().Err() != nil {
			t.Fatal("no output")
		}
	}
	return running
}

// goingOn is a job that begins from a place, at another parallelism.
func goingOn(dir, place string) *leat.Job {
	job := tallies(dir, 60_000, 0, unhurt)
	job.Parallelism = 3
	job.Restore.From = place
	return job
}

// A job that was stopped with a savepoint has shown all output up to it, and goes on from it: by the same command, from
// another place, and in a store that knows nothing of it.
func TestStopWithSavepoint(t *testing.T) {
	for name, then := range map[string]func(t *testing.T, dir, place string) *leat.Job{
		"the same command": func(_ *testing.T, dir, _ string) *leat.Job { return goingOn(dir, "") },
		"latest":           func(_ *testing.T, dir, _ string) *leat.Job { return goingOn(dir, "latest") },
		"by its place":     func(_ *testing.T, dir, place string) *leat.Job { return goingOn(dir, place) },
		"moved": func(t *testing.T, dir, place string) *leat.Job {
			if err := os.Rename(place, filepath.Join(dir, "moved")); err != nil {
				t.Fatal(err)
			}
			return goingOn(dir, filepath.Join(dir, "moved"))
		},
		"to another store": func(_ *testing.T, dir, place string) *leat.Job {
			job := goingOn(dir, place)
			job.Checkpoint.Store = filepath.Join(dir, "another store")
			return job
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			running := begun(t, dir, tallies(dir, 60_000, 100_000, unhurt))
			place, err := running.StopWithSavepoint(t.Context(), filepath.Join(dir, "savepoints"), false)
			if err != nil {
				t.Fatal(err)
			}
			if pending, _ := filepath.Glob(filepath.Join(dir, "out", ".*pending*")); len(pending) > 0 {
				t.Errorf("not everything is committed: %v", pending)
			}
			if err := then(t, dir, place).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			expect(t, dir, 60_000)
		})
	}
}

// A savepoint commits nothing, and the job goes on after it. Restoring it when more was committed since is refused, unless
// repeated output is allowed; right after a crash it is not.
func TestSavepoint(t *testing.T) {
	dir := t.TempDir()
	ctx, kill := context.WithCancel(t.Context())
	job := tallies(dir, 60_000, 50_000, unhurt)
	job.Checkpoint.Every = time.Hour
	running, err := job.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	place, err := running.Savepoint(t.Context(), filepath.Join(dir, "savepoints"))
	if err != nil {
		t.Fatal(err)
	}
	if shown := visible(t, dir); len(shown) > 0 {
		t.Errorf("%d lines are visible after a savepoint", len(shown))
	}
	kill()
	if err := running.Wait(); err == nil {
		t.Fatal("it was not killed")
	}
	// No checkpoint was complete, so that nothing was committed.
	running = begun(t, dir, func() *leat.Job {
		job := goingOn(dir, place)
		job.Restore.From = place
		return job
	}())
	if err := running.Wait(); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, 60_000)
}

func TestSavepointOlderThanOutput(t *testing.T) {
	dir := t.TempDir()
	running := begun(t, dir, tallies(dir, 60_000, 100_000, unhurt))
	place, err := running.Savepoint(t.Context(), filepath.Join(dir, "savepoints"))
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Wait(); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, 60_000)
	err = goingOn(dir, place).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--allow-repeat") {
		t.Fatalf("error %v", err)
	}
	job := goingOn(dir, place)
	job.Restore.AllowRepeat = true
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if lines := len(visible(t, dir)); lines <= 60_000 {
		t.Errorf("%d lines: what came after the savepoint was to come again", lines)
	}
}

// A command that says which savepoint to begin from goes on from where the job has come to, when it is run again.
func TestRestoreAgain(t *testing.T) {
	dir := t.TempDir()
	place, err := begun(t, dir, tallies(dir, 60_000, 100_000, unhurt)).StopWithSavepoint(t.Context(), filepath.Join(dir, "savepoints"), false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	slow := tallies(dir, 60_000, 100_000, unhurt)
	slow.Restore.From = place
	running, err := slow.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for shown := len(visible(t, dir)); len(visible(t, dir)) == shown; {
		if t.Context().Err() != nil {
			t.Fatal("no output")
		}
	}
	kill()
	_ = running.Wait() // it was killed
	if err := goingOn(dir, place).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, 60_000)
	if _, err := os.Stat(filepath.Join(place, "manifest.json")); err != nil {
		t.Errorf("the savepoint is the user's: %v", err)
	}
}

// A claimed savepoint goes when the job needs it no longer.
func TestClaim(t *testing.T) {
	dir := t.TempDir()
	place, err := begun(t, dir, tallies(dir, 60_000, 100_000, unhurt)).StopWithSavepoint(t.Context(), filepath.Join(dir, "savepoints"), false)
	if err != nil {
		t.Fatal(err)
	}
	job := tallies(dir, 60_000, 100_000, unhurt)
	job.Restore.From, job.Restore.Claim, job.Checkpoint.Keep = place, true, 1
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, 60_000)
	if _, err := os.Stat(filepath.Join(place, "manifest.json")); !os.IsNotExist(err) {
		t.Errorf("the claimed savepoint is there: %v", err)
	}
}

// A savepoint that can't be written is an error that names the place, and the job goes on; a stop with one ends the job all
// the same, and nothing is lost.
func TestSavepointThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "blocked")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	running := begun(t, dir, tallies(dir, 60_000, 100_000, unhurt))
	if _, err := running.Savepoint(t.Context(), blocked); err == nil || !strings.Contains(err.Error(), blocked) {
		t.Errorf("error %v", err)
	}
	if _, err := running.StopWithSavepoint(t.Context(), blocked, false); err == nil || !strings.Contains(err.Error(), blocked) {
		t.Errorf("error %v", err)
	}
	if err := running.Stop(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := goingOn(dir, "").Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, 60_000)
}

// A job without a store has savepoints too.
func TestSavepointWithoutStore(t *testing.T) {
	dir := t.TempDir()
	job := atLeastOnce(dir, 60_000, 100_000)
	running, err := job.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	place, err := running.StopWithSavepoint(t.Context(), filepath.Join(dir, "savepoints"), false)
	if err != nil {
		t.Fatal(err)
	}
	next := atLeastOnce(dir, 60_000, 0)
	next.Parallelism, next.Restore.From = 3, place
	if err := next.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, 60_000)
}

// A job that does not fit the savepoint it is to begin from is refused before it takes anything over: the history is as it was.
func TestRestoreThatDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	place, err := begun(t, dir, tallies(dir, 60_000, 100_000, unhurt)).StopWithSavepoint(t.Context(), filepath.Join(dir, "savepoints"), false)
	if err != nil {
		t.Fatal(err)
	}
	history := func() (all []string) {
		for _, folder := range []string{"manifests", "epochs"} {
			names, err := filepath.Glob(filepath.Join(dir, "store", "tallies", folder, "*"))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, names...)
		}
		return all
	}
	before := history()
	job := goingOn(dir, place)
	job.MaxParallelism = 64
	if err := job.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "max parallelism") {
		t.Errorf("error %v", err)
	}
	if after := history(); len(before) == 0 || !slices.Equal(after, before) {
		t.Errorf("the history was %v and is %v", before, after)
	}
}
