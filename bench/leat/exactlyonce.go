package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/gen"
)

// latencyOnce measures how long a record takes from being due until it is visible in an exactly-once file sink, at half of what
// the job can do at most.
func latencyOnce(args *kit.Args, w kit.Workload, to io.Writer) error {
	most, err := onceAtMost(args, w)
	if err != nil {
		return err
	}
	rate := most / 2
	seconds := float64(w.EventCount) / w.Load.EventsPerSecond
	taken, last, err := onceAt(args, w, int64(rate*seconds), rate)
	if err != nil {
		return err
	}
	if len(taken) == 0 {
		return fmt.Errorf("no record came after the first second: raise n, or lower rate")
	}
	slices.Sort(taken)
	return json.NewEncoder(to).Encode(onceResult{
		Workload: w.Name, Engine: w.Label, Version: runtime.Version(), Parallelism: w.Parallelism, Most: int64(most), Rate: int64(rate),
		P50: micros(taken, 0.5) / 1000, P99: micros(taken, 0.99) / 1000, Max: micros(taken, 1) / 1000, N: len(taken),
		Load1: kit.Load1(), Checkpoints: last,
	})
}

type onceResult struct {
	Workload    string `json:"workload"`
	Engine      string `json:"engine"`
	Version     string `json:"version"`
	Parallelism int    `json:"parallelism"`
	// Most is how many events a second the job does as fast as it can, Rate at how many the latencies are measured.
	Most  int64   `json:"events_per_s_max"`
	Rate  int64   `json:"rate"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
	N     int     `json:"n"` // latencies, of records sampled from the files
	Load1 float64 `json:"load1"`
	kit.Checkpoints
}

// onceAtMost runs the job as fast as it goes, and returns events a second.
func onceAtMost(args *kit.Args, w kit.Workload) (float64, error) {
	began := time.Now()
	if _, _, err := onceAt(args, w, int64(w.EventCount), 0); err != nil {
		return 0, err
	}
	return float64(w.EventCount) / time.Since(began).Seconds(), nil
}

// onceAt runs the job at a rate, and returns nanoseconds of a sample of its records. The first second is left out.
func onceAt(args *kit.Args, w kit.Workload, count int64, rate float64) (taken []int64, c kit.Checkpoints, err error) {
	dir := filepath.Join(w.Dir, "once")
	if err := os.Mkdir(dir, 0o777); err != nil {
		return nil, c, err
	}
	defer os.RemoveAll(dir)
	job := leat.NewJob("once")
	job.Parallelism = w.Parallelism
	var began time.Time
	sent := func(i int64) int64 { return time.Now().UnixNano() }
	if rate > 0 {
		sent = func(i int64) int64 { return began.UnixNano() + int64(float64(i)/rate*1e9) }
	}
	o := gen.Options{Count: count, PerSecond: rate, Splits: w.Parallelism}
	job.From("gen", gen.Batches(o, func(from, stride int64, into []sample) {
		if from == 0 {
			began = time.Now()
		}
		for n := range into {
			i := from + int64(n)*stride
			into[n] = sample{kit.Hash(uint64(i)) % w.Load.KeyCount, sent(i)}
		}
	})).
		KeyBy(func(s sample) uint64 { return s.Key }).
		Process("count", func(op *leat.Operator[uint64, sample]) func(sample) error {
			n := op.Value[int64]("n")
			return func(s sample) error {
				n.Set(n.Get() + 1)
				op.Emit(s)
				return nil
			}
		}).
		To("out", file.Write(filepath.Join(dir, "out")).CSV, leat.ExactlyOnce())
	store := checkpointed(job, args, kit.Workload{Dir: dir})
	if store == "" {
		return nil, c, fmt.Errorf("an exactly-once sink needs checkpoints: ckpt=200")
	}
	watch, seen := watching(store, "once"), looking(filepath.Join(dir, "out"))
	start := time.Now()
	if err := job.Run(context.Background()); err != nil {
		return nil, c, err
	}
	watch.end()
	taken, err = seen.end(start.Add(time.Second))
	return taken, watch.between(start, time.Now()), err
}

// visible looks into a folder for parts that have appeared.
type visible struct {
	dir  string
	at   map[string]time.Time
	stop chan struct{}
	done chan struct{}
}

func looking(dir string) *visible {
	v := &visible{dir: dir, at: map[string]time.Time{}, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(v.done)
		for tick := time.NewTicker(time.Millisecond); ; {
			v.look()
			select {
			case <-tick.C:
			case <-v.stop:
				return
			}
		}
	}()
	return v
}

func (v *visible) look() {
	entries, _ := os.ReadDir(v.dir) // made with the first part
	now := time.Now()
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && v.at[name].IsZero() {
			v.at[name] = now
		}
	}
}

// sampleBytes is how far apart the records lie in a part whose latency is taken.
const sampleBytes = 2048

// end reads a sample of the parts: how long their records took that were sent after a time.
func (v *visible) end(after time.Time) (taken []int64, err error) {
	close(v.stop)
	<-v.done
	for name, at := range v.at {
		f, err := os.Open(filepath.Join(v.dir, name))
		if err != nil {
			return nil, err
		}
		taken, err = latencies(taken, f, at, after)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return taken, nil
}

func latencies(to []int64, from io.Reader, at, after time.Time) ([]int64, error) {
	in := bufio.NewReader(from)
	for next, pos := 0, 0; ; {
		line, err := in.ReadSlice('\n')
		if err == io.EOF {
			return to, nil
		}
		if err != nil {
			return nil, err
		}
		if pos += len(line); pos < next {
			continue
		}
		_, text, _ := bytes.Cut(bytes.TrimSpace(line), []byte(","))
		sent, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			continue // the line of names
		}
		next += sampleBytes
		if sent > after.UnixNano() {
			to = append(to, at.UnixNano()-sent)
		}
	}
}
