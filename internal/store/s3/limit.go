package s3

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// limiter spreads bytes over time. All requests of a client in one direction share one; nil limits nothing.
type limiter struct {
	perSecond int64

	mu   sync.Mutex // guards next
	next time.Time  // when the bytes that were let through so far have had their time
}

func newLimiter(perSecond int64) *limiter {
	if perSecond == 0 {
		return nil
	}
	return &limiter{perSecond: perSecond}
}

// burst is how much of the past that nobody used may be made up for.
const burst = 100 * time.Millisecond

// reserve says how long n bytes have to wait.
func (l *limiter) reserve(now time.Time, n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if earliest := now.Add(-burst); l.next.Before(earliest) {
		l.next = earliest
	}
	l.next = l.next.Add(time.Duration(float64(n) / float64(l.perSecond) * float64(time.Second)))
	return l.next.Sub(now)
}

// wait lets n bytes through.
func (l *limiter) wait(ctx context.Context, n int) error {
	if l == nil || n == 0 {
		return nil
	}
	return sleep(ctx, l.reserve(time.Now(), n))
}

// sleep waits, if d is positive.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// chunkBytes is how much of a body moves between two looks at limit and watchdog.
const chunkBytes = 32 << 10

// received is what a request receives: within the limit, and with the watchdog held back as long as something moves.
type received struct {
	attempt
	from  io.Reader
	limit *limiter
}

func (r *received) Read(to []byte) (int, error) {
	n, err := r.from.Read(to[:min(len(to), chunkBytes)])
	if moved := r.moved(r.limit, n); moved != nil {
		return n, moved
	}
	return n, err
}

// moved holds the watchdog back, and waits for the limit.
func (a attempt) moved(limit *limiter, n int) error {
	a.dog.rest()
	if err := limit.wait(a.ctx, n); err != nil {
		return err
	}
	a.dog.wake()
	return nil
}

// sent is what a request sends, likewise. The HTTP client may read on when the request has ended, and the memory is somebody else's then:
// so it reads nothing any more after end.
type sent struct {
	attempt
	limit *limiter

	mu   sync.Mutex // guards rest, and the memory that it is of
	rest []byte
	done bool
}

func (s *sent) Read(to []byte) (int, error) {
	s.mu.Lock()
	n := copy(to[:min(len(to), chunkBytes)], s.rest)
	s.rest = s.rest[n:]
	ended := s.done
	s.mu.Unlock()
	switch {
	case ended:
		return 0, errEnded
	case n == 0:
		return 0, io.EOF
	}
	return n, s.moved(s.limit, n)
}

func (s *sent) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest, s.done = nil, true
}

var errEnded = errors.New("the request has ended")

// watchdog cancels a request in which nothing moves.
type watchdog struct {
	timer *time.Timer
	after time.Duration
}

func newWatchdog(after time.Duration, bite func()) *watchdog {
	return &watchdog{time.AfterFunc(after, bite), after}
}

// rest keeps it from biting until wake.
func (w *watchdog) rest() { w.timer.Stop() }

// wake begins its time anew.
func (w *watchdog) wake() { w.timer.Reset(w.after) }
