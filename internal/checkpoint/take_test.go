package checkpoint

import (
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/internal/store"
)

var testTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// savepointOf makes what Open finds at a savepoint's place.
func savepointOf(id string, after *Mark) *Snapshot {
	return &Snapshot{Manifest: &Manifest{Format: FormatVersion, Job: "job", ID: id, Checkpoint: 5, After: after}, Store: store.NewMemory(), Place: "mem:" + id}
}

// TestChoose has every case of what a job goes on from.
func TestChoose(t *testing.T) {
	newest := func(m Manifest) history {
		m.Sequence, m.Epoch = 7, 3
		return history{newest: &Snapshot{Manifest: &m, Store: store.NewMemory()}, last: 7}
	}
	grown := newest(Manifest{Checkpoint: 9})
	broken := history{newest: grown.newest, last: 8, damaged: []error{ErrDamaged}}
	at := &Mark{Sequence: 7, Epoch: 3}
	for name, test := range map[string]struct {
		origin Origin
		have   history
		want   string // "newest", "from", "nothing", or what the error says
		again  bool
	}{
		"nothing at all":                       {Origin{}, history{}, "nothing", false},
		"the newest":                           {Origin{ExactlyOnce: true}, grown, "newest", false},
		"an older one where it repeats":        {Origin{}, broken, "newest", false},
		"an older one where it must not":       {Origin{ExactlyOnce: true}, broken, "--allow-repeat", false},
		"an older one where it may":            {Origin{ExactlyOnce: true, AllowRepeat: true}, broken, "newest", false},
		"none that can be read":                {Origin{}, history{last: 2, damaged: []error{ErrDamaged}}, "no snapshot can be read", false},
		"a savepoint, to an empty store":       {Origin{From: savepointOf("a", nil), ExactlyOnce: true}, history{}, "from", false},
		"to a store where nothing was done":    {Origin{From: savepointOf("a", nil), ExactlyOnce: true}, newest(Manifest{}), "from", false},
		"right after it was taken":             {Origin{From: savepointOf("a", at), ExactlyOnce: true}, grown, "from", false},
		"after more was committed":             {Origin{From: savepointOf("a", &Mark{6, 3}), ExactlyOnce: true}, grown, "--allow-repeat", false},
		"after another took over":              {Origin{From: savepointOf("a", &Mark{7, 2}), ExactlyOnce: true}, grown, "--allow-repeat", false},
		"of another history":                   {Origin{From: savepointOf("a", nil), ExactlyOnce: true}, grown, "--allow-repeat", false},
		"where it may repeat":                  {Origin{From: savepointOf("a", nil), ExactlyOnce: true, AllowRepeat: true}, grown, "from", false},
		"at least once":                        {Origin{From: savepointOf("a", nil)}, grown, "from", false},
		"the history ends with it":             {Origin{From: savepointOf("a", nil), ExactlyOnce: true}, newest(Manifest{ID: "a"}), "from", false},
		"begun from it, and further":           {Origin{From: savepointOf("a", nil)}, newest(Manifest{Checkpoint: 9, From: []string{"a"}}), "newest", true},
		"begun from it, and a later one":       {Origin{From: savepointOf("a", nil), ExactlyOnce: true}, newest(Manifest{ID: "b", From: []string{"x", "a"}}), "newest", true},
		"back to it":                           {Origin{From: savepointOf("a", nil), AllowRepeat: true}, newest(Manifest{Checkpoint: 9, From: []string{"a"}}), "from", false},
		"a checkpoint that is the newest":      {Origin{From: grown.newest, ExactlyOnce: true}, grown, "from", false},
		"a checkpoint that is not the newest":  {Origin{From: &Snapshot{Manifest: &Manifest{Checkpoint: 8, Sequence: 6, Epoch: 3}}, ExactlyOnce: true}, grown, "--allow-repeat", false},
		"a savepoint, and the newest is broke": {Origin{From: savepointOf("a", at), ExactlyOnce: true}, broken, "--allow-repeat", false},
	} {
		t.Run(name, func(t *testing.T) {
			from, again, err := test.origin.choose(test.have)
			got := "nothing"
			switch {
			case err != nil:
				got = err.Error()
			case from != nil && from == test.origin.From:
				got = "from"
			case from != nil:
				got = "newest"
			}
			if !strings.Contains(got, test.want) || again != test.again {
				t.Errorf("%s, %v", got, again)
			}
		})
	}
}

