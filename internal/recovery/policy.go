// Package recovery keeps a job running: it takes checkpoints at an interval, and after a failure it starts another
// attempt from the newest complete one.
package recovery

import "time"

// Policy says what follows a failure. The zero value tries for ever, with growing pauses.
type Policy struct {
	Never    bool
	Attempts int           // restarts within Per; 0: without limit
	Per      time.Duration // 0: the job's life
	Pause    time.Duration // before the first restart; default DefaultPause
	MaxPause time.Duration // default DefaultMaxPause; the same as Pause: fixed
}

// Defaults of a policy.
const (
	DefaultPause    = time.Second
	DefaultMaxPause = time.Minute
)

// calm is how long an attempt must have run for its failure to count as the first of a new series: then the pause
// begins small again.
const calm = 10 * time.Minute

// Failure is when an attempt began and when it failed, in nanoseconds since 1970.
type Failure struct{ Began, Failed int64 }

// Next decides what follows the last of some failures: another attempt after a pause, or the end. Chance, from 0 to 1,
// spreads the pauses of many jobs that fail together over a quarter of their length.
func (p Policy) Next(failures []Failure, chance float64) (pause time.Duration, again bool) {
	if p.Never || len(failures) == 0 {
		return 0, false
	}
	now := failures[len(failures)-1].Failed
	recent, series := 0, 0
	for _, f := range failures {
		if p.Per == 0 || now-f.Failed < int64(p.Per) {
			recent++
		}
		if f.Failed-f.Began >= int64(calm) {
			series = 0
		}
		series++
	}
	if p.Attempts > 0 && recent > p.Attempts {
		return 0, false
	}
	return p.pause(series, chance), true
}

func (p Policy) pause(series int, chance float64) time.Duration {
	pause, most := p.Pause, p.MaxPause
	if pause <= 0 {
		pause = DefaultPause
	}
	if most <= 0 {
		most = max(DefaultMaxPause, pause)
	}
	for i := 1; i < series && pause < most; i++ {
		pause *= 2
	}
	pause = min(pause, most)
	if pause == p.Pause && most == p.Pause { // fixed
		return pause
	}
	return pause - time.Duration(float64(pause)/4*chance)
}
