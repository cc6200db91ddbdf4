package local

import (
	"errors"
	"fmt"
	gort "runtime"
	"sync"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/runtime"
)

// restore restores the state of all subtasks, as many at a time as there are processors, and readies them.
func (a *Attempt) restore() error {
	room := make(chan struct{}, gort.GOMAXPROCS(0))
	if a.options.Turn != nil {
		room = make(chan struct{}, 1) // one goroutine at a time
	}
	var all sync.WaitGroup
	errs := make([]error, len(a.subtasks))
	for i, s := range a.subtasks {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			errs[i] = a.restoreSubtask(a.plan.Tasks[s.Task], s)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (a *Attempt) restoreSubtask(t *graph.Task, s *runtime.Subtask) (err error) {
	floor := flow.NoTime
	if r := a.options.Restore; r != nil {
		defer func() { // codecs and migrations are user code
			if thrown := recover(); thrown != nil {
				err = runtime.Thrown(thrown)
			}
			if err != nil {
				err = fmt.Errorf("job %s, subtask %d of %s: restore checkpoint %d: %w", a.plan.Graph.Job, s.Index, t.Name(), r.Manifest.Checkpoint, err)
			}
		}()
		if floor, err = s.Restore(a.ctx, r); err != nil {
			return err
		}
	}
	s.Prepare(a.channelsTo(t, s.Index), floor)
	return nil
}
