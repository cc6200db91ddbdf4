package cli

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"leat.dev/leat/internal/keygroup"
)

func (c *command) planCommand() *cobra.Command {
	format := "text"
	cmd := &cobra.Command{
		Use: "plan [flags]", Short: "check the job and draw it, without running it", Args: noArguments,
		Long: "Check the job and draw it, without running it: its tasks with their operators, what goes from task to task and how, " +
			"states and timers with their types, windows, side outputs, and what each sink guarantees. With --restore, compare it with a " +
			"snapshot in place of drawing it: what would be taken over, and what keeps the job from beginning there.",
		Example: c.examples("plan", "plan --parallelism 8", "plan --restore /var/savepoints/"+c.job.Name+"-20260301-120000-5e1f00aa", "plan --format dot | dot -Tsvg > plan.svg", "plan --format json | jq '.operators[].states'"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkParallelism(cmd); err != nil {
				return err
			}
			if err := c.setBackend(); err != nil {
				return err
			}
			if err := c.checkRestore(cmd); err != nil {
				return err
			}
			if !cmd.Flags().Changed("restore") {
				return c.plan(format)
			}
			if cmd.Flags().Changed("format") {
				return usagef("--restore compares in text: it goes without --format (see %s --help)", cmd.CommandPath())
			}
			return c.compare(cmd.Context())
		},
	}
	addChoice(cmd, &format, "format", "How to draw: text for people, dot for Graphviz, json for programs.", "text", "dot", "json")
	c.addParallelism(cmd)
	c.addBackend(cmd)
	c.addStore(cmd)
	c.addRestore(cmd)
	return cmd
}

// addBackend adds the flag that says where state lives.
func (c *command) addBackend(cmd *cobra.Command) {
	addChoice(cmd, &c.backend, "backend",
		"Where state lives: heap, in memory, or disk, in memory and on disk. Default: what the job says, or else heap.", "heap", "disk")
}

// setBackend does what flags say of where state lives.
func (c *command) setBackend() error {
	if c.backend == "" && c.stateDir == "" {
		return nil
	}
	if err := c.job.SetBackend(c.backend, c.stateDir); err != nil {
		return usageError{err}
	}
	return nil
}

// addStore adds the flag that says where checkpoints go; exactly-once sinks can't be planned without.
func (c *command) addStore(cmd *cobra.Command) {
	cmd.Flags().Var(text{c.job.Recovery.Store, "PLACE"}, "store",
		"The folder for checkpoints, or a place in object storage, as s3://bucket/prefix. A job that finds one of its own there goes on from the newest. Default: what the job says, or else no checkpoints.")
}

// addRestore adds the flags that say which snapshot the job begins from.
func (c *command) addRestore(cmd *cobra.Command) {
	r, flags := c.job.Recovery, cmd.Flags()
	flags.Var(text{r.Restore, "PLACE|latest"}, "restore",
		"The snapshot to begin from: a savepoint's place, a manifest of a store, or latest, the newest in --store, which there must be then. "+
			"Default: what the job says, or else the newest in --store, if there is one.")
	flags.Var(names{r.AllowDrop}, "allow-drop", "A state of the snapshot that the job does not have any more and that may be left behind, as operator or operator/state. May be given several times.")
}

// addTaking adds the flags of taking a snapshot or a running job over.
func (c *command) addTaking(cmd *cobra.Command) {
	r, flags := c.job.Recovery, cmd.Flags()
	flags.BoolVar(r.Claim, "claim", *r.Claim, "Make the snapshot of --restore the job's own, which it deletes when it needs it no more. Without, it stays as it is.")
	flags.BoolVar(r.Standby, "standby", *r.Standby, "Wait as long as another process runs the job on --store, and take over when that one ends or is lost.")
}

