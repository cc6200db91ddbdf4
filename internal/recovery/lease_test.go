package recovery

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/store"
)

const leaseLength = 8 * time.Second

// cut is a store that can't be reached while it is cut off.
type cut struct {
	store.Store
	off atomic.Bool
}

var errCut = errors.New("the network is down")

func (c *cut) Put(ctx context.Context, name string, data []byte) error {
	if c.off.Load() {
		return errCut
	}
	return c.Store.Put(ctx, name, data)
}

func (c *cut) Open(ctx context.Context, name string) (store.Piece, error) {
	if c.off.Load() {
		<-ctx.Done() // it hangs
		return nil, context.Cause(ctx)
	}
	return c.Store.Open(ctx, name)
}

// holder claims a job and keeps its lease; lost has what it was told and after how long.
type holder struct {
	*lease
	lost chan error
}

func newHolder(t *testing.T, s store.Store) *holder {
	t.Helper()
	epoch, err := checkpoint.Claim(t.Context(), s, "job", 0)
	if err != nil {
		t.Fatal(err)
	}
	l, err := hold(t.Context(), s, "job", epoch, leaseLength, clock.Wall{})
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{l, make(chan error, 1)}
	go l.keep(func(err error) { h.lost <- err })
	return h
}

// wait is how long a standby waits.
func wait(t *testing.T, s store.Store) time.Duration {
	t.Helper()
	began := time.Now()
	if err := standBy(t.Context(), s, "job", leaseLength, clock.Wall{}); err != nil {
		t.Error(err)
	}
	return time.Since(began)
}

// A standby waits as long as there are signs of life, takes over a lease after the last, and at once if there are none or if
// the lease was given back.
func TestStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory()
		if took := wait(t, s); took != 0 {
			t.Errorf("nobody has the lease: %v", took)
		}
		h := newHolder(t, s)
		time.AfterFunc(time.Minute, h.end) // the process dies
		if took := wait(t, s); took < time.Minute+leaseLength*3/4 || took > time.Minute+leaseLength*5/4 {
			t.Errorf("its holder died after a minute: %v", took)
		}
		h = newHolder(t, s)
		time.AfterFunc(time.Minute, func() { h.end(); h.release(t.Context()) })
		if took := wait(t, s); took < time.Minute || took > time.Minute+leaseLength/8 {
			t.Errorf("it was given back after a minute: %v", took)
		}
	})
}

// A holder that can't reach the store stops before a standby that can takes over, and says that it holds the lease no longer
// before that, also when it hangs in a call.
func TestLeaseIsLostInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := store.NewMemory()
		s := &cut{Store: mem}
		h := newHolder(t, s)
		time.AfterFunc(time.Minute, func() { s.off.Store(true) })
		lost := make(chan time.Time, 1)
		go func() {
			if err := <-h.lost; !errors.Is(err, errLease) {
				t.Errorf("lost with %v", err)
			}
			if h.held() == nil {
				t.Error("it is lost and held")
			}
			lost <- time.Now()
		}()
		wait(t, mem)
		select {
		case at := <-lost:
			if since := time.Since(at); since < leaseLength/8 {
				t.Errorf("lost %v before another took over", since)
			}
		default:
			t.Error("another took over, and it was not lost")
		}
	})
}

// A process that was halted holds its lease no longer when it comes back, before it has looked at anything.
func TestLeaseAfterHalt(t *testing.T) {
	s := store.NewMemory()
	c := clock.NewManual(time.Unix(0, 0))
	l, err := hold(t.Context(), s, "job", 1, leaseLength, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.held(); err != nil {
		t.Error(err)
	}
	c.Advance(leaseLength)
	if err := l.held(); !errors.Is(err, errLease) {
		t.Errorf("held after a lease without a sign: %v", err)
	}
}

// A holder hears at its next sign of life that another process has claimed the job.
func TestLeaseIsClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory()
		h := newHolder(t, s)
		other := newHolder(t, s)
		if err := <-h.lost; !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("lost with %v", err)
		}
		synctest.Wait() // the other's sign of the same instant is given
		other.end()
		if names, err := s.List(t.Context(), "job/lease/"); err != nil || len(names) != 1 {
			t.Errorf("signs of life %v, %v", names, err)
		}
		other.release(t.Context())
		if names, err := s.List(t.Context(), "job/lease/"); err != nil || len(names) != 0 {
			t.Errorf("signs of life %v, %v", names, err)
		}
	})
}

// Whoever can't see the lease does not take over.
func TestStandbyCannotSee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &blind{Store: store.NewMemory()}
		s.until = time.Now().Add(time.Minute)
		if took := wait(t, s); took < time.Minute {
			t.Errorf("took over after %v", took)
		}
	})
}

// blind is a store that lists nothing for some time.
type blind struct {
	store.Store
	until time.Time
}

func (b *blind) List(ctx context.Context, prefix string) ([]string, error) {
	if time.Now().Before(b.until) {
		return nil, errCut
	}
	return b.Store.List(ctx, prefix)
}
