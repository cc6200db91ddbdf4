package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// The example is killed as the generated jobs are. Its test binary is the job when FLIGHTS_CRASH_DIR names a folder, and has the
// oracle, a test that looks at the folder FLIGHTS_CRASH_COMMITTED.
type flights struct{ root, dir, binary string }

// newFlights builds the example's test binary; root is the repository.
func newFlights(root, dir string) (*flights, error) {
	f := &flights{root: filepath.Join(root, "examples", "flights"), dir: dir, binary: filepath.Join(dir, "flights.test")}
	build := exec.Command("go", "test", "-c", "-o", f.binary, ".")
	build.Dir = f.root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the example's tests (run this in the repository): %w\n%s", err, out)
	}
	return f, nil
}

func (f *flights) subject() *subject {
	return &subject{
		name: "flights", dir: f.dir, instant: 300 * time.Millisecond, command: f.command, check: f.check,
		failure: func() error { return nil },
	}
}

func (f *flights) command(r *rand.Rand, _ bool, _ order) (*exec.Cmd, error) {
	cmd := exec.Command(f.binary)
	cmd.Dir = f.root
	cmd.Env = append(os.Environ(), "FLIGHTS_CRASH_DIR="+f.dir, fmt.Sprintf("FLIGHTS_CRASH_PARALLELISM=%d", 1+r.IntN(4)))
	return cmd, nil
}

var equalLines = regexp.MustCompile(`: (\d+) lines are equal`)

// check has the oracle look at what is committed.
func (f *flights) check() (compared, lost, doubled int, err error) {
	cmd := exec.Command(f.binary, "-test.run", "^TestCommitted$", "-test.v")
	cmd.Dir = f.root
	cmd.Env = append(os.Environ(), "FLIGHTS_CRASH_COMMITTED="+f.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, 0, fmt.Errorf("%w\n%s", err, out)
	}
	for _, found := range equalLines.FindAllSubmatch(out, -1) {
		n, err := strconv.Atoi(string(found[1]))
		if err != nil {
			return 0, 0, 0, err
		}
		compared += n
	}
	if compared == 0 {
		return 0, 0, 0, fmt.Errorf("the oracle has compared nothing:\n%s", out)
	}
	return compared, 0, 0, nil
}
