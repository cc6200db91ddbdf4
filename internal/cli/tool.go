package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"leat.dev/leat/internal/graph"
)

// Tool does what the arguments of the command leat say, which has no job: what looks into snapshots, and into the state of a running
// job.
func Tool(ctx context.Context, s System) Exit {
	c := &command{job: Job{Name: "leat", Graph: &graph.Graph{}}, system: s, name: "leat", screen: newScreen(s.Err)}
	if len(s.Args) > 0 {
		c.name = filepath.Base(s.Args[0])
	}
	root := c.toolRoot()
	root.SetArgs(s.Args[min(1, len(s.Args)):])
	return c.exit(root.ExecuteContext(ctx))
}

func (c *command) toolRoot() *cobra.Command {
	root := &cobra.Command{
		Use: c.name, Args: c.noCommand, SilenceErrors: true, SilenceUsage: true,
		Annotations: map[string]string{about: "leat looks into the snapshots of leat jobs, and into those that run. A job's own binary has the same commands."},
		Example:     c.examples("snapshot list store", "snapshot show store", "help snapshot"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.help(c.screen, cmd)
			return usagef("say what to do: %s snapshot list STORE", c.name)
		},
	}
	root.SetOut(c.system.Out)
	root.SetErr(c.screen)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { c.help(c.system.Out, cmd) })
	help := c.helpCommand()
	root.SetHelpCommand(help)
	version := &cobra.Command{
		Use: "version", Short: "say which versions of leat and of Go this is", Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return c.toolVersion() },
	}
	root.AddCommand(c.snapshotCommand(), c.toolState(), version, help)
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

func (c *command) toolVersion() error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return c.write("leat, built without version information\n")
	}
	return c.write(fmt.Sprintf("leat %s\n%s\n", info.Main.Version, info.GoVersion))
}

// toolState is the command state, which is told the job's name.
func (c *command) toolState() *cobra.Command {
	cmd := c.stateCommand()
	cmd.Example = c.examples("state --job fraud", "state --job fraud detect/last-small --key a-17", "state --control /run/fraud.sock detect/last-small --key a-17 --json")
	cmd.Flags().SortFlags = false
	cmd.DisableFlagsInUseLine = true
	job, run := "", cmd.RunE
	cmd.Flags().Var(text{&job, "NAME"}, "job", "The job. It may be left out with --control.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if job == "" && !cmd.Flags().Changed("control") {
			return usagef("say which job: --job NAME, or --control PATH (see %s --help)", cmd.CommandPath())
		}
		c.job.Name = job
		return run(cmd, args)
	}
	return cmd
}
