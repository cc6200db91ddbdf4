package main

import (
	"context"
	"encoding/json"
	"io"
	"runtime"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/connector"
)

// incrementRounds is how many times some keys are touched, each time with a checkpoint behind it.
const incrementRounds = 30

// account is the state of a key: about 100 bytes.
type account struct {
	Count                  int64
	A, B, C, D, E, F, G, H int64
	I, J, K                int64
}

// accountBytes is what the state of a key takes: eight bytes a field, and of the key.
const accountBytes = 13 * 8

// increments measures what checkpoints write where only some keys change between them.
type increments struct {
	kit.Workload
	share   uint64 // one in so many keys is touched between two checkpoints
	skewed  bool   // nine in ten touches are of one key in ten
	watch   *watch
	filled  time.Time // when the last key had been touched for the first time
	touched int64     // keys in all rounds, each counted once a round
	round   map[uint64]bool
}

// measureIncrements runs it and prints a line.
func measureIncrements(args *kit.Args, w kit.Workload, to io.Writer) error {
	x := &increments{Workload: w, share: args.Count("share", 100), skewed: args.Count("skewed", 0) == 1, round: map[uint64]bool{}}
	job := leat.NewJob("bench")
	job.Parallelism = w.Parallelism
	store := checkpointed(job, args, w)
	if err := args.Err(); err != nil {
		return err
	}
	x.watch = watching(store, "bench")
	x.build(job)
	began := time.Now()
	if err := job.Run(context.Background()); err != nil {
		return err
	}
	x.watch.end()
	return json.NewEncoder(to).Encode(x.result(time.Since(began)))
}

func (x *increments) build(job *leat.Job) {
	job.From("gen", func() connector.Input[uint64] { return roundsInput{x} }).
		KeyBy(func(k uint64) uint64 { return k }).
		Process("touch", func(op *leat.Operator[uint64, count]) func(uint64) error {
			state := op.Value[account]("account")
			return func(uint64) error {
				a := state.Get()
				a.Count++
				state.Set(a)
				return nil
			}
		}).
		To("nowhere", func() connector.Output[count] { return nowhere{} })
}

// perRound is how many keys are touched between two checkpoints, some of them perhaps twice.
func (x *increments) perRound() uint64 { return x.Load.KeyCount / x.share }

// key is the n-th key that is touched when all are there.
func (x *increments) key(n uint64) uint64 {
	k := kit.Mix(n) % x.Load.KeyCount
	if x.skewed && n%10 > 0 {
		k %= max(x.Load.KeyCount/10, 1)
	}
	x.round[k] = true
	return k
}

// await waits for a checkpoint of what was touched so far.
func (x *increments) await(ctx context.Context) error {
	asked := time.Now().Add(settle)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if s, ok := x.watch.newest(); ok && s.taken.After(asked) {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if x.filled.IsZero() {
		x.filled = time.Now()
	}
	x.touched += int64(len(x.round))
	clear(x.round)
	return nil
}

// roundsInput is all keys, and then those of one round after another. Each round begins when a checkpoint is complete that has all of
// what was before.
type roundsInput struct{ *increments }

func (roundsInput) Check() error { return nil }

func (roundsInput) Splits(context.Context) ([]connector.Split, error) {
	return []connector.Split{{Name: "keys"}}, nil
}

func (in roundsInput) Open(context.Context, connector.Split, []byte) (connector.Reader[uint64], error) {
	return &roundsReader{increments: in.increments}, nil
}

type roundsReader struct {
	*increments
	next uint64
}

func (r *roundsReader) Read(ctx context.Context, into *connector.Batch[uint64]) error {
	keys := r.Load.KeyCount
	if r.next >= keys && (r.next-keys)%r.perRound() == 0 {
		if err := r.await(ctx); err != nil {
			return err
		}
	}
	for into.Room() > 0 {
		switch {
		case r.next == keys+incrementRounds*r.perRound():
			return io.EOF
		case r.next < keys:
			into.Values = append(into.Values, r.next)
		default:
			into.Values = append(into.Values, r.key(r.next-keys))
		}
		if r.next++; r.next >= keys && (r.next-keys)%r.perRound() == 0 {
			return nil
		}
	}
	return nil
}

// Position is none: the run is not restarted.
func (r *roundsReader) Position() []byte { return nil }

func (r *roundsReader) Close() error { return nil }

type incrementsResult struct {
	Workload    string  `json:"workload"`
	Engine      string  `json:"engine"`
	Version     string  `json:"version"`
	Parallelism int     `json:"parallelism"`
	Keys        uint64  `json:"keys"`
	Skewed      bool    `json:"skewed"`
	WallSeconds float64 `json:"wall_s"`
	// TouchedMB is the keys and values that changed in all rounds, WrittenMB what all checkpoints of these rounds wrote, and Ratio
	// how many times as much that is.
	TouchedMB   float64 `json:"touched_mb"`
	WrittenMB   float64 `json:"written_mb"`
	Ratio       float64 `json:"written_per_touched"`
	WholeMB     float64 `json:"whole_mb"`
	Checkpoints int     `json:"checkpoints"`
	// MeanMillis is how long those took that wrote something.
	MeanMillis int64   `json:"ckpt_ms"`
	Load1      float64 `json:"load1"`
}

func (x *increments) result(took time.Duration) incrementsResult {
	r := incrementsResult{
		Workload: x.Name, Engine: x.Label, Version: runtime.Version(), Parallelism: x.Parallelism, Keys: x.Load.KeyCount, Skewed: x.skewed,
		WallSeconds: tenths(took.Seconds()), Load1: kit.Load1(),
	}
	touched := float64((x.touched + int64(len(x.round))) * accountBytes)
	var written, whole float64
	for _, s := range x.watch.complete {
		switch {
		case s.taken.Before(x.filled):
			whole = max(whole, float64(s.bytes))
		case s.bytes > 0:
			written += float64(s.bytes)
			r.Checkpoints++
			r.MeanMillis += s.done.Sub(s.taken).Milliseconds()
		}
	}
	r.MeanMillis /= int64(max(r.Checkpoints, 1))
	r.TouchedMB, r.WrittenMB, r.WholeMB = tenths(touched/1e6), tenths(written/1e6), tenths(whole/1e6)
	r.Ratio = float64(int64(100*written/max(touched, 1))) / 100
	return r
}

// nowhere is a sink of nothing.
type nowhere struct{}

func (nowhere) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

func (nowhere) Open(context.Context, connector.Subtask) (connector.Writer[count], error) {
	return nowhere{}, nil
}

func (nowhere) Write(context.Context, *connector.Batch[count]) error { return nil }

func (nowhere) Flush(context.Context) error { return nil }

func (nowhere) Close() error { return nil }
