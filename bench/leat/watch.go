package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"

	"leat.dev/leat/bench/kit"
)

// lookEvery is how often a watch looks at the store and the heap.
const lookEvery = 5 * time.Millisecond

// watch looks at a run from outside: which manifests appear in its store, and how large the heap is.
type watch struct {
	manifests string // a folder; "" where the run has no store
	stop      chan struct{}
	stopped   sync.WaitGroup

	mu       sync.Mutex // guards all below
	seen     map[string]bool
	complete []snapshot
	heap     []heapSample
}

// snapshot is a complete checkpoint.
type snapshot struct {
	name        string // of its manifest's file
	taken, done time.Time
	bytes       int64 // that it wrote
	needs       int64 // and those of older checkpoints that it needs besides
}

// heapSample is how many bytes of objects the heap had, garbage included.
type heapSample struct {
	at    time.Time
	bytes uint64
}

// watching begins to watch the job in a store; "" is none.
func watching(store, job string) *watch {
	w := &watch{stop: make(chan struct{}), seen: map[string]bool{}}
	if store != "" {
		w.manifests = filepath.Join(store, job, "manifests")
	}
	w.stopped.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.look()
			case <-w.stop:
				return
			}
		}
	})
	return w
}

// end stops watching, after a last look.
func (w *watch) end() {
	close(w.stop)
	w.stopped.Wait()
	w.look()
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heap = append(w.heap, heapSample{time.Now(), heapBytes()})
	if w.manifests == "" {
		return
	}
	entries, _ := os.ReadDir(w.manifests) // it is not there before the first checkpoint
	for _, e := range entries {
		if !w.seen[e.Name()] && strings.HasSuffix(e.Name(), ".json") {
			w.seen[e.Name()] = true
			w.add(e)
		}
	}
}

// add reads a manifest; one that was deleted meanwhile is left out.
func (w *watch) add(e os.DirEntry) {
	text, err := os.Open(filepath.Join(w.manifests, e.Name()))
	if err != nil {
		return
	}
	defer text.Close()
	info, err := text.Stat()
	if err != nil {
		return
	}
	var m struct {
		Checkpoint int64
		Taken      time.Time
		Operators  []struct {
			Files []struct{ Bytes, Checkpoint int64 } // without a checkpoint, it is this one's
		}
	}
	if json.NewDecoder(text).Decode(&m) != nil || m.Checkpoint == 0 {
		return
	}
	s := snapshot{name: e.Name(), taken: m.Taken, done: info.ModTime()}
	for _, o := range m.Operators {
		for _, f := range o.Files {
			if f.Checkpoint == 0 {
				s.bytes += f.Bytes
			} else {
				s.needs += f.Bytes
			}
		}
	}
	w.complete = append(w.complete, s)
}

// newest is the newest complete checkpoint.
func (w *watch) newest() (s snapshot, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.complete) == 0 {
		return s, false
	}
	return w.complete[len(w.complete)-1], true
}

// between says what the checkpoints that began in a span of time were like.
func (w *watch) between(from, to time.Time) kit.Checkpoints {
	w.mu.Lock()
	defer w.mu.Unlock()
	var c kit.Checkpoints
	var millis int64
	var bytes float64
	for _, s := range w.complete {
		if s.taken.Before(from) || s.done.After(to) {
			continue
		}
		took := s.done.Sub(s.taken).Milliseconds()
		c.Completed++
		c.LongestMillis, c.LastMillis = max(c.LongestMillis, took), took
		millis += took
		bytes += float64(s.bytes) / 1e6
	}
	if n := c.Completed; n > 0 {
		c.MeanMillis, c.MeanMB = millis/int64(n), tenths(bytes/float64(n))
	}
	w.heapBetween(from, to, &c)
	return c
}

// heapBetween says how large the heap was at least, which is the state and little else, and at most.
func (w *watch) heapBetween(from, to time.Time, c *kit.Checkpoints) {
	var sizes []uint64
	for _, h := range w.heap {
		if !h.at.Before(from) && !h.at.After(to) {
			sizes = append(sizes, h.bytes)
		}
	}
	if len(sizes) > 0 {
		c.HeapLeastMB, c.HeapMostMB = tenths(float64(slices.Min(sizes))/1e6), tenths(float64(slices.Max(sizes))/1e6)
	}
}

func heapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// gaps finds the longest time between two signs of life of a loop.
type gaps struct {
	last    time.Time
	longest time.Duration
}

// beat is a sign of life; it is called from one goroutine.
func (g *gaps) beat() {
	now := time.Now()
	if !g.last.IsZero() {
		g.longest = max(g.longest, now.Sub(g.last))
	}
	g.last = now
}

func tenths(x float64) float64 { return float64(int64(x*10+0.5)) / 10 }
