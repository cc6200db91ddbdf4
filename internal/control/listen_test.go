package control

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// leaveStale leaves what a killed process leaves: a socket that nobody listens at, and a lock file that nobody locks.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := os.WriteFile(strings.TrimSuffix(path, suffix)+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(ownRuntime(t), "fraud.sock")
	leaveStale(t, path)
	if all, _, err := Find(t.Context(), "fraud"); len(all) > 0 || err != nil {
		t.Errorf("a dead process is found: %v, %v", all, err)
	}
	if s := serve(t, newFake("fraud"), ""); s.Path() != path {
		t.Error(s.Path())
	}
	foundOne(t, "fraud")
}

func TestTwoProcesses(t *testing.T) {
	folder := ownRuntime(t)
	first := serve(t, newFake("fraud"), "")
	other := serve(t, newFake("fraud"), "")
	if want := filepath.Join(folder, "fraud,"+strconv.Itoa(os.Getpid())+".sock"); other.Path() != want {
		t.Errorf("the second is at %s, want %s", other.Path(), want)
	}
	if all, _, err := Find(t.Context(), "fraud"); len(all) != 2 || err != nil {
		t.Errorf("found %v, %v", all, err)
	}
	first.Close()
	if found := foundOne(t, "fraud"); found.Client.Path() != other.Path() {
		t.Error(found.Client.Path())
	}
	if third := serve(t, newFake("fraud"), ""); third.Path() != first.Path() {
		t.Errorf("the third is at %s", third.Path())
	}
}

// A cleaner of temporary files that removes the lock file does not make a living process a dead one.
func TestLockFileIsLost(t *testing.T) {
	ownRuntime(t)
	first := serve(t, newFake("fraud"), "")
	if err := os.Remove(strings.TrimSuffix(first.Path(), suffix) + ".lock"); err != nil {
		t.Skip("this system keeps it:", err)
	}
	if other := serve(t, newFake("fraud"), ""); other.Path() == first.Path() {
		t.Error("the second has taken the first one's socket")
	}
	if err := NewClient(first.Path()).call(t.Context(), "GET", pathJob, nil, new(Status)); err != nil {
		t.Error(err)
	}
}

// Of processes that start and end at once, never do two have the name.
func TestRaceForTheName(t *testing.T) {
	path := filepath.Join(ownRuntime(t), "fraud.sock")
	leaveStale(t, path)
	var holders, won atomic.Int32
	var racing sync.WaitGroup
	for range 8 {
		racing.Go(func() {
			for range 20 {
				s, err := open(path)
				if err == nil {
					if holders.Add(1) != 1 {
						t.Error("two have the name")
					}
					won.Add(1)
					holders.Add(-1)
					s.withdraw()
				} else if !errors.Is(err, errTaken) {
					t.Error(err)
				}
			}
		})
	}
	racing.Wait()
	if won.Load() == 0 {
		t.Error("nobody has got the name")
	}
}

func TestGivenPath(t *testing.T) {
	folder := filepath.Dir(ownRuntime(t))
	path := filepath.Join(folder, "my.sock")
	serve(t, newFake("fraud"), path)
	if _, err := Serve("fraud", newFake("fraud"), path); !errors.Is(err, errTaken) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	mine := filepath.Join(folder, "letter")
	if err := os.WriteFile(mine, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Serve("fraud", newFake("fraud"), mine); err == nil || !strings.Contains(err.Error(), "there is a file that is no socket") {
		t.Error(err)
	}
	if text, _ := os.ReadFile(mine); string(text) != "dear" {
		t.Error("the file is gone")
	}
	long := filepath.Join(folder, strings.Repeat("x", maxPath))
	if _, err := Serve("fraud", newFake("fraud"), long); err == nil || !strings.Contains(err.Error(), "has 103 bytes at most") {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for job, want := range map[string]string{"fraud": "fraud", "a/b,1": "a%2Fb%2C1", "Übung 2": "%C3%9Cbung%202", "..": ".."} {
		if got, err := fileName("/run/user/1000/leat", job); got != want || err != nil {
			t.Errorf("%s: got %s, %v", job, got, err)
		}
	}
	long := strings.Repeat("long", 30)
	one, err := fileName("/run/user/1000/leat", long+"1")
	two, err2 := fileName("/run/user/1000/leat", long+"2")
	if one == two || !strings.HasPrefix(one, "longlong") || err != nil || err2 != nil {
		t.Errorf("%s, %s, %v, %v", one, two, err, err2)
	}
	if path := filepath.Join("/run/user/1000/leat", second(one, 4294967295)+suffix); len(path) > maxPath {
		t.Errorf("%s has %d bytes", path, len(path))
	}
	if _, err := fileName(strings.Repeat("/deep", 20), "a long name"); err == nil || !strings.Contains(err.Error(), "leaves no room") {
		t.Error(err)
	}
}

// A long name of a job is no hindrance, and two of them do not meet.
func TestLongNames(t *testing.T) {
	ownRuntime(t)
	long := strings.Repeat("very long ", 30)
	serve(t, newFake(long+"one"), "")
	two := serve(t, newFake(long+"two"), "")
	if found := foundOne(t, long+"two"); found.Client.Path() != two.Path() {
		t.Error(found.Client.Path())
	}
}

func TestIsSocketOf(t *testing.T) {
	for file, want := range map[string]bool{
		"fraud.sock": true, "fraud,12.sock": true, "fraud,habc.sock": false, "fraud,.sock": false, "fraud.lock": false,
		"frauds.sock": false, "fraud": false, "fraud12.sock": false,
	} {
		if isSocketOf(file, "fraud") != want {
			t.Error(file)
		}
	}
}

// A folder of another system's case rules may have one file for two jobs: the job that answers decides.
func TestFoundIsTheJob(t *testing.T) {
	folder := ownRuntime(t)
	if err := makePrivate(folder); err != nil {
		t.Fatal(err)
	}
	serve(t, newFake("FRAUD"), filepath.Join(folder, "fraud.sock"))
	if all, _, err := Find(t.Context(), "fraud"); len(all) > 0 || err != nil {
		t.Errorf("found %v, %v", all, err)
	}
}
