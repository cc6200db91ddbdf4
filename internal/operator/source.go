package operator

import (
	"context"
	"errors"
	"fmt"
	"io"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/runtime"
)

// Source reads the splits that fall to one subtask: the i-th of all goes to subtask i modulo the parallelism.
type Source[T any] struct {
	env      *flow.Env
	input    connector.Input[T]
	out      *flow.Out[T]
	rejects  *flow.Out[connector.Rejected] // nil: what is no record fails the job
	splits   []*sourceSplit[T]
	live     []*sourceSplit[T]
	next     int
	restored map[string][]byte
	noTimes  []int64
	times    []int64
	view     flow.Batch[T]
	reading  *sourceSplit[T]
}

type sourceSplit[T any] struct {
	number   int
	name     string
	reader   connector.Reader[T]
	batch    *connector.Batch[T]
	pump     *pump[T] // nil for readers that never wait
	position []byte   // where a reader with a pump stands, or a split that is not open began
	done     bool
	brim     bool // its last batch was full, which says nothing of whether there is more
}

// NewSource makes a source.
func NewSource[T any](env *flow.Env, in connector.Input[T], out *flow.Out[T], rejects *flow.Out[connector.Rejected]) *Source[T] {
	return &Source[T]{env: env, input: in, out: out, rejects: rejects}
}

// RestoreEntries keeps the positions until the splits are known.
func (s *Source[T]) RestoreEntries(all []backend.Entry) error {
	s.restored = map[string][]byte{}
	for _, e := range all {
		if len(e.Value) == 0 {
			return fmt.Errorf("%s: the position of split %s in the snapshot is empty", s.env, e.Key)
		}
		s.restored[e.Key] = e.Value
	}
	return nil
}

// A split's entry begins with whether it is finished; the position follows.
const (
	splitOpen = 0
	splitDone = 1
)

// Open opens the readers of all splits, where the snapshot left them.
func (s *Source[T]) Open(ctx context.Context) error {
	if err := s.missing(); err != nil {
		return err
	}
	for i, split := range s.env.Enumerated {
		if i%s.env.Parallelism != s.env.Subtask {
			continue
		}
		if err := s.open(ctx, split); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	s.noTimes = make([]int64, s.env.BatchSize)
	for i := range s.noTimes {
		s.noTimes[i] = flow.NoTime
	}
	return nil
}

// missing refuses to go on without a split that the snapshot was in the middle of.
func (s *Source[T]) missing() error {
	have := map[string]bool{}
	for _, split := range s.env.Enumerated {
		have[split.Name] = true
	}
	for name, value := range s.restored {
		if !have[name] && value[0] == splitOpen {
			return fmt.Errorf("the snapshot had not finished split %s, which is not there any more", name)
		}
	}
	return nil
}

func (s *Source[T]) open(ctx context.Context, split connector.Split) error {
	p := &sourceSplit[T]{number: len(s.splits), name: split.Name}
	if value, ok := s.restored[split.Name]; ok {
		p.done = value[0] == splitDone
		if len(value) > 1 { // a reader's position may be no bytes at all
			p.position = value[1:]
		}
	}
	s.splits = append(s.splits, p)
	s.env.Splits.Names = append(s.env.Splits.Names, split.Name)
	s.env.Splits.Done = append(s.env.Splits.Done, p.done)
	if p.done {
		return nil
	}
	reader, err := openReader(ctx, s.input, split, p.position)
	if err != nil {
		return fmt.Errorf("split %s: %w", split.Name, err)
	}
	p.reader = reader
	p.batch = &connector.Batch[T]{}
	s.live = append(s.live, p)
	return nil
}

// openReader opens a reader. The input is foreign code: what it throws is an error, so that the readers that are open
// already get closed.
func openReader[T any](ctx context.Context, in connector.Input[T], split connector.Split, position []byte) (r connector.Reader[T], err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = runtime.Thrown(thrown)
		}
	}()
	return in.Open(ctx, split, position)
}

// Start starts goroutines for readers that wait.
func (s *Source[T]) Start(wake func()) error {
	for _, p := range s.live {
		if _, ok := p.reader.(connector.Prompt); !ok {
			p.pump = startPump(s.env.Context, p.reader, min(pumpFirst, s.env.BatchSize), wake)
		}
	}
	return nil
}

// Ready says whether a reader that waits has brought something.
func (s *Source[T]) Ready() bool {
	for _, p := range s.live {
		if p.pump == nil || len(p.pump.full) > 0 {
			return true
		}
	}
	return len(s.live) == 0
}

