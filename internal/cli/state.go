package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/control"
	"leat.dev/leat/internal/inspect"
	"leat.dev/leat/internal/view"
)

// States lists the job's states by key.
func (j *controlled) States(context.Context) ([]control.KeyedState, error) {
	all := []control.KeyedState{}
	err := j.ask(func(r Running) error {
		for _, s := range r.Reader().States() {
			of := typeText(inspect.StateOf(s.Node.Name, s.State, s.Node.Key, s.Node.KeySchema))
			all = append(all, control.KeyedState{State: s.Path(), Kind: s.KindText(), Key: s.Node.Key, Type: of})
		}
		return nil
	})
	return all, err
}

// State reads what keys have in a state. One that waits for its next attempt has nothing live: nobody knows for how long.
func (j *controlled) State(ctx context.Context, asked control.StateRequest) (a control.StateAnswer, err error) {
	err = j.ask(func(r Running) error {
		if asked.Live && !r.Runs() && !r.Stopping() {
			return errWaiting
		}
		answer, table, err := askState(ctx, r.Reader(), asked)
		if err != nil {
			return err
		}
		a, err = rowsOf(answer, table, asked)
		return err
	})
	if a.Checkpoint != nil {
		a.Checkpoint.AgeSeconds = j.command.now().Sub(a.Checkpoint.Taken).Seconds()
	}
	return a, err
}

// oneKey is the type of the key that all records have in common behind Global.
const oneKey = "struct {}"

// askedState is a state with the keys and the item that are asked for.
type askedState struct {
	view.Answer
	keys [][]byte
	text []string
}

func askState(ctx context.Context, r *view.Reader, asked control.StateRequest) (a askedState, t *inspect.Table, err error) {
	state, err := r.FindPath(asked.State)
	if err != nil {
		return a, nil, err
	}
	if t, err = tableOf(state, state.State); err != nil {
		return a, nil, err
	}
	a.text = asked.Keys
	if len(a.text) == 0 && state.Node.Key == oneKey {
		a.text = []string{"{}"}
	}
	if len(a.text) == 0 {
		return a, nil, fmt.Errorf("state %s has a value for each key, of type %s: say which (--key)", state.Path(), state.Node.Key)
	}
	for _, key := range a.text {
		canonical, err := t.Key(key)
		if err != nil {
			return a, nil, err
		}
		a.keys = append(a.keys, canonical)
	}
	q := view.Question{State: state, Keys: a.keys, Live: asked.Live}
	if asked.Item != nil {
		if q.Item, err = t.Item(*asked.Item); err != nil {
			return a, nil, err
		}
	}
	if a.Answer, err = r.Ask(ctx, q); err != nil {
		return a, nil, err
	}
	t, err = tableOf(state, a.Was) // a checkpoint may be of an older version of the job
	return a, t, err
}

func tableOf(s *view.State, as backend.State) (*inspect.Table, error) {
	as.Name = s.Name
	return inspect.TableOf(inspect.StateOf(s.Node.Name, as, s.Node.Key, s.Node.KeySchema))
}

// rowsBytes is about how much an answer holds.
const rowsBytes = 8 << 20

// rowsOf writes what keys have as rows.
func rowsOf(from askedState, t *inspect.Table, asked control.StateRequest) (a control.StateAnswer, err error) {
	a.Rows = [][]json.RawMessage{}
	for _, c := range t.Columns {
		a.Columns = append(a.Columns, c.Name)
	}
	if m := from.From; m != nil {
		a.Checkpoint = &control.Checkpoint{Number: m.Manifest.Checkpoint, Taken: m.Manifest.Taken}
	}
	limit, bytes := asked.Limit, 0
	if limit <= 0 {
		limit = math.MaxInt
	}
	for i, key := range from.keys {
		if len(from.Keys[i]) == 0 {
			a.Missing = append(a.Missing, from.text[i])
		}
		err = t.KeyRows(key, from.Keys[i], func(row []any) error {
			if len(a.Rows) == limit || bytes > rowsBytes {
				a.More = true
				return inspect.Enough
			}
			cells := make([]json.RawMessage, len(row))
			for i, v := range row {
				cells[i] = codec.JSON(nil, v)
				bytes += len(cells[i])
			}
			a.Rows = append(a.Rows, cells)
			return nil
		})
		if a.More {
			return a, nil
		}
		if err != nil {
			return a, fmt.Errorf("state %s: %w", t.State.Path(), err)
		}
	}
	return a, nil
}

// stateFlags are what the command state is asked for.
type stateFlags struct {
	socket string
	asked  control.StateRequest
	item   string
	json   bool
}

