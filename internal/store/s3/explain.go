package s3

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"leat.dev/leat/internal/store"
)

// explain has an error name the store, and say what to do about it.
func (s *Store) explain(what, name string, err error) error {
	return fmt.Errorf("%v: %s %s: %w%s", s, what, name, err, s.client.advice(err))
}

// The advice for what the server answers, by its code.
var adviceOf = map[string]string{
	"NoSuchBucket":                 "make the bucket, or name another; region and endpoint decide where it is looked for",
	"AccessDenied":                 permissions,
	"AllAccessDisabled":            permissions,
	"Forbidden":                    permissions,
	"InvalidAccessKeyId":           credentialsAdvice,
	"SignatureDoesNotMatch":        credentialsAdvice,
	"InvalidToken":                 credentialsAdvice,
	"ExpiredToken":                 credentialsAdvice,
	"ExpiredTokenException":        credentialsAdvice,
	"RequestTimeTooSkewed":         "set this machine's clock: it is too far from the server's",
	"AuthorizationHeaderMalformed": regionAdvice,
	"PermanentRedirect":            regionAdvice,
	"InvalidRegion":                regionAdvice,
	"IllegalLocationConstraint":    regionAdvice,
	"QuotaExceeded":                roomAdvice,
	"InsufficientStorage":          roomAdvice,
	"XMinioStorageFull":            roomAdvice,
	"EntityTooLarge":               "give the store larger parts (part=64MiB)",
}

const (
	permissions = "who this runs as needs to get, put and delete objects, list the bucket, and list and abort multipart uploads " +
		"(s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket, s3:ListBucketMultipartUploads, s3:ListMultipartUploadParts, " +
		"s3:AbortMultipartUpload) below the prefix; are these the right credentials?"
	credentialsAdvice = "look at the credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile, and that " +
		"they are of this endpoint"
	regionAdvice = "say the bucket's region (AWS_REGION, or region=… in the place)"
	roomAdvice   = "make room in the bucket (old savepoints take some), or keep snapshots elsewhere"
)

// advice is what to do about an error, behind a colon.
func (c *client) advice(err error) string {
	if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) {
		return ""
	}
	if answer, ok := answered(err); ok {
		advice := adviceOf[answer.Code]
		switch {
		case advice != "":
		case answer.StatusCode == http.StatusForbidden:
			advice = permissions
		case answer.StatusCode == http.StatusMovedPermanently:
			advice = regionAdvice
		case answer.StatusCode == http.StatusInsufficientStorage:
			advice = roomAdvice
		}
		if advice == "" {
			return ""
		}
		return ": " + advice
	}
	var certificate *tls.CertificateVerificationError
	var network *net.OpError
	var lookup *net.DNSError
	switch {
	case errors.As(err, &certificate):
		return ": the server's certificate is none that this machine trusts: SSL_CERT_FILE names a file with others"
	case isPlainHTTP(err):
		return ": the server speaks no TLS: the endpoint begins with http:// then"
	case errors.As(err, &lookup), errors.As(err, &network) && network.Op == "dial":
		return ": does the server run, and is " + c.endpoint + " its endpoint (AWS_ENDPOINT_URL, or endpoint=… in the place)?"
	}
	return ""
}

// isPlainHTTP is whether a server was spoken to by TLS that has none. The standard library has no type for it.
func isPlainHTTP(err error) bool {
	return err != nil && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}
