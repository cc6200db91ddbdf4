package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leat.dev/leat"
	"leat.dev/leat/connector"
	"leat.dev/leat/internal/bridge"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// word is a record.
type word struct {
	Text string
	N    int
	At   time.Time
}

func (w word) key() string { return w.Text }

func (w word) when() time.Time { return w.At }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// words is a source of several splits, which lets itself be read as far as it is told to.
type words struct {
	splits, each int
	fails        map[string]bool // what goes wrong: splits, open, read, close, each with or without " panics"; and "two of one name"

	mu     sync.Mutex // guards all below
	limit  int        // of each split; each+1 lets it end
	more   chan struct{}
	opened int
	closed int
}

func newWords(splits, each int) *words {
	return &words{splits: splits, each: each, fails: map[string]bool{}, limit: each + 1, more: make(chan struct{})}
}

// allow lets so many records of each split be read.
func (w *words) allow(limit int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = limit
	close(w.more)
	w.more = make(chan struct{})
}

func (w *words) allowed() (int, chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.limit, w.more
}

// source is what Job.From takes.
func (w *words) source() connector.Input[word] { return w }

func (w *words) fail(what string) error {
	switch {
	case w.fails[what+" panics"]:
		panic("no " + what)
	case w.fails[what]:
		return errors.New("can't " + what)
	}
	return nil
}

func (w *words) Splits(context.Context) (all []connector.Split, err error) {
	for i := range w.splits {
		all = append(all, connector.Split{Name: fmt.Sprintf("split-%d", i)})
	}
	if w.fails["two of one name"] {
		all = append(all, all[0])
	}
	return all, w.fail("list")
}

func (w *words) Open(_ context.Context, s connector.Split, position []byte) (connector.Reader[word], error) {
	if err := w.fail("open"); err != nil {
		return nil, err
	}
	r := &wordReader{of: w}
	fmt.Sscanf(s.Name, "split-%d", &r.split)
	if position != nil {
		var next uint64
		if err := connector.DecodePosition(position, &next); err != nil {
			return nil, err
		}
		r.next = int(next)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened++
	return r, nil
}

type wordReader struct {
	of          *words
	split, next int
}

// Read reads what is allowed. The records of a split go round a few keys that all splits have.
func (r *wordReader) Read(ctx context.Context, into *connector.Batch[word]) error {
	limit, more := r.of.allowed()
	for r.next >= limit {
		select {
		case <-more:
			limit, more = r.of.allowed()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for into.Room() > 0 && r.next < min(limit, r.of.each) {
		if r.next == 7 {
			if err := r.of.fail("read"); err != nil {
				return err
			}
		}
		into.Values = append(into.Values, word{fmt.Sprintf("word-%d", r.next%13), r.next*r.of.splits + r.split, start.Add(time.Duration(r.next) * time.Second)})
		r.next++
	}
	if r.next == r.of.each && limit > r.of.each {
		return io.EOF
	}
	return nil
}

func (r *wordReader) Position() []byte { return connector.EncodePosition(uint64(r.next)) }

func (r *wordReader) Close() error {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	r.of.closed++
	return r.of.fail("close")
}

// book is a sink that keeps what it is given, and fails where it is told to.
type book struct {
	fails map[string]bool // open, write, flush, close, each with or without " panics"

	mu     sync.Mutex // guards all below
	lines  []string
	opened int
	closed int
}

func newBook() *book { return &book{fails: map[string]bool{}} }

func (b *book) sink() connector.Output[string] { return b }

func (b *book) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

func (b *book) fail(what string) error {
	switch {
	case b.fails[what+" panics"]:
		panic("no " + what)
	case b.fails[what]:
		return errors.New("can't " + what)
	}
	return nil
}

func (b *book) Open(context.Context, connector.Subtask) (connector.Writer[string], error) {
	if err := b.fail("open"); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened++
	return pen{b}, nil
}

type pen struct{ *book }

func (p pen) Write(_ context.Context, lines *connector.Batch[string]) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, lines.Values...)
	return p.fail("write")
}

func (p pen) Flush(context.Context) error { return p.fail("flush") }

func (p pen) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed++
	return p.fail("close")
}

// sorted is what was written, in order.
func (b *book) sorted() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(slices.Sorted(slices.Values(b.lines)), " ")
}

// sums is a job that adds up the numbers of each word, and says them at the end.
func sums(w *words, b *book) *leat.Job {
	job := leat.NewJob("sums")
	job.From("words", w.source).
		EventTime(word.when, 0).
		KeyBy(word.key).
		Process("sum", sum).
		To("book", b.sink)
	return job
}

// sum tells a word's sum when all has been read: the timer is set far beyond the last record.
func sum(op *leat.Operator[string, string]) func(word) error {
	total := op.Value[int]("total")
	end := op.EventTimer("end", func(time.Time) error {
		op.Emit(fmt.Sprintf("%s=%d", op.Key(), total.Get()))
		return nil
	})
	return func(w word) error {
		total.Set(total.Get() + w.N)
		end.At(start.AddDate(10, 0, 0))
		return nil
	}
}

// wanted is what sums should say of a source, if each record counts so many times.
func wanted(w *words, times int) string {
	totals := map[string]int{}
	for split := range w.splits {
		for i := range w.each {
			totals[fmt.Sprintf("word-%d", i%13)] += times * (i*w.splits + split)
		}
	}
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(totals)) {
		lines = append(lines, fmt.Sprintf("%s=%d", text, totals[text]))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// begin starts a job with a parallelism.
func begin(t *testing.T, job *leat.Job, parallelism int, o local.Options) (*local.Attempt, error) {
	t.Helper()
	inside := bridge.Of(job)
	inside.Settings.Parallelism = parallelism
	p, err := graph.New(inside.Graph, inside.Settings)
	if err != nil {
		t.Fatal(err)
	}
	return local.Start(t.Context(), p, o)
}

// run runs a job to its end.
func run(t *testing.T, job *leat.Job, parallelism int, o local.Options) error {
	t.Helper()
	a, err := begin(t, job, parallelism, o)
	if err != nil {
		return err
	}
	return a.Wait()
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}
