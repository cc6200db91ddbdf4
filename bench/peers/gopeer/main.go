// Command gopeer runs hand-written single-threaded loops that do the benchmark's work with no engine (no shuffle, no
// serialization, no checkpoints): the physical limit that engines are measured against. Arguments are name=value pairs; the
// result is one line of JSON.
package main

import (
	"fmt"
	"os"
	"runtime"

	"leat.dev/leat/bench/kit"
)

func main() {
	if err := run(kit.ParseArgs(os.Args[1:])); err != nil {
		fmt.Fprintln(os.Stderr, "gopeer:", err)
		os.Exit(1)
	}
}

// sink is the black hole; sum is compared between engines.
type sink struct{ out, sum int64 }

func (s *sink) emit(v int64) { s.out++; s.sum += v }

func run(args *kit.Args) error {
	w, err := args.Workload()
	if err != nil {
		return err
	}
	budget := int64(args.Count("managedmb", 512)) << 20
	if err := args.Err(); err != nil {
		return err
	}
	var m kit.Meter
	var s sink
	version, err := loop(w, budget, &m, &s)
	if err != nil {
		return err
	}
	m.Stop()
	w.Parallelism = 1 // whatever was asked for
	_, err = w.Result(&m, version, s.out, s.sum).WriteTo(os.Stdout)
	return err
}

// loop runs the workload on its engine, which has budget bytes for blocks and memtables where it is an LSM, and returns the
// engine's version.
func loop(w kit.Workload, budget int64, m *kit.Meter, s *sink) (string, error) {
	g, n, warm := kit.NewGen(w.Load), w.EventCount, w.WarmCount
	count := w.Kind == "W1" || w.Kind == "W7"
	if w.Engine == "pebble" && w.Kind == "W6" {
		return pebbleVersion(), readModifyWritePebble(w.Dir, budget, g, n, warm, m, s)
	}
	switch {
	case count && w.Engine == "go-map":
		runningCount(builtin{}, g, n, warm, m, s)
	case count && w.Engine == "go-dolthub":
		runningCount(newDolthub(), g, n, warm, m, s)
	case count && w.Engine == "go-oa":
		runningCount(newOpen(1<<16), g, n, warm, m, s)
	case w.Engine != "go-map":
		return "", fmt.Errorf("engine %s does not run workload %s", w.Engine, w.Kind)
	case w.Kind == "W2":
		tumbling(g, n, warm, m, s)
	case w.Kind == "W3":
		sliding(g, n, warm, m, s)
	case w.Kind == "W4":
		sessions(g, n, warm, m, s)
	case w.Kind == "W6":
		readModifyWriteMap(g, n, warm, m, s)
	default:
		q, err := newQuery(w.Kind, s)
		if err != nil {
			return "", err
		}
		nexmark(q, w.Load.EventsPerSecond, n, warm, m)
	}
	return runtime.Version(), nil
}
