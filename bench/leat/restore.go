package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/bench/kit"
)

// restarts is how many processes are started to see how soon a job goes on from its checkpoint.
const restarts = 5

// endless is the number of events of a job that is killed long before.
const endless = "1000000000000"

// The roles of the processes that a restore is measured with.
const (
	fill   = "fill"   // touches every key, takes a checkpoint and is killed
	resume = "resume" // goes on from it, and says when the first result came
)

// restore measures how long it takes from the start of a process to the first result of a job that goes on from its checkpoint.
func restore(w kit.Workload, line []string, to io.Writer) error {
	common := append(line, "restore=0", "n="+endless, fmt.Sprintf("preload=%d", w.Load.KeyCount), fmt.Sprintf("warm=%d", w.Load.KeyCount))
	process := func(role string) *exec.Cmd {
		c := exec.Command(os.Args[0], append(slices.Clone(common), "role="+role)...)
		c.Stderr = os.Stderr
		return c
	}
	var killed *exec.ExitError
	if err := process(fill).Run(); !errors.As(err, &killed) || killed.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		return fmt.Errorf("the process that takes the checkpoint should have been killed: %w", err)
	}
	took, cpu := make([]time.Duration, restarts), make([]time.Duration, restarts)
	for i := range took {
		began := time.Now()
		p := process(resume)
		text, err := p.Output()
		if err != nil {
			return fmt.Errorf("resume: %w", err)
		}
		out, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			return fmt.Errorf("resume: %w", err)
		}
		took[i], cpu[i] = time.Unix(0, out).Sub(began), p.ProcessState.UserTime()+p.ProcessState.SystemTime()
	}
	slices.Sort(took)
	saw := watching(filepath.Join(w.Dir, "store"), "bench")
	saw.end()
	from, _ := saw.newest()
	return json.NewEncoder(to).Encode(restoreResult{
		Workload: w.Name + "-restore", Engine: w.Label, Version: runtime.Version(), Parallelism: w.Parallelism, Keys: w.Load.KeyCount,
		MB: tenths(float64(from.bytes+from.needs) / 1e6), Millis: took[restarts/2].Milliseconds(), BestMillis: took[0].Milliseconds(),
		CPUMillis: slices.Min(cpu).Milliseconds(), Load1: kit.Load1(),
	})
}

type restoreResult struct {
	Workload    string  `json:"workload"`
	Engine      string  `json:"engine"`
	Version     string  `json:"version"`
	Parallelism int     `json:"parallelism"`
	Keys        uint64  `json:"keys"`
	MB          float64 `json:"ckpt_mb"`
	// Millis is the median over several processes, from their start to their first result.
	Millis     int64 `json:"restore_ms"`
	BestMillis int64 `json:"restore_ms_best"`
	// CPUMillis is the least CPU time of such a process.
	CPUMillis int64   `json:"restore_cpu_ms"`
	Load1     float64 `json:"load1"`
}

// play has the process do what its role in measuring a restore is.
func (b *bench) play(role string, w *watch) {
	switch role {
	case fill:
		go b.dieAfterCheckpoint(w)
	case resume:
		b.first = func() {
			fmt.Println(time.Now().UnixNano())
			os.Exit(0)
		}
	}
}

// dieAfterCheckpoint kills the process when a checkpoint is complete that has all keys.
func (b *bench) dieAfterCheckpoint(w *watch) {
	var filled time.Time
	for tick := time.NewTicker(lookEvery); ; <-tick.C {
		s, ok := w.newest()
		switch {
		case filled.IsZero() && b.measured.Load():
			filled = time.Now()
		case !filled.IsZero() && ok && s.taken.After(filled.Add(settle)):
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}

// settle is how much later than the source has made the last key the operator has surely counted it.
const settle = 500 * time.Millisecond

// checkpointed gives a job a store and an interval, if the arguments have one; it returns the store's folder.
func checkpointed(job *leat.Job, args *kit.Args, w kit.Workload) (store string) {
	millis := args.Count("ckpt", 0)
	if millis == 0 {
		return ""
	}
	store = filepath.Join(w.Dir, "store")
	job.Checkpoint = leat.Checkpoint{Store: store, Every: time.Duration(millis) * time.Millisecond}
	return store
}
