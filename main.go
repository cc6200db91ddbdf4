package leat

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"leat.dev/leat/internal/cli"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/view"
	"leat.dev/leat/state"
)

// Main is the main function of a job's binary: its command line.
//
//	fraud run [flags]       run the job to the end of its input, or until it is stopped
//	fraud plan [flags]      check the job and draw it: text, DOT or JSON; or compare it with a snapshot
//	fraud status            how the running job is
//	fraud savepoint TO      have the running job take a savepoint, and print its place
//	fraud stop [flags]      end the running job, with a savepoint if wanted
//	fraud state [STATE]     what the running job has for a key
//	fraud version           which versions of the job, of leat and of Go this is
//	fraud help [command]    what there is, with all flags
//
// Flags override the job's fields. SIGINT and SIGTERM stop the job as [Running.Stop] does without draining, and the
// process then ends by that signal; a second signal ends it at once. With --savepoint-on-term SIGTERM stops it as
// [Running.StopWithSavepoint] does. The exit code is 0 when all input was worked through or the command stop has ended
// the job, 1 when the job failed or can't run, and 2 when the command line is wrong.
//
// Commands reach the running job over a unix socket in a folder that only its user can enter: $XDG_RUNTIME_DIR/leat, or
// leat-UID beside the temporary files. Nothing listens on a network.
//
// Logs, progress and errors go to standard error, and standard output is the job's. Unless the program has set a
// logger of its own, Main sets slog's default one. Main returns when the job has run to the end of its input, so that a
// program can look at the outputs; in all other cases it ends the process.
func Main(j *Job) {
	cli.Main(context.Background(), j.commandLine(), cli.Process()).End()
}

// commandLine is the job as its command line sees it.
func (j *Job) commandLine() cli.Job {
	return cli.Job{
		Name: j.name, Graph: j.graph, Parallelism: &j.Parallelism, MaxParallelism: &j.MaxParallelism,
		Recovery: cli.Recovery{
			Store: &j.Checkpoint.Store, Every: &j.Checkpoint.Every, FailAfter: &j.Checkpoint.FailAfter,
			Never: &j.Restart.Never, Restore: &j.Restore.From, Claim: &j.Restore.Claim, Standby: &j.Restore.Standby,
			AllowDrop: &j.Restore.AllowDrop, AllowRepeat: &j.Restore.AllowRepeat,
		},
		SetMemory: j.setMemory, SetBackend: j.setBackend,
		Plan: func() (*graph.Plan, error) {
			p, err := j.Plan()
			if err != nil {
				return nil, err
			}
			return p.plan, nil
		},
		Compare: j.compare,
		Start: func(ctx context.Context) (cli.Running, error) {
			r, err := j.Start(ctx)
			if err != nil {
				return nil, err
			}
			return measured{r}, nil
		},
	}
}

// setBackend sets where state lives; "" is where the job says. A folder is for the disk backend.
func (j *Job) setBackend(name, dir string) error {
	disk, onDisk := j.Backend.(state.Disk)
	switch {
	case name == "heap":
		j.Backend = state.Heap{}
		onDisk = false
	case name == "disk" && !onDisk:
		disk, onDisk = state.Disk{}, true
	}
	if dir != "" && !onDisk {
		return errors.New("--state-dir is for the disk backend: say --backend disk")
	}
	if onDisk {
		disk.Dir = cmp.Or(dir, disk.Dir)
		j.Backend = disk
	}
	return nil
}

// setMemory sets how much state the backend may hold in memory.
func (j *Job) setMemory(bytes int64) error {
	switch b := j.Backend.(type) {
	case nil:
		j.Backend = state.Heap{BudgetBytes: bytes}
	case state.Heap:
		b.BudgetBytes = bytes
		j.Backend = b
	case state.Disk:
		b.BudgetBytes = bytes
		j.Backend = b
	default:
		return fmt.Errorf("it bounds the backends heap and disk, but the job keeps its state in %s", b.Name())
	}
	return nil
}

// measured is a running job whose numbers the command line may read.
type measured struct{ *Running }

// Stopping says whether it ends because it was asked to.
func (m measured) Stopping() bool { return m.supervisor.Stopping() }

// Runs says whether an attempt runs.
func (m measured) Runs() bool { return m.supervisor.Runs() }

// Metrics are its numbers.
func (m measured) Metrics() *metrics.Job { return m.metrics }

// Reader reads its state.
func (m measured) Reader() *view.Reader { return m.reader }
