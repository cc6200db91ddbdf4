package snapshot_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"leat.dev/leat"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/snapshot"
)

// visits counts the visits of each customer.
func visits(from connector.Source[string]) *leat.Job {
	job := leat.NewJob("visits")
	job.From("visits", from).
		KeyBy(func(customer string) string { return customer }).
		Process("count", func(op *leat.Operator[string, string]) func(string) error {
			n := op.Value[int64]("n")
			return func(customer string) error {
				n.Set(n.Get() + 1)
				op.Emit(fmt.Sprintf("%s was here %d times", customer, n.Get()))
				return nil
			}
		}).
		To("out", mem.Each(printed))
	return job
}

// bootstrapped is a savepoint for the job, in a folder of its own below dir.
func bootstrapped(dir string) (string, error) {
	place := filepath.Join(dir, "bootstrapped")
	w, err := snapshot.Create(place, visits(mem.From[string]()))
	if err != nil {
		return "", err
	}
	w.SetValues("count", "n", maps.All(map[string]int64{"ann": 41, "bob": 7}))
	return place, w.Commit()
}

// A job begins with state that was known before: here, how often customers had come.
func ExampleCreate() {
	dir, err := os.MkdirTemp("", "snapshot")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	place, err := bootstrapped(dir)
	if err != nil {
		panic(err)
	}
	job := visits(mem.From("ann"))
	job.Checkpoint.Store = filepath.Join(dir, "store")
	job.Restore.From = place
	if err := job.Run(background); err != nil {
		panic(err)
	}
	// Output: ann was here 42 times
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "snapshot")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	place, err := bootstrapped(dir)
	if err != nil {
		panic(err)
	}
	snap, err := snapshot.Open(place)
	if err != nil {
		panic(err)
	}
	for _, s := range snap.States() {
		fmt.Printf("%s/%s: a %s of %s by %s, %d entries\n", s.Operator, s.Name, s.Kind, s.Type, s.Key, s.Entries)
	}
	for customer, n := range snap.Values[string, int64]("count", "n") {
		fmt.Println(customer, n)
	}
	if err := snap.Err(); err != nil {
		panic(err)
	}
	// Unordered output:
	// count/n: a value of int64 by string, 2 entries
	// ann 41
	// bob 7
}

// A savepoint is made to fit a job whose keys are of another type, and whose max parallelism is larger.
func ExampleRewrite() {
	dir, err := os.MkdirTemp("", "snapshot")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	place, err := bootstrapped(dir)
	if err != nil {
		panic(err)
	}
	old, err := snapshot.Open(place)
	if err != nil {
		panic(err)
	}
	numbers := map[string]int32{"ann": 1, "bob": 2}
	w, err := snapshot.Rewrite(filepath.Join(dir, "rewritten"), old)
	if err != nil {
		panic(err)
	}
	w.RewriteKeys("count", func(name string) int32 { return numbers[name] })
	w.MaxParallelism(256)
	if err := w.Commit(); err != nil {
		panic(err)
	}
	rewritten, err := snapshot.Open(filepath.Join(dir, "rewritten"))
	if err != nil {
		panic(err)
	}
	for number, n := range rewritten.Values[int32, int64]("count", "n") {
		fmt.Println(number, n)
	}
	fmt.Println(rewritten.MaxParallelism(), "key groups", rewritten.Err())
	// Unordered output:
	// 1 41
	// 2 7
	// 256 key groups <nil>
}
