package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

const (
	// maxPath is how long a socket's path may be on every system: the shortest is 104 bytes with a zero behind it.
	maxPath = 103
	suffix  = ".sock"
	// maxSecond is the longest that tells a second process's socket from the first one's.
	maxSecond = len(",4294967295")
	hashHex   = 16
)

// ownFolder is where this process's socket goes: in the folder that the session has for such things, or else, as in
// containers and services, in one beside the temporary files.
func ownFolder() string {
	if session := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(session) && isFolder(session) {
		return filepath.Join(session, "leat")
	}
	return tempFolder()
}

func tempFolder() string {
	if id := os.Getuid(); id >= 0 {
		return filepath.Join(os.TempDir(), "leat-"+strconv.Itoa(id))
	}
	return filepath.Join(os.TempDir(), "leat") // on Windows it is the user's own folder
}

// folders are where sockets of the user's may be. A job that a service manager has started has no session, and whoever
// looks for it has one, or the other way round: so there may be more than one.
func folders() []string {
	all := []string{ownFolder()}
	more := []string{tempFolder()}
	if runtime.GOOS == "linux" {
		more = append(more, filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "leat"))
	}
	for _, folder := range more {
		if folder != all[0] && isFolder(folder) {
			all = append(all, folder)
		}
	}
	return all
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// makePrivate makes a folder that only the user can enter.
func makePrivate(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return checkPrivate(folder)
}

// checkPrivate refuses a folder that others could put a socket into: whoever answers there would be taken for the job.
func checkPrivate(folder string) error {
	info, err := os.Lstat(folder)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no folder: remove it", folder)
	}
	return checkOwner(folder, info)
}

// fileName is the name, without suffix, of a job's socket in a folder: the job's, escaped, and if that is too long the
// beginning of it and a hash of the whole.
func fileName(folder, job string) (string, error) {
	room := maxPath - len(folder) - 1 - maxSecond - len(suffix)
	name := escape(job)
	if len(name) <= room {
		return name, nil
	}
	sum := sha256.Sum256([]byte(job))
	hash := ",h" + hex.EncodeToString(sum[:])[:hashHex]
	if room < len(hash) {
		return "", fmt.Errorf("the path of a socket has %d bytes at most, and folder %s leaves no room for a name", maxPath, folder)
	}
	return name[:room-len(hash)] + hash, nil
}

// escape keeps what every file system takes in names, and writes other bytes as in URLs. There is no comma in what it
// returns: that divides a name from what is added to it.
func escape(job string) string {
	var b strings.Builder
	for _, c := range []byte(job) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// second is the name of a process's socket when another process of the job has the name itself.
func second(name string, pid int) string { return name + "," + strconv.Itoa(pid) }

// isSocketOf says whether a file is a socket of the job that has the name: the first process's or another's.
func isSocketOf(file, name string) bool {
	rest, ok := strings.CutPrefix(file, name)
	rest, isSocket := strings.CutSuffix(rest, suffix)
	if !ok || !isSocket {
		return false
	}
	pid, isSecond := strings.CutPrefix(rest, ",")
	_, err := strconv.ParseUint(pid, 10, 32)
	return rest == "" || isSecond && err == nil
}
