//go:build unix

package control

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyTheUserEnters(t *testing.T) {
	folder := ownRuntime(t)
	s := serve(t, newFake("fraud"), "")
	for path, want := range map[string]os.FileMode{folder: 0o700, s.Path(): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// Whoever can put a socket into the folder would be taken for the job.
func TestForeignFolders(t *testing.T) {
	for name, c := range map[string]struct {
		make func(folder string) error
		want string
	}{
		"open":      {func(folder string) error { return os.Mkdir(folder, 0o755) }, "is open to other users (mode 0755)"},
		"elsewhere": {func(folder string) error { return os.Symlink(os.TempDir(), folder) }, "is no folder"},
		"file":      {func(folder string) error { return os.WriteFile(folder, nil, 0o600) }, "is no folder"},
		"another's": {func(folder string) error {
			if os.Geteuid() != 0 {
				return nil // nobody else can give it away
			}
			if err := os.Mkdir(folder, 0o700); err != nil {
				return err
			}
			return os.Chown(folder, 1, 1)
		}, "belongs to user 1"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := ownRuntime(t)
			if err := c.make(folder); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(folder); err != nil {
				t.Skip("only root can make one")
			}
			if _, err := Serve("fraud", newFake("fraud"), ""); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the job: %v", err)
			}
			if all, _, err := Find(t.Context(), "fraud"); len(all) > 0 || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the client: %v, %v", all, err)
			}
		})
	}
}

// Without a session the folder lies beside the temporary files, and whoever has a session looks there too.
func TestSocketWithoutSession(t *testing.T) {
	temp := filepath.Dir(ownRuntime(t))
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(temp, "not there"))
	t.Setenv("TMPDIR", temp)
	s := serve(t, newFake("fraud"), "")
	if filepath.Dir(s.Path()) != tempFolder() || !strings.HasPrefix(s.Path(), temp) {
		t.Error(s.Path())
	}
	session := filepath.Join(temp, "session")
	if err := os.Mkdir(session, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", session)
	if found := foundOne(t, "fraud"); found.Client.Path() != s.Path() {
		t.Error(found.Client.Path())
	}
}
