package operator

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/flow"
)

// marked is an event-time operator over numbers, which are seconds.
type marked struct {
	*EventTime[int]
	*marker
	*notes
	env *flow.Env
}

func mark(env *flow.Env, m Marks[int]) marked {
	n := &notes{}
	if m.At == nil {
		m.At = second
	}
	e := NewEventTime(env, newOut[int](env, n, ""), m)
	return marked{e, e.marker, n, env}
}

func (m marked) read(split int, values ...int) { m.Receive(batch(split, values...)) }

func TestMarksOfOneSplit(t *testing.T) {
	m := mark(newEnv("a"), Marks[int]{})
	m.read(0, 1, 5)
	m.read(0, 4)
	check(t, "the third record brings a watermark", m.taken(), "0[1@1 5@5] 0[4@4] wm5-")
	m.read(0, 6, 7, 8, 9, 2, 3, 11)
	check(t, "batches are cut where watermarks belong", m.taken(), "0[6@6 7@7 8@8] wm8- 0[9@9 2@2 3@3] wm9- 0[11@11]")
	m.read(0, 1, 2)
	check(t, "a watermark that goes up only", m.taken(), "0[1@1 2@2] wm11-")
	m.read(0, 1, 2, 3)
	check(t, "one that would not move is not sent", m.taken(), "0[1@1 2@2 3@3]")
}

func TestMarksWithDelay(t *testing.T) {
	m := mark(newEnv("a"), Marks[int]{Delay: 10 * time.Second})
	m.read(0, 20, 21, 25)
	check(t, "the watermark is late by the delay", m.taken(), "0[20@20 21@21 25@25] wm15-")
}

func TestMarksOfTwoSplits(t *testing.T) {
	m := mark(newEnv("a", "b"), Marks[int]{})
	m.read(0, 10, 11, 12)
	check(t, "one split", m.taken(), "0[10@10 11@11 12@12]")
	m.read(1, 5, 6)
	m.read(0, 20, 21, 22)
	check(t, "each counts by itself", m.taken(), "1[5@5 6@6] 0[20@20 21@21 22@22]")
	m.read(1, 7)
	check(t, "the least counts", m.taken(), "1[7@7] wm7-")
	m.env.Splits.Finish(1)
	check(t, "a split that has finished does not", m.taken(), "wm22-")
	m.env.Splits.Finish(0)
	m.Watermark(flow.EndTime)
	check(t, "the end comes from the source", m.taken(), "wmend")
}

func TestFinishSendsWhatWasWaiting(t *testing.T) {
	m := mark(newEnv("a", "b"), Marks[int]{})
	m.read(0, 10)
	m.read(1, 3)
	m.env.Splits.Finish(0)
	m.env.Splits.Finish(1)
	check(t, "marks before their turn", m.taken(), "0[10@10] 1[3@3] wm3-")
}

func TestDry(t *testing.T) {
	m := mark(newEnv("a"), Marks[int]{})
	m.env.Splits.Dry(0)
	m.read(0, 4)
	m.env.Splits.Dry(0)
	m.env.Splits.Dry(0)
	m.read(0, 5, 6)
	m.read(0, 7)
	check(t, "a dry split does not wait for more, and counts anew", m.taken(), "0[4@4] wm4- 0[5@5 6@6] 0[7@7] wm7-")
}

func TestEarlierSignalsAreOverruled(t *testing.T) {
	m := mark(newEnv("a"), Marks[int]{})
	m.Watermark(7)
	m.Idle(true)
	check(t, "signals of an earlier operator", m.taken(), "")
}

// A watermark of the author's says that nothing before it is to come; what is at it may.
func TestAuthorsWatermarks(t *testing.T) {
	made := 0
	m := mark(newEnv("a", "b"), Marks[int]{Split: func() func(int) time.Time {
		made++
		least := 0
		return func(v int) time.Time {
			if least = max(least, v-100); v < 100 {
				return time.Time{}
			}
			return second(v - 100)
		}
	}})
	m.read(0, 1, 2, 3)
	m.read(1, 150, 101, 140)
	check(t, "no time is no watermark", m.taken(), "0[1@1 2@2 3@3] 1[150@150 101@101 140@140]")
	m.read(0, 120, 1, 2)
	check(t, "it never goes back", m.taken(), "0[120@120 1@1 2@2] wm20-")
	if made != 2 {
		t.Errorf("the author's function was made %d times for two splits", made)
	}
}

func TestIdle(t *testing.T) {
	env := newEnv("a", "b")
	manual := env.Clock.(*clock.Manual)
	m := mark(env, Marks[int]{IdleAfter: time.Minute})
	expect := func(want time.Duration) {
		t.Helper()
		if at, ok := m.NextTick(); !ok || at != start.Add(want).UnixNano() {
			t.Errorf("next tick: %s %v, not after %v", seconds(at), ok, want)
		}
	}
	expect(time.Minute)
	manual.Advance(30 * time.Second)
	m.read(0, 10, 11, 12)
	expect(time.Minute)
	manual.Advance(30 * time.Second)
	m.Tick(env.Clock.Now(), 1)
	check(t, "a silent split holds nothing back", m.taken(), "0[10@10 11@11 12@12] wm12-")
	expect(90 * time.Second)
	manual.Advance(30 * time.Second)
	m.Tick(env.Clock.Now(), 1)
	check(t, "all are silent", m.taken(), "idle=true")
	if _, ok := m.NextTick(); ok {
		t.Error("nothing is left to become idle")
	}
	m.read(1, 5)
	check(t, "one is back, and holds", m.taken(), "idle=false 1[5@5]")
	m.read(0, 20, 21, 22)
	m.read(1, 13, 14)
	check(t, "both are back", m.taken(), "0[20@20 21@21 22@22] 1[13@13 14@14] wm14-")
}

