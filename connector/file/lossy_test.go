package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/internal/bridge"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/recovery"
	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/vfs"
)

// onDisk has a sink write to the same file system as the store: what one of them loses, the other may still have.
type onDisk struct{ *vfs.Mem }

func (d onDisk) create(name string) (handle, error) { return d.Create(name) }

func (d onDisk) open(name string) (io.ReadCloser, error) {
	data, err := vfs.ReadFile(d.Mem, name)
	return io.NopCloser(strings.NewReader(string(data))), err
}

func (d onDisk) size(name string) (int64, error) {
	info, err := d.Stat(name)
	return info.Bytes, err
}

func (d onDisk) list(dir string) (entries []fs.DirEntry, err error) {
	infos, err := d.ReadDir(dir)
	for _, info := range infos {
		entries = append(entries, fakeEntry{name: info.Name, dir: info.Dir})
	}
	return entries, err
}

func (d onDisk) mkdir(name string) error {
	if err := d.Mkdir(name); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (d onDisk) rename(from, to string) error { return d.Rename(from, to) }
func (d onDisk) remove(name string) error     { return d.Remove(name) }
func (d onDisk) sync(dir string) error        { return d.SyncDir(dir) }

// lossyJob counts the numbers 0 to lossyNumbers-1 by their last digit, and writes each count to two sinks.
type lossyJob struct {
	*testing.T
	disk      *vfs.Mem
	perSecond float64
	options   []leat.Option // of the sinks
	repeat    bool
	log       *heard
}

const lossyNumbers = 3000

func (j *lossyJob) sink(s *leat.Stream[int64], name string) {
	w := Write("/out/" + name)
	w.files = onDisk{j.disk}
	if name == "flat" {
		s.To(name, w.JSONLines, j.options...)
		return
	}
	by := By[int64]{w, func(n int64) string { return fmt.Sprint("digit=", n%10) }}
	s.To(name, by.JSONLines, j.options...)
}

// start begins an attempt in a process of its own, as far as the disk can tell.
func (j *lossyJob) start(parallelism int) (*recovery.Supervisor, error) {
	job := leat.NewJob("lossy")
	numbers := gen.Func(gen.Options{Count: lossyNumbers, PerSecond: j.perSecond}, func(i int64) int64 { return i })
	counts := job.From("numbers", numbers).KeyBy(func(n int64) int64 { return n % 10 }).
		Process("count", func(op *leat.Operator[int64, int64]) func(int64) error {
			seen := op.Value[int64]("seen")
			return func(int64) error {
				op.Emit(seen.Get()*10 + op.Key())
				seen.Set(seen.Get() + 1)
				return nil
			}
		})
	j.sink(counts, "flat")
	j.sink(counts, "digits")
	job.Checkpoint.Store = "mem:" // the plan wants one; the store is the disk's
	job.Parallelism = parallelism
	inside := bridge.Of(job)
	plan, err := graph.New(inside.Graph, inside.Settings)
	if err != nil {
		return nil, err
	}
	return recovery.Start(j.Context(), recovery.Config{
		Plan: plan, Store: store.Dir(j.disk, "/store"), Clock: clock.Wall{}, Options: local.Options{Budget: inside.Budget, Metrics: &metrics.Job{}},
		Policy: recovery.Policy{Pause: time.Millisecond, MaxPause: time.Millisecond},
		Every:  2 * time.Millisecond, Timeout: time.Minute, Keep: 3, AllowRepeat: j.repeat,
	})
}

// run runs it to its end, or until the disk is dead.
func (j *lossyJob) run(parallelism int) error {
	s, err := j.start(parallelism)
	if err != nil {
		return err
	}
	return s.Wait()
}

// shown are the numbers that a sink has made visible, which have to be whole.
func (j *lossyJob) shown(name string) (all []int64) {
	j.Helper()
	j.walk("/out/"+name, func(file string) {
		text, err := vfs.ReadFile(j.disk, file)
		if err != nil || !strings.HasSuffix(string(text), "\n") {
			j.Fatalf("%s is torn: %v", file, err)
		}
		for line := range strings.Lines(string(text)) {
			var n int64
			if _, err := fmt.Sscanf(line, "%d\n", &n); err != nil {
				j.Fatalf("%s is torn: %q: %v", file, line, err)
			}
			all = append(all, n)
		}
	})
	slices.Sort(all)
	return all
}

func (j *lossyJob) walk(dir string, found func(string)) {
	j.Helper()
	infos, err := j.disk.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.Fatal(err)
	}
	for _, info := range infos {
		switch name := path.Join(dir, info.Name); {
		case strings.HasPrefix(info.Name, "."):
		case info.Dir:
			j.walk(name, found)
		default:
			found(name)
		}
	}
}

