package operator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/flow"
)

// Sink writes records to the outside world.
type Sink[T any] struct {
	work   working[T]
	output connector.Output[T]
	writer connector.Writer[T] // nil while a test listens
	commit connector.Committer // nil for at least once
	timed  bool
	ticks  connector.Scheduled // the writer, if it has something to do as time goes by; or nil
	out    connector.Batch[T]
	times  []time.Time
	// prepared is what is not known to be committed, in the order of checkpoints.
	prepared []backend.Committable
}

// NewSink makes a sink.
func NewSink[T any](env *flow.Env, o connector.Output[T]) *Sink[T] {
	return &Sink[T]{work: working[T]{env: env}, output: o}
}

// Open opens the writer; a test that listens takes the place of it.
func (s *Sink[T]) Open(ctx context.Context) error {
	if s.work.env.Tap != nil {
		return nil
	}
	w, err := s.output.Open(ctx, connector.Subtask{
		Job: s.work.env.Job, Operator: s.work.env.Operator, Index: s.work.env.Subtask, Count: s.work.env.Parallelism,
		ExactlyOnce: s.work.env.ExactlyOnce, Restored: s.work.env.Restored, Attempt: s.work.env.Attempt,
	})
	if err != nil {
		return err
	}
	s.writer = w
	_, s.timed = w.(connector.Timed)
	s.ticks, _ = w.(connector.Scheduled)
	if !s.work.env.ExactlyOnce {
		return nil
	}
	if s.commit, _ = w.(connector.Committer); s.commit == nil {
		return fmt.Errorf("the sink promises exactly-once, but its writer %T is no connector.Committer", w)
	}
	return nil
}

// NextTick is when the writer has something to do.
func (s *Sink[T]) NextTick() (int64, bool) {
	if s.ticks == nil {
		return 0, false
	}
	at, ok := s.ticks.NextTick()
	return at.UnixNano(), ok
}

// Tick has the writer do it.
func (s *Sink[T]) Tick(now int64, _ int) bool {
	s.work.env.Site.At = sinkTick{s.work.env.Operator}
	s.held()
	flow.Check(s.ticks.Tick(s.work.env.Context, time.Unix(0, now)))
	return true
}

// sinkTick is a sink's site while no batch is written.
type sinkTick struct{ operator string }

// Locate says that the writer does what is due.
func (s sinkTick) Locate() (string, string) { return s.operator, "what is due by time" }

// Receive writes a batch.
func (s *Sink[T]) Receive(b *flow.Batch[T]) {
	s.work.begin(b, s)
	if s.work.env.Tap != nil {
		s.work.env.Tap.Records(s.work.env.Operator, "", s.work.env.Subtask, slices.Clone(b.Values), slices.Clone(b.Times))
	} else {
		s.write(b)
	}
	s.work.env.Metrics.Out.Add(int64(len(b.Values)))
}

func (s *Sink[T]) write(b *flow.Batch[T]) {
	s.out.Values, s.out.Max = b.Values, len(b.Values)
	if s.timed {
		s.times = s.times[:0]
		for _, at := range b.Times {
			s.times = append(s.times, Time(at))
		}
		s.out.Times = s.times
	}
	s.held()
	if err := s.writer.Write(s.work.env.Context, &s.out); err != nil {
		flow.Fail(err)
	}
	s.out.Values, s.out.Times = nil, nil
}

// held ends the attempt before an effect on the outside world if the job is another process's by now.
func (s *Sink[T]) held() {
	if s.work.env.Held != nil {
		flow.Check(s.work.env.Held())
	}
}

// Locate says that a batch is being written.
func (s *Sink[T]) Locate() (string, string) {
	return s.work.env.Operator, fmt.Sprintf("writing %d records", len(s.work.batch.Values))
}

// Watermark ends here.
func (s *Sink[T]) Watermark(at int64) { s.work.env.Metrics.Watermark.Store(at) }

// Idle ends here.
func (s *Sink[T]) Idle(bool) {}

// Flush makes durable what was written. An exactly-once sink does so when it prepares.
func (s *Sink[T]) Flush(ctx context.Context) error {
	if s.writer == nil || s.commit != nil {
		return nil
	}
	s.held()
	return s.writer.Flush(ctx)
}

// Prepare makes durable what was written since the last checkpoint, without making it visible.
func (s *Sink[T]) Prepare(ctx context.Context, checkpoint int64) error {
	if s.commit == nil {
		return nil
	}
	failpoint.Hit(failpoint.PrepareBefore)
	data, err := s.commit.Prepare(ctx, checkpoint)
	failpoint.Hit(failpoint.PrepareAfter)
	if err != nil || data == nil {
		return err
	}
	s.prepared = append(s.prepared, backend.Committable{Checkpoint: checkpoint, Subtask: s.work.env.Subtask, Data: data})
	return nil
}

// Committables is what is not known to be committed: each checkpoint carries all of it.
func (s *Sink[T]) Committables() []backend.Committable { return slices.Clone(s.prepared) }

// Complete commits everything up to a checkpoint that is complete, in order.
func (s *Sink[T]) Complete(ctx context.Context, checkpoint int64) error {
	for len(s.prepared) > 0 && s.prepared[0].Checkpoint <= checkpoint {
		failpoint.Hit(failpoint.CommitSinkBefore)
		if err := s.commit.Commit(ctx, s.prepared[0].Data); err != nil {
			return fmt.Errorf("commit of checkpoint %d: %w", s.prepared[0].Checkpoint, err)
		}
		failpoint.Hit(failpoint.CommitSinkAfter)
		s.prepared = s.prepared[1:]
	}
	return nil
}

// Close closes the writer.
func (s *Sink[T]) Close() error {
	if s.writer == nil {
		return nil
	}
	return s.writer.Close()
}