func TestIdleAndFinished(t *testing.T) {
	env := newEnv("a", "b")
	m := mark(env, Marks[int]{IdleAfter: time.Minute})
	m.read(0, 1, 2, 3)
	env.Clock.(*clock.Manual).Advance(time.Minute)
	m.Tick(env.Clock.Now(), 1)
	check(t, "both idle", m.taken(), "0[1@1 2@2 3@3] idle=true")
	env.Splits.Finish(0)
	check(t, "one idle, one finished", m.taken(), "")
	env.Splits.Finish(1)
	check(t, "finished is not idle", m.taken(), "idle=false")
}

func TestNeverIdle(t *testing.T) {
	m := mark(newEnv("a"), Marks[int]{})
	if _, ok := m.NextTick(); ok {
		t.Error("a tick without IdleAfter")
	}
}

func entriesOf(t *testing.T, m marked) []backend.Entry {
	t.Helper()
	entries, err := m.Entries()
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func restore(t *testing.T, env *flow.Env, m Marks[int], entries ...backend.Entry) marked {
	t.Helper()
	to := mark(env, m)
	if err := to.RestoreEntries(entries); err != nil {
		t.Fatal(err)
	}
	return to
}

// Marks follow their splits, wherever those are now, and count on.
func TestRestoreBySplit(t *testing.T) {
	m := mark(newEnv("a", "b"), Marks[int]{})
	m.read(0, 10, 11, 12, 15)
	m.read(1, 30, 31, 32, 40, 41)
	entries := entriesOf(t, m)
	m = restore(t, newEnv("new", "b"), Marks[int]{}, entries...)
	m.read(1, 5)
	check(t, "the third record since the watermark, and a new split that holds back", m.taken(), "1[5@5]")
	m.read(0, 1, 2, 3)
	check(t, "after a restore", m.taken(), "0[1@1 2@2 3@3] wm3-")
	m.env.Splits.Finish(0)
	check(t, "the restored mark", m.taken(), "wm41-")

	m = restore(t, newEnv("a"), Marks[int]{}, entries...)
	m.read(0, 1)
	check(t, "how far event time had come is told on, once", m.taken(), "wm12- 0[1@1]")
	m.read(0, 1)
	check(t, "and the count goes on", m.taken(), "0[1@1] wm15-")
}

// Channels are others after a rescale: each begins with the least that any had, in any subtask.
func TestRestoreByChannel(t *testing.T) {
	channels := func() *flow.Env {
		env := newEnv("channel 0", "channel 1")
		env.Splits.Channels = true
		return env
	}
	first, second := mark(channels(), Marks[int]{}), mark(channels(), Marks[int]{})
	first.read(0, 10, 11, 12, 25)
	first.read(1, 20, 21, 22)
	second.read(0, 30, 31, 32)
	second.read(1, 40, 41, 42)
	for name, entries := range map[string][]backend.Entry{
		"in order": slices.Concat(entriesOf(t, first), entriesOf(t, second)),
		"reversed": slices.Concat(entriesOf(t, second), entriesOf(t, first)),
	} {
		m := restore(t, channels(), Marks[int]{}, entries...)
		m.read(1, 50, 51, 52)
		check(t, name+": told on", m.taken(), "wm12- 1[50@50 51@51 52@52]")
		m.read(0, 15, 16, 30)
		check(t, name+": both channels began with it", m.taken(), "0[15@15 16@16 30@30] wm30-")
	}
	third := mark(channels(), Marks[int]{}) // one of whose channels has brought nothing
	third.read(0, 60, 61, 62)
	m := restore(t, channels(), Marks[int]{}, slices.Concat(entriesOf(t, first), entriesOf(t, third))...)
	m.read(0, 1)
	check(t, "nothing is promised for a channel without a mark", m.taken(), "0[1@1]")
}

// With as many subtasks and channels as before each has its own mark, and counts on.
func TestRestoreOfTheSameChannels(t *testing.T) {
	channels := func(subtask int) *flow.Env {
		env := newEnv("channel 0", "channel 1")
		env.Splits.Channels, env.Subtask, env.Parallelism = true, subtask, 2
		return env
	}
	first, second := mark(channels(0), Marks[int]{}), mark(channels(1), Marks[int]{})
	first.read(0, 10, 11, 12)
	second.read(0, 20, 21, 22, 29)
	second.read(1, 30, 31, 32)
	m := restore(t, channels(1), Marks[int]{}, slices.Concat(entriesOf(t, first), entriesOf(t, second))...)
	m.read(0, 1, 2)
	check(t, "the third record since the watermark", m.taken(), "wm22- 0[1@1 2@2] wm29-")
}

func TestRestoreDamaged(t *testing.T) {
	m := mark(newEnv("a"), Marks[int]{})
	err := m.RestoreEntries([]backend.Entry{{State: "marks", Key: "a", Value: []byte{1, 2, 3}}})
	checkError(t, err, "job job, operator op, subtask 0: the mark of split a in the snapshot has 3 bytes, not 24")
}

func TestSplitsThatAreDoneAtRestore(t *testing.T) {
	env := newEnv("a", "b")
	env.Splits.Done[0] = true
	m := mark(env, Marks[int]{IdleAfter: time.Second})
	m.read(1, 1, 2, 3)
	check(t, "a split that is done holds nothing back", m.taken(), "1[1@1 2@2 3@3] wm3-")
}

func TestTimesOutOfRange(t *testing.T) {
	for _, c := range []struct {
		at   time.Time
		want string // "" is allowed
	}{
		{time.Date(1677, 12, 31, 23, 59, 59, 0, time.UTC), "event time 1677-12-31 23:59:59 +0000 UTC is outside of the years 1678 to 2261"},
		{time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC), ""},
		{time.Date(2261, 12, 31, 23, 59, 59, 0, time.UTC), ""},
		{time.Date(2262, 1, 2, 0, 0, 0, 0, time.UTC), "event time 2262-01-02 00:00:00 +0000 UTC is outside of the years 1678 to 2261"},
		{time.Unix(math.MaxInt64, 0), ""}, // beyond what it can be shown as
		{time.Time{}, ""},
	} {
		m := mark(newEnv("a"), Marks[int]{At: func(int) time.Time { return c.at }, Delay: math.MaxInt64})
		err := failure(func() { m.read(0, 7, 7, 7) })
		if c.at.Unix() == math.MaxInt64 {
			if err == nil {
				t.Error("the last second is taken")
			}
			continue
		}
		if c.want != "" {
			checkError(t, err, c.want)
			if _, at := m.env.Site.At.Locate(); at != "record 7" {
				t.Errorf("located at %s", at)
			}
		} else if err != nil {
			t.Errorf("%v: %v", c.at, err)
		}
	}
}

