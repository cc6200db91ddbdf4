package s3

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/internal/store"
)

// bare has an environment without anything of Amazon's.
func bare(t *testing.T) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
}

func TestParse(t *testing.T) {
	bare(t)
	usual := config{endpoint: amazon, bucket: "bucket", part: defaultPart, retry: defaultRetry}
	with := func(change func(*config)) config { c := usual; change(&c); return c }
	for place, want := range map[string]struct {
		config config
		prefix string
	}{
		"s3://bucket":                              {usual, ""},
		"s3://bucket/":                             {usual, ""},
		"S3://bucket/a b/%41/":                     {usual, "a b/%41/"},
		"s3://bucket?region=x":                     {with(func(c *config) { c.region = "x" }), ""},
		"s3://bucket/a?profile=ops":                {with(func(c *config) { c.profile = "ops" }), "a/"},
		"s3://bucket/a?endpoint=minio.example.com": {with(func(c *config) { c.endpoint = "https://minio.example.com" }), "a/"},
		"s3://bucket/a?endpoint=http://127.0.0.1:9000/&style=path":  {with(func(c *config) { c.endpoint, c.style = "http://127.0.0.1:9000", "path" }), "a/"},
		"s3://bucket/a?upload-limit=1MiB&limit=50MB&retry=2m":       {with(func(c *config) { c.up, c.down, c.retry = 1<<20, 50e6, 2*time.Minute }), "a/"},
		"s3://bucket/a?part=64MiB&download-limit=100kB":             {with(func(c *config) { c.part, c.down = 64<<20, 100_000 }), "a/"},
		"s3://bucket/a?endpoint=https%3A%2F%2Fs3.example.com%3A444": {with(func(c *config) { c.endpoint = "https://s3.example.com:444" }), "a/"},
	} {
		if c, prefix, err := parse(place); err != nil || c != want.config || prefix != want.prefix {
			t.Errorf("%s: %+v, %q, %v", place, c, prefix, err)
		}
	}
}

func TestParseEnvironment(t *testing.T) {
	bare(t)
	t.Setenv("AWS_DEFAULT_REGION", "eu-west-1")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
	c, _, err := parse("s3://bucket/a")
	if err != nil || c.region != "eu-west-1" || c.endpoint != "http://127.0.0.1:2" {
		t.Errorf("got %+v, %v", c, err)
	}
	c, _, err = parse("s3://bucket/a?region=x&endpoint=https://y")
	if err != nil || c.region != "x" || c.endpoint != "https://y" {
		t.Errorf("got %+v, %v", c, err)
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "ftp://x")
	if _, _, err := parse("s3://bucket/a"); err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL_S3: an endpoint is a URL") {
		t.Errorf("got %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	bare(t)
	for place, want := range map[string]string{
		"s3:bucket/a":                             "two slashes",
		"s3://":                                   "begins with a bucket's name",
		"s3://b/a":                                "begins with a bucket's name",
		"s3://key:HUSH@bucket/a":                  "a place has no credentials",
		"s3://bucket/a//b":                        "no name of a piece",
		"s3://bucket/../b":                        "no name of a piece",
		"s3://bucket/a?secret_key=HUSH":           `there is no setting "secret_key": there are endpoint, region`,
		"s3://bucket/a?%zz=HUSH":                  "not of the form",
		"s3://bucket/a?region=x&region=y":         "setting region is there 2 times",
		"s3://bucket/a?limit=1":                   "setting limit: want bytes a second",
		"s3://bucket/a?limit=fast":                "setting limit: want bytes a second",
		"s3://bucket/a?part=1MiB":                 "setting part: want a size from 5MiB",
		"s3://bucket/a?retry=soon":                "setting retry: want a duration",
		"s3://bucket/a?style=vhost":               "setting style: it is path",
		"s3://bucket/a?endpoint=http://x/y":       "setting endpoint: an endpoint is a URL",
		"s3://bucket/a?endpoint=http://u:HUSH@x/": "setting endpoint: an endpoint is a URL",
	} {
		_, err := store.Locate(place)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "HUSH") {
			t.Errorf("%s: %v, want %s", place, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("s3://bucket/a?limit=50MB&endpoint=http://x")
	f.Fuzz(func(t *testing.T, text string) {
		c, prefix, err := parse("s3:" + text)
		if err == nil && (c.bucket == "" || c.part < leastPart || prefix != "" && !strings.HasSuffix(prefix, "/")) {
			t.Errorf("%q: %+v, %q", text, c, prefix)
		}
	})
}

// Places of one bucket are one store, however they are written, and share what they have of it.
func TestSamePlace(t *testing.T) {
	bare(t)
	locate := func(place string) store.Store {
		s, err := store.Locate(place)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b, other := locate("s3://bucket/a"), locate("s3://bucket/a/?limit=50MB"), locate("s3://bucket/b")
	if !store.Same(a, b) || store.Same(a, other) || a.(*Store).client != other.(*Store).client {
		t.Error("stores are mixed up")
	}
	if fmt.Sprint(a) != "store s3://bucket/a" || fmt.Sprint(locate("s3://bucket?endpoint=http://x:1")) != "store s3://bucket at http://x:1" {
		t.Errorf("stores are called %v", a)
	}
	sp, err := store.Join("s3://bucket/a?region=x", "job-1")
	if err != nil || sp != "s3://bucket/a/job-1?region=x" {
		t.Errorf("joined: %s, %v", sp, err)
	}
}

func TestLongNames(t *testing.T) {
	_, s, _ := ready(t, "")
	name := strings.Repeat("x/", 507) + "x"
	if err := s.Put(t.Context(), name, nil); !errors.Is(err, store.ErrName) || !strings.Contains(err.Error(), "a shorter one") {
		t.Errorf("got %v", err)
	}
}

// Who forgot credentials is told so, and nobody is asked without.
func TestNoCredentials(t *testing.T) {
	server, place := serve(t)
	bare(t)
	for name, value := range map[string]string{
		"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"), "AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"),
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/", // in place of a machine's role
	} {
		t.Setenv(name, value)
	}
	s, pauses := at(t, place+"&region=us-east-1")
	if err := s.Put(t.Context(), "job/a", nil); !errors.Is(err, errNoKeys) || len(*pauses) > 0 || len(server.Asked()) > 0 {
		t.Errorf("got %v", err)
	}
}

func TestProfile(t *testing.T) {
	_, place := serve(t)
	bare(t)
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[ops]\naws_access_key_id = a\naws_secret_access_key = b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	s, _ := at(t, place+"&profile=ops&region=us-east-1")
	if err := s.Put(t.Context(), "job/a", nil); err != nil {
		t.Error(err)
	}
}

func TestLimiter(t *testing.T) {
	l, now := newLimiter(1000), time.Unix(100, 0)
	for i, c := range []struct {
		after time.Duration
		bytes int
		want  time.Duration
	}{
		{0, 100, 0},                       // what the burst has
		{0, 500, 500 * time.Millisecond},  // what it has not
		{0, 500, 1000 * time.Millisecond}, // behind that
		{time.Second, 500, 500 * time.Millisecond},
		{time.Hour, 1100, time.Second}, // an idle hour is no credit beyond the burst
	} {
		now = now.Add(c.after)
		if got := l.reserve(now, c.bytes); got != c.want {
			t.Errorf("%d: wait %v, want %v", i, got, c.want)
		}
	}
	if newLimiter(0).wait(t.Context(), 1<<30) != nil {
		t.Error("no limit limits")
	}
}
