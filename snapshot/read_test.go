package snapshot_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/snapshot"
)

// taken is a savepoint of the shop after 100 of its records.
func taken(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	place, _ := savepoint(t, dir, func(in held, out *output) *leat.Job { return shop(dir, in, out) }, sales(100), 100)
	return place
}

func open(t testing.TB, place string) *snapshot.Snapshot {
	t.Helper()
	s, err := snapshot.Open(place)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// model is what detect has after some records, but for timers.
type model struct {
	last    time.Time
	seen    []time.Time
	cents   []int64
	history map[time.Time]int64
	largest int64
}

func modelOf(records []sale) map[string]*model {
	all := map[string]*model{}
	for _, s := range records {
		m := all[s.Account]
		if m == nil {
			m = &model{history: map[time.Time]int64{}, largest: s.Cents}
			all[s.Account] = m
		}
		m.last, m.largest = s.At, max(m.largest, s.Cents)
		m.seen, m.cents = append(m.seen, s.At), append(m.cents, s.Cents)
		m.history[s.At] = s.Cents
	}
	return all
}

func TestRead(t *testing.T) {
	s := open(t, taken(t))
	want := modelOf(sales(100))
	keys := 0
	for account, at := range s.Values[string, time.Time]("detect", "last") {
		if keys++; !at.Equal(want[account].last) {
			t.Errorf("last of %s is %v, want %v", account, at, want[account].last)
		}
	}
	if keys != len(want) {
		t.Errorf("%d keys, want %d", keys, len(want))
	}
	for account, p := range s.Values[string, profile]("detect", "profile") {
		if p.Name != "Name of "+account || !slices.EqualFunc(p.Seen, want[account].seen, time.Time.Equal) {
			t.Errorf("profile of %s is %v", account, p)
		}
	}
	for account, cents := range s.Lists[string, int64]("detect", "cents") {
		if !slices.Equal(cents, want[account].cents) {
			t.Errorf("cents of %s are %v, want %v", account, cents, want[account].cents)
		}
	}
	for account, entries := range s.Ordered[string, time.Time, int64]("detect", "history") {
		var times []time.Time
		for at, cents := range entries {
			times = append(times, at)
			if want[account].history[at.UTC()] != cents {
				t.Errorf("history of %s at %v is %d", account, at, cents)
			}
		}
		if !slices.EqualFunc(times, want[account].seen, time.Time.Equal) {
			t.Errorf("history of %s is not in order: %v", account, times)
		}
	}
	for account, largest := range s.Values[string, int64]("detect", "largest") {
		if largest != want[account].largest {
			t.Errorf("largest of %s is %d", account, largest)
		}
	}
	for account, at := range s.Timers[string]("detect", "forget") {
		if !at.Equal(want[account].last.Add(50 * time.Second)) {
			t.Errorf("forget of %s is at %v", account, at)
		}
	}
	byShop := maps.Collect(s.Maps[string, int32, int64]("detect", "by-shop"))
	due := maps.Collect(s.ItemTimers[string, int32]("detect", "due"))
	for account, timers := range due {
		for shop := range timers {
			if _, ok := byShop[account][shop]; !ok {
				t.Errorf("%s has a timer for shop %d, and nothing in its map", account, shop)
			}
		}
	}
	if len(due) == 0 {
		t.Error("no timer of items is set")
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

func TestStates(t *testing.T) {
	s := open(t, taken(t))
	var all []string
	for _, st := range s.States() {
		all = append(all, fmt.Sprintf("%s/%s %s %s", st.Operator, st.Name, st.Kind, st.Key))
		if st.Entries == 0 && st.Name != "panes" {
			t.Errorf("%s/%s has no entries", st.Operator, st.Name)
		}
	}
	for _, want := range []string{
		"detect/last value string", "detect/history ordered string", "detect/forget timer string", "detect/due timers string",
		"count/slices slices int32", "sums/slices slices snapshot_test.route", "visits/sessions sessions string", "sales/splits splits ",
	} {
		if !slices.Contains(all, want) {
			t.Errorf("no %q in %q", want, all)
		}
	}
	if s.Job() != "shop" || s.MaxParallelism() != 128 || s.Taken().IsZero() {
		t.Errorf("job %s, max parallelism %d, taken %v", s.Job(), s.MaxParallelism(), s.Taken())
	}
}

// A reader that wants no more is left alone, and that is no error.
func TestReadSome(t *testing.T) {
	s := open(t, taken(t))
	for range s.Values[string, time.Time]("detect", "last") {
		break
	}
	for range s.Lists[string, int64]("detect", "cents") {
		break
	}
	for range s.Maps[string, int32, int64]("detect", "by-shop") {
		break
	}
	if s.Err() != nil {
		t.Error(s.Err())
	}
}

func TestReadWrongly(t *testing.T) {
	place := taken(t)
	for want, read := range map[string]func(s *snapshot.Snapshot){
		"detect/first: the snapshot has no such state; it has count/slices": func(s *snapshot.Snapshot) {
			for range s.Values[string, time.Time]("detect", "first") {
			}
		},
		"its keys are of type string, not int64": func(s *snapshot.Snapshot) {
			for range s.Values[int64, time.Time]("detect", "last") {
			}
		},
		"cannot read what schema": func(s *snapshot.Snapshot) {
			for range s.Values[string, string]("detect", "last") {
			}
		},
		"it is of the kind list: read it with Lists": func(s *snapshot.Snapshot) {
			for range s.Values[string, int64]("detect", "cents") {
			}
		},
		"looked at by leat snapshot inspect": func(s *snapshot.Snapshot) {
			for range s.Values[int32, int64]("count", "slices") {
			}
		},
	} {
		s := open(t, place)
		read(s)
		if s.Err() == nil || !strings.Contains(s.Err().Error(), want) {
			t.Errorf("error %v, want %q", s.Err(), want)
		}
		for range s.Values[string, time.Time]("detect", "last") {
			t.Fatal("it reads on after an error")
		}
	}
	if _, err := snapshot.Open(t.TempDir()); err == nil {
		t.Error("nothing was opened")
	}
}
