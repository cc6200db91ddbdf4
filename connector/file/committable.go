package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// committableVersion is raised when an older reader would misunderstand.
const committableVersion = 1

// committable is what a Prepare leaves for a Commit, by any process. As JSON it is part of the checkpoint.
type committable struct {
	Version int `json:"version"`
	// Folder is the sink's, as an absolute path. The parts are looked for in the folder that the sink has now, and then in
	// this one: a snapshot may be taken elsewhere with its files, and a job may be given another folder.
	Folder string `json:"folder"`
	Parts  []part `json:"parts"`
}

// part is a complete part and how to know it again. The paths have slashes and begin in the sink's folder.
type part struct {
	Path    string `json:"path"`
	Pending string `json:"pending"`
	Bytes   int64  `json:"bytes"`
	// Sum is the CRC-32C of the bytes.
	Sum uint32 `json:"crc32c"`
}

func encodeCommittable(folder string, parts []part) ([]byte, error) {
	return json.Marshal(committable{committableVersion, folder, parts})
}

func decodeCommittable(b []byte) (committable, error) {
	var c committable
	if err := json.Unmarshal(b, &c); err != nil {
		return committable{}, fmt.Errorf("a committable of the file sink is damaged: %w", err)
	}
	if c.Version != committableVersion {
		return committable{}, fmt.Errorf("a committable of the file sink has version %d, this program knows %d: use the newer one", c.Version, committableVersion)
	}
	for _, p := range c.Parts {
		if err := p.check(); err != nil {
			return committable{}, fmt.Errorf("a committable of the file sink is damaged: part %q, pending %q: %w", p.Path, p.Pending, err)
		}
	}
	return c, nil
}

// check refuses paths that this sink does not make: a snapshot must not get it to touch other files.
func (p part) check() error {
	folder, name := path.Split(p.Path)
	hidden, pending := path.Split(p.Pending)
	if folder != "" {
		if err := checkFolder(strings.TrimSuffix(folder, "/")); err != nil {
			return err
		}
	}
	hidden = strings.TrimSuffix(hidden, "/")
	_, _, isPart := parsePart(name)
	switch {
	case !isPart || pending != pendingName(name):
		return errors.New("that is no name of a part")
	case !strings.HasPrefix(hidden, hiddenPrefix) || strings.Contains(hidden, "/") || !fs.ValidPath(p.Pending):
		return errors.New("that is no folder of pending parts")
	case p.Bytes < 0:
		return fmt.Errorf("it has %d bytes", p.Bytes)
	}
	return nil
}
