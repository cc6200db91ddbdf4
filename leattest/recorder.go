package leattest

import (
	"cmp"
	"reflect"
	"slices"
	"sync"
	"time"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/values"
)

// recorder hears what sinks receive and what side outputs carry during one attempt; it is a flow.Tap.
type recorder struct {
	metrics *metrics.Job

	mu    sync.Mutex // guards all below
	heard map[listener]*heard
	count int // records
	stop  *stop
}

// listener is a subtask of an operator.
type listener struct {
	operator string
	subtask  int
}

type heard struct {
	chunks []chunk
	marks  map[int64]mark
}

type chunk struct {
	output string
	values any // a slice
	times  []int64
}

// mark is what belongs to a checkpoint: so many chunks, so many late records.
type mark struct {
	chunks int
	late   int64
}

// stop holds a job up where it has put out so many records.
type stop struct {
	after     int
	reached   chan struct{}
	goOn      chan struct{}
	attempted bool
}

func newRecorder() *recorder {
	return &recorder{metrics: &metrics.Job{}, heard: map[listener]*heard{}}
}

// stopAfter makes the subtask wait that brings the count of records to after.
func (r *recorder) stopAfter(after int) *stop {
	r.stop = &stop{after: after, reached: make(chan struct{}), goOn: make(chan struct{})}
	return r.stop
}

func (r *recorder) of(operator string, subtask int) *heard {
	at := listener{operator, subtask}
	if r.heard[at] == nil {
		r.heard[at] = &heard{marks: map[int64]mark{}}
	}
	return r.heard[at]
}

// Records keeps the records of an output.
func (r *recorder) Records(operator, output string, subtask int, values any, times []int64) {
	r.mu.Lock()
	h := r.of(operator, subtask)
	h.chunks = append(h.chunks, chunk{output, values, times})
	r.count += len(times)
	s := r.stop
	wait := s != nil && !s.attempted && r.count >= s.after
	if wait {
		s.attempted = true
	}
	r.mu.Unlock()
	if wait {
		close(s.reached)
		<-s.goOn
	}
}

// Barrier marks what belongs to a checkpoint.
func (r *recorder) Barrier(operator string, subtask int, checkpoint int64) {
	late := r.late(operator, subtask)
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.of(operator, subtask)
	h.marks[checkpoint] = mark{len(h.chunks), late}
}

// late is how many records came too late for an operator's subtask in this attempt.
func (r *recorder) late(operator string, subtask int) int64 {
	for _, m := range r.metrics.Subtasks() {
		if m.Operator == operator && m.Index == subtask {
			return m.Late.Load()
		}
	}
	return 0
}

// output is a sink, or a side output of an operator; side is "" for sinks.
type output struct{ operator, side string }

// series is records with their event times.
type series struct {
	values reflect.Value // a slice
	times  []int64
}

func (s *series) len() int { return len(s.times) }

// outcome is what a job has put out, over all its attempts.
type outcome struct {
	outputs map[output]*series
	late    map[string]int64
}

func newOutcome() *outcome {
	return &outcome{outputs: map[output]*series{}, late: map[string]int64{}}
}

// add adds what an attempt has put out that has come to its end.
func (o *outcome) add(r *recorder) {
	for at, h := range r.heard {
		o.addChunks(at.operator, h.chunks)
	}
	for _, m := range r.metrics.Subtasks() {
		o.addLate(m.Operator, m.Late.Load())
	}
}

// addUpTo adds what an attempt has put out that belongs to a checkpoint: the rest is lost with the attempt.
func (o *outcome) addUpTo(r *recorder, checkpoint int64) {
	for at, h := range r.heard {
		m := h.marks[checkpoint]
		o.addChunks(at.operator, h.chunks[:m.chunks])
		o.addLate(at.operator, m.late)
	}
}

func (o *outcome) addLate(operator string, n int64) {
	if n > 0 {
		o.late[operator] += n
	}
}

func (o *outcome) addChunks(operator string, chunks []chunk) {
	for _, c := range chunks {
		at := output{operator, c.output}
		s := o.outputs[at]
		if s == nil {
			s = &series{values: reflect.MakeSlice(reflect.TypeOf(c.values), 0, len(c.times))}
			o.outputs[at] = s
		}
		s.values = reflect.AppendSlice(s.values, reflect.ValueOf(c.values))
		s.times = append(s.times, c.times...)
	}
}

// sort puts every output in order of event time, and records of one time in order of their values: the order in which
// they came is not part of what a job promises.
func (o *outcome) sort() {
	for _, s := range o.outputs {
		s.sort()
	}
}

func (s *series) sort() {
	order := make([]int, s.len())
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compare(values.Comparison{}, s, i, s, j) })
	sorted := reflect.MakeSlice(s.values.Type(), s.len(), s.len())
	times := make([]int64, s.len())
	for to, from := range order {
		sorted.Index(to).Set(s.values.Index(from))
		times[to] = s.times[from]
	}
	s.values, s.times = sorted, times
}

// compare compares record i of a with record j of b, event time first.
func compare(c values.Comparison, a *series, i int, b *series, j int) int {
	if n := cmp.Compare(a.times[i], b.times[j]); n != 0 {
		return n
	}
	return c.Compare(a.values.Index(i), b.values.Index(j))
}

// record writes record i of a series, with its event time.
func (s *series) record(i int) string {
	text := values.Show(s.values.Index(i))
	switch at := s.times[i]; at {
	case flow.NoTime:
		return text
	case flow.EndTime:
		return text + " at the end of time"
	default:
		return text + " at " + time.Unix(0, at).UTC().Format(time.RFC3339Nano)
	}
}
