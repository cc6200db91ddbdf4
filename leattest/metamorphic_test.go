package leattest_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"leat.dev/leat"
	"leat.dev/leat/leattest"
)

// generatedJobs is how many jobs the metamorphic test makes; LEAT_JOBS asks for more.
const generatedJobs = 20

// TestGeneratedJobs runs generated jobs every way.
func TestGeneratedJobs(t *testing.T) {
	count := generatedJobs
	if text := os.Getenv("LEAT_JOBS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		count = n
	}
	for seed := range uint64(count) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			job, story := generate(seed)
			t.Log(strings.Join(story, " "))
			given := []leattest.Given{leattest.Records("in-0", records(seed, 150)...)}
			if strings.Contains(planOf(t, job), "in-1") {
				given = append(given, leattest.Records("in-1", records(seed+1000, 120)...))
			}
			leattest.EveryWay(t, func() *leat.Job { job, _ := generate(seed); return job }, given...)
		})
	}
}

func planOf(t *testing.T, job *leat.Job) string {
	t.Helper()
	p, err := job.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return p.String()
}
