package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"leat.dev/leat/internal/control"
	"leat.dev/leat/internal/graph"
)

// find finds the one process of the job. One that is starting, or waits, is not it if there is one that runs.
func (c *command) find(ctx context.Context) (client *control.Client, s control.Status, err error) {
	all, looked, err := control.Find(ctx, c.job.Name)
	if err != nil {
		return nil, s, err
	}
	if len(all) > 1 {
		all = running(all)
	}
	switch len(all) {
	case 0:
		return nil, s, fmt.Errorf("no job %s runs on this machine as this user: no socket at %s", c.job.Name, strings.Join(looked, " or "))
	case 1:
		return all[0].Client, all[0].Status, all[0].Err
	}
	var b strings.Builder
	for _, f := range all {
		how := fmt.Sprint(f.Err)
		if f.Err == nil {
			how = fmt.Sprintf("process %d, %s since %s", f.Status.PID, f.Status.State, f.Status.Started.Format("2006-01-02 15:04:05"))
		}
		fmt.Fprintf(&b, "\n  --control %s  (%s)", f.Client.Path(), how)
	}
	return nil, s, fmt.Errorf("%d processes of job %s run: say which:%s", len(all), c.job.Name, b.String())
}

// running leaves those out that do not run yet, if there are others.
func running(all []control.Found) []control.Found {
	early := func(f control.Found) bool {
		return f.Err == nil && (f.Status.State == control.Starting || f.Status.State == control.Waiting)
	}
	if rest := slices.DeleteFunc(slices.Clone(all), early); len(rest) > 0 {
		return rest
	}
	return all
}

// addSocket adds the flag that says which process is meant.
func addSocket(cmd *cobra.Command, to *string) {
	cmd.Flags().Var(text{to, "PATH"}, "control",
		"The job's control socket, as run --control had it, or where several processes of the job run. Default: the one that runs.")
}

func (c *command) statusCommand() *cobra.Command {
	path, asJSON := "", false
	cmd := &cobra.Command{
		Use: "status [flags]", Short: "say how the running job is", Args: noArguments,
		Long: "Say how the running job is: since when it runs, its newest checkpoint, how far event time has come, and how many " +
			"records each operator has worked through in this attempt.",
		Example: c.examples("status", "status --json | jq .checkpoint.ageSeconds"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, status, err := c.connect(cmd.Context(), path)
			if err != nil {
				return err
			}
			if !asJSON {
				return c.write(c.statusText(status))
			}
			drawn, err := json.MarshalIndent(status, "", "  ")
			if err != nil {
				return err
			}
			return c.write(string(drawn) + "\n")
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Write it for programs.")
	addSocket(cmd, &path)
	return cmd
}

// statusText is a status for people.
func (c *command) statusText(s control.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "job %s is %s, since %s (%s): process %d", s.Job, s.State, s.Started.Format("2006-01-02 15:04:05"),
		elapsed(c.now().Sub(s.Started)), s.PID)
	if s.Attempt > 0 {
		fmt.Fprintf(&b, ", attempt %d", s.Attempt)
	}
	b.WriteString("\n")
	if s.State == control.Starting {
		return b.String()
	}
	if s.Checkpoint != nil {
		age := time.Duration(s.Checkpoint.AgeSeconds * float64(time.Second))
		fmt.Fprintf(&b, "checkpoint %d, taken %s ago\n", s.Checkpoint.Number, elapsed(age))
	} else if s.Attempt > 0 {
		b.WriteString("no checkpoint is complete\n")
	}
	if s.Watermark != nil {
		fmt.Fprintf(&b, "watermark %s\n", s.Watermark.Format("2006-01-02 15:04:05"))
	}
	b.WriteString(memoryText(s.Memory))
	fmt.Fprintf(&b, "\n%s", tallyFrom(s).table())
	return b.String()
}

// memoryText is how much memory state takes up, and what is on disk.
func memoryText(m *control.Memory) string {
	if m == nil {
		return ""
	}
	text := "state " + bytesText(m.Used)
	if m.Limit > 0 {
		text += " of " + bytesText(m.Limit)
	}
	text += " of memory"
	if d := m.Disk; d != nil {
		text += fmt.Sprintf(", %s in %s on disk", bytesText(d.Bytes), countText(d.Files, "file"))
		if keys := d.Found + d.Sought; keys > 0 {
			text += fmt.Sprintf("; %.0f %% of keys were in memory", 100*float64(d.Found)/float64(keys))
		}
	}
	return text + "\n"
}

// countText is a number of things.
func countText(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%s %ss", thousands(n), what)
}

// tallyFrom is the numbers of a job of another process.
func tallyFrom(s control.Status) tally {
	t := tally{in: s.In, out: s.Out, late: s.Late, rejected: s.Rejected}
	for _, o := range s.Operators {
		t.operators = append(t.operators, &operator{
			node: &graph.Node{Name: o.Name}, subtasks: o.Subtasks, in: o.In, out: o.Out, late: o.Late, rejected: o.Rejected,
		})
	}
	return t
}

func (c *command) savepointCommand() *cobra.Command {
	path := ""
	cmd := &cobra.Command{
		Use: "savepoint TO [flags]", Short: "have the running job take a savepoint", Args: oneArgument("TO, the folder for it"),
		Long: "Have the running job take a savepoint, wait for it, and print its place: a folder of its own below TO. The job goes " +
			"on; it never deletes a savepoint. Outputs are committed by the job's next checkpoint, and not by the savepoint. The job " +
			"takes it also when this command is broken off.",
		Example: c.examples("savepoint /var/savepoints", "savepoint --control /run/"+c.job.Name+".sock /var/savepoints"),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := placeOf(args[0])
			if err != nil {
				return err
			}
			client, _, err := c.connect(cmd.Context(), path)
			if err != nil {
				return err
			}
			place, err := client.Savepoint(cmd.Context(), to)
			if err != nil {
				return fmt.Errorf("no savepoint: %w", err)
			}
			return c.write(place + "\n")
		},
	}
	addSocket(cmd, &path)
	return cmd
}

