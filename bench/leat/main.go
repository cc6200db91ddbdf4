// Command leat runs the benchmark's workloads on leat and prints the kit's line of JSON. Run it through bench/run.sh,
// which knows the workloads' arguments.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/state"
	"leat.dev/leat/window"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "leat:", err)
		os.Exit(1)
	}
}

func run() error {
	args := kit.ParseArgs(os.Args[1:])
	w, err := args.Workload()
	if err != nil {
		return err
	}
	switch w.Kind {
	case "latency":
		return latency(w, os.Stdout)
	case "latency-eo":
		return latencyOnce(args, w, os.Stdout)
	case "pauses":
		return measurePauses(args, w, os.Stdout)
	case "increments":
		return measureIncrements(args, w, os.Stdout)
	case "W3flat":
		return flat(args, w, os.Stdout)
	case "windows-memory":
		return windowsMemory(args, w, os.Stdout)
	case firstRecord:
		return printFirstRecord(w, os.Stdout)
	}
	if args.Count("restore", 0) == 1 {
		return restore(w, os.Args[1:], os.Stdout)
	}
	b := &bench{workload: w, gen: kit.NewGen(w.Load)}
	job := leat.NewJob("bench")
	job.Parallelism = w.Parallelism
	if job.Backend, err = backend(args, w); err != nil {
		return err
	}
	if err := b.build(job, args); err != nil {
		return err
	}
	watch := watching(checkpointed(job, args, w), "bench")
	b.play(args.Text("role", ""), watch)
	stop, err := profile(args.Text("cpuprofile", ""))
	if err != nil {
		return err
	}
	if err := job.Run(context.Background()); err != nil {
		return err
	}
	stop()
	if path := args.Text("heapprofile", ""); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := pprof.Lookup("heap").WriteTo(f, 0); err != nil {
			return err
		}
	}
	watch.end()
	result := w.Result(&b.meter, runtime.Version(), b.out.Load(), b.sum.Load())
	result.Checkpoints = watch.between(b.meter.Span())
	result.PauseMillis = tenths(float64(b.longest.Load()) / 1e6)
	_, err = result.WriteTo(os.Stdout)
	return err
}

// build makes the workload's job.
func (b *bench) build(job *leat.Job, args *kit.Args) error {
	switch b.workload.Kind {
	case "W1", "W7":
		b.resultCount = int64(b.workload.EventCount)
		b.runningCount(job)
	case "W6":
		b.resultCount = int64(b.workload.EventCount)
		b.readModifyWrite(job)
	case "W2":
		b.tumbling(job)
	case "W3":
		b.counts(job, window.Sliding(millis(args, "size", 60_000), millis(args, "slide", 1000)))
	case "W4":
		b.counts(job, window.Session(5*time.Second))
	case "W5q4":
		b.winningBids(job)
	case "W5q5":
		b.hotAuctions(job)
	case "W5q7w":
		b.highestBids(job)
	case "W5q8":
		b.newSellers(job)
	default:
		return fmt.Errorf("leat does not run workload %s", b.workload.Kind)
	}
	return args.Err()
}

// millis is an argument that is a time in milliseconds.
func millis(args *kit.Args, name string, absent uint64) time.Duration {
	return time.Duration(args.Count(name, absent)) * time.Millisecond
}

// backend is where state lives: backend=heap or disk, and managed=512m of memory for it.
func backend(args *kit.Args, w kit.Workload) (state.Backend, error) {
	managed := args.Text("managed", "512m")
	bytes, err := strconv.ParseInt(strings.TrimSuffix(managed, "m"), 10, 64)
	if err != nil || !strings.HasSuffix(managed, "m") {
		return nil, fmt.Errorf("managed=%s: want megabytes, such as 512m", managed)
	}
	switch name := args.Text("backend", "heap"); name {
	case "heap":
		return state.Heap{}, nil
	case "disk":
		return state.Disk{Dir: filepath.Join(w.Dir, "state"), BudgetBytes: bytes << 20}, nil
	default:
		return nil, fmt.Errorf("backend=%s: want heap or disk", name)
	}
}

// profile writes a CPU profile to a file, if one is named.
func profile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return pprof.StopCPUProfile, pprof.StartCPUProfile(f)
}
