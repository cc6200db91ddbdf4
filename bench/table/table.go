package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

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

// A column is its heading and what it says of a result; leat is the same contest's result of leat, if it ran.
type column struct {
	heading string
	text    bool // left-aligned
	cell    func(r kit.Result, leat kit.Result) string
}

// The last columns say how many times leat's events, per CPU-second and per second, are the engine's: above 1, leat is faster.
var columns = []column{
	{"workload", true, func(r, _ kit.Result) string { return r.Workload }},
	{"par", false, func(r, _ kit.Result) string { return strconv.Itoa(r.Parallelism) }},
	{"engine", true, func(r, _ kit.Result) string { return r.Engine }},
	{"version", true, func(r, _ kit.Result) string { return r.Version }},
	{"M events", false, func(r, _ kit.Result) string { return fmt.Sprintf("%.1f", float64(r.Events)/1e6) }},
	{"wall s", false, func(r, _ kit.Result) string { return fmt.Sprintf("%.2f", r.WallSeconds) }},
	{"CPU s", false, func(r, _ kit.Result) string { return fmt.Sprintf("%.2f", r.CPUSeconds) }},
	{"RSS MB", false, func(r, _ kit.Result) string { return grouped(r.MaxRSSMB) }},
	{"load", false, func(r, _ kit.Result) string { return fmt.Sprintf("%.1f", r.Load1) }},
	{"events/s", false, func(r, _ kit.Result) string { return grouped(int64(r.EventsPerSecond)) }},
	{"events/CPU-s", false, func(r, _ kit.Result) string { return grouped(int64(r.EventsPerCPUSecond)) }},
	{"leat/it wall", false, func(r, leat kit.Result) string { return ratio(leat.EventsPerSecond, r.EventsPerSecond) }},
	{"leat/it CPU", false, func(r, leat kit.Result) string { return ratio(leat.EventsPerCPUSecond, r.EventsPerCPUSecond) }},
}

var checkpointColumn = column{"checkpoints", true, func(r, _ kit.Result) string { return checkpoints(r) }}

// subject is the engine that others are compared with.
const subject = "leat"

// writeTable writes a line per result, in Markdown that is aligned for the terminal as well.
func writeTable(w io.Writer, list []kit.Result) {
	leat := map[contest]kit.Result{}
	shown := columns
	for _, r := range list {
		if r.Engine == subject {
			leat[contestOf(r)] = r
		}
		if r.Completed > 0 && len(shown) == len(columns) {
			shown = append(slices.Clone(columns), checkpointColumn)
		}
	}
	rows := make([][]string, 2, len(list)+2)
	for _, c := range shown {
		rows[0], rows[1] = append(rows[0], c.heading), append(rows[1], rule(c))
	}
	for _, r := range list {
		var row []string
		for _, c := range shown {
			row = append(row, c.cell(r, leat[contestOf(r)]))
		}
		rows = append(rows, row)
	}
	writeAligned(w, shown, rows)
}

// checkpointed is the end of the name of a workload that is another one with checkpoints.
const checkpointed = "-ckpt"

// writeLosses says what checkpoints cost each engine, where a workload ran without them and with.
func writeLosses(w io.Writer, list []kit.Result) {
	type run struct {
		contest
		engine string
	}
	without := map[run]kit.Result{}
	for _, r := range list {
		without[run{contestOf(r), r.Engine}] = r
	}
	for _, r := range list {
		plain, ok := strings.CutSuffix(r.Workload, checkpointed)
		if !ok {
			continue
		}
		if base, ok := without[run{contest{plain, r.Parallelism}, r.Engine}]; ok {
			fmt.Fprintf(w, "%s, par %d, %s: checkpoints cost %s of the events/s and %s of the events/CPU-s\n", plain, r.Parallelism, r.Engine,
				loss(r.EventsPerSecond, base.EventsPerSecond), loss(r.EventsPerCPUSecond, base.EventsPerCPUSecond))
		}
	}
}

func loss(with, without float64) string { return fmt.Sprintf("%.1f %%", 100*(1-with/without)) }

// rule is what stands below a column's heading.
func rule(c column) string {
	if c.text {
		return "---"
	}
	return "--:"
}

func writeAligned(w io.Writer, shown []column, rows [][]string) {
	for _, row := range rows {
		for i, c := range shown {
			width := 0
			for _, other := range rows {
				width = max(width, len(other[i]))
			}
			if c.text {
				width = -width
			}
			fmt.Fprintf(w, "| %*s ", width, row[i])
		}
		fmt.Fprintln(w, "|")
	}
}

// ratio is nothing where either did not run, or too short for the clock.
func ratio(ours, theirs float64) string {
	if ours == 0 || theirs == 0 {
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
	return fmt.Sprintf("%d, %d ms (longest %d), %.1f MB; longest pause %.1f ms", r.Completed, r.MeanMillis, r.LongestMillis, r.MeanMB, r.PauseMillis)
}
