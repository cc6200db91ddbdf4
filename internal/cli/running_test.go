//go:build unix

package cli_test

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"leat.dev/leat/internal/control"
	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/store/s3/s3test"
)

// session is a user's session: where sockets are, and a folder to work in.
type session struct {
	t       *testing.T
	folder  string
	sockets string
	env     []string
}

func newSession(t *testing.T) *session {
	folder, err := os.MkdirTemp("", "leat") // shorter than the test's own: socket paths are bounded
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return &session{t, folder, filepath.Join(folder, "leat"), append(os.Environ(), "XDG_RUNTIME_DIR="+folder, "GORACE=atexit_sleep_ms=0")}
}

func (s *session) command(job string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.t.Context(), job, args...)
	cmd.Env, cmd.Dir = s.env, s.folder
	return cmd
}

// process is a job that runs.
type process struct {
	*exec.Cmd
	says   strings.Builder // what it has written to standard error, when it has ended
	output chan struct{}   // closed when standard output has ended
}

// start starts the endless job and waits until it runs.
func (s *session) start(args ...string) *process {
	s.t.Helper()
	return s.startJob("endless", args...)
}

// startJob starts a job that prints without end.
func (s *session) startJob(job string, args ...string) *process {
	s.t.Helper()
	p := &process{Cmd: s.command(job, append([]string{"run"}, args...)...), output: make(chan struct{})}
	p.Stderr = &p.says
	out, err := p.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		p.Wait()
		s.t.Fatalf("no line: %v; it says %s", err, p.says.String())
	}
	go func() { // all that it writes, or else it may wait for the pipe
		defer close(p.output)
		io.Copy(io.Discard, lines)
	}()
	s.t.Cleanup(func() { p.Process.Kill(); p.end() })
	return p
}

// end waits for the process's end, and says what that was.
func (p *process) end() syscall.WaitStatus {
	<-p.output
	p.Wait() // its error is in the status
	return p.ProcessState.Sys().(syscall.WaitStatus)
}

// ask runs a command of the endless job's.
func (s *session) ask(args ...string) (out, problems string, code int) {
	s.t.Helper()
	return s.askJob("endless", args...)
}