func (c *command) stateCommand() *cobra.Command {
	f := &stateFlags{}
	cmd := &cobra.Command{
		Use: "state [STATE] [flags]", Short: "say what the running job has for a key, or list its states",
		Args: arguments(0, 1, "a state, or nothing"),
		Long: "Say what the running job has for a key in a state, as of its last complete checkpoint, which no failure takes back, or live. " +
			"STATE is OPERATOR/STATE; without it, list the states. Of an aggregating state it shows the accumulator, as snapshot inspect does.",
		Example: c.examples("state", "state detect/last-small --key a-17", "state detect/last-small --key a-17 --live --json",
			`state routes/flights --key '{"From":"FRA","To":"JFK"}' --item LH400`),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("item") {
				f.asked.Item = &f.item
			}
			return c.state(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.asked.Keys, "key", nil, "The key: as JSON, or as it is where it is a string. It may be given several times.")
	flags.StringVar(&f.item, "item", "", "Show this item only, of a map, an ordered map or timers by item; written like a key.")
	flags.BoolVar(&f.asked.Live, "live", false, "Show what the operator has at this moment. A failure may take it back.")
	flags.Var(number{&f.asked.Limit, 1 << 40}, "limit", "How many rows to show. Default: as many as an answer holds, some megabytes.")
	flags.BoolVar(&f.json, "json", false, "Write a JSON object a line, for programs.")
	addSocket(cmd, &f.socket)
	return cmd
}

func (c *command) state(ctx context.Context, f *stateFlags, args []string) error {
	if len(args) == 0 && (len(f.asked.Keys) > 0 || f.asked.Item != nil) {
		return usagef("say which state: %s state OPERATOR/STATE --key KEY (%[1]s state lists them)", c.name)
	}
	client, _, err := c.connect(ctx, f.socket)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		all, err := client.States(ctx)
		if err != nil {
			return err
		}
		return c.writeStates(all, f.json)
	}
	f.asked.State = args[0]
	a, err := client.State(ctx, f.asked)
	if err != nil {
		return err
	}
	if err := c.writeRows(a, f.json); err != nil {
		return err
	}
	if len(a.Missing) > 0 {
		return fmt.Errorf("state %s has no entry for key %s%s", args[0], strings.Join(a.Missing, ", "), asOf(a))
	}
	return nil
}

func (c *command) writeStates(all []control.KeyedState, asJSON bool) error {
	if asJSON {
		drawn, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return err
		}
		return c.write(string(drawn) + "\n")
	}
	if len(all) == 0 {
		return errors.New("the job has no state by key")
	}
	rows := [][]string{{"STATE", "KIND", "KEY", "TYPE"}}
	for _, s := range all {
		rows = append(rows, []string{s.State, s.Kind, s.Key, s.Type})
	}
	return c.write(grid(rows))
}

// asOf says which checkpoint an answer is from.
func asOf(a control.StateAnswer) string {
	if a.Checkpoint == nil {
		return ", live"
	}
	return fmt.Sprintf(", as of checkpoint %d, taken %s ago", a.Checkpoint.Number, elapsed(time.Duration(a.Checkpoint.AgeSeconds*float64(time.Second))))
}

// writeRows writes an answer, and to whom it may concern how old it is.
func (c *command) writeRows(a control.StateAnswer, asJSON bool) error {
	if len(a.Rows) == 0 {
		return nil
	}
	text := rowsTable(a)
	if asJSON {
		text = rowsJSON(a)
	}
	if err := c.write(text); err != nil {
		return err
	}
	if a.More {
		fmt.Fprintf(c.screen, "%s: these are the first %s rows\n", c.name, thousands(int64(len(a.Rows))))
	}
	return nil
}

// rowsJSON is an object a line.
func rowsJSON(a control.StateAnswer) string {
	var b strings.Builder
	for _, row := range a.Rows {
		for i, cell := range row {
			name, _ := json.Marshal(a.Columns[i]) // a string can't fail
			fmt.Fprintf(&b, "%c%s:%s", "{,"[min(i, 1)], name, cell)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func rowsTable(a control.StateAnswer) string {
	var header []string
	for _, name := range a.Columns {
		header = append(header, strings.ToUpper(name))
	}
	rows := [][]string{header}
	for _, row := range a.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = cellText(cell)
		}
		rows = append(rows, cells)
	}
	return grid(rows)
}

// cellText is a value for people: strings and times as they are, all else as JSON.
func cellText(cell json.RawMessage) string {
	var text string
	switch {
	case string(cell) == "null":
		return ""
	case json.Unmarshal(cell, &text) == nil:
		return text
	}
	return string(cell)
}
