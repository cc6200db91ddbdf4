// Package failpoint kills the process at a named step of what must survive it, so that a test can have the real binary die
// there:
//
//	LEAT_FAILPOINT=manifest/after=3 flights run --store …
//
// dies by SIGKILL when it comes to that step for the third time. Without the variable a point costs a branch. No point lies on
// the path of single records.
package failpoint

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Variable is the environment variable that arms a point: its name, "=", and the number of the hit that kills, from 1.
const Variable = "LEAT_FAILPOINT"

// armed is the point that kills, nil if none does. It is set before main begins, and not changed.
var armed *fuse

type fuse struct {
	point Point
	left  atomic.Int64 // hits before the one that kills, and that one
}

func init() {
	var err error
	if armed, err = parse(os.Getenv(Variable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// Hit kills the process if the environment asks for it at this point. It may be called from any goroutine.
func Hit(p Point) {
	if armed != nil {
		armed.hit(p)
	}
}

func (f *fuse) hit(p Point) {
	if p == f.point && f.left.Add(-1) == 0 {
		die()
	}
}

// die kills the process as from outside: no deferred call runs, nothing is flushed. It does not return.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(fmt.Sprintf("%s: the process can't kill itself: %v", Variable, err))
	}
	for {
		time.Sleep(time.Hour) // the signal is on its way
	}
}

// parse reads the variable.
func parse(text string) (*fuse, error) {
	if text == "" {
		return nil, nil
	}
	name, count, _ := strings.Cut(text, "=")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%s=%s: want NAME=N, the N-th hit of a point, from 1", Variable, text)
	}
	if !slices.Contains(All(), Point(name)) {
		return nil, fmt.Errorf("%s=%s: there is no point %q; there are:\n  %s", Variable, text, name, strings.Join(names(), "\n  "))
	}
	f := &fuse{point: Point(name)}
	f.left.Store(n)
	return f, nil
}

func names() []string {
	var all []string
	for _, p := range All() {
		all = append(all, string(p))
	}
	return all
}
