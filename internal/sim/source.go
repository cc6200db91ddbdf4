package sim

import (
	"context"
	"errors"
	"fmt"
	"io"

	"leat.dev/leat/connector"
)

// Source has splits of records.
type Source struct {
	Name   string
	Splits [][]Record
	// Waits says that readers wait: the engine then calls each from a goroutine of its own.
	Waits bool
}

// Of is the source as a process sees it.
func (s *Source) Of(p *Process) connector.Source[Record] {
	return func() connector.Input[Record] { return &input{s, p} }
}

type input struct {
	s *Source
	p *Process
}

func (in *input) Splits(context.Context) ([]connector.Split, error) {
	var all []connector.Split
	for i := range in.s.Splits {
		all = append(all, connector.Split{Name: fmt.Sprint(i)})
	}
	return all, nil
}

func (in *input) Open(_ context.Context, s connector.Split, position []byte) (connector.Reader[Record], error) {
	var split, at uint64
	if _, err := fmt.Sscan(s.Name, &split); err != nil || split >= uint64(len(in.s.Splits)) {
		return nil, fmt.Errorf("there is no split %q", s.Name)
	}
	if position != nil {
		if err := connector.DecodePosition(position, &at); err != nil {
			return nil, err
		}
	}
	if at > uint64(len(in.s.Splits[split])) {
		return nil, errors.New("the position is behind the end")
	}
	r := &reader{p: in.p, name: in.s.Name + " " + s.Name, records: in.s.Splits[split], at: int(at)}
	if in.s.Waits {
		return r, nil
	}
	return promptReader{r}, nil
}

// reader reads a split, a few records at a time.
type reader struct {
	p       *Process
	name    string
	records []Record
	at      int
}

type promptReader struct{ *reader }

func (promptReader) Prompt() {}

func (r promptReader) Read(_ context.Context, into *connector.Batch[Record]) error {
	return r.take(into)
}

// Read waits for a while.
func (r *reader) Read(ctx context.Context, into *connector.Batch[Record]) error {
	w := r.p.world
	if !w.turns.wait(ctx, r.p, "read "+r.name, 0) {
		return errDead
	}
	if w.random.IntN(8) == 0 && !w.turns.wait(ctx, r.p, "read later "+r.name, w.turns.Now()+w.random.Int64N(int64(w.settings.every))) {
		return errDead
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return r.take(into)
}

func (r *reader) take(into *connector.Batch[Record]) error {
	if err := r.p.Fault(); err != nil {
		return err
	}
	n := min(1+r.p.world.random.IntN(into.Room()), len(r.records)-r.at)
	into.Values = append(into.Values, r.records[r.at:r.at+n]...)
	r.at += n
	if r.at == len(r.records) {
		return io.EOF
	}
	return nil
}

func (r *reader) Position() []byte { return connector.EncodePosition(uint64(r.at)) }

func (r *reader) Close() error { return nil }
