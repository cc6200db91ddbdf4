package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/metrics"
)

// notes is what an operator has sent, in order, in words.
type notes struct{ all []string }

func (n *notes) note(format string, args ...any) { n.all = append(n.all, fmt.Sprintf(format, args...)) }

// taken is what there is since the last call.
func (n *notes) taken() string {
	text := strings.Join(n.all, " ")
	n.all = nil
	return text
}

// ear notes what an output sends: records with their times in seconds since start and their split, and signals.
type ear[T any] struct {
	*notes
	name string
}

func (e ear[T]) Receive(b *flow.Batch[T]) {
	text := e.name + fmt.Sprintf("%d[", b.Split)
	for i, v := range b.Values {
		if i > 0 {
			text += " "
		}
		text += fmt.Sprintf("%v@%s", v, seconds(b.Times[i]))
	}
	e.note("%s]", text)
}

func (e ear[T]) Watermark(at int64) { e.note("%swm%s", e.name, seconds(at)) }

func (e ear[T]) Idle(idle bool) { e.note("%sidle=%v", e.name, idle) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// seconds shows an engine time relative to start; - is the nanosecond before.
func seconds(at int64) string {
	switch at {
	case flow.NoTime:
		return "none"
	case flow.EndTime:
		return "end"
	}
	d := at - start.UnixNano()
	if rest := d % int64(time.Second); rest == int64(time.Second)-1 || rest == -1 {
		return fmt.Sprintf("%d-", (d+1)/int64(time.Second))
	}
	return fmt.Sprint(time.Duration(d).Seconds())
}

// second is a time so many seconds after start.
func second(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }

func newEnv(splits ...string) *flow.Env {
	return &flow.Env{
		Context: context.Background(), Job: "job", Operator: "op", Parallelism: 1, MaxParallelism: 128, BatchSize: 4, WatermarkEvery: 3,
		Clock: clock.NewManual(start), Site: &flow.Site{}, Metrics: &metrics.Subtask{},
		Splits: &flow.Splits{Names: splits, Done: make([]bool, len(splits))},
	}
}

// newOut is an output that notes what it sends.
func newOut[T any](env *flow.Env, to *notes, name string) *flow.Out[T] {
	out := flow.NewOut[T](env)
	if err := out.Attach(ear[T]{to, name}); err != nil {
		panic(err)
	}
	return out
}

// batch is records of a split without times.
func batch[T any](split int, values ...T) *flow.Batch[T] {
	b := &flow.Batch[T]{Values: values, Split: split}
	for range values {
		b.Times = append(b.Times, flow.NoTime)
	}
	return b
}

// failure is what f throws.
func failure(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case flow.Failure:
			err = r.Err
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

var errBroken = errors.New("broken")
