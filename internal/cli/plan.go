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
	return cmd
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
