package recovery

import (
	"testing"
	"time"
)

// fails makes failures of attempts that each ran for so long, one after another.
func fails(ran ...time.Duration) []Failure {
	var all []Failure
	var at int64
	for _, d := range ran {
		all = append(all, Failure{Began: at, Failed: at + int64(d)})
		at += int64(d)
	}
	return all
}

func TestPolicy(t *testing.T) {
	const s, m = time.Second, time.Minute
	for name, test := range map[string]struct {
		policy   Policy
		failures []Failure
		pause    time.Duration
		again    bool
	}{
		"the first failure":           {Policy{}, fails(s), s, true},
		"pauses double":               {Policy{}, fails(s, s, s, s), 8 * s, true},
		"up to a minute":              {Policy{}, fails(s, s, s, s, s, s, s, s, s), m, true},
		"a calm attempt begins anew":  {Policy{}, fails(s, s, s, 10*m), s, true},
		"never":                       {Policy{Never: true}, fails(s), 0, false},
		"own pauses":                  {Policy{Pause: 2 * s, MaxPause: 5 * s}, fails(s, s, s), 5 * s, true},
		"fixed":                       {Policy{Pause: 2 * s, MaxPause: 2 * s}, fails(s, s, s), 2 * s, true},
		"a long pause is its own max": {Policy{Pause: 5 * m}, fails(s, s), 5 * m, true},
		"attempts left":               {Policy{Attempts: 2}, fails(s, s), 2 * s, true},
		"attempts used up":            {Policy{Attempts: 2}, fails(s, s, s), 0, false},
		"attempts within a time":      {Policy{Attempts: 2, Per: m}, fails(s, s, 9*m), 4 * s, true},
		"too many within a time":      {Policy{Attempts: 1, Per: m}, fails(9*m, s), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			pause, again := test.policy.Next(test.failures, 0)
			if pause != test.pause || again != test.again {
				t.Errorf("%v, %v; want %v, %v", pause, again, test.pause, test.again)
			}
		})
	}
}

// Chance shortens a pause by up to a quarter, and never a fixed one.
func TestPolicyChance(t *testing.T) {
	if pause, _ := (Policy{}).Next(fails(time.Second), 1); pause != 750*time.Millisecond {
		t.Errorf("pause %v", pause)
	}
	fixed := Policy{Pause: time.Second, MaxPause: time.Second}
	if pause, _ := fixed.Next(fails(time.Second), 1); pause != time.Second {
		t.Errorf("fixed pause %v", pause)
	}
}
