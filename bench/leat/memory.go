package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/window"
)

// A memoryCase is windows of a count, each of whose states takes some bytes.
type memoryCase struct {
	name    string
	windows window.Assigner
	perKey  uint64 // how many a key has open at a time, an hour apart
}

// A window of ten hours that slides by one has ten slices. When all are open, nine windows have fired: what those to come keep of
// the slices counts as well.
var memoryCases = []memoryCase{
	{"slices", window.Sliding(10*time.Hour, time.Hour), 10},
	{"sessions", window.Session(time.Hour), 1},
}

// memoryTail is how many records follow those that open windows, all of one key: more than may be on their way.
const memoryTail = 100_000

// memoryUse is a line of windows-memory.
type memoryUse struct {
	Workload  string  `json:"workload"`
	Engine    string  `json:"engine"`
	Case      string  `json:"case"`
	Open      uint64  `json:"open"`
	HeapMB    float64 `json:"heap_mb"` // of live objects, after garbage collection, more than at the start
	RSSMB     float64 `json:"rss_mb"`  // resident after what is free was given back, more than at the start
	HeapBytes float64 `json:"heap_bytes_each"`
	RSSBytes  float64 `json:"rss_bytes_each"`
}

// windowsMemory opens as many slices and sessions as there are keys, and says what one takes; case= asks for one of them.
func windowsMemory(args *kit.Args, w kit.Workload, to io.Writer) error {
	for _, c := range memoryCases {
		if only := args.Text("case", c.name); only != c.name {
			continue
		}
		use, err := c.run(w)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if err := json.NewEncoder(to).Encode(use); err != nil {
			return err
		}
	}
	return nil
}

// run lets the job go as far as where all are open, and ends it.
func (c memoryCase) run(w kit.Workload) (memoryUse, error) {
	keys := w.Load.KeyCount
	use := memoryUse{Workload: w.Name, Engine: w.Label, Case: c.name, Open: keys * c.perKey}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var heap, resident uint64
	record := func(i int64) event {
		switch n := uint64(i); {
		case n == 0:
			heap, resident = liveBytes(), residentBytes()
		case n == use.Open+memoryTail:
			use.measure(liveBytes()-heap, residentBytes()-resident)
			cancel()
		case n < use.Open:
			return event{kit.Mix(n%keys + kit.Salt), int64(n/keys) * time.Hour.Milliseconds()}
		}
		return event{kit.Mix(kit.Salt), int64(c.perKey-1) * time.Hour.Milliseconds()}
	}
	b := &bench{workload: w}
	job := leat.NewJob("bench")
	job.From("gen", gen.Func(gen.Options{}, record)).
		EventTime(event.when, disorder).
		KeyBy(event.key).
		Window(c.windows).
		Aggregate("count", agg.Count).
		To("sum", counting(b, leat.PaneValue[uint64, int64]))
	if err := job.Run(ctx); !errors.Is(err, context.Canceled) && err != nil {
		return use, err
	}
	return use, nil
}

func (u *memoryUse) measure(heap, resident uint64) {
	u.HeapMB, u.RSSMB = tenths(float64(heap)/1e6), tenths(float64(resident)/1e6)
	u.HeapBytes, u.RSSBytes = tenths(float64(heap)/float64(u.Open)), tenths(float64(resident)/float64(u.Open))
}

// liveBytes is what the heap has after garbage collection; twice, as the first leaves what finalizers and pools hold.
func liveBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// residentBytes is the process's resident size when the heap has given back what it can; 0 where /proc is not.
func residentBytes() uint64 {
	debug.FreeOSMemory()
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		var kb uint64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb * 1024
		}
	}
	return 0
}
