package leattest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"leat.dev/leat/internal/checkpoint"
)

// killer runs the attempts of one way.
type killer struct {
	*campaign
	way    way
	random *rand.Rand
	out    *outcome
	size   int // records that the job puts out
	story  strings.Builder
}

// attempt runs the i-th attempt. It returns the snapshot that the next one begins from, or nil when the job is done.
func (k *killer) attempt(i int, from *checkpoint.Snapshot) (*checkpoint.Snapshot, error) {
	s := k.way.setting
	s.parallelism, s.disk = k.way.parallelisms[i], k.way.disks[i]
	last := i == len(k.way.parallelisms)-1
	var stop *stop
	a, err := start(k.build(), k.given, s, from, func(a *attempt) {
		if !last && len(k.given) == 0 {
			stop = a.heard.stopAfter(k.random.IntN(k.size/len(k.way.parallelisms) + 1))
		}
	})
	fmt.Fprintf(&k.story, "\n  attempt %d at parallelism %d", i+1, s.parallelism)
	if s.disk {
		k.story.WriteString(", state on disk")
	}
	if err != nil {
		return nil, err
	}
	switch {
	case last:
		return nil, k.end(a)
	case stop != nil:
		return k.interrupt(a, stop)
	}
	return k.stopFeeding(a, from)
}

// end lets the job come to its end.
func (k *killer) end(a *attempt) error {
	err := a.finish()
	k.out.add(a.heard)
	k.story.WriteString(", to its end")
	return err
}

// stopFeeding takes a snapshot when the given sources have been read up to a random record, lets them go on to
// another one, and kills the attempt.
func (k *killer) stopFeeding(a *attempt, from *checkpoint.Snapshot) (*checkpoint.Snapshot, error) {
	for _, f := range a.feeds {
		at := 0
		if from != nil {
			at = positionIn(from, f.source)
		}
		at += k.random.IntN(f.count - at + 1)
		fmt.Fprintf(&k.story, ", snapshot at record %d of %d of %s", at, f.count, f.source)
		f.allow(at)
	}
	taken, err := a.snapshot()
	if err != nil || taken == nil {
		return nil, err
	}
	for _, f := range a.feeds {
		_, limit, _ := f.look()
		f.allow(limit + k.random.IntN(f.count-limit+1))
	}
	for _, f := range a.feeds {
		f.reached(a.Done())
	}
	return taken, k.kill(a, taken)
}

// kill ends an attempt and keeps what it has put out before the snapshot.
func (k *killer) kill(a *attempt, taken *checkpoint.Snapshot) error {
	err := a.kill()
	k.out.addUpTo(a.heard, taken.Manifest.Checkpoint)
	k.story.WriteString(", killed")
	return err
}

// interrupt takes a snapshot of a job whose sources can't be stopped, when it has put out a number of records. If the
// job is done before, it is done.
func (k *killer) interrupt(a *attempt, at *stop) (*checkpoint.Snapshot, error) {
	select {
	case <-at.reached:
	case <-a.Done():
		return nil, k.end(a)
	}
	fmt.Fprintf(&k.story, ", snapshot after output of %d records", at.after)
	id := a.Trigger()
	close(at.goOn)
	taken, err := a.Await(context.Background(), id)
	if errors.Is(err, checkpoint.ErrAborted) {
		return nil, k.end(a)
	}
	if err != nil {
		return nil, errors.Join(err, a.kill())
	}
	return taken, k.kill(a, taken)
}
