package main

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/window"
)

// slides are those of W3flat, in milliseconds; a record is in 6, 60 and 600 windows.
var slides = []uint64{10_000, 1000, 100}

// flatRounds is how often W3flat runs each slide; the better run counts.
const flatRounds = 2

// slideCost is a line of W3flat.
type slideCost struct {
	Workload       string  `json:"workload"`
	Engine         string  `json:"engine"`
	SlideMillis    uint64  `json:"slide_ms"`
	Events         uint64  `json:"events"`
	WallSeconds    float64 `json:"wall_s"`
	NanosPerRecord float64 `json:"cpu_ns_per_record"`
	Growth         float64 `json:"growth"` // against the first slide that ran
	Out            int64   `json:"out"`
	Sum            int64   `json:"sum"`
	Load1          float64 `json:"load1"`
}

// flat is W3flat: what a record of sliding windows costs, whatever the slide; slide= asks for one of them.
func flat(args *kit.Args, w kit.Workload, to io.Writer) error {
	asked := slides
	if one := args.Count("slide", 0); one > 0 {
		asked = []uint64{one}
	}
	size := millis(args, "size", 60_000)
	if err := args.Err(); err != nil {
		return err
	}
	best := make([]slideCost, len(asked))
	for range flatRounds {
		for i, slide := range asked {
			c, err := slideOnce(w, size, slide)
			if err != nil {
				return err
			}
			if best[i].Out == 0 || c.NanosPerRecord < best[i].NanosPerRecord {
				best[i] = c
			}
		}
	}
	for _, c := range best {
		c.Growth = float64(int64(c.NanosPerRecord/best[0].NanosPerRecord*100+0.5)) / 100
		if err := json.NewEncoder(to).Encode(c); err != nil {
			return err
		}
	}
	return nil
}

func slideOnce(w kit.Workload, size time.Duration, slide uint64) (c slideCost, err error) {
	b := &bench{workload: w, gen: kit.NewGen(w.Load)}
	job := leat.NewJob("bench")
	job.Parallelism = w.Parallelism
	b.counts(job, window.Sliding(size, time.Duration(slide)*time.Millisecond))
	if err := job.Run(context.Background()); err != nil {
		return c, err
	}
	r := w.Result(&b.meter, "", b.out.Load(), b.sum.Load())
	nanos := r.CPUSeconds / float64(r.Events) * 1e9
	return slideCost{w.Name, w.Label, slide, r.Events, r.WallSeconds, tenths(nanos), 1, r.Out, r.Sum, r.Load1}, nil
}
