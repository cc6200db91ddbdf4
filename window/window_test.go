package window_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/window"
)

func ExampleTimes_Offset() {
	fmt.Println(window.SpecOf(window.Tumbling(time.Hour).Offset(15 * time.Minute)))
	// Output: tumbling windows of 1h0m0s, offset 15m0s
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		w    window.Assigner
		want string
	}{
		{window.Tumbling(time.Hour).Offset(-time.Minute), ""},
		{window.Sliding(time.Minute, 7*time.Second), ""},
		{window.Sliding(time.Second, time.Minute), ""},
		{window.Session(1), ""},
		{nil, "no windows"},
		{window.Times{}, "no windows"},
		{window.Tumbling(0), "tumbling windows of 0s: the size must be greater than 0"},
		{window.Sliding(time.Second, 0), "the slide must be greater than 0"},
		{window.Sliding(time.Second, -1), "the slide must be greater than 0"},
		{window.Session(0), "sessions with a gap of 0s: the gap must be greater than 0"},
		{window.Session(time.Second).Offset(1), "take no Offset"},
		{window.Tumbling(math.MaxInt64), "the longest windows"},
		{window.Sliding(time.Hour, time.Hour-1), "3600000000000 slices of 1ns"},
	} {
		err := window.SpecOf(c.w).Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", window.SpecOf(c.w), err, c.want)
		}
	}
}

func TestTimings(t *testing.T) {
	if got := fmt.Sprint(window.PaneOnTime, window.PaneEarly, window.PaneLate, window.Timing(7)); got != "on time early late Timing(7)" {
		t.Error(got)
	}
}