// However long the delay, a watermark does not wrap round.
func TestDelayBeforeTheBeginning(t *testing.T) {
	early := time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC)
	m := mark(newEnv("a"), Marks[int]{At: func(int) time.Time { return early }, Delay: 1 << 62})
	m.read(0, 1, 2, 3)
	for _, line := range m.all {
		if line[:2] == "wm" {
			t.Errorf("a watermark: %s", line)
		}
	}
}

func TestRecordsWithoutTime(t *testing.T) {
	m := mark(newEnv("a"), Marks[int]{At: func(v int) time.Time {
		if v == 0 {
			return time.Time{}
		}
		return second(v)
	}})
	m.read(0, 0, 0, 0)
	check(t, "no time, no watermark", m.taken(), "0[0@none 0@none 0@none]")
	m.read(0, 5, 0, 0)
	check(t, "a record with a time", m.taken(), "0[5@5 0@none 0@none] wm5-")
}

func TestTimesThereAndBack(t *testing.T) {
	for _, at := range []time.Time{{}, start, time.Unix(0, 0).UTC(), second(-1)} {
		if got := Time(Nanos(at)); !got.Equal(at) {
			t.Errorf("%v is %v", at, got)
		}
	}
	if got := Time(flow.EndTime); got.UnixNano() != flow.EndTime {
		t.Errorf("the end of time is %v", got)
	}
}

// Where watermarks come among the records does not depend on how the records are batched.
func TestBatchSizeChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type run struct {
			Split  int
			Values []int
		}
		runs := rapid.SliceOf(rapid.Custom(func(rt *rapid.T) run {
			return run{rapid.IntRange(0, 2).Draw(rt, "split"), rapid.SliceOfN(rapid.IntRange(0, 50), 1, 12).Draw(rt, "values")}
		})).Draw(rt, "runs")
		delay := time.Duration(rapid.IntRange(0, 5).Draw(rt, "delay")) * time.Second
		play := func(size int) []string {
			m := mark(newEnv("a", "b", "c"), Marks[int]{Delay: delay})
			single := &notes{}
			m.out = newOut[int](m.env, single, "")
			for _, r := range runs {
				for part := range slices.Chunk(r.Values, size) {
					m.read(r.Split, part...)
				}
			}
			return flat(single.all)
		}
		want := play(1)
		if got := play(rapid.IntRange(2, 20).Draw(rt, "size")); !slices.Equal(got, want) {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
}

// flat takes batches apart into single records.
func flat(all []string) (out []string) {
	for _, line := range all {
		open := slices.Index([]byte(line), '[')
		if open < 0 {
			out = append(out, line)
			continue
		}
		from := 0
		for i := range line {
			if line[i] == ' ' || line[i] == ']' {
				out = append(out, line[:open]+line[max(from, open+1):i])
				from = i + 1
			}
		}
	}
	return out
}