// expect compares what is shown with each number once; with repeats, with each at least once.
func (j *lossyJob) expect(when string, repeats bool) {
	j.Helper()
	for _, name := range []string{"flat", "digits"} {
		all := j.shown(name)
		if repeats {
			all = slices.Compact(all)
		}
		for i := range max(lossyNumbers, len(all)) {
			if i >= len(all) || all[i] != int64(i) {
				j.Fatalf("%s: sink %s has %d numbers, not %d; they differ at %d", when, name, len(all), lossyNumbers, i)
			}
		}
	}
}

// heard keeps what is logged, and calls on with each message.
type heard struct {
	slog.Handler
	mu  sync.Mutex // guards all
	all []string
	on  func(message string)
}

func (h *heard) Enabled(context.Context, slog.Level) bool { return true }

func (h *heard) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, text)
	if h.on != nil {
		h.on(text)
	}
	return nil
}

func (h *heard) said(what string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.all, func(text string) bool { return strings.Contains(text, what) })
}

func listen(t *testing.T, on func(string)) *heard {
	h, before := &heard{Handler: slog.DiscardHandler, on: on}, slog.Default()
	slog.SetDefault(slog.New(h))
	t.Cleanup(func() { slog.SetDefault(before) })
	return h
}

// The machine dies again and again, and its disk loses and tears what was not synced: in the end each number is there once.
func TestLossyDiskDies(t *testing.T) {
	log, seeds := listen(t, nil), uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 9))
		j := &lossyJob{T: t, disk: vfs.NewMem(), perSecond: 30_000, options: []leat.Option{leat.ExactlyOnce()}, log: log}
		deaths := 0
		for ; deaths < 15; deaths++ {
			j.disk.Halt(1 + r.Int64N(600))
			if err := j.runOnce(1 + r.IntN(3)); err == nil {
				break
			}
			j.disk = j.disk.Crash(r.Uint64())
		}
		j.disk.Heal()
		if err := j.run(1 + r.IntN(3)); err != nil {
			t.Fatalf("seed %d, after %d deaths: %v", seed, deaths, err)
		}
		j.disk = j.disk.Crash(r.Uint64())
		j.expect(fmt.Sprintf("seed %d, after %d deaths of the machine", seed, deaths), false)
	}
	if !log.said("resuming") {
		t.Error("nobody said what it resumes from")
	}
}

// runOnce runs it until its end or its first failure.
func (j *lossyJob) runOnce(parallelism int) error {
	ctx, cancel := context.WithCancelCause(j.Context())
	defer cancel(nil)
	s, err := j.start(parallelism)
	if err != nil {
		return err
	}
	j.log.mu.Lock()
	j.log.on = func(text string) {
		if strings.Contains(text, vfs.ErrHalted.Error()) {
			cancel(vfs.ErrHalted)
		}
	}
	j.log.mu.Unlock()
	select {
	case <-s.Done():
		return s.Wait()
	case <-ctx.Done():
		s.Stop(false)
		<-s.Done()
		return context.Cause(ctx)
	}
}

// The disk is full, or one operation fails: that is said, the job goes on or is started again, and each number is there once.
func TestLossyDiskFails(t *testing.T) {
	faults := map[string]func(*vfs.Mem, *rand.Rand){
		"full":   func(m *vfs.Mem, r *rand.Rand) { m.Fill(r.Int64N(20_000)) },
		"broken": func(m *vfs.Mem, r *rand.Rand) { m.Fail(1+r.Int64N(600), syscall.EIO) },
	}
	for name, fault := range faults {
		said := 0
		for seed := range uint64(10) {
			r := rand.New(rand.NewPCG(seed, 10))
			disk := vfs.NewMem()
			log := listen(t, func(text string) {
				if strings.Contains(text, "failed") {
					disk.Heal() // somebody has read the log and made room
				}
			})
			j := &lossyJob{T: t, disk: disk, perSecond: 30_000, options: []leat.Option{leat.ExactlyOnce()}, log: log}
			fault(disk, r)
			err := j.run(1 + r.IntN(3))
			if err != nil { // what fails at the start is the caller's
				disk.Heal()
				err = j.run(2)
			}
			if err != nil {
				t.Fatalf("%s, seed %d: %v", name, seed, err)
			}
			if log.said("failed") {
				said++
			}
			disk.Heal()
			j.disk = disk.Crash(seed)
			j.expect(fmt.Sprintf("%s, seed %d", name, seed), false)
		}
		if said == 0 {
			t.Errorf("%s: nobody said that something failed", name)
		}
	}
}

