package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/mem"
)

// firstRecord is the workload of the processes that latency starts: one record, and when it came out.
const firstRecord = "first-record"

// starts is how many processes are started to see how soon a first record comes out.
const starts = 15

// A sample is a record of the idle job: a key and when it was sent.
type sample struct {
	Key  uint64
	Sent int64 // nanoseconds since 1970
}

// idleJob is five operators with an exchange by key, from a channel to a function that is called with each result.
func idleJob(parallelism int, in <-chan sample, out func(sample)) *leat.Job {
	job := leat.NewJob("latency")
	job.Parallelism = parallelism
	job.From("samples", mem.Chan(in)).
		Map(func(s sample) sample { return s }).
		Filter(func(s sample) bool { return s.Sent > 0 }).
		KeyBy(func(s sample) uint64 { return s.Key }).
		Process("count", func(op *leat.Operator[uint64, sample]) func(sample) error {
			n := op.Value[int64]("n")
			return func(s sample) error {
				n.Set(n.Get() + 1)
				op.Emit(s)
				return nil
			}
		}).
		To("out", each(out))
	return job
}

// each is a sink that calls f with each record.
func each(f func(sample)) connector.Sink[sample] {
	return mem.Each(func(_ context.Context, s sample) error { f(s); return nil })
}

// latency measures how long a record takes: the first one since its process was started, and each of a thin stream
// through a job that is idle otherwise.
func latency(w kit.Workload, to io.Writer) error {
	first, err := firstRecords()
	if err != nil {
		return err
	}
	taken, err := throughIdleJob(w)
	if err != nil {
		return err
	}
	slices.Sort(taken)
	return json.NewEncoder(to).Encode(latencyResult{
		Workload: w.Name, Engine: w.Label, Version: runtime.Version(), Parallelism: w.Parallelism, Rate: w.Load.EventsPerSecond,
		FirstRecordMillis: float64(first.Microseconds()) / 1000, P50: micros(taken, 0.5), P99: micros(taken, 0.99), Max: micros(taken, 1),
		N: len(taken), Load1: kit.Load1(),
	})
}

type latencyResult struct {
	Workload    string  `json:"workload"`
	Engine      string  `json:"engine"`
	Version     string  `json:"version"`
	Parallelism int     `json:"parallelism"`
	Rate        float64 `json:"rate"`
	// FirstRecordMillis is the median over several processes.
	FirstRecordMillis float64 `json:"first_record_ms"`
	P50               float64 `json:"p50_us"`
	P99               float64 `json:"p99_us"`
	Max               float64 `json:"max_us"`
	N                 int     `json:"n"`
	Load1             float64 `json:"load1"`
}

// micros is a quantile of sorted nanoseconds, in microseconds.
func micros(sorted []int64, q float64) float64 {
	return float64(sorted[int(q*float64(len(sorted)-1))]) / 1000
}

// throughIdleJob sends records at the workload's rate and returns how many nanoseconds each took.
func throughIdleJob(w kit.Workload) ([]int64, error) {
	var mu sync.Mutex // guards taken, as the sink may have several subtasks
	taken := make([]int64, 0, w.EventCount)
	in := make(chan sample)
	job := idleJob(w.Parallelism, in, func(s sample) {
		took := time.Now().UnixNano() - s.Sent
		if s.Key < w.WarmCount {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		taken = append(taken, took)
	})
	running, err := job.Start(context.Background())
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / w.Load.EventsPerSecond))
	defer tick.Stop()
	for i := range w.EventCount {
		<-tick.C
		in <- sample{i, time.Now().UnixNano()}
	}
	close(in)
	return taken, running.Wait()
}

// firstRecords starts processes one after the other and returns the median of the time until the first record is out.
func firstRecords() (time.Duration, error) {
	took := make([]time.Duration, starts)
	for i := range took {
		began := time.Now()
		process := exec.Command(os.Args[0], "workload="+firstRecord)
		process.Stderr = os.Stderr
		text, err := process.Output()
		if err != nil {
			return 0, fmt.Errorf("first record: %w", err)
		}
		out, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("first record: %w", err)
		}
		took[i] = time.Unix(0, out).Sub(began)
	}
	slices.Sort(took)
	return took[starts/2], nil
}

// printFirstRecord runs the job on one record and prints when it came out.
func printFirstRecord(w kit.Workload, to io.Writer) error {
	in := make(chan sample, 1)
	in <- sample{1, 1}
	close(in)
	var err error
	job := idleJob(w.Parallelism, in, func(sample) { _, err = fmt.Fprintln(to, time.Now().UnixNano()) })
	if rerr := job.Run(context.Background()); rerr != nil {
		return rerr
	}
	return err
}
