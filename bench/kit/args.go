package kit

import (
	"fmt"
	"strconv"
	"strings"
)

// Args are a program's name=value arguments; the last of equal names counts, so that a user's follow the workload's defaults.
type Args struct {
	values map[string]string
	err    error
}

// ParseArgs reads a command line without the program's name.
func ParseArgs(line []string) *Args {
	a := &Args{values: map[string]string{}}
	for _, arg := range line {
		name, value, found := strings.Cut(arg, "=")
		if !found {
			a.fail(fmt.Errorf("argument %q: want name=value", arg))
		}
		a.values[name] = value
	}
	return a
}

// Text is the argument's value, or absent when it is not given.
func (a *Args) Text(name, absent string) string {
	if v, ok := a.values[name]; ok {
		return v
	}
	return absent
}

// Count is the argument as a whole number of at least 0, or absent when it is not given; Err tells of a malformed one.
func (a *Args) Count(name string, absent uint64) uint64 {
	v, ok := a.values[name]
	if !ok {
		return absent
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		a.fail(fmt.Errorf("argument %s=%s: want a whole number", name, v))
	}
	return n
}

// Err is the first malformed argument met so far.
func (a *Args) Err() error { return a.err }

func (a *Args) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// A Workload is what to run: the arguments that all engines have in common.
type Workload struct {
	// Name is the workload in the results, such as W1z; Kind says what it does, such as W1.
	Name, Kind string
	// Engine is who runs it, Label what the results call that; Dir is a scratch directory, empty at the start.
	Engine, Label, Dir string
	// EventCount includes the WarmCount first events, which are not measured.
	EventCount, WarmCount uint64
	// Parallelism is the number of subtasks of each operator.
	Parallelism int
	// Load is the events' spread over keys and time.
	Load Load
}

// Workload reads the arguments that all engines have in common. A missing one has the value of workload W1.
func (a *Args) Workload() (Workload, error) {
	w := Workload{
		Kind: a.Text("workload", "W1"), Engine: a.Text("engine", ""), Dir: a.Text("dir", ""),
		EventCount: a.Count("n", 30_000_000), WarmCount: a.Count("warm", 0), Parallelism: int(a.Count("par", 1)),
	}
	w.Name, w.Label = a.Text("name", w.Kind), a.Text("label", w.Engine)
	w.Load = Load{
		KeyCount: a.Count("keys", 1_000_000), PreloadCount: a.Count("preload", 0), EventsPerSecond: float64(a.Count("rate", 1000)),
		Zipf: a.Count("zipf", 0) == 1, Burst: w.Kind == "W4",
	}
	if a.err == nil && w.EventCount <= w.WarmCount {
		a.fail(fmt.Errorf("n=%d must be greater than warm=%d: the warm-up's events are not measured", w.EventCount, w.WarmCount))
	}
	if a.err == nil && (w.Load.KeyCount == 0 || w.Load.EventsPerSecond == 0 || w.Parallelism == 0) {
		a.fail(fmt.Errorf("keys, rate and par must be at least 1"))
	}
	return w, a.err
}
