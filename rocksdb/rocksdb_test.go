package rocksdb

import (
	"fmt"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/internal/backend/lsm"
	"leat.dev/leat/internal/backend/lsm/lsmtest"
	"leat.dev/leat/leattest"
)

func TestSuite(t *testing.T) {
	lsmtest.Run(t, func(dir string) *lsm.Home {
		return Backend{Dir: dir, CacheBytes: 1 << 20, MemtableBytes: 64 << 10}.home()
	})
}

type visit struct {
	User string
	At   time.Time
	Page int
}

func (v visit) UserID() string  { return v.User }
func (v visit) When() time.Time { return v.At }

// TestEveryWay has a job with more keys than it may keep in memory put out the same however it runs, killed and restored included.
func TestEveryWay(t *testing.T) {
	backend := Backend{Dir: t.TempDir(), BudgetBytes: 1, CacheBytes: 1 << 20, MemtableBytes: 64 << 10}
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var visits []visit
	for n := range 6000 {
		visits = append(visits, visit{fmt.Sprint("user ", n*n%2003), noon.Add(time.Duration(n) * time.Second), n % 7})
	}
	job := func() *leat.Job {
		job := leat.NewJob("visits")
		job.Backend = backend
		job.From("visits", mem.From[visit]()).EventTime(visit.When, 0).KeyBy(visit.UserID).
			Process("count", func(op *leat.Operator[string, string]) func(visit) error {
				count, pages := op.Value[int]("count"), op.Map[int, int]("pages")
				return func(v visit) error {
					count.Set(count.Get() + 1)
					pages.Set(v.Page, pages.Get(v.Page)+1)
					op.Emit(fmt.Sprint(v.User, " ", count.Get(), " ", v.Page, " ", pages.Get(v.Page)))
					return nil
				}
			}).
			To("out", mem.Into(new([]string)))
		return job
	}
	leattest.EveryWay(t, job, leattest.Records("visits", visits...))
}
