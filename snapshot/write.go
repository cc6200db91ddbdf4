package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/bridge"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/inspect"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/spill"
)

// Writer writes a savepoint that a job can start from. Its methods note the first error, which Commit returns; one goroutine uses it,
// and ends with Commit or Discard.
type Writer struct {
	place     string
	job       string
	fixed     bool      // by the plan of a job: its states can be set, and no others
	old       *Snapshot // what is rewritten, or nil
	codecs    *codec.Set
	max       int
	operators []*part
	err       error
	done      bool
}

// part is what is written of one operator.
type part struct {
	checkpoint.Operator
	states  []*written
	changed bool // keys are not in their old key groups any more
	rekey   func(canonical []byte) ([]byte, error)
	oldKeys *keygroup.Dynamic // for errors
}

// written is a state that is being written: from the old snapshot, or set anew.
type written struct {
	backend.State
	from *inspect.State
	set  *spill.Sorter
}

// Create begins a savepoint for a job, in a folder that is empty or not there. States that are not set are empty, and sources begin
// at their beginnings. The job is planned for that, so that mistakes in it are errors here.
func Create(path string, j *leat.Job) (*Writer, error) {
	inside := bridge.Of(j)
	if _, err := graph.New(inside.Graph, inside.Settings); err != nil {
		return nil, err
	}
	w := &Writer{place: path, job: j.Name(), fixed: true, codecs: inside.Codecs, max: inside.Settings.MaxParallelism}
	for _, n := range inside.Graph.Nodes {
		o := &part{Operator: checkpoint.Operator{Name: n.Name, Kind: n.Kind, Key: n.Key, KeySchema: n.KeySchema}}
		for _, s := range n.States {
			o.states = append(o.states, &written{State: s})
		}
		w.operators = append(w.operators, o)
	}
	return w, nil
}

