package kit

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"syscall"
	"time"
)

// A Meter is the clock of the measured part: from the first event after the warm-up to the last sink's end of input.
type Meter struct {
	began, ended       time.Time
	beganCPU, endedCPU time.Duration
}

// Start is called by whoever makes the first measured event, just before it.
func (m *Meter) Start() { m.began, m.beganCPU = time.Now(), processCPU() }

// Stop is called when the last sink has seen the end of its input.
func (m *Meter) Stop() { m.ended, m.endedCPU = time.Now(), processCPU() }

// Span is when the measured part began and ended.
func (m *Meter) Span() (began, ended time.Time) { return m.began, m.ended }

// processCPU is user and system time of all threads of this process: the garbage collector's count as well.
func processCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A Result is one run's line. Two engines that do the same work agree in Out and Sum.
type Result struct {
	// Workload, Engine and Version say what ran; Parallelism is the number of subtasks.
	Workload    string `json:"workload"`
	Engine      string `json:"engine"`
	Version     string `json:"version"`
	Parallelism int    `json:"parallelism"`
	// Events counts the measured ones; the four figures are of them alone.
	Events             uint64  `json:"events"`
	WallSeconds        float64 `json:"wall_s"`
	CPUSeconds         float64 `json:"cpu_s"`
	EventsPerSecond    float64 `json:"events_per_s"`
	EventsPerCPUSecond float64 `json:"events_per_cpu_s"`
	// MaxRSSMB is the process's largest resident size, over all of its life.
	MaxRSSMB int64 `json:"max_rss_mb"`
	// Warm, Keys and Rate repeat the arguments.
	Warm uint64  `json:"warm"`
	Keys uint64  `json:"keys"`
	Rate float64 `json:"rate"`
	// Out counts the results of the whole run, warm-up included; Sum adds up their numbers.
	Out int64 `json:"out"`
	Sum int64 `json:"sum"`
	// Load1 is the machine's load average over the last minute: what else ran.
	Load1 float64 `json:"load1"`
	Checkpoints
}

// Checkpoints tells of those that a run completed while it was measured, and of what they may cost; what is zero is left out of
// the line.
type Checkpoints struct {
	Completed         int     `json:"checkpoints,omitempty"`
	MeanMillis        int64   `json:"ckpt_ms_avg,omitempty"`
	LongestMillis     int64   `json:"ckpt_ms_max,omitempty"`
	LastMillis        int64   `json:"ckpt_ms_last,omitempty"`
	LongestSyncMillis int64   `json:"ckpt_sync_ms_max,omitempty"`
	MeanMB            float64 `json:"ckpt_mb_avg,omitempty"`
	LargestFullMB     float64 `json:"ckpt_full_mb_max,omitempty"`
	// PauseMillis is the longest time between two batches of results, with checkpoints or without.
	PauseMillis float64 `json:"pause_ms_max,omitempty"`
	// HeapLeastMB and HeapMostMB are the objects on the heap, garbage included, at least and at most.
	HeapLeastMB float64 `json:"heap_mb_min,omitempty"`
	HeapMostMB  float64 `json:"heap_mb_max,omitempty"`
}

// Result makes the line of a run of w that m has measured; version names the engine's.
func (w Workload) Result(m *Meter, version string, out, sum int64) Result {
	events := w.EventCount - w.WarmCount
	wall, cpu := m.ended.Sub(m.began).Seconds(), (m.endedCPU - m.beganCPU).Seconds()
	return Result{
		Workload: w.Name, Engine: w.Label, Version: version, Parallelism: w.Parallelism,
		Events: events, WallSeconds: hundredths(wall), CPUSeconds: hundredths(cpu),
		EventsPerSecond: perSecond(events, wall), EventsPerCPUSecond: perSecond(events, cpu),
		MaxRSSMB: maxRSSMB(), Warm: w.WarmCount, Keys: w.Load.KeyCount, Rate: w.Load.EventsPerSecond,
		Out: out, Sum: sum, Load1: Load1(),
	}
}

// WriteTo writes the result as one line of JSON.
func (r Result) WriteTo(w io.Writer) (int64, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("result of %s on %s: %w", r.Workload, r.Engine, err)
	}
	n, err := w.Write(append(line, '\n'))
	return int64(n), err
}

func hundredths(x float64) float64 { return math.Round(x*100) / 100 }

// perSecond is 0 for a run too short for the clock.
func perSecond(events uint64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return math.Round(float64(events) / seconds)
}

// maxRSSMB reads the largest resident size in MB; 0 where /proc is not.
func maxRSSMB() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			return kb / 1024
		}
	}
	return 0
}

// Load1 is the load average over a minute; 0 where /proc is not.
func Load1() float64 {
	var load float64
	text, _ := os.ReadFile("/proc/loadavg")
	fmt.Sscan(string(text), &load)
	return load
}
