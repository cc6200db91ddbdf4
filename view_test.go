package leat_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/window"
)

var errFell = errors.New("it fell")

// shop keeps a state of each kind of what accounts pay. A payment of 13 cents fails the job.
func shop(in <-chan Txn, name string) *leat.Job {
	job := leat.NewJob("shop")
	job.Parallelism = 3
	job.Checkpoint = leat.Checkpoint{Store: "mem:" + name, Every: 10 * time.Second, Keep: 1}
	job.Restart = leat.Restart{Pause: time.Second, MaxPause: time.Second}
	payments := job.From("payments", mem.Chan(in)).EventTime(Txn.When, 0).KeyBy(Txn.AccountID)
	payments.Process("accounts", func(op *leat.Operator[string, Txn]) func(Txn) error {
		last := op.Value[time.Time]("last")
		most := op.Reducing("most", func(a, b int64) int64 { return max(a, b) })
		mean := op.Aggregating("mean", agg.Mean(Txn.Amount))
		cents := op.List[int64]("cents")
		spent := op.Map[string, int64]("spent")
		history := op.Ordered[time.Time, string]("history")
		forget := op.EventTimer("forget", func(time.Time) error { return nil })
		due := op.EventTimers("due", func(string, time.Time) error { return nil })
		return func(tx Txn) error {
			if tx.Cents == 13 {
				return errFell
			}
			last.Set(tx.At)
			most.Add(tx.Cents)
			mean.Add(tx)
			cents.Append(tx.Cents)
			spent.Set(tx.Merchant, spent.Get(tx.Merchant)+tx.Cents)
			history.Set(tx.At, tx.Merchant)
			forget.At(tx.At.Add(time.Hour))
			due.At(tx.Merchant, tx.At.Add(time.Minute))
			return nil
		}
	}).To("out", nowhere)
	payments.Window(window.Tumbling(time.Hour)).Aggregate("hourly", agg.Count).To("counts", nowhere)
	return job
}

// seen reads a state live or as of the last checkpoint, as text.
func seen[V any](t *testing.T, v *leat.View[string, V], key string) string {
	t.Helper()
	x, ok, err := v.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "nothing"
	}
	return text(x)
}

func text(x any) string {
	if at, is := x.(time.Time); is {
		return at.Format(time.TimeOnly)
	}
	if m := reflect.ValueOf(x); m.Kind() == reflect.Map {
		var all []string
		for k, v := range m.Seq2() {
			all = append(all, text(k.Interface())+"="+text(v.Interface()))
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	return fmt.Sprint(x)
}

// all is all that there is of an account.
func all(t *testing.T, r *leat.Running, key string, live bool) string {
	t.Helper()
	return strings.Join([]string{
		of[time.Time](t, r, "last", key, live), of[int64](t, r, "most", key, live), of[float64](t, r, "mean", key, live),
		of[[]int64](t, r, "cents", key, live), of[map[string]int64](t, r, "spent", key, live),
		of[map[time.Time]string](t, r, "history", key, live), of[time.Time](t, r, "forget", key, live),
		of[map[string]time.Time](t, r, "due", key, live),
	}, "; ")
}

func of[V any](t *testing.T, r *leat.Running, name, key string, live bool) string {
	t.Helper()
	v := r.View[string, V]("accounts", name)
	if live {
		v = v.Live()
	}
	return seen(t, v, key)
}

const nothing = "nothing; nothing; nothing; nothing; nothing; nothing; nothing; nothing"

func pay(in chan<- Txn, account, merchant string, cents int64, second int) {
	in <- Txn{account, merchant, cents, today(9, 0, second)}
	synctest.Wait()
}

// Live is what the operator has now, and otherwise is what the last checkpoint had; a failure takes back what came since.
func TestView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(chan Txn)
		r, err := shop(in, t.Name()).Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pay(in, "ada", "books", 50, 1)
		pay(in, "bob", "jewels", 9, 2)
		first := "09:00:01; 50; 50; [50]; books=50; 09:00:01=books; 10:00:01; books=09:01:01"
		if got := all(t, r, "ada", true); got != first {
			t.Errorf("live: %s", got)
		}
		if _, _, err := r.View[string, int64]("accounts", "most").Get(t.Context(), "ada"); !errors.Is(err, leat.ErrNoCheckpoint) {
			t.Errorf("before the first checkpoint: %v", err)
		}
		<-time.After(11 * time.Second)
		pay(in, "ada", "jewels", 70, 3)
		pay(in, "ada", "books", 60, 4)
		second := "09:00:04; 70; 60; [50 70 60]; books=110 jewels=70; 09:00:01=books 09:00:03=jewels 09:00:04=books; 10:00:04; books=09:01:04 jewels=09:01:03"
		check := func(when, live, last string) {
			t.Helper()
			if got := all(t, r, "ada", true); got != live {
				t.Errorf("%s, live: %s", when, got)
			}
			if got := all(t, r, "ada", false); got != last {
				t.Errorf("%s, as of the last checkpoint: %s", when, got)
			}
			if got := all(t, r, "cleo", true) + all(t, r, "cleo", false); got != nothing+nothing {
				t.Errorf("%s: cleo has %s", when, got)
			}
		}
		check("after a checkpoint", second, first)
		pay(in, "bob", "bank", 13, 5)
		check("after a failure", first, first) // live waits for the next attempt
		pay(in, "ada", "jewels", 70, 3)
		pay(in, "ada", "books", 60, 4)
		check("again", second, first)
		<-time.After(11 * time.Second)
		check("after another checkpoint", second, second)
		if err := r.Stop(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if got := all(t, r, "ada", false); got != second {
			t.Errorf("at the end: %s", got)
		}
		if _, _, err := r.View[string, int64]("accounts", "most").Live().Get(t.Context(), "ada"); err == nil || !strings.Contains(err.Error(), "job shop, state accounts/most: the job has ended") {
			t.Errorf("live, at the end: %v", err)
		}
		in = make(chan Txn)
		r, err = shop(in, t.Name()).Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check("in another run", second, second)
		if err := r.Stop(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	})
}

// Several keys at once, of all subtasks, and items one by one.
func TestViewOfManyAndOfItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(chan Txn)
		r, err := shop(in, t.Name()).Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int64{}
		keys := []string{"nobody"}
		for i := range 300 {
			account := fmt.Sprint("account ", i)
			want[account] = int64(100 + i)
			keys = append(keys, account, account)
			in <- Txn{account, "books", int64(100 + i), today(9, i/60, i%60)}
			in <- Txn{account, "jewels", 14, today(8, i/60, i%60)}
		}
		<-time.After(10 * time.Second)
		synctest.Wait()
		v := r.View[string, int64]("accounts", "most")
		for name, v := range map[string]*leat.View[string, int64]{"live": v.Live(), "last": v} {
			if got, err := v.GetAll(t.Context(), keys...); err != nil || !maps.Equal(got, want) {
				t.Errorf("%s: %d of %d keys: %v", name, len(got), len(want), err)
			}
			if got, err := v.GetAll(t.Context()); err != nil || len(got) != 0 {
				t.Errorf("%s: no keys: %v, %v", name, got, err)
			}
		}
		spent, history := r.ItemView[string, string, int64]("accounts", "spent"), r.ItemView[string, time.Time, string]("accounts", "history")
		due := r.ItemView[string, string, time.Time]("accounts", "due")
		for range 2 {
			cents, ok, err := spent.Get(t.Context(), "account 7", "books")
			if cents != 107 || !ok || err != nil {
				t.Error(cents, ok, err)
			}
			if _, ok, err := spent.Get(t.Context(), "account 7", "wine"); ok || err != nil {
				t.Error(ok, err)
			}
			if merchant, ok, err := history.Get(t.Context(), "account 7", today(8, 0, 7).Local()); merchant != "jewels" || !ok || err != nil {
				t.Error(merchant, ok, err)
			}
			if merchant, ok, err := history.Get(t.Context(), "account 7", today(8, 0, 8)); ok || err != nil {
				t.Error(merchant, ok, err)
			}
			if at, ok, err := due.Get(t.Context(), "account 299", "books"); !at.Equal(today(9, 5, 59)) || !ok || err != nil {
				t.Error(at, ok, err)
			}
			items, err := history.All(t.Context(), "account 7")
			if fmt.Sprint(items) != fmt.Sprint([]leat.Item[time.Time, string]{{today(8, 0, 7), "jewels"}, {today(9, 0, 7), "books"}}) || err != nil {
				t.Error(items, err)
			}
			spent, history, due = spent.Live(), history.Live(), due.Live()
		}
		if err := r.Stop(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	})
}