// Rewrite begins a savepoint that has all of another snapshot but for what is changed: states that are set, dropped or renamed,
// types of keys, the number of key groups. The folder is empty or not there. The old snapshot stays as it is, and must stay until
// Commit.
func Rewrite(path string, old *Snapshot) (*Writer, error) {
	states, err := old.in.States(context.Background())
	if err != nil {
		return nil, err
	}
	m := old.in.Manifest
	w := &Writer{place: path, job: m.Job, old: old, codecs: &old.codecs, max: m.MaxParallelism}
	for _, o := range m.Operators {
		to := &part{Operator: o}
		to.Files, to.Records, to.Entries, to.Floors, to.Committables = nil, nil, slices.Clone(o.Entries), slices.Clone(o.Floors), slices.Clone(o.Committables)
		for i := range states {
			if s := &states[i]; s.Operator == o.Name && slices.ContainsFunc(o.States, func(of backend.State) bool { return of.Name == s.Name }) {
				to.states = append(to.states, &written{State: s.State, from: s})
			}
		}
		w.operators = append(w.operators, to)
	}
	return w, nil
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// MaxParallelism changes the number of key groups, from 1 to 32768: the largest parallelism that the job can have. The job must say the
// same. A snapshot taken while windows were firing is refused by Commit.
func (w *Writer) MaxParallelism(n int) {
	switch {
	case n < 1 || n > keygroup.MaxMax:
		w.fail(fmt.Errorf("max parallelism %d: it must be between 1 and %d", n, keygroup.MaxMax))
	case w.fixed && n != w.max:
		w.fail(fmt.Errorf("max parallelism %d, but the job has %d: change the job's", n, w.max))
	case n != w.max:
		w.max = n
		for _, o := range w.operators {
			o.changed = true
		}
	}
}

// Drop leaves out what is named: an operator with all that it has, or one state as "operator/state".
func (w *Writer) Drop(names ...string) {
	for _, name := range names {
		if i := slices.IndexFunc(w.operators, func(o *part) bool { return o.Name == name }); i >= 0 {
			w.err = errors.Join(w.err, w.operators[i].close())
			w.operators = slices.Delete(w.operators, i, i+1)
			continue
		}
		o, i, err := w.path(name)
		if err != nil {
			w.fail(fmt.Errorf("drop: %w", err))
			continue
		}
		dropped := o.states[i].Name
		w.err = errors.Join(w.err, o.states[i].close())
		o.states = slices.Delete(o.states, i, i+1)
		o.Entries = slices.DeleteFunc(o.Entries, func(e backend.Entry) bool { return e.State == dropped })
	}
}

// Rename gives an operator or a state ("operator/state") another name.
func (w *Writer) Rename(was, is string) {
	if o := w.operator(was); o != nil {
		if w.operator(is) != nil {
			w.fail(fmt.Errorf("rename %s to %s: there is one of this name", was, is))
		}
		o.Name = is
		return
	}
	o, i, err := w.path(was)
	if err != nil {
		w.fail(fmt.Errorf("rename: %w", err))
		return
	}
	name := strings.TrimPrefix(is, o.Name+"/")
	if slices.ContainsFunc(o.states, func(s *written) bool { return s.Name == name }) {
		w.fail(fmt.Errorf("rename %s to %s: there is one of this name", was, is))
		return
	}
	for j := range o.Entries {
		if o.Entries[j].State == o.states[i].Name {
			o.Entries[j].State = name
		}
	}
	o.states[i].Name = name
}

func (w *Writer) operator(name string) *part {
	if i := slices.IndexFunc(w.operators, func(o *part) bool { return o.Name == name }); i >= 0 {
		return w.operators[i]
	}
	return nil
}

// path finds a state by "operator/state".
func (w *Writer) path(name string) (o *part, state int, err error) {
	var known []string
	for _, o := range w.operators {
		for i, s := range o.states {
			if o.Name+"/"+s.Name == name {
				return o, i, nil
			}
			known = append(known, o.Name+"/"+s.Name)
		}
	}
	return nil, 0, fmt.Errorf("there is no operator and no state %s; there are the states %s", name, list(known))
}

// Commit writes the savepoint, which is complete when it returns without error. After an error nothing is there.
func (w *Writer) Commit() (err error) {
	if w.done {
		return errors.New("the writer has been committed or discarded")
	}
	defer func() { err = errors.Join(err, w.Discard()) }()
	if w.err != nil {
		return fmt.Errorf("savepoint to %s: %w", w.place, w.err)
	}
	m, err := w.manifest()
	if err != nil {
		return fmt.Errorf("savepoint to %s: %w", w.place, err)
	}
	ctx := context.Background()
	draft, err := checkpoint.Create(ctx, w.place, m)
	if err != nil {
		return err
	}
	draft.Manifest.After = w.after()
	if err := w.write(ctx, draft); err != nil {
		return errors.Join(fmt.Errorf("savepoint to %s: %w", w.place, err), draft.Discard(ctx))
	}
	return draft.Commit(ctx)
}

// Discard gives the savepoint up. After Commit it does nothing, so that it can be deferred.
func (w *Writer) Discard() error {
	w.done = true
	var errs []error
	for _, o := range w.operators {
		errs = append(errs, o.close())
	}
	return errors.Join(errs...)
}

func (o *part) close() error {
	var errs []error
	for _, s := range o.states {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

func (s *written) close() error {
	if s.set == nil {
		return nil
	}
	set := s.set
	s.set = nil
	return set.Close()
}

// manifest is what the savepoint says beside its files.
func (w *Writer) manifest() (checkpoint.Manifest, error) {
	m := checkpoint.Manifest{Job: w.job, MaxParallelism: w.max, Taken: time.Now().UTC()}
	oldMax := w.max
	if w.old != nil {
		was := w.old.in.Manifest
		m.Checkpoint, m.Taken, m.From, oldMax = was.Checkpoint, was.Taken, was.From, was.MaxParallelism
		if was.ID != "" {
			m.Of = append(slices.Clone(was.Of), was.ID)
		}
	}
	for _, o := range w.operators {
		to := o.Operator
		to.States = nil
		for _, s := range o.states {
			to.States = append(to.States, s.State)
		}
		var err error
		if to.Floors, err = o.floors(oldMax, w.max); err != nil {
			return m, fmt.Errorf("operator %s: %w", o.Name, err)
		}
		m.Operators = append(m.Operators, to)
	}
	return m, nil
}

// after is the newest manifest of the job's history when what is rewritten was taken: as long as it is the newest, nothing
// that was committed comes again.
func (w *Writer) after() *checkpoint.Mark {
	switch {
	case w.old == nil:
		return nil
	case w.old.in.Manifest.ID == "":
		return &checkpoint.Mark{Sequence: w.old.in.Manifest.Sequence, Epoch: w.old.in.Manifest.Epoch}
	}
	return w.old.in.Manifest.After
}
