package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/inspect"
)

// snapNotes says what the commands below snapshot take.
const snapNotes = `
SNAP is a snapshot's place:
  the folder of a savepoint, as savepoints/fraud-20261122-120000-1a2b3c4d;
  the manifest of a checkpoint, as store/fraud/manifests/0000000012.json;
  or a store with one job, whose newest checkpoint it then is.
Each may lie in object storage, as s3://bucket/savepoints/fraud-20261122-120000-1a2b3c4d.
snapshot list says the places of what a store has.
`

// snapshotCommand has the commands that look into snapshots. They need no job: snapshots describe themselves.
func (c *command) snapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "snapshot", Short: "look into checkpoints and savepoints, compare, verify, export and delete them",
		Annotations: map[string]string{notes: snapNotes},
		Args:        c.noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.help(c.screen, cmd)
			return usagef("say what to do with snapshots: %s list STORE, or %[1]s show SNAP", cmd.CommandPath())
		},
	}
	cmd.AddCommand(c.snapshotList(), c.snapshotShow(), c.snapshotInspect(), c.snapshotDiff(), c.snapshotVerify(), c.snapshotExport(), c.snapshotDelete())
	for _, sub := range cmd.Commands() {
		sub.Flags().SortFlags = false
		sub.DisableFlagsInUseLine = true
	}
	return cmd
}

// arguments refuses a call with fewer arguments than names that are not optional, or with more than names.
func arguments(least, most int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usagef("%s takes %s (see %s --help)", cmd.CommandPath(), names, cmd.CommandPath())
		}
		return nil
	}
}

func (c *command) snapshotList() *cobra.Command {
	return &cobra.Command{
		Use: "list STORE", Short: "list the checkpoints and savepoints below a folder", Args: arguments(1, 1, "a store's folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := inspect.List(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return fmt.Errorf("%s: there is no snapshot below it", args[0])
			}
			return c.write(listText(all, time.Unix(0, c.system.Clock.Now())))
		},
	}
}

func (c *command) snapshotShow() *cobra.Command {
	return &cobra.Command{
		Use: "show SNAP", Short: "show a snapshot's operators and states, positions and watermarks", Args: arguments(1, 1, "a snapshot's place"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := inspect.Open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			text, err := showText(cmd.Context(), s, time.Unix(0, c.system.Clock.Now()))
			if err != nil {
				return err
			}
			return c.write(text)
		},
	}
}

// tableRows is how many rows a table has unless more are asked for.
const tableRows = 100

func (c *command) snapshotInspect() *cobra.Command {
	key, limit, asJSON := "", 0, false
	cmd := &cobra.Command{
		Use: "inspect SNAP OPERATOR/STATE [flags]", Short: "show the entries of a state", Args: arguments(2, 2, "a snapshot's place and a state"),
		Example: c.examples("snapshot inspect store detect/last-small", "snapshot inspect store detect/last-small --key a-17",
			`snapshot inspect store routes/flights --key '{"From":"FRA","To":"JFK"}' --json`),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := inspect.Open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			state, err := s.Find(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			var only *string
			if cmd.Flags().Changed("key") {
				only = &key
			}
			return c.inspect(cmd.Context(), s, state, only, limit, asJSON)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "Show the entries of this key only: as JSON, or as it is where it is a string. No other key group is read.")
	cmd.Flags().Var(number{&limit, 1 << 40}, "limit", fmt.Sprintf("How many rows to show. Default: %d, and with --json all.", tableRows))
	cmd.Flags().BoolVar(&asJSON, "json", false, "Write a JSON object a line, for programs.")
	return cmd
}

func (c *command) inspect(ctx context.Context, s *inspect.Snapshot, state *inspect.State, key *string, limit int, asJSON bool) error {
	t, err := s.Table(state)
	if err != nil {
		return err
	}
	var only []byte
	if key != nil {
		if only, err = t.Key(*key); err != nil {
			return err
		}
	}
	var to rowPrinter = &jsonPrinter{table: t, to: c.system.Out}
	if !asJSON {
		to, limit = newTablePrinter(t, c.system.Out), cmp.Or(limit, tableRows)
	}
	rows, more := 0, false
	err = t.Rows(ctx, only, func(row []any) error {
		if limit > 0 && rows == limit {
			more = true
			return inspect.Enough
		}
		rows++
		return to.row(row)
	})
	if err != nil && !errors.Is(err, inspect.Enough) {
		return err
	}
	if key != nil && rows == 0 {
		return fmt.Errorf("state %s has no entry for key %s", state.Path(), *key)
	}
	if err := to.end(); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(c.screen, "%s: these are the first %s rows: --limit N shows more\n", c.name, thousands(int64(rows)))
	}
	return nil
}

