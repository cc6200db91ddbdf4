package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"

	"leat.dev/leat/internal/store"
)

const (
	// firstPause is between the first two tries, at most; each pause is up to twice the one before it, and up to longestPause.
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	// stallAfter is for how long nothing of a request may move; completing an upload, which some servers copy for, has more.
	stallAfter         = 30 * time.Second
	stallAfterComplete = 5 * time.Minute
)

var errStalled = errors.New("nothing has moved for too long")

// attempt is one try of a request.
type attempt struct {
	ctx context.Context
	dog *watchdog
}

// try tries something until it is done, until it fails in a way that another try can't mend, or until no time is left for another one.
func (c *client) try(ctx context.Context, do func(attempt) error) error {
	return c.tryFor(ctx, c.stall, do)
}

func (c *client) tryFor(ctx context.Context, stall time.Duration, do func(attempt) error) error {
	began := c.now()
	for n := 0; ; n++ {
		err := once(ctx, stall, do)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !transient(err):
			return err
		}
		pause := c.pause(n)
		if spent := c.now().Sub(began); spent+pause > c.retry {
			return fmt.Errorf("%w: it failed %d times in %v, the last time: %w", store.ErrUnavailable, n+1, spent.Round(time.Millisecond), err)
		}
		if err := c.sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// once does something under a watchdog.
func once(ctx context.Context, stall time.Duration, do func(attempt) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := attempt{ctx, newWatchdog(stall, func() { cancel(errStalled) })}
	defer a.dog.rest()
	err := do(a)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// pause is how long to wait after so many failures and one: a random part, so that many who failed together don't come back together.
func (c *client) pause(n int) time.Duration {
	most := min(firstPause<<min(n, 10), longestPause)
	return most/4 + time.Duration(c.random()*float64(most)*3/4)
}

// The codes and statuses of answers that another try may not get.
var (
	transientCodes = []string{
		"InternalError", "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "RequestTimeout", "Throttling",
		"ThrottlingException", "RequestLimitExceeded", "RequestThrottled", "OperationAborted", "ConditionalRequestConflict",
		"BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch",
	}
	transientStatuses = []int{
		http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 499, 520, 521, 522, 523, 524,
	}
)

// transient says whether what went wrong may go well when it is tried again. What the server has not answered counts as such: it
// may be starting again.
func transient(err error) bool {
	if errors.Is(err, errFinal) || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) {
		return false
	}
	if answer, ok := answered(err); ok {
		return slices.Contains(transientCodes, answer.Code) || slices.Contains(transientStatuses, answer.StatusCode)
	}
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var certificate *tls.CertificateVerificationError
	return !errors.As(err, &unknown) && !errors.As(err, &host) && !errors.As(err, &certificate) && !isPlainHTTP(err)
}

// errFinal is in errors that another try can't mend.
var errFinal = errors.New("object storage can't be used so")

// answered is what the server has said, if it has.
func answered(err error) (minio.ErrorResponse, bool) {
	var answer minio.ErrorResponse
	ok := errors.As(err, &answer)
	return answer, ok
}

// says is whether the server has answered with a status.
func says(err error, status int) bool {
	answer, ok := answered(err)
	return ok && answer.StatusCode == status
}
