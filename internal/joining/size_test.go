package joining

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// State is dropped as soon as the watermark allows, also where one side is silent and where the bounds lie on one side.
// A record comes at every tick, on the sides that speak; the watermark is 5 behind.
func TestStateGoes(t *testing.T) {
	const keys, behind, ticks = 10, 5, 600
	for _, c := range []struct {
		name          string
		settings      settings
		first, second bool
		most          map[string]int // entries, once things go on
		left          string         // after the end
	}{
		{"hours", settings{by: "within", kind: "inner", to: 100}, true, true, map[string]int{"first": 106, "second": 6}, "none"},
		{"hours, left", settings{by: "within", kind: "left", to: 100}, true, true, map[string]int{"first": 106, "second": 6}, "none"},
		{"no payments", settings{by: "within", kind: "full", to: 100}, true, false, map[string]int{"first": 106}, "none"},
		{"no orders", settings{by: "within", kind: "full", to: 100}, false, true, map[string]int{"second": 6}, "none"},
		{"before", settings{by: "within", kind: "anti", from: -50, to: -40}, true, true, map[string]int{"first": 0, "second": 56}, "none"},
		{"late", settings{by: "within", kind: "inner", to: 10, lateness: Lateness{7, 3}}, true, true, map[string]int{"first": 19, "second": 13}, "none"},
		{"versions", settings{by: "asof", kind: "left"}, true, true, map[string]int{"waiting": 6, "versions": keys + 6}, "versions 10"},
		{"versions alone", settings{by: "asof", kind: "left"}, false, true, map[string]int{"versions": keys + 6}, "versions 10"},
		{"no versions", settings{by: "asof", kind: "left"}, true, false, map[string]int{"waiting": 6}, "none"},
		{"windows", settings{by: "window", kind: "full", windows: window.Tumbling(20)}, true, true, map[string]int{"slices": 2 * (20 + behind + 1)}, "none"}, // records
		{
			"late windows",
			settings{by: "window", kind: "full", windows: window.Tumbling(20), lateness: Lateness{0, 20}},
			true, true,
			map[string]int{"slices": 3 * keys},
			"none",
		},
		{"sessions", settings{by: "window", kind: "full", windows: window.Session(3)}, true, true, map[string]int{"sessions": keys}, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.settings.groups = 4
			j := newCluster(t, c.settings, 1)
			for at := range int64(ticks) {
				key := fmt.Sprint("k", at%keys)
				if c.first {
					j.receive(event{key: key, at: at, id: int(at)})
				}
				if c.second {
					j.receive(event{second: true, key: key, at: at, id: int(at)})
				}
				j.advance(at-behind, 100, func() {})
				if at > ticks/2 && at%7 == 0 {
					compareSizes(t, j.entries(), c.most)
				}
			}
			j.advance(flow.EndTime, 100, func() {})
			if left := j.entries(); left != c.left && !(left == "" && c.left == "none") {
				t.Errorf("left: %s", left)
			}
		})
	}
}

var sizeText = regexp.MustCompile(`([\w-]+) (\d+)`)

func compareSizes(t *testing.T, entries string, most map[string]int) {
	t.Helper()
	for _, m := range sizeText.FindAllStringSubmatch(entries, -1) {
		limit, ok := most[m[1]]
		if n, _ := strconv.Atoi(m[2]); ok && n > limit {
			t.Fatalf("%s: at most %d %s were to be kept", entries, limit, m[1])
		}
	}
}

// What a key has kept is worked off some at a time: a snapshot may be taken in between, and nothing comes twice.
func TestBitByBit(t *testing.T) {
	const records = 3*stepRecords + 5
	for _, s := range []settings{{by: "within", kind: "left"}, {by: "asof", kind: "left"}} {
		for _, end := range []int64{records, flow.EndTime} {
			s.groups = 4
			j := newCluster(t, s, 1)
			for at := range int64(records) {
				j.receive(event{key: "ann", at: at + 1, id: int(at)})
			}
			var saved *saved
			steps, had := 0, 0
			j.advance(end, 1, func() {
				if steps++; steps == 2 {
					saved, had = j.snapshot(true), len(j.out)
				}
			})
			if steps < 3 || len(j.out) != records {
				t.Errorf("%s up to %d: %d results in %d steps", s.by, end, len(j.out), steps)
			}
			if err := saved.wait(); err != nil {
				t.Fatal(err)
			}
			j.restore(saved, 2)
			j.advance(end, 1, func() {})
			if len(j.out)+had != records {
				t.Errorf("%s up to %d: %d results after the restore, %d before", s.by, end, len(j.out), had)
			}
		}
	}
}
