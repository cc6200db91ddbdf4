package kit

import (
	"encoding/json"
	"strings"
	"testing"
)

// The Java and Python generators make the same events: what changes a sum here breaks every comparison with them.
func TestGeneratorsAreFixed(t *testing.T) {
	fold := func(key func(i uint64) uint64) (sum uint64) {
		for i := range uint64(10_000) {
			sum = Mix(sum ^ key(i))
		}
		return sum
	}
	load := Load{KeyCount: 1_000_000, EventsPerSecond: 1000}
	zipf, burst, preload := load, load, load
	zipf.Zipf, burst.Burst, preload.PreloadCount = true, true, 5000
	for _, c := range []struct {
		name string
		key  func(uint64) uint64
		want uint64
	}{
		{"uniform", NewGen(load).Key, 0xc812232e5abfade8},
		{"zipf", NewGen(zipf).Key, 0x4111b2f19c2f268a},
		{"burst", NewGen(burst).Key, 0x30431421df06bf4c},
		{"preload", NewGen(preload).Key, 0x483fc6df7a87f1bd},
		{"value", func(i uint64) uint64 { return uint64(Value(i)) }, 0x81a80a4c0e5ed85d},
		{"nexmark", nexmarkSum, 0x4a6742c793b575bc},
	} {
		if got := fold(c.key); got != c.want {
			t.Errorf("%s: got %#x, want %#x", c.name, got, c.want)
		}
	}
	if got := NewGen(load).Time(1500); got != 1500 {
		t.Errorf("event 1500 at 1,000 a second is at %d ms, want 1500", got)
	}
}

func nexmarkSum(i uint64) uint64 {
	var e NexmarkEvent
	e.Fill(int64(i), 100_000)
	return uint64(e.Kind+e.Text) + uint64(e.ID)*3 + uint64(e.Ref)*5 + uint64(e.Number)*7 + uint64(e.Time)*11 + uint64(e.Expires)*13
}

func TestLaterArgumentsOverrideEarlierOnes(t *testing.T) {
	w, err := ParseArgs([]string{"workload=W1", "n=10", "name=W1z", "zipf=1", "n=20", "warm=5", "engine=leat", "label=try"}).Workload()
	if err != nil {
		t.Fatal(err)
	}
	if w.EventCount != 20 || w.WarmCount != 5 || w.Name != "W1z" || w.Kind != "W1" || w.Label != "try" || !w.Load.Zipf || w.Parallelism != 1 {
		t.Errorf("got %+v", w)
	}
}

func TestMalformedArgumentsAreRefused(t *testing.T) {
	for line, want := range map[string]string{
		"n":           `argument "n": want name=value`,
		"keys=many":   "argument keys=many: want a whole number",
		"n=5 warm=5":  "n=5 must be greater than warm=5",
		"par=0":       "keys, rate and par must be at least 1",
		"keys=0 par=": "argument par=: want a whole number",
	} {
		if _, err := ParseArgs(strings.Fields(line)).Workload(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %q", line, err, want)
		}
	}
}

func TestResultIsOneLine(t *testing.T) {
	w, err := ParseArgs([]string{"n=100", "warm=10", "engine=leat"}).Workload()
	if err != nil {
		t.Fatal(err)
	}
	var m Meter
	m.Start()
	m.Stop()
	var line strings.Builder
	if _, err := w.Result(&m, "v", 100, 5050).WriteTo(&line); err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := json.Unmarshal([]byte(line.String()), &r); err != nil || strings.Count(line.String(), "\n") != 1 {
		t.Fatalf("%v in %q", err, line.String())
	}
	if r.Events != 90 || r.Out != 100 || r.Sum != 5050 || r.Engine != "leat" || strings.Contains(line.String(), "ckpt") {
		t.Errorf("got %s", line.String())
	}
}