// askJob runs a command of a job's.
func (s *session) askJob(job string, args ...string) (out, problems string, code int) {
	s.t.Helper()
	cmd := s.command(job, args...)
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		s.t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

func (s *session) status(args ...string) (status control.Status) {
	s.t.Helper()
	out, problems, code := s.ask(append([]string{"status", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &status); err != nil || code != 0 || problems != "" {
		s.t.Fatalf("code %d: %v: %s%s", code, err, out, problems)
	}
	return status
}

func TestStatusAndStop(t *testing.T) {
	s := newSession(t)
	job := s.start()
	if status := s.status(); status.PID != job.Process.Pid || status.State != control.Running || len(status.Operators) != 2 || status.Out == 0 {
		t.Errorf("%+v", status)
	}
	if out, problems, code := s.ask("status"); code != 0 || problems != "" || !strings.HasPrefix(out, "job endless is running, since ") {
		t.Error(out, problems, code)
	}
	if out, problems, code := s.ask("stop"); out+problems != "" || code != 0 {
		t.Error(out, problems, code)
	}
	if status := job.end(); status.ExitStatus() != 0 {
		t.Errorf("the job ended with %v, and says %s", status, job.says.String())
	}
	if files, _ := os.ReadDir(s.sockets); len(files) > 0 {
		t.Errorf("%v is left", files)
	}
	for _, args := range [][]string{{"status"}, {"stop"}, {"savepoint", "sp"}} {
		out, problems, code := s.ask(args...)
		want := "endless: no job endless runs on this machine as this user: no socket at " + filepath.Join(s.sockets, "endless.sock")
		if out != "" || code != 1 || !strings.HasPrefix(problems, want) {
			t.Errorf("%s: %d %s%s", args, code, out, problems)
		}
	}
}

// What a killed process leaves is no process, and in nobody's way.
func TestStaleSocket(t *testing.T) {
	s := newSession(t)
	killed := s.start()
	killed.Process.Kill()
	killed.end()
	socket := filepath.Join(s.sockets, "endless.sock")
	if _, err := os.Lstat(socket); err != nil {
		t.Fatal(err)
	}
	if _, problems, code := s.ask("status"); code != 1 || !strings.Contains(problems, "no job endless runs") {
		t.Error(problems, code)
	}
	if _, problems, code := s.ask("status", "--control", socket); code != 1 || !strings.Contains(problems, "no process listens at "+socket) {
		t.Error(problems, code)
	}
	job := s.start()
	if status := s.status("--control", socket); status.PID != job.Process.Pid {
		t.Errorf("%+v", status)
	}
}

func TestTwoProcessesOfAJob(t *testing.T) {
	s := newSession(t)
	first, other := s.start(), s.start()
	_, problems, code := s.ask("stop")
	if code != 1 || !strings.Contains(problems, "2 processes of job endless run: say which:") {
		t.Fatal(problems, code)
	}
	var sockets []string
	for line := range strings.Lines(problems) {
		if _, rest, is := strings.Cut(line, "  --control "); is {
			sockets = append(sockets, strings.Fields(rest)[0])
		}
	}
	if len(sockets) != 2 || sockets[1] != filepath.Join(s.sockets, "endless.sock") || s.status("--control", sockets[0]).PID != other.Process.Pid {
		t.Fatal(problems)
	}
	if _, problems, code := s.ask("stop", "--control", sockets[1]); code != 0 {
		t.Error(problems)
	}
	first.end()
	if s.status().PID != other.Process.Pid {
		t.Error("the other one is not found")
	}
}

func TestSocketElsewhere(t *testing.T) {
	s := newSession(t)
	job := s.start("--control", "my.sock")
	if s.status("--control", "my.sock").PID != job.Process.Pid {
		t.Error("another process answers")
	}
	if _, problems, code := s.ask("status"); code != 1 || !strings.Contains(problems, "no job endless runs") {
		t.Error(problems, code)
	}
	cmd := s.command("fraud", "stop", "--control", "my.sock")
	if out, err := cmd.CombinedOutput(); err == nil || string(out) != "fraud: the job that listens at my.sock is endless, and not fraud\n" {
		t.Errorf("%s", out)
	}
	_, problems, code := s.ask("run", "--control", "my.sock")
	if code != 1 || problems != "job endless can't run: control socket: my.sock: another process listens there\n" {
		t.Error(problems, code)
	}
}

// Others could put a socket into an open folder: it is not used, and the job runs without.
func TestOpenFolder(t *testing.T) {
	s := newSession(t)
	if err := os.Mkdir(s.sockets, 0o755); err != nil {
		t.Fatal(err)
	}
	job := s.start()
	if _, problems, code := s.ask("status"); code != 1 || !strings.Contains(problems, s.sockets+" is open to other users (mode 0755)") {
		t.Error(problems, code)
	}
	job.Process.Signal(syscall.SIGTERM)
	if status := job.end(); status.Signal() != syscall.SIGTERM || !strings.Contains(job.says.String(), "the job has no control socket") {
		t.Error(status, job.says.String())
	}
}

// goesOn starts the endless job from a savepoint, and says with which number it begins.
func (s *session) goesOn(place string) (first int) {
	s.t.Helper()
	cmd := s.command("endless", "run", "--restore", place, "--control", "none")
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stderr = s.t.Output()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		first, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		s.t.Error(err)
	}
	cmd.Process.Kill()
	cmd.Wait() // it was killed
	return first
}

// All of a job's snapshots can be in object storage, and each command takes their places.
func TestObjectStorage(t *testing.T) {
	server := httptest.NewServer(s3test.New("bucket"))
	t.Cleanup(server.Close)
	s := newSession(t)
	s.env = append(s.env, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=testtest", "AWS_REGION=us-east-1")
	settings := "?endpoint=" + server.URL
	s.start("--store", "s3://bucket/store"+settings, "--checkpoint-every", "50ms")
	out, problems, code := s.ask("savepoint", "s3://bucket/sp"+settings)
	savepoint := strings.TrimSuffix(out, "\n")
	if code != 0 || problems != "" || !strings.HasPrefix(savepoint, "s3://bucket/sp/endless-") || !strings.HasSuffix(savepoint, settings) {
		t.Fatal(out, problems, code)
	}
	if _, problems, code := s.ask("stop"); code != 0 {
		t.Fatal(problems, code)
	}
	out, problems, code = s.ask("snapshot", "list", "s3://bucket"+settings)
	if code != 0 || !strings.Contains(out, savepoint) {
		t.Error(out, problems, code)
	}
	places := []string{savepoint, "s3://bucket/store" + settings}
	for field := range strings.FieldsSeq(out) {
		if strings.Contains(field, "/manifests/") {
			places = append(places, field)
		}
	}
	if len(places) < 3 {
		t.Errorf("no manifest is listed: %s", out)
	}
	for _, place := range places {
		for _, command := range [][]string{{"show", place}, {"verify", place}, {"export", place, "--to", filepath.Join(s.folder, rand.Text())}} {
			if out, problems, code := s.ask(append([]string{"snapshot"}, command...)...); code != 0 {
				t.Error(command, out, problems, code)
			}
		}
		s.goesOn(place)
	}
	if _, problems, code := s.ask("snapshot", "delete", "--yes", savepoint); code != 0 {
		t.Error(problems, code)
	}
	if _, problems, code := s.ask("snapshot", "show", savepoint); code != 1 || !strings.Contains(problems, "there is no snapshot") {
		t.Error(problems, code)
	}
}

func TestSavepoints(t *testing.T) {
	s := newSession(t)
	job := s.start("--store", "store")
	out, problems, code := s.ask("savepoint", "sp")
	plain := strings.TrimSuffix(out, "\n")
	if code != 0 || problems != "" || filepath.Dir(plain) != filepath.Join(s.folder, "sp") {
		t.Fatal(out, problems, code)
	}
	if status := s.status(); status.State != control.Running || status.Attempt != 1 {
		t.Errorf("after a savepoint: %+v", status)
	}
	if out, problems, code := s.ask("plan", "--restore", plain); code != 0 || !strings.HasPrefix(out, "the job fits the snapshot of job endless, taken ") {
		t.Error(out, problems, code)
	}
	other := s.command("fraud", "plan", "--restore", plain)
	if out, err := other.CombinedOutput(); err == nil || !strings.Contains(string(out), "numbers is not in the job any more (to go on without it: --allow-drop numbers;") {
		t.Errorf("%s", out)
	}
	if _, problems, code := s.ask("stop", "--savepoint", "nosuch://sp"); code != 1 || !strings.HasSuffix(problems, "; the job goes on\n") {
		t.Error(problems, code)
	}
	out, problems, code = s.ask("stop", "--savepoint", "sp")
	last := strings.TrimSuffix(out, "\n")
	if code != 0 || problems != "" || filepath.Dir(last) != filepath.Join(s.folder, "sp") || last == plain {
		t.Fatal(out, problems, code)
	}
	if status := job.end(); status.ExitStatus() != 0 {
		t.Errorf("the job ended with %v, and says %s", status, job.says.String())
	}
	if early, late := s.goesOn(plain), s.goesOn(last); early < 1 || late <= early {
		t.Errorf("it goes on with %d from the savepoint and with %d from the last", early, late)
	}
}

func TestTermTakesSavepoint(t *testing.T) {
	s := newSession(t)
	job := s.start("--store", "store", "--savepoint-on-term", "sp")
	job.Process.Signal(syscall.SIGTERM)
	if status := job.end(); status.Signal() != syscall.SIGTERM {
		t.Errorf("the job ended with %v, and says %s", status, job.says.String())
	}
	places, err := filepath.Glob(filepath.Join(s.folder, "sp", "endless-*"))
	if err != nil || len(places) != 1 || !strings.Contains(job.says.String(), "msg=savepoint job=endless place=") {
		t.Fatalf("%v, %v; it says %s", places, err, job.says.String())
	}
	if first := s.goesOn(places[0]); first < 1 {
		t.Errorf("it goes on with %d", first)
	}
}

// A savepoint that can't be had keeps no job from ending.
func TestTermWithoutSavepoint(t *testing.T) {
	s := newSession(t)
	job := s.start("--store", "store", "--savepoint-on-term", "nosuch://sp")
	job.Process.Signal(syscall.SIGTERM)
	if status := job.end(); status.Signal() != syscall.SIGTERM || !strings.Contains(job.says.String(), `level=ERROR msg="no savepoint: the job stops without"`) {
		t.Errorf("the job ended with %v, and says %s", status, job.says.String())
	}
}

// A process that stands by takes over when the one that runs is killed. Commands go to the one that runs.
func TestStandby(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for a lease to run out")
	}
	standby(t, "store")
}

// TestStandbyOnS3 does the same on a real server: LEAT_S3 is a place in it.
func TestStandbyOnS3(t *testing.T) {
	place := os.Getenv("LEAT_S3")
	if place == "" {
		t.Skip("LEAT_S3 names no server: make s3 starts one")
	}
	standby(t, store.Below(place, rand.Text()))
}

func standby(t *testing.T, place string) {
	s := newSession(t)
	first := s.start("--store", place, "--standby", "--checkpoint-every", "50ms")
	other := s.command("endless", "run", "--store", place, "--standby")
	out, err := other.StdoutPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Process.Kill(); other.Wait() })
	if status := s.status(); status.PID != first.Process.Pid {
		t.Errorf("%+v", status)
	}
	first.Process.Kill()
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil {
		t.Fatal(line, err)
	}
	go io.Copy(io.Discard, lines)
	if status := s.status(); status.PID != other.Process.Pid || status.State != control.Running || status.Attempt != 2 {
		t.Errorf("after it took over: %+v", status)
	}
	if _, problems, code := s.ask("stop"); code != 0 {
		t.Error(problems)
	}
}
