package s3

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"leat.dev/leat/internal/store"
)

// config is what a place and the environment say of a bucket.
type config struct {
	endpoint string // a URL with scheme and host
	bucket   string
	region   string // "": the server is asked
	profile  string // of the files with credentials; "": the environment decides
	style    string // of URLs: "path", "host", or "" for what the endpoint suggests
	up, down int64  // bytes a second; 0: no limit
	part     int64  // bytes
	retry    time.Duration
}

const (
	amazon = "https://s3.amazonaws.com"
	// defaultPart bounds the memory of a writer, which holds two, and with mostParts the size of a piece: 78 GiB.
	defaultPart = 8 << 20
	leastPart   = 5 << 20 // S3's own bounds
	mostPart    = 5 << 30
	mostParts   = 10_000
	// defaultRetry is for how long what fails is tried again: longer than a server takes to start again.
	defaultRetry = time.Minute
	// leastLimit is a bandwidth at which a request still comes to its end.
	leastLimit = 64 << 10
)

// settings are what a place may say behind its question mark.
var settings = map[string]func(c *config, value string) error{
	"endpoint":       (*config).setEndpoint,
	"region":         func(c *config, v string) error { c.region = v; return nil },
	"profile":        func(c *config, v string) error { c.profile = v; return nil },
	"style":          (*config).setStyle,
	"limit":          func(c *config, v string) error { return errors.Join(setLimit(&c.up, v), setLimit(&c.down, v)) },
	"upload-limit":   func(c *config, v string) error { return setLimit(&c.up, v) },
	"download-limit": func(c *config, v string) error { return setLimit(&c.down, v) },
	"part":           (*config).setPart,
	"retry":          (*config).setRetry,
}

// settingNames are in the order in which they apply: limit before those of one direction.
var settingNames = []string{"endpoint", "region", "profile", "style", "limit", "upload-limit", "download-limit", "part", "retry"}

// parse takes a place apart. Its errors have no value of a setting but those of known ones: somebody may have written a secret.
func parse(place string) (config, string, error) {
	whole, query := store.CutSettings(place)
	rest, ok := strings.CutPrefix(whole[len("s3:"):], "//")
	if !ok {
		return config{}, "", errors.New("store s3: a place in object storage has two slashes, as s3://bucket/prefix")
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	if strings.Contains(bucket, "@") {
		return config{}, "", errors.New("store s3: a place has no credentials: give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, " +
			"or in a profile")
	}
	fail := func(err error) (config, string, error) {
		return config{}, "", fmt.Errorf("store s3://%s: %w", strings.TrimSuffix(rest, "/"), err)
	}
	if err := s3utils.CheckValidBucketName(bucket); err != nil {
		return fail(fmt.Errorf("a place in object storage begins with a bucket's name: %w", err))
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		if err := store.CheckName(prefix); err != nil {
			return fail(err)
		}
		prefix += "/"
	}
	c, err := environment()
	if err != nil {
		return fail(err)
	}
	c.bucket, c.part, c.retry = bucket, defaultPart, defaultRetry
	if err := c.set(strings.TrimPrefix(query, "?")); err != nil {
		return fail(err)
	}
	return c, prefix, nil
}

// environment is what Amazon's variables say.
func environment() (config, error) {
	c := config{endpoint: amazon, region: cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))}
	for _, variable := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"} {
		if text := os.Getenv(variable); text != "" {
			if err := c.setEndpoint(text); err != nil {
				return c, fmt.Errorf("%s: %w", variable, err)
			}
			break
		}
	}
	return c, nil
}

// set applies settings.
func (c *config) set(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("its settings are not of the form name=value&name=value")
	}
	for name, all := range values {
		if settings[name] == nil {
			return fmt.Errorf("there is no setting %q: there are %s", name, strings.Join(settingNames, ", "))
		}
		if len(all) > 1 {
			return fmt.Errorf("setting %s is there %d times", name, len(all))
		}
	}
	for _, name := range settingNames {
		if !values.Has(name) {
			continue
		}
		if err := settings[name](c, values.Get(name)); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	return nil
}

func (c *config) setEndpoint(text string) error {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("an endpoint is a URL of a scheme and a host, as https://s3.example.com or http://127.0.0.1:9000")
	}
	c.endpoint = u.Scheme + "://" + u.Host
	return nil
}

func (c *config) setStyle(text string) error {
	if !slices.Contains([]string{"path", "host"}, text) {
		return errors.New("it is path (https://endpoint/bucket) or host (https://bucket.endpoint)")
	}
	c.style = text
	return nil
}

func setLimit(to *int64, text string) error {
	n, err := parseBytes(text)
	if err != nil || n < leastLimit {
		return errors.New("want bytes a second, 64KiB at least, such as 50MB")
	}
	*to = n
	return nil
}

func (c *config) setPart(text string) error {
	n, err := parseBytes(text)
	if err != nil || n < leastPart || n > mostPart {
		return errors.New("want a size from 5MiB to 5GiB, such as 16MiB")
	}
	c.part = n
	return nil
}

func (c *config) setRetry(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errors.New("want a duration such as 30s")
	}
	c.retry = d
	return nil
}

var units = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// parseBytes reads a size with a unit, as command lines have it.
func parseBytes(text string) (int64, error) {
	unit := 1.0
	for _, u := range units {
		if n := len(text) - len(u.name); n > 0 && strings.EqualFold(text[n:], u.name) {
			text, unit = text[:n], u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if bytes := v * unit; err == nil && bytes >= 1 && bytes < math.MaxInt64 {
		return int64(bytes), nil
	}
	return 0, errors.New("no size")
}

// name is how errors and logs call a prefix of the bucket.
func (c *config) name(prefix string) string {
	name := "s3://" + strings.TrimSuffix(c.bucket+"/"+prefix, "/")
	if c.endpoint != amazon {
		name += " at " + c.endpoint
	}
	return name
}
