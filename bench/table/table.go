package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"

	"leat.dev/leat/bench/kit"
)

// A contest is what results are comparable within.
type contest struct {
	workload    string
	parallelism int
}

func contestOf(r kit.Result) contest { return contest{r.Workload, r.Parallelism} }

// best keeps each engine's best run of each contest by events a CPU-second, in order of contest and speed.
func best(runs []kit.Result) []kit.Result {
	type entry struct {
		contest
		engine string
	}
	kept := map[entry]kit.Result{}
	for _, r := range runs {
		e := entry{contestOf(r), r.Engine}
		if old, ok := kept[e]; !ok || r.EventsPerCPUSecond > old.EventsPerCPUSecond {
			kept[e] = r
		}
	}
	list := make([]kit.Result, 0, len(kept))
	for _, r := range kept {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b kit.Result) int {
		return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Parallelism, b.Parallelism),
			cmp.Compare(b.EventsPerCPUSecond, a.EventsPerCPUSecond), cmp.Compare(a.Engine, b.Engine))
	})
	return list
}

const subject = "leat"

// writeTable writes a line per result. The last columns say how many times leat's events, per CPU-second and per second, are the
// engine's: above 1, leat is faster.
func writeTable(w io.Writer, list []kit.Result) {
	leat := map[contest]kit.Result{}
	for _, r := range list {
		if r.Engine == subject {
			leat[contestOf(r)] = r
		}
	}
	fmt.Fprintln(w, "| workload | par | engine | version | M events | wall s | CPU s | events/s | events/CPU-s | leat ÷ it, CPU | leat ÷ it, wall | RSS MB | load | checkpoints |")
	fmt.Fprintln(w, "|---|--:|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|")
	for _, r := range list {
		l, ok := leat[contestOf(r)]
		perCPU, perWall := "", ""
		if ok && r.Engine != subject {
			perCPU, perWall = ratio(l.EventsPerCPUSecond, r.EventsPerCPUSecond), ratio(l.EventsPerSecond, r.EventsPerSecond)
		}
		fmt.Fprintf(w, "| %s | %d | %s | %s | %.1f | %.2f | %.2f | %s | %s | %s | %s | %s | %.1f | %s |\n",
			r.Workload, r.Parallelism, r.Engine, r.Version, float64(r.Events)/1e6, r.WallSeconds, r.CPUSeconds,
			grouped(int64(r.EventsPerSecond)), grouped(int64(r.EventsPerCPUSecond)), perCPU, perWall, grouped(r.MaxRSSMB), r.Load1, checkpoints(r))
	}
}

func ratio(ours, theirs float64) string {
	if theirs == 0 {
		return ""
	}
	return fmt.Sprintf("%.2fx", ours/theirs)
}

// grouped writes 1234567 as 1,234,567.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func checkpoints(r kit.Result) string {
	if r.Completed == 0 {
		return ""
	}
	return fmt.Sprintf("%d, %d ms (longest %d, of it %d stopped), %.1f MB", r.Completed, r.MeanMillis, r.LongestMillis, r.LongestSyncMillis, r.MeanMB)
}
