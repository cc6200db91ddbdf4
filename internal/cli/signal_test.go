//go:build unix

package cli_test

import (
	"bufio"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A signal stops a job that would run for ever, and is what the process then ends by, for its parent to see.
func TestSignalStops(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		job := exec.Command("endless", "run")
		var problems strings.Builder
		job.Stderr = &problems
		out, err := job.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() || lines.Text() != "0" {
			t.Fatalf("the job's first line is %q, %v; it says %s", lines.Text(), lines.Err(), problems.String())
		}
		if err := job.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // all that it writes, or else it may wait for the pipe
		}
		err = job.Wait()
		if status := job.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != signal || problems.Len() > 0 {
			t.Errorf("%v: the job ended with %v, and says %q", signal, err, problems.String())
		}
	}
}