// addRecovery adds the flags of checkpoints and restarts.
func (c *command) addRecovery(cmd *cobra.Command) {
	r, flags := c.job.Recovery, cmd.Flags()
	flags.Var(duration{r.Every}, "checkpoint-every", "The time from the beginning of one checkpoint to that of the next, such as 30s. Default: what the job says, or else 10s.")
	flags.Var(number{r.FailAfter, 1 << 30}, "fail-after", "How many failed checkpoints in a row fail the job. Default: what the job says, or else none: a failed one is reported.")
	flags.BoolVar(r.Never, "no-restart", *r.Never, "End with the first failure, in place of another attempt from the newest checkpoint.")
	flags.BoolVar(r.AllowRepeat, "allow-repeat", *r.AllowRepeat, "Go on from an older snapshot, also where the newest is damaged, though outputs committed since may come again.")
}

// checkRestore refuses flags that contradict one another before the job starts.
func (c *command) checkRestore(cmd *cobra.Command) error {
	r, see := c.job.Recovery, cmd.CommandPath()
	switch flags := cmd.Flags(); {
	case flags.Changed("claim") && *r.Claim && *r.Restore == "":
		return usagef("--claim is of a snapshot: say which with --restore (see %s --help)", see)
	case flags.Changed("standby") && *r.Standby && *r.Store == "":
		return usagef("--standby waits for another process's end, which the store shows: say which with --store (see %s --help)", see)
	case *r.Restore == latest && *r.Store == "" && flags.Changed("restore"):
		return usagef("--restore latest is of a store: say which with --store (see %s --help)", see)
	}
	return nil
}

// latest is the newest snapshot in the job's store.
const latest = "latest"

// addParallelism adds the flags that change the plan of a job.
func (c *command) addParallelism(cmd *cobra.Command) {
	cmd.Flags().Var(number{c.job.Parallelism, keygroup.MaxMax}, "parallelism", fmt.Sprintf(
		"How many subtasks each operator has that does not ask for its own number. More of them use more cores. Default: %s.",
		defaultOf(*c.job.Parallelism, fmt.Sprintf("%d, the CPUs that Go may use", runtime.GOMAXPROCS(0)))))
	cmd.Flags().Var(number{c.job.MaxParallelism, keygroup.MaxMax}, "max-parallelism", fmt.Sprintf(
		"The number of key groups, in which keyed state is divided: the parallelism can never exceed it. "+
			"It is fixed by the first snapshot. Default: %s.", defaultOf(*c.job.MaxParallelism, fmt.Sprint(keygroup.DefaultMax))))
}

// defaultOf is what holds when a flag is not given.
func defaultOf(set int, otherwise string) string {
	if set > 0 {
		return fmt.Sprintf("%d, as the job says", set)
	}
	return otherwise
}

// checkParallelism refuses flags that contradict one another before the job is planned.
func (c *command) checkParallelism(cmd *cobra.Command) error {
	most := *c.job.MaxParallelism
	if most == 0 {
		most = keygroup.DefaultMax
	}
	if p := *c.job.Parallelism; p > most && (cmd.Flags().Changed("parallelism") || cmd.Flags().Changed("max-parallelism")) {
		return usagef("parallelism %d is more than the max parallelism, %d (see %s --help)", p, most, cmd.CommandPath())
	}
	return nil
}

func (c *command) plan(format string) error {
	p, err := c.job.Plan()
	if err != nil {
		return c.refused(err)
	}
	text := ""
	switch format {
	case "dot":
		text = p.DOT()
	case "json":
		drawn, err := p.JSON()
		if err != nil {
			return err
		}
		text = string(drawn) + "\n"
	default:
		text = p.String()
	}
	return c.write(text)
}

// compare says what the job would take over from a snapshot.
func (c *command) compare(ctx context.Context) error {
	if _, err := c.job.Plan(); err != nil {
		return c.refused(err)
	}
	place := *c.job.Recovery.Restore
	text, err := c.job.Compare(ctx, place)
	if err != nil {
		return c.failed("can't be restored from "+place, err, runFlags{})
	}
	return c.write(text)
}