// TestTakeSavepoint follows a history through a savepoint: its manifest points to it, what comes behind knows where it came
// from, and a claimed one goes with the last manifest that stands for it.
func TestTakeSavepoint(t *testing.T) {
	for _, claim := range []bool{false, true} {
		s := store.NewMemory()
		to, err := NewTarget(t.Context(), "job", "mem:"+t.Name()+map[bool]string{true: "claimed"}[claim], testTime)
		if err != nil {
			t.Fatal(err)
		}
		if err := to.complete(t.Context(), &Manifest{Format: FormatVersion, Job: "job", Checkpoint: 4}); err != nil {
			t.Fatal(err)
		}
		from, err := Open(t.Context(), to.Place)
		if err != nil {
			t.Fatal(err)
		}
		taken, err := Take(t.Context(), s, "job", 1, Origin{From: from, Claim: claim})
		if err != nil {
			t.Fatal(err)
		}
		if m := taken.Manifest; m.Place != to.Place || m.ID != to.ID || m.Sequence != 1 || m.Claimed != claim || taken.Snapshot.Store != to.Store {
			t.Errorf("took over with %+v", m)
		}
		newest, _, err := Newest(t.Context(), s, "job")
		if err != nil || newest.Store != to.Store {
			t.Fatalf("newest %+v, %v", newest, err)
		}
		c := &Coordinator{Job: "job", Store: s}
		c.After(taken.Manifest)
		next := put(t, s, 2, 1, 5)
		next.From = c.from
		if !slices.Equal(c.from, []string{to.ID}) || c.next != 4 {
			t.Errorf("the next checkpoint is from %v, after number %d", c.from, c.next)
		}
		if err := Tidy(t.Context(), s, next, 1); err != nil {
			t.Fatal(err)
		}
		names, err := to.Store.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{savepointManifest}; claim && len(names) > 0 || !claim && !slices.Equal(names, want) {
			t.Errorf("claimed %v: the savepoint has %v", claim, names)
		}
	}
}

// TestMoved finds a savepoint that is not where the newest manifest says: damaged, until it is named where it is now.
func TestMoved(t *testing.T) {
	s := store.NewMemory()
	to, err := NewTarget(t.Context(), "job", "mem:"+t.Name(), testTime)
	if err != nil {
		t.Fatal(err)
	}
	m := &Manifest{Format: FormatVersion, Job: "job", Checkpoint: 4}
	if err := to.complete(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	from, err := Open(t.Context(), to.Place)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(t.Context(), s, "job", 1, Origin{From: from}); err != nil {
		t.Fatal(err)
	}
	if err := to.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Take(t.Context(), s, "job", 2, Origin{}); err == nil || !strings.Contains(err.Error(), to.Place) || !strings.Contains(err.Error(), "--restore") {
		t.Errorf("error %v", err)
	}
	moved := &Target{Place: "mem:" + t.Name() + "/moved", ID: to.ID}
	if moved.Store, err = store.Locate(moved.Place); err != nil {
		t.Fatal(err)
	}
	if err := moved.complete(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	from, err = Open(t.Context(), moved.Place)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := Take(t.Context(), s, "job", 3, Origin{From: from, ExactlyOnce: true, AllowRepeat: true})
	if err != nil || taken.Manifest.Place != moved.Place || taken.Manifest.Sequence != 2 {
		t.Errorf("%+v, %v", taken, err)
	}
}

// TestOpen finds snapshots by each kind of place, and says what is wrong with others.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Locate(dir + "/store")
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, 1, 1, 8)
	put(t, s, 2, 1, 9)
	for place, want := range map[string]int64{
		dir + "/store": 9, dir + "/store/": 9,
		dir + "/store/job/manifests/0000000001.json": 8,
	} {
		if got, err := Open(t.Context(), place); err != nil || got.Manifest.Checkpoint != want {
			t.Errorf("%s: %+v, %v", place, got, err)
		}
	}
	for place, want := range map[string]string{
		dir: "neither a savepoint's folder nor a store", dir + "/store/job/manifests/0000000003.json": "does not exist", "": "the store has no place",
	} {
		if _, err := Open(t.Context(), place); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", place, err)
		}
	}
	other := &Manifest{Format: FormatVersion, Job: "other job", Sequence: 1, Checkpoint: 1}
	if err := write(t.Context(), s, other); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir+"/store"); err == nil || !strings.Contains(err.Error(), "several jobs (job, other job)") {
		t.Errorf("error %v", err)
	}
}
