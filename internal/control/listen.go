package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// probeTimeout bounds the wait for a process that may be stopped to take a connection.
const probeTimeout = time.Second

// errTaken says that another process that lives has the name.
var errTaken = errors.New("another process listens there")

// socket is a socket's file, and the lock beside it that keeps other processes from taking the file for a dead one's.
type socket struct {
	path     string
	listener *net.UnixListener
	unlock   func()
}

// listen opens the socket of a job: at the path, or at the first free name of the user's folder.
func listen(job, path string) (*socket, error) {
	if path != "" {
		s, err := open(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return s, nil
	}
	folder := ownFolder()
	if err := makePrivate(folder); err != nil {
		return nil, err
	}
	name, err := fileName(folder, job)
	if err != nil {
		return nil, err
	}
	path = filepath.Join(folder, name+suffix)
	s, err := open(path)
	if errors.Is(err, errTaken) {
		path = filepath.Join(folder, second(name, os.Getpid())+suffix)
		s, err = open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// open listens at a path. A socket that a killed process has left there is replaced; the lock says which one that is, as
// the system gives up a process's locks with the process. It also holds between two processes that start at once.
func open(path string) (*socket, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("the path of a socket has %d bytes at most, and this one has %d", maxPath, len(path))
	}
	unlock, err := lock(strings.TrimSuffix(path, suffix) + ".lock")
	if err != nil {
		return nil, err
	}
	l, err := bind(path)
	if err != nil {
		unlock()
		return nil, err
	}
	return &socket{path, l, unlock}, nil
}

func bind(path string) (*net.UnixListener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the file is removed as long as the lock is held, and not later
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(path))
	}
	return l, nil
}

// removeStale removes a socket at which nobody listens. It looks, though there is the lock: cleaners of temporary files
// remove lock files, and leave sockets.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type()&(fs.ModeSocket|fs.ModeIrregular) == 0: // Windows calls a socket irregular
		return errors.New("there is a file that is no socket: it stays")
	case answers(path):
		return errTaken
	}
	return os.Remove(path)
}

// answers says whether a process listens at a socket, also one that is too busy to take the connection.
func answers(path string) bool {
	c, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		c.Close()
		return true
	}
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.EAGAIN)
}

// withdraw removes the socket and frees its name. Connections that there are stay.
func (s *socket) withdraw() {
	s.listener.Close()
	os.Remove(s.path) // what stays is stale, and the next process removes it
	s.unlock()
}
