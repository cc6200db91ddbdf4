package leat_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"leat.dev/leat"
	"leat.dev/leat/codec"
	"leat.dev/leat/codec/proto"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/leattest"
	"leat.dev/leat/state"
)

// flipped is a codec of one's own, which no derived one reads.
var flipped = codec.Of("flipped/1",
	func(to []byte, v int64) ([]byte, error) { return binary.BigEndian.AppendUint64(to, uint64(^v)), nil },
	func(from []byte) (int64, error) {
		if len(from) != 8 {
			return 0, fmt.Errorf("%d bytes in place of 8", len(from))
		}
		return ^int64(binary.BigEndian.Uint64(from)), nil
	})

// splitSource is a source with splits that are read to their ends, one record at a time, so that they take turns.
func splitSource(a string, ofA []click, b string, ofB []click) connector.Source[click] {
	return func() connector.Input[click] {
		return splitInput{names: []string{a, b}, records: map[string][]click{a: ofA, b: ofB}}
	}
}

type splitInput struct {
	names   []string
	records map[string][]click
}

func (in splitInput) Splits(context.Context) ([]connector.Split, error) {
	var splits []connector.Split
	for _, name := range in.names {
		splits = append(splits, connector.Split{Name: name})
	}
	return splits, nil
}

func (in splitInput) Open(_ context.Context, s connector.Split, _ []byte) (connector.Reader[click], error) {
	return &splitReader{records: in.records[s.Name]}, nil
}

type splitReader struct {
	records []click
	done    int
}

func (*splitReader) Prompt() {}

func (r *splitReader) Read(_ context.Context, b *connector.Batch[click]) error {
	if r.done == len(r.records) {
		return io.EOF
	}
	b.Values = append(b.Values, r.records[r.done])
	r.done++
	return nil
}

func (r *splitReader) Position() []byte { return connector.EncodePosition(uint64(r.done)) }

func (*splitReader) Close() error { return nil }

// score is a key whose type makes none by itself.
type score float64

var scores = codec.Of("score/1",
	func(to []byte, s score) ([]byte, error) { return append(to, byte(s*10)), nil },
	func(from []byte) (score, error) {
		if len(from) != 1 {
			return 0, errors.New("a score is one byte")
		}
		return score(from[0]) / 10, nil
	})

// A codec of one's own makes keys and values of types that have none, in state and between subtasks.
func TestEncode(t *testing.T) {
	build := func() *leat.Job {
		job := leat.NewJob("codecs")
		job.Encode(scores)
		job.Encode(flipped)
		job.From("clicks", mem.From[click]()).
			KeyBy(func(c click) score { return score(c.Score) }).
			Process("count", func(op *leat.Operator[score, int64]) func(click) error {
				n := op.Value[int64]("n")
				own := op.List[string]("own", state.Codec(codec.Of("text/1",
					func(to []byte, s string) ([]byte, error) { return append(to, s...), nil },
					func(from []byte) (string, error) { return string(from), nil })))
				return func(c click) error {
					own.Append(c.User)
					n.Set(n.Get() + int64(own.Len()))
					op.Emit(n.Get())
					return nil
				}
			}).To("counts", mem.Into(new([]int64)))
		return job
	}
	run := leattest.EveryWay(t, build, leattest.Records("clicks",
		click{User: "a", Score: 0.5}, click{User: "b", Score: 1.5}, click{User: "c", Score: 0.5}, click{User: "d", Score: 0.5}))
	if got := run.Output[int64]("counts"); !slices.Equal(got, []int64{1, 1, 3, 6}) {
		t.Errorf("got %v", got)
	}
}

// Protobuf messages are values and records like any other.
func TestProtobufValues(t *testing.T) {
	build := func() *leat.Job {
		job := leat.NewJob("messages")
		job.Encode(proto.Codec[*durationpb.Duration]())
		job.From("seconds", mem.From[int64]()).
			Map(func(s int64) *durationpb.Duration { return durationpb.New(time.Duration(s) * time.Second) }).
			KeyBy(func(d *durationpb.Duration) int64 { return d.Seconds % 2 }).
			Process("sum", func(op *leat.Operator[int64, int64]) func(*durationpb.Duration) error {
				sum := op.Value[*durationpb.Duration]("sum")
				return func(d *durationpb.Duration) error {
					total := d.AsDuration()
					if sum.Has() {
						total += sum.Get().AsDuration()
					}
					sum.Set(durationpb.New(total))
					op.Emit(int64(total / time.Second))
					return nil
				}
			}).To("sums", mem.Into(new([]int64)))
		return job
	}
	run := leattest.EveryWay(t, build, leattest.Records("seconds", int64(1), 2, 3, 4))
	if got := run.Output[int64]("sums"); !slices.Equal(got, []int64{1, 2, 4, 6}) {
		t.Errorf("got %v", got)
	}
}

// journal notes what happens, from several goroutines.
type journal struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// Operators open before the first record, the last of a chain first, and close after the last one, the first first;
// within an operator, what was opened last closes first.
func TestOpenAndClose(t *testing.T) {
	var j journal
	noting := func(name string) func(op *leat.Unkeyed[int]) func(int) error {
		return func(op *leat.Unkeyed[int]) func(int) error {
			for _, part := range []string{"1", "2"} {
				op.OnOpen(func(context.Context) error { j.note("open %s%s", name, part); return nil })
				op.OnClose(func() error { j.note("close %s%s", name, part); return nil })
			}
			return func(n int) error { j.note("%s %d", name, n); op.Emit(n); return nil }
		}
	}
	job := leat.NewJob("lifecycle")
	job.Parallelism = 1
	job.From("numbers", mem.From(7)).Process("a", noting("a")).Process("b", noting("b")).To("out", nowhere)
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "open b1, open b2, open a1, open a2, a 7, b 7, close a2, close a1, close b2, close b1"
	if got := strings.Join(j.lines, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// When one operator can't be opened, those that are open are closed again, and no record is read.
func TestOpenFails(t *testing.T) {
	var j journal
	job := leat.NewJob("lifecycle")
	job.Parallelism = 1
	job.From("numbers", mem.From(7)).
		Process("a", func(op *leat.Unkeyed[int]) func(int) error {
			op.OnOpen(func(context.Context) error { return errBroken })
			op.OnClose(func() error { j.note("close a"); return nil })
			return func(int) error { j.note("record"); return nil }
		}).
		Process("b", func(op *leat.Unkeyed[int]) func(int) error {
			op.OnClose(func() error { j.note("close b"); return nil })
			return func(int) error { return nil }
		}).To("out", nowhere)
	err := job.Run(t.Context())
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "operator a, subtask 0: open") {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(j.lines, ", "); got != "close b" {
		t.Errorf("got %s", got)
	}
}
