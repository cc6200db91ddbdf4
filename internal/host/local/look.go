package local

import (
	"context"
	"fmt"
	"sync"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/runtime"
)

// Look returns what keys, as canonical bytes, have at this moment in a state of an operator: the entries of each, or, if item is
// not nil, that of the item. Several keys are not looked up at one moment. If the attempt ends before, the error is
// runtime.ErrEnded.
func (a *Attempt) Look(ctx context.Context, operator, state string, keys [][]byte, item []byte) ([][]backend.Held, error) {
	subtasks := a.byTask[a.taskOf(operator)]
	if len(subtasks) == 0 {
		return nil, fmt.Errorf("there is no operator %s", operator)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	questions, places := a.divide(keys, len(subtasks))
	var asking sync.WaitGroup
	for i := range questions {
		q := &questions[i]
		if len(q.Keys) == 0 {
			continue
		}
		q.Operator, q.State, q.Item = operator, state, item
		asking.Go(func() {
			if err := subtasks[i].Ask(ctx, a.ctx.Done(), q); err != nil {
				cancel(err)
			}
		})
	}
	asking.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	answers := make([][]backend.Held, len(keys))
	for i, p := range places {
		answers[i] = questions[p.subtask].Answers[p.at]
	}
	return answers, nil
}

// taskOf is the task that an operator is in, or nil.
func (a *Attempt) taskOf(operator string) *graph.Task {
	for _, t := range a.plan.Tasks {
		for _, n := range t.Nodes {
			if n.Name == operator {
				return t
			}
		}
	}
	return nil
}

// asked is where a key's answer is: in the question to a subtask, among its keys.
type asked struct{ subtask, at int }

// divide deals keys out to the subtasks that own them.
func (a *Attempt) divide(keys [][]byte, parallelism int) ([]runtime.Question, []asked) {
	most := a.plan.Settings.MaxParallelism
	questions, places := make([]runtime.Question, parallelism), make([]asked, len(keys))
	for i, key := range keys {
		s := keygroup.Subtask(keygroup.OfBytes(key, most), parallelism, most)
		places[i] = asked{s, len(questions[s].Keys)}
		questions[s].Keys = append(questions[s].Keys, key)
	}
	return questions, places
}