// Names and types that are not the job's are refused with what there is.
func TestViewErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(chan Txn)
		job := shop(in, t.Name())
		job.Checkpoint.Store = ""
		r, err := job.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		for _, c := range []struct {
			err  error
			want string
		}{
			{problem(r.View[string, int64]("accounts", "lost").Get(ctx, "ada")), "job shop has no state accounts/lost; by key there are accounts/last, accounts/most, accounts/mean, accounts/cents, accounts/spent, accounts/history, accounts/forget, accounts/due, hourly/slices, hourly/panes"},
			{problem(r.View[int64, int64]("accounts", "most").Get(ctx, 1)), "job shop, state accounts/most: its keys are of type string: it is read as View[string, int64], and not as View[int64, int64]"},
			{problem(r.View[string, int32]("accounts", "most").Get(ctx, "ada")), "job shop, state accounts/most: it is a state of kind reducing: it is read as View[string, int64], and not as View[string, int32]"},
			{problem(r.View[string, int64]("accounts", "cents").Get(ctx, "ada")), "job shop, state accounts/cents: it is a state of kind list: it is read as View[string, []int64], and not as View[string, int64]"},
			{problem(r.View[string, int64]("accounts", "spent").Live().Get(ctx, "ada")), "job shop, state accounts/spent: it is a state of kind map: it is read as View[string, map[string]int64], and not as View[string, int64]"},
			{problem(r.ItemView[string, int64, int64]("accounts", "spent").Get(ctx, "ada", 1)), "job shop, state accounts/spent: it is a state of kind map: it is read as ItemView[string, string, int64], and not as ItemView[string, int64, int64]"},
			{problem(r.ItemView[string, string, int64]("accounts", "most").Get(ctx, "ada", "")), "job shop, state accounts/most: it is a state of kind reducing, which has no items: it is read as View[string, int64], and not as ItemView[string, string, int64]"},
			{problem(r.View[string, int64]("hourly", "slices").Get(ctx, "ada")), "job shop, state hourly/slices: it is a state of kind slices that stands for no Go type, as those that windows and panes keep: the command state shows it"},
			{problem(r.View[string, int64]("accounts", "most").Get(ctx, "ada")), "job shop, state accounts/most: the job takes no checkpoints, as it has no store for them (Checkpoint.Store): it can be read live only"},
			{problem(r.View[float64, int64]("accounts", "most").Get(ctx, 1)), "key type float64: floats don't make keys, because NaN differs from itself and 0 equals -0: use an integer, such as cents, or give the job a codec for the key type with Job.Encode"},
		} {
			if c.err == nil || c.err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", c.err, c.want)
			}
		}
		if err := r.Stop(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	})
}

func problem[V any](_ V, _ bool, err error) error { return err }