func (c *command) stopCommand() *cobra.Command {
	path, asked := "", control.StopRequest{}
	cmd := &cobra.Command{
		Use: "stop [flags]", Short: "end the running job, with a savepoint if wanted", Args: noArguments,
		Long: "End the running job and wait for its end: the sources stop reading, what they have read is worked through and " +
			"written, and the process that ran it ends with exit code 0.",
		Example: c.examples("stop", "stop --savepoint /var/savepoints", "stop --drain"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.stop(cmd.Context(), path, asked) },
	}
	cmd.Flags().Var(text{&asked.Savepoint, "TO"}, "savepoint",
		"Take a savepoint, commit all output up to it, and print its place: a folder of its own below TO. If it can't be written, the job ends as without.")
	cmd.Flags().BoolVar(&asked.Drain, "drain", false,
		"Let all windows and timers fire, as if the input had ended. What comes later is not counted into them: drain a job that will not go on.")
	addSocket(cmd, &path)
	return cmd
}

// stop ends the running job.
func (c *command) stop(ctx context.Context, path string, asked control.StopRequest) (err error) {
	if asked.Savepoint != "" {
		if asked.Savepoint, err = placeOf(asked.Savepoint); err != nil {
			return err
		}
	}
	client, _, err := c.connect(ctx, path)
	if err != nil {
		return err
	}
	place, err := client.Stop(ctx, asked)
	switch {
	case err != nil && asked.Savepoint != "":
		return fmt.Errorf("no savepoint: %w", err)
	case err != nil || asked.Savepoint == "":
		return err
	}
	return c.write(place + "\n")
}

// placeOf is a place as another process finds it: its working directory is another.
func placeOf(place string) (string, error) {
	if place == "" {
		return "", usagef("the place of a savepoint is a folder, and not empty")
	}
	if scheme, _, is := strings.Cut(place, ":"); is && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\`) {
		return place, nil // one letter is a drive
	}
	return filepath.Abs(place)
}

// oneArgument wants one argument.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("%s needs %s (see %s --help)", cmd.Name(), what, cmd.CommandPath())
		case len(args) > 1:
			return usagef("%s takes one argument, but there is also %q (see %s --help)", cmd.Name(), args[1], cmd.CommandPath())
		}
		return nil
	}
}
