package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/gen"
)

// A pauseCase is a job whose state may make its loop pause while checkpoints are taken.
type pauseCase struct {
	name  string
	build func(p *pauses, job *leat.Job)
}

var pauseCases = []pauseCase{
	{"one-key-map", func(p *pauses, job *leat.Job) { p.oneKeyMap(job) }},
	{"growing", func(p *pauses, job *leat.Job) { p.growing(job) }},
	{"timers", func(p *pauses, job *leat.Job) { p.timers(job) }},
	{"one-key-timers", func(p *pauses, job *leat.Job) { p.oneKeyTimers(job) }},
}

// entries is how many entries the map of the one key has, and how many timers fire at once.
const entries = 1_000_000

// rounds is how often all timers are set and fire.
const rounds = 3

// pauses measures one case.
type pauses struct {
	kit.Workload
	cpu  bool       // measure the loop's CPU time too, in a thread of its own
	mu   sync.Mutex // guards all below
	seen []time.Duration
	busy time.Duration // the most CPU time between two batches
}

// measurePauses runs all cases, or the one that is named, and prints a line of each.
func measurePauses(args *kit.Args, w kit.Workload, to io.Writer) error {
	for _, c := range pauseCases {
		if only := args.Text("case", c.name); only != c.name {
			continue
		}
		p := &pauses{Workload: w, cpu: args.Count("cpu", 0) == 1}
		job := leat.NewJob("bench")
		job.Parallelism = w.Parallelism
		c.build(p, job)
		watch := watching(checkpointed(job, args, w), "bench")
		began := time.Now()
		if err := job.Run(context.Background()); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		watch.end()
		result := p.result(c.name, watch.between(began, time.Now()))
		result.WallSeconds = tenths(time.Since(began).Seconds())
		if err := json.NewEncoder(to).Encode(result); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(w.Dir, "store")); err != nil {
			return err
		}
	}
	return nil
}

type pausesResult struct {
	Workload    string  `json:"workload"`
	Case        string  `json:"case"`
	Engine      string  `json:"engine"`
	Version     string  `json:"version"`
	Parallelism int     `json:"parallelism"`
	WallSeconds float64 `json:"wall_s"`
	// Over10 counts the pauses of more than 10 ms.
	Over10 int `json:"pauses_over_10ms"`
	// BusyMillis is the most CPU time that the loop has spent between two batches of results. Unlike the pauses it does not depend on
	// what else the machine does.
	BusyMillis float64 `json:"busy_ms_max,omitempty"`
	Load1      float64 `json:"load1"`
	kit.Checkpoints
}

func (p *pauses) result(name string, c kit.Checkpoints) pausesResult {
	r := pausesResult{
		Workload: p.Name, Case: name, Engine: p.Label, Version: runtime.Version(), Parallelism: p.Parallelism, Load1: kit.Load1(), Checkpoints: c,
		BusyMillis: tenths(float64(p.busy.Microseconds()) / 1000),
	}
	for _, d := range p.seen {
		if d > 10*time.Millisecond {
			r.Over10++
		}
		r.PauseMillis = max(r.PauseMillis, tenths(float64(d.Microseconds())/1000))
	}
	return r
}

// to adds the sink, whose batches are the loop's signs of life: it is in one chain with the operator.
func (p *pauses) to(results *leat.Stream[uint64]) {
	results.To("out", func() connector.Output[uint64] { return beats{p} })
}

type beats struct{ p *pauses }

func (beats) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

func (b beats) Open(context.Context, connector.Subtask) (connector.Writer[uint64], error) {
	return &beat{p: b.p}, nil
}

type beat struct {
	p    *pauses
	last time.Time
	seen []time.Duration

	cpu, busy time.Duration
}

// notable is the shortest pause that is kept.
const notable = time.Millisecond

func (b *beat) Write(context.Context, *connector.Batch[uint64]) error {
	if b.p.cpu {
		b.measureCPU()
	}
	now := time.Now()
	if gap := now.Sub(b.last); !b.last.IsZero() && gap > notable {
		b.seen = append(b.seen, gap)
	}
	b.last = now
	return nil
}

func (b *beat) measureCPU() {
	if b.cpu == 0 {
		runtime.LockOSThread() // this is the loop's goroutine
	}
	now := threadCPU()
	if b.cpu > 0 {
		b.busy = max(b.busy, now-b.cpu)
	}
	b.cpu = now
}

func (b *beat) Flush(context.Context) error { return nil }

func (b *beat) Close() error {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.p.seen = append(b.p.seen, b.seen...)
	b.p.busy = max(b.p.busy, b.busy)
	return nil
}

func (p *pauses) numbers(count int64) connector.Source[uint64] {
	return gen.Batches(gen.Options{Count: count, Splits: p.Parallelism}, func(from, stride int64, into []uint64) {
		for n := range into {
			into[n] = uint64(from + int64(n)*stride)
		}
	})
}

// oneKeyMap fills the map of one key and goes on updating it.
func (p *pauses) oneKeyMap(job *leat.Job) {
	p.to(job.From("gen", p.numbers(int64(p.EventCount))).
		KeyBy(func(uint64) uint64 { return 1 }).
		Process("map", func(op *leat.Operator[uint64, uint64]) func(uint64) error {
			m := op.Map[uint64, int64]("m")
			return func(i uint64) error {
				item := i
				if i >= entries {
					item = kit.Hash(i) % entries
				}
				m.Set(item, m.Get(item)+1)
				op.Emit(i)
				return nil
			}
		}))
}

// growing has a new key in every record.
func (p *pauses) growing(job *leat.Job) {
	p.to(job.From("gen", p.numbers(int64(p.EventCount))).
		KeyBy(func(i uint64) uint64 { return kit.Hash(i) }).
		Process("count", func(op *leat.Operator[uint64, uint64]) func(uint64) error {
			n := op.Value[int64]("n")
			return func(i uint64) error {
				n.Set(n.Get() + 1)
				op.Emit(i)
				return nil
			}
		}))
}

// timed is the numbers at times that set all timers of a round, and then have them fire.
func (p *pauses) timed(job *leat.Job) *leat.Stream[uint64] {
	return job.From("gen", p.numbers(rounds*entries)).
		EventTime(func(i uint64) time.Time { return time.Unix(int64(i/entries)*3600, 0) }, 0)
}

// due is when the timer that record i sets fires: before the records of the next round.
func due(i uint64) time.Time { return time.Unix(int64(i/entries)*3600+60, int64(kit.Hash(i)%1e9)) }

func (p *pauses) timers(job *leat.Job) {
	p.to(p.timed(job).
		KeyBy(func(i uint64) uint64 { return i % entries }).
		Process("timers", func(op *leat.Operator[uint64, uint64]) func(uint64) error {
			t := op.EventTimer("t", func(time.Time) error { op.Emit(op.Key()); return nil })
			return func(i uint64) error {
				t.At(due(i))
				op.Emit(i)
				return nil
			}
		}))
}

func (p *pauses) oneKeyTimers(job *leat.Job) {
	p.to(p.timed(job).
		KeyBy(func(uint64) uint64 { return 1 }).
		Process("timers", func(op *leat.Operator[uint64, uint64]) func(uint64) error {
			t := op.EventTimers("t", func(item uint64, _ time.Time) error { op.Emit(item); return nil })
			return func(i uint64) error {
				t.At(i%entries, due(i))
				op.Emit(i)
				return nil
			}
		}))
}
