//go:build unix

package cli_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The state of a job that runs, from its own binary and from leat, live and as of its checkpoints.
func TestState(t *testing.T) {
	s := newSession(t)
	job := s.startJob("tallying", "--store", "store", "--checkpoint-every", "20ms")
	taken := func() bool {
		files, _ := os.ReadDir(s.folder + "/store/tallying/data/0000000001")
		return len(files) > 2
	}
	for !taken() {
		if t.Context().Err() != nil {
			t.Fatal("no checkpoint")
		}
	}
	expect := func(want, job string, args ...string) {
		t.Helper()
		out, problems, code := s.askJob(job, append([]string{"state"}, args...)...)
		if got := out + problems; !strings.HasPrefix(got, want) || (code != 0) != strings.HasPrefix(want, job+": ") {
			t.Errorf("%s: code %d:\n%swant\n%s", args, code, got, want)
		}
	}
	expect("STATE          KIND      KEY        TYPE\n"+
		"tally/first    value     string     cli_test.payment\n"+
		"tally/count    reducing  string     int64\n"+
		"tally/seen     map       string     map[string]int64\n"+
		"hourly/slices  slices    string     slice of 1h0m0s → int64\n"+
		"hourly/panes   slices    string     end of tumbling windows of 1h0m0s → uint32\n"+
		"all/least      reducing  struct {}  int64\n", "tallying")
	expect(`{"key":"7","start":"2026-03-01T12:00:00Z","value":`, "tallying", "hourly/slices", "--key", "7", "--json")
	expect("tallying: job tallying, state hourly/slices: it can be read as of a checkpoint only\n", "tallying", "hourly/slices", "--key", "7", "--live")
	expect("[\n  {\n    \"state\": \"tally/first\",\n", "leat", "--job", "tallying", "--json")
	const first = `{"key":"7","value":{"Account":"<7>","Cents":7,"At":"2026-03-01T12:00:00Z"}}` + "\n"
	for _, live := range [][]string{nil, {"--live"}} {
		for _, c := range []struct {
			want string
			args []string
		}{
			{first, []string{"tally/first", "--key", "7", "--json"}},
			{first + strings.ReplaceAll(first, "7", "8"), []string{"tally/first", "--key", "7", "--key", `"8"`, "--json"}},
			{`KEY  VALUE` + "\n" + `7    {"Account":"<7>","Cents":7,"At":"2026-03-01T12:00:00Z"}` + "\n", []string{"tally/first", "--key", "7"}},
			{"KEY  ITEM   VALUE\n7    mod 1  7\n", []string{"tally/seen", "--key", "7", "--item", "mod 1"}},
			{"tallying: state tally/seen has no entry for key 7", []string{"tally/seen", "--key", "7", "--item", "mod 9"}},
			{"tallying: state tally/first has no entry for key 11", []string{"tally/first", "--key", "11"}},
			{"KEY  VALUE\n{}   0\n", []string{"all"}},
			{`{"key":"7","value":`, []string{"tally/count", "--key", "7", "--json"}},
			{"tallying: job tallying has no state tally/lost; by key there are tally/first, tally/count, tally/seen, hourly/slices, hourly/panes, all/least\n", []string{"tally/lost", "--key", "7"}},
			{"tallying: state tally/first has a value for each key, of type string: say which (--key)\n", []string{"tally/first"}},
			{"tallying: state tally/count is of kind reducing, which has no items\n", []string{"tally/count", "--key", "7", "--item", "x"}},
			{"tallying: say which state: tallying state OPERATOR/STATE --key KEY (tallying state lists them)\n", []string{"--key", "x"}},
		} {
			if len(live) == 0 || c.args[0] != "--key" {
				expect(c.want, "tallying", append(c.args, live...)...)
			}
			if !strings.HasPrefix(c.want, "tallying: ") {
				expect(c.want, "leat", append(append([]string{"--job", "tallying"}, c.args...), live...)...)
			}
		}
	}
	expect("leat: say which job: --job NAME, or --control PATH (see leat state --help)\n", "leat", "tally/first", "--key", "7")
	expect(first, "leat", "--control", s.sockets+"/tallying.sock", "tally/first", "--key", "7", "--json")
	expect("leat: no job nobody runs on this machine as this user", "leat", "--job", "nobody", "tally/first", "--key", "7")
	if _, problems, code := s.askJob("tallying", "stop"); code != 0 {
		t.Error(problems)
	}
	job.end()
	expect("tallying: no job tallying runs on this machine as this user", "tallying", "tally/first", "--key", "7")
}

// A job without checkpoints, or before its first, can be read live.
func TestStateWithoutCheckpoint(t *testing.T) {
	for name, args := range map[string][]string{"no checkpoint is complete yet": {"--store", "store"}, "the job takes no checkpoints, as it has no store for them (Checkpoint.Store): it can be read live only": nil} {
		s := newSession(t)
		s.startJob("tallying", args...)
		want := fmt.Sprintf("tallying: job tallying, state all/least: %s\n", name)
		if out, problems, code := s.askJob("tallying", "state", "all/least"); out != "" || problems != want || code != 1 {
			t.Error(out, problems, code)
		}
		if out, problems, code := s.askJob("tallying", "state", "all/least", "--live", "--json"); out != "{\"key\":{},\"value\":0}\n" || problems != "" || code != 0 {
			t.Error(out, problems, code)
		}
	}
}