func (c *command) snapshotDiff() *cobra.Command {
	entries := 0
	cmd := &cobra.Command{
		Use: "diff SNAP SNAP [OPERATOR/STATE] [flags]", Short: "compare two snapshots", Args: arguments(2, 3, "two snapshots' places, and perhaps an operator or a state"),
		Long: "Compare two snapshots: how many entries of each state were added, removed and changed from the first to the second. " +
			"Like diff, the exit code is 0 if they are the same, 1 if they differ, and 2 if they can't be compared.",
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) == 3 {
				path = args[2]
			}
			same, err := c.diff(cmd.Context(), args[0], args[1], path, entries)
			switch {
			case err != nil:
				return usageError{err}
			case !same:
				return failure{errors.New("the snapshots differ")}
			}
			return nil
		},
	}
	cmd.Flags().Var(number{&entries, 1 << 40}, "entries", "Show so many entries that differ of each state: - as they were, + as they are. Default: none.")
	return cmd
}

func (c *command) diff(ctx context.Context, first, second, path string, entries int) (same bool, err error) {
	a, err := inspect.Open(ctx, first)
	if err != nil {
		return false, err
	}
	b, err := inspect.Open(ctx, second)
	if err != nil {
		return false, err
	}
	shown := map[string][]inspect.Difference{}
	changes, err := inspect.Diff(ctx, a, b, path, func(e inspect.Difference) error {
		if len(shown[e.Path]) < entries {
			shown[e.Path] = append(shown[e.Path], e)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	same = true
	for _, change := range changes {
		same = same && change.Same()
	}
	return same, c.write(diffText(changes, shown))
}

func (c *command) snapshotVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify SNAP", Short: "read all of a snapshot and check it", Args: arguments(1, 1, "a snapshot's place"),
		Long: "Read all of a snapshot and check it: the manifest's seal; the size, index and checksums of each file; that each entry can be " +
			"read by its schema, that keys are in their key groups, and that no entry or key group is missing or there twice. " +
			"The exit code is 1 if anything is damaged.",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := inspect.Open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			v, err := s.Verify(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.write(verdictText(v)); err != nil {
				return err
			}
			if len(v.Damage) > 0 {
				return failure{errors.New("the snapshot is damaged")}
			}
			return nil
		},
	}
}

func (c *command) snapshotExport() *cobra.Command {
	format, to := "csv", ""
	cmd := &cobra.Command{
		Use: "export SNAP [OPERATOR/STATE ...] --to DIR [flags]", Short: "write states to files: CSV, JSON or Parquet",
		Args:    arguments(1, -1, "a snapshot's place, and perhaps states"),
		Example: c.examples("snapshot export store --to exported", "snapshot export store detect/last-small --format parquet --to exported"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return usagef("say where the files go: --to DIR (see %s --help)", cmd.CommandPath())
			}
			s, err := inspect.Open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.Export(cmd.Context(), args[1:], format, to, func(e inspect.Exported) {
				fmt.Fprintf(c.system.Out, "%s  %s rows\n", e.File, thousands(e.Rows))
			})
		},
	}
	cmd.Flags().Var(text{&to, "DIR"}, "to", "The folder for the files, one for each state: OPERATOR.STATE.FORMAT.")
	addChoice(cmd, &format, "format", "What to write: values that have parts are JSON in csv, and columns of their own in parquet.", inspect.Formats...)
	return cmd
}

func (c *command) snapshotDelete() *cobra.Command {
	yes, force := false, false
	cmd := &cobra.Command{
		Use: "delete SNAP [flags]", Short: "delete a snapshot, and the files that no other names", Args: arguments(1, 1, "a snapshot's place"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.mayDelete(cmd, args[0], yes); err != nil {
				return err
			}
			err := checkpoint.Delete(cmd.Context(), args[0], force)
			if errors.Is(err, checkpoint.ErrNewest) {
				return fmt.Errorf("%w: without it the job goes on from an older one, or begins anew (to delete it all the same: --force)", err)
			}
			if err == nil {
				err = c.write("deleted " + args[0] + "\n")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "Don't ask.")
	cmd.Flags().BoolVar(&force, "force", false, "Delete a job's newest checkpoint too.")
	return cmd
}

// mayDelete asks whoever sits at the terminal.
func (c *command) mayDelete(cmd *cobra.Command, place string, yes bool) error {
	if yes {
		return nil
	}
	s, err := inspect.Open(cmd.Context(), place)
	if err != nil {
		return err
	}
	in := cmd.InOrStdin()
	if f, ok := in.(*os.File); ok && !term.IsTerminal(int(f.Fd())) {
		return usagef("nobody can be asked, as standard input is no terminal: say --yes")
	}
	question := fmt.Sprintf("delete checkpoint %d of job %s, taken %s? [y/N] ", s.Manifest.Checkpoint, s.Manifest.Job, s.Manifest.Taken.UTC().Format(time.DateTime))
	return ask(in, c.system.Err, question)
}

// ask asks a question; anything but yes is an error.
func ask(in io.Reader, to io.Writer, question string) error {
	if _, err := io.WriteString(to, question); err != nil {
		return err
	}
	var answer string
	_, _ = fmt.Fscanln(in, &answer) // no answer is no
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing is deleted")
}
