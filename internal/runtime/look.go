package runtime

import (
	"context"
	"errors"
	"fmt"

	"leat.dev/leat/internal/backend"
)

// Whoever looks into a running job has the loop look for it, between two batches: the loop owns the state.
const (
	// lookNanos is for how long the loop answers before it looks for other work, and lookKeys how many keys it looks up at most: the
	// key at hand is finished.
	lookNanos = 1e6
	lookKeys  = 256
	// lookShare bounds the part of a busy subtask's time that answers take: one in so many.
	lookShare = 10
	// QuestionsWaiting is how many questions wait for a subtask at most. Whoever asks one more waits for room.
	QuestionsWaiting = 256
	// LookBytes is how much the loop encodes of a key at most: a pause of milliseconds. More is read from a checkpoint.
	LookBytes = 1 << 20
	// AnswerBytes is how much a question gets in all at most.
	AnswerBytes = 64 << 20
)

// Question asks what keys of one subtask have in a state of one of its operators. Between two keys the subtask may work on.
type Question struct {
	Operator, State string
	Keys            [][]byte // canonical
	Item            []byte   // nil: all
	// Answers are the entries of each key. They are valid when Ask has returned without error.
	Answers [][]backend.Held

	ctx   context.Context
	err   error
	bytes int
	done  chan struct{} // closed when Answers or err is there
}

var (
	errLookBytes   = fmt.Errorf("it has more than %d bytes, which would hold the job up: read it as of the last checkpoint, or ask for one item", LookBytes)
	errAnswerBytes = fmt.Errorf("the keys have more than %d bytes together: ask for fewer at once", AnswerBytes)
	errNotReadable = errors.New("it can be read as of a checkpoint only")
)

// Ask has the loop answer a question, and waits for that: until ctx is done, or until the subtask has ended, as ended says by
// being closed. It then returns ErrEnded. It may be called from any goroutine.
func (t *Subtask) Ask(ctx context.Context, ended <-chan struct{}, q *Question) error {
	select {
	case t.room <- struct{}{}:
		defer func() { <-t.room }()
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-ended:
		return ErrEnded
	}
	q.ctx, q.done = ctx, make(chan struct{})
	t.post(letter{ask: q})
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-ended:
		return ErrEnded
	}
}

// ErrEnded says that a subtask has ended before it answered.
var ErrEnded = errors.New("the attempt has ended")

// answering says whether there are questions whose turn has come while there is other work to do.
func (t *Subtask) answering(now int64) bool { return len(t.asked) > 0 && now >= t.answerAt }

// answer answers questions for a while, and says whether there were any.
func (t *Subtask) answer() (any bool) {
	if len(t.asked) == 0 {
		return false
	}
	begun := t.Clock.Now()
	now := begun
	for looks := 0; len(t.asked) > 0 && looks < lookKeys && now-begun < lookNanos; looks++ {
		if t.asked[0].step(t.Chain) {
			close(t.asked[0].done)
			t.asked[0] = nil
			t.asked = t.asked[1:]
		}
		now = t.Clock.Now()
	}
	t.answerAt = now + (now-begun)*(lookShare-1)
	return true
}

// step looks up one key, and says whether the question is answered then. Nothing that looking throws is the job's failure.
func (q *Question) step(c *Chain) (done bool) {
	if q.ctx.Err() != nil { // nobody waits
		q.err = q.ctx.Err()
		return true
	}
	if len(q.Answers) < len(q.Keys) {
		held, err := q.look(c, q.Keys[len(q.Answers)])
		if err != nil {
			q.err = err
			return true
		}
		q.Answers = append(q.Answers, held)
	}
	return len(q.Answers) == len(q.Keys)
}

func (q *Question) look(c *Chain, key []byte) (held []backend.Held, err error) {
	defer func() { // codecs are user code
		if r := recover(); r != nil {
			err = Thrown(r)
		}
	}()
	from, err := q.find(c)
	if err != nil {
		return nil, err
	}
	size := 0
	err = from.Look(q.State, key, q.Item, func(h backend.Held) error {
		size += len(h.Item) + len(h.Value)
		q.bytes += len(h.Item) + len(h.Value)
		switch {
		case size > LookBytes:
			return errLookBytes
		case q.bytes > AnswerBytes:
			return errAnswerBytes
		}
		held = append(held, h)
		return nil
	})
	return held, err
}

// find finds who has the state.
func (q *Question) find(c *Chain) (backend.Readable, error) {
	for i := range c.Links {
		s, ok := c.Links[i].Operator.(Stateful)
		if !ok || c.Links[i].Node.Name != q.Operator {
			continue
		}
		for _, k := range s.State() {
			if !declares(k, q.State) {
				continue
			}
			if r, ok := k.(backend.Readable); ok {
				return r, nil
			}
		}
	}
	return nil, errNotReadable
}

func declares(k backend.Keyed, state string) bool {
	for _, s := range k.States() {
		if s.Name == state {
			return true
		}
	}
	return false
}