// Pull reads one batch of the next split that has something.
func (s *Source[T]) Pull(limit int) (records int, p runtime.Pulled, err error) {
	limit = min(limit, s.env.BatchSize)
	for range len(s.live) {
		p := s.live[s.next%len(s.live)]
		s.next = (s.next + 1) % len(s.live)
		if p.pump != nil && len(p.pump.full) == 0 {
			continue
		}
		records, err = s.pull(p, limit)
		return records, runtime.More, err
	}
	if len(s.live) == 0 {
		return 0, runtime.Finished, nil
	}
	s.allDry()
	return 0, runtime.Dry, nil
}

// allDry says of splits whose last batch was full that they have nothing more just now.
func (s *Source[T]) allDry() {
	for _, p := range s.live {
		if p.brim {
			p.brim = false
			s.env.Splits.Dry(p.number)
		}
	}
}

func (s *Source[T]) pull(p *sourceSplit[T], limit int) (records int, err error) {
	s.reading, s.env.Site.At = p, s
	batch := p.batch
	if p.pump == nil {
		batch.Clear()
		batch.Max = limit
		err = p.reader.Read(s.env.Context, batch)
	} else {
		got := <-p.pump.full
		batch, err, p.position = got.batch, got.err, got.position
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("split %s: %w", p.name, err)
	}
	records = len(batch.Values)
	dry := batch.Room() > 0
	p.brim = !dry
	s.send(p, batch)
	if p.pump != nil {
		batch.Max = limit
		p.pump.free <- batch
	}
	switch {
	case err != nil:
		return records, s.finish(p)
	case dry:
		s.env.Splits.Dry(p.number)
	}
	return records, nil
}

func (s *Source[T]) send(p *sourceSplit[T], b *connector.Batch[T]) {
	if len(b.Rejected) > 0 {
		s.reject(b.Rejected, p.number)
	}
	if len(b.Values) == 0 {
		return
	}
	s.env.Metrics.In.Add(int64(len(b.Values)))
	s.view = flow.Batch[T]{Values: b.Values, Times: s.timesOf(b), Split: p.number}
	s.out.Forward(&s.view)
}

// timesOf is the column of times: the source's own, or none.
func (s *Source[T]) timesOf(b *connector.Batch[T]) []int64 {
	if len(b.Times) == 0 {
		return s.noTimes[:len(b.Values)]
	}
	s.times = s.times[:0]
	for _, t := range b.Times {
		s.times = append(s.times, Nanos(t))
	}
	return s.times
}

func (s *Source[T]) reject(rejected []connector.Rejected, split int) {
	if s.rejects == nil {
		r := rejected[0]
		flow.Fail(fmt.Errorf("%s: %s (to go on without such records, give the source the option leat.Rejects)", r.Position, r.Err))
	}
	s.env.Metrics.Rejected.Add(int64(len(rejected)))
	s.rejects.Split(split)
	for _, r := range rejected {
		s.rejects.Emit(r, flow.NoTime)
	}
	s.rejects.Flush()
}

// finish closes a split that has come to its end.
func (s *Source[T]) finish(p *sourceSplit[T]) error {
	p.done = true
	for i, l := range s.live {
		if l == p {
			s.live = append(s.live[:i], s.live[i+1:]...)
			break
		}
	}
	s.next = 0
	s.env.Splits.Finish(p.number)
	reader := p.reader
	p.reader = nil
	if p.pump != nil {
		p.pump.stop()
	}
	if err := reader.Close(); err != nil {
		return fmt.Errorf("split %s: close: %w", p.name, err)
	}
	return nil
}

// Finish ends the reading.
func (s *Source[T]) Finish(drain bool) {
	if !drain {
		return
	}
	s.env.Metrics.Watermark.Store(flow.EndTime)
	s.out.Watermark(flow.EndTime)
	if s.rejects != nil {
		s.rejects.Watermark(flow.EndTime)
	}
}

// Entries are the positions of all splits.
func (s *Source[T]) Entries() ([]backend.Entry, error) {
	entries := make([]backend.Entry, len(s.splits))
	for i, p := range s.splits {
		value := []byte{splitOpen}
		switch {
		case p.done:
			value[0] = splitDone
		case p.pump != nil:
			value = append(value, p.position...)
		default:
			value = append(value, p.reader.Position()...)
		}
		entries[i] = backend.Entry{State: "splits", Key: p.name, Value: value}
	}
	return entries, nil
}

// Close closes all readers.
func (s *Source[T]) Close() error {
	var first error
	for _, p := range s.splits {
		if p.pump != nil {
			p.pump.stop()
		}
		if p.reader == nil {
			continue
		}
		if err := p.reader.Close(); err != nil && first == nil {
			first = fmt.Errorf("split %s: %w", p.name, err)
		}
	}
	return first
}

// Locate says which split is being read.
func (s *Source[T]) Locate() (string, string) { return s.env.Operator, "reading" }