// A bit of the newest manifest is turned over: a job that is at least once goes on from the one before, and says so; one that is
// exactly once is refused, unless it may repeat.
func TestLossyDiskFlipsBits(t *testing.T) {
	for _, exactly := range []bool{false, true} {
		for seed := range uint64(6) {
			r := rand.New(rand.NewPCG(seed, 11))
			log := listen(t, nil)
			j := &lossyJob{T: t, disk: vfs.NewMem(), perSecond: 3_000, log: log} // slow: it has to die before its end
			if exactly {
				j.options = []leat.Option{leat.ExactlyOnce()}
			}
			newest := j.interrupted()
			j.perSecond = 30_000
			info, err := j.disk.Stat(newest)
			if err == nil {
				err = j.disk.Damage(newest, r.Int64N(info.Bytes*8))
			}
			if err != nil {
				t.Fatal(err)
			}
			err = j.run(2)
			if exactly {
				if err == nil || !strings.Contains(err.Error(), "--allow-repeat") || !strings.Contains(err.Error(), path.Base(newest)) {
					t.Fatalf("seed %d: exactly once from a damaged manifest: %v", seed, err)
				}
				j.repeat = true
				err = j.run(2)
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if !log.said("an older one takes its place") || !log.said(path.Base(newest)) || !log.said("resuming") {
				t.Errorf("seed %d: it is not said that an older snapshot is used: %q", seed, log.all)
			}
			j.expect(fmt.Sprintf("seed %d", seed), true)
		}
	}
}

// interrupted runs the job until the disk is dead, and returns the newest of at least three manifests.
func (j *lossyJob) interrupted() string {
	j.Helper()
	for k := int64(600); ; k += 200 {
		j.disk = vfs.NewMem()
		j.disk.Halt(k)
		if err := j.runOnce(2); err == nil {
			j.Fatal("it ends before it dies")
		}
		j.disk.Heal()
		infos, err := j.disk.ReadDir("/store/lossy/manifests")
		if err == nil && len(infos) >= 3 {
			return path.Join("/store/lossy/manifests", infos[len(infos)-1].Name)
		}
	}
}

// A bit of a segment file of the newest snapshot is turned over, or the file is gone: nothing is read wrongly, and what holds for a
// damaged manifest holds for it.
func TestLossyDiskDamagesState(t *testing.T) {
	for _, exactly := range []bool{false, true} {
		for _, gone := range []bool{false, true} {
			log := listen(t, nil)
			j := &lossyJob{T: t, disk: vfs.NewMem(), perSecond: 30_000, log: log}
			if exactly {
				j.options = []leat.Option{leat.ExactlyOnce()}
			}
			name := j.damagedSegment(gone)
			err := j.run(2)
			if exactly {
				if err == nil || !strings.Contains(err.Error(), "--allow-repeat") || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "damaged") {
					t.Fatalf("exactly once from a damaged segment: %v", err)
				}
				j.repeat = true
				err = j.run(2)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !log.said("an older one takes its place") || !log.said(name) {
				t.Errorf("it is not said that an older snapshot is used: %q", log.all)
			}
			j.expect(name, true)
		}
	}
}

// damagedSegment damages a segment file that the newest manifest names, and returns its name.
func (j *lossyJob) damagedSegment(gone bool) string {
	j.Helper()
	text, err := vfs.ReadFile(j.disk, j.interrupted())
	if err != nil {
		j.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), `"name": "lossy/data/`)
	name, _, ok := strings.Cut(after, `"`)
	if !ok {
		j.Fatalf("no segment in %s", text)
	}
	if gone {
		err = j.disk.Remove("/store/lossy/data/" + name)
	} else {
		err = j.disk.Damage("/store/lossy/data/"+name, 8*20)
	}
	if err != nil {
		j.Fatal(err)
	}
	return path.Base(name)
}
