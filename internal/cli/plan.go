package cli

import (
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
			"states and timers with their types, windows, side outputs, and what each sink guarantees.",
		Example: c.examples("plan", "plan --parallelism 8", "plan --format dot | dot -Tsvg > plan.svg", "plan --format json | jq '.operators[].states'"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkParallelism(cmd); err != nil {
				return err
			}
			return c.plan(format)
		},
	}
	addChoice(cmd, &format, "format", "How to draw: text for people, dot for Graphviz, json for programs.", "text", "dot", "json")
	c.addParallelism(cmd)
	c.addStore(cmd)
	return cmd
}

// addStore adds the flag that says where checkpoints go; exactly-once sinks can't be planned without.
func (c *command) addStore(cmd *cobra.Command) {
	cmd.Flags().StringVar(c.job.Recovery.Store, "store", *c.job.Recovery.Store,
		"The folder for checkpoints. A job that finds one of its own there goes on from the newest. Default: what the job says, or else no checkpoints.")
}

// addRecovery adds the flags of checkpoints and restarts.
func (c *command) addRecovery(cmd *cobra.Command) {
	r, flags := c.job.Recovery, cmd.Flags()
	flags.Var(duration{r.Every}, "checkpoint-every", "The time from the beginning of one checkpoint to that of the next, such as 30s. Default: what the job says, or else 10s.")
	flags.Var(number{r.FailAfter, 1 << 30}, "fail-after", "How many failed checkpoints in a row fail the job. Default: what the job says, or else none: a failed one is reported.")
	flags.BoolVar(r.Never, "no-restart", *r.Never, "End with the first failure, in place of another attempt from the newest checkpoint.")
	flags.StringSliceVar(r.AllowDrop, "allow-drop", *r.AllowDrop, "States of the checkpoint that the job does not have any more and that may be left behind, as operator or operator/state.")
	flags.BoolVar(r.AllowRepeat, "allow-repeat", *r.AllowRepeat, "Go on from an older checkpoint where the newest is damaged, though outputs committed since may come again.")
}

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
