package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"leat.dev/leat"
)

// crashVariable asks the test binary to be the job, so that it can be killed.
const crashVariable = "FLIGHTS_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashVariable); dir != "" {
		if err := crashing(dir).Run(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// crashing is the job with exactly-once sinks and a checkpoint every few milliseconds.
func crashing(dir string) *leat.Job {
	job := Flights("data/flights.csv.zst", dir+"/out", leat.ExactlyOnce())
	job.Parallelism, _ = strconv.Atoi(os.Getenv("FLIGHTS_CRASH_PARALLELISM"))
	job.Checkpoint = leat.Checkpoint{Store: dir + "/store", Every: 30 * time.Millisecond}
	return job
}

// TestKilled kills the job again and again, each time restarts it at another parallelism, and compares what it has
// committed in the end with the oracle: nothing lost, nothing twice. It is for make crash: with the race detector it takes long.
func TestKilled(t *testing.T) {
	dir, r := t.TempDir(), rand.New(rand.NewPCG(1, 1))
	kills, most := 0, 12
	if testing.Short() {
		t.Skip("make crash does it")
	}
	for {
		killed := runAndKill(t, dir, 1+r.IntN(4), time.Duration(100+r.IntN(1000))*time.Millisecond, kills < most)
		if !killed {
			break
		}
		kills++
	}
	compareCommitted(t, dir+"/out")
	t.Logf("%d kills", kills)
}

// TestCommitted compares what a job has committed that somebody else has killed.
func TestCommitted(t *testing.T) {
	dir := os.Getenv("FLIGHTS_CRASH_COMMITTED")
	if dir == "" {
		t.Skip("FLIGHTS_CRASH_COMMITTED names no folder")
	}
	compareCommitted(t, dir+"/out")
}

func compareCommitted(t *testing.T, out string) {
	t.Helper()
	flights := readFlights(t)
	compare(t, "delays", written(t, out, "delays", true), oracleHours(flights))
	compare(t, "worst", rounded(t, written(t, out, "worst", false)), rounded(t, lines(oracleRankings(flights))))
	compare(t, "rotations", written(t, out, "rotations", false), lines(oracleRotations(flights)))
	compare(t, "alerts", written(t, out, "alerts", false), lines(oracleAlerts(flights)))
}

// runAndKill runs the job in a process of its own, and kills it after a time if asked to and it still runs then.
func runAndKill(t *testing.T, dir string, parallelism int, after time.Duration, kill bool) (killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashVariable+"="+dir, fmt.Sprintf("FLIGHTS_CRASH_PARALLELISM=%d", parallelism))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if kill {
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	err := cmd.Wait()
	if err == nil {
		return false
	}
	if !cmd.ProcessState.Exited() {
		return true
	}
	t.Fatal(err)
	return false
}
