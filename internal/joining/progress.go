package joining

import (
	"fmt"
	"math"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/metrics"
)

// progress is how far event time has come for each key group, as operators with timers alone do not know it: what it
// was when a snapshot was taken is the floor for judging what is late, also where a restore brings groups together that
// had come differently far. It stands in the place of windows, and has no state of its own.
type progress struct {
	from   int // the first key group
	wm     int64
	floors []int64 // restored, by key group
	top    int64   // the highest of them
	late   int64   // records that came too late
}

func newProgress(from, to int) progress {
	p := progress{from: from, wm: flow.NoTime, top: flow.NoTime, floors: make([]int64, to-from)}
	for i := range p.floors {
		p.floors[i] = flow.NoTime
	}
	return p
}

// reach is how far event time has come for a key group.
func (p *progress) reach(group int) int64 {
	if p.wm >= p.top {
		return p.wm
	}
	return p.Floor(group)
}

// Advance notes the watermark; what it makes due is the timers'.
func (p *progress) Advance(watermark int64, _ int) (done bool) {
	p.wm = max(p.wm, watermark)
	return true
}

// Floor is how far event time has come for one of the job's key groups.
func (p *progress) Floor(group int) int64 { return max(p.wm, p.floors[group-p.from]) }

// RestoreFloor gives a key group the floor that it had in the snapshot.
func (p *progress) RestoreFloor(group int, watermark int64) {
	p.floors[group-p.from] = watermark
	p.top = max(p.top, watermark)
}

// tooLate counts a record that comes too late.
func (p *progress) tooLate(m *metrics.Subtask) {
	p.late++
	m.Late.Store(p.late)
}

// LateCount is the number of records that came too late.
func (p *progress) LateCount() int64 { return p.late }

// Close has nothing to give back.
func (p *progress) Close() {}

// States are none.
func (p *progress) States() []backend.State { return nil }

// Snapshot has nothing: floors are written by whoever asks for them.
func (p *progress) Snapshot(backend.Request) backend.Snapshot { return nothing{} }

// Restore refuses what can't be there.
func (p *progress) Restore(_ backend.State, state string, _ int, _ backend.Reader) error {
	return fmt.Errorf("state %s: the join has none of this name", state)
}

// nothing is the snapshot of no state.
type nothing struct{}

func (nothing) Persist(backend.Writer) error { return nil }
func (nothing) Release()                     {}

// plus is a + b, or the nearest time.
func plus(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// before is the watermark less a duration. None, and the end of time, stay what they are.
func before(watermark, d int64) int64 {
	if watermark == flow.NoTime || watermark == flow.EndTime {
		return watermark
	}
	return plus(watermark, -d)
}
