package file

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"leat.dev/leat/connector"
)

const (
	pendingExt   = ".pending"
	hiddenPrefix = ".pending-"
)

// naming says how the parts of one writer are called.
type naming struct {
	// hidden is the folder of pending parts in the sink's folder. Without one, a pending part lies beside its later name.
	hidden  string
	subtask int
	// id is the writer's own, so that no attempt and no restore takes a name that another had; "" for a writer that takes
	// the numbers that are free.
	id, ext string
}

// name is that of a subtask's part.
func (n naming) name(number int) string {
	id := n.id
	if id != "" {
		id = "-" + id
	}
	return fmt.Sprintf("part-%d-%05d%s.%s", n.subtask, number, id, n.ext)
}

// part is where a part will be seen and where it lies until then, in a sub-folder or "".
func (n naming) part(folder string, number int) part {
	name := n.name(number)
	hidden := n.hidden
	if hidden == "" {
		hidden = folder
	}
	return part{Path: path.Join(folder, name), Pending: path.Join(hidden, pendingName(name))}
}

func pendingName(name string) string { return "." + name + pendingExt }

// newID is 12 hexadecimal digits that nobody else has.
func newID() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// hiddenFolder is the name of the folder that one attempt of one sink has for its pending parts.
func hiddenFolder(s connector.Subtask) string {
	return fmt.Sprintf("%s.%d", hiddenFolders(s), s.Attempt)
}

// parseHidden reads the attempt from the name of such a folder of the same sink.
func parseHidden(s connector.Subtask, folder string) (attempt int64, ok bool) {
	number, ok := strings.CutPrefix(folder, hiddenFolders(s)+".")
	if !ok {
		return 0, false
	}
	attempt, err := strconv.ParseInt(number, 10, 64)
	return attempt, err == nil
}

// hiddenFolders is what the names of all pending folders of a sink begin with. People read the names in it; the hash tells apart
// what they leave out.
func hiddenFolders(s connector.Subtask) string {
	hash := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(s.Job), s.Job, s.Operator))
	return fmt.Sprintf("%s%s-%s-%x", hiddenPrefix, plain(s.Job), plain(s.Operator), hash[:6])
}

// plain is a name without what file systems dislike, cut to 40 characters.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), 40)]
}

var partPattern = regexp.MustCompile(`^part-(0|[1-9][0-9]*)-([0-9]{5}|[1-9][0-9]{5,})(-[0-9a-f]{12})?\.(csv|jsonl|parquet)$`)

// parsePart reads subtask and number from the name of a part, visible or pending; other names are no part's.
func parsePart(name string) (subtask, number int, ok bool) {
	if bare, isHidden := strings.CutPrefix(name, "."); isHidden {
		if name, ok = strings.CutSuffix(bare, pendingExt); !ok {
			return 0, 0, false
		}
	}
	m := partPattern.FindStringSubmatch(name)
	if m == nil {
		return 0, 0, false
	}
	subtask, err := strconv.Atoi(m[1])
	number, err2 := strconv.Atoi(m[2])
	return subtask, number, err == nil && err2 == nil
}

// nextNumber is the number after those of a subtask's parts in a folder.
func nextNumber(f files, dir string, subtask int) (int, error) {
	entries, err := f.list(dir)
	if err != nil {
		return 0, err
	}
	next := 0
	for _, e := range entries {
		if s, number, ok := parsePart(e.Name()); ok && s == subtask {
			next = max(next, number+1)
		}
	}
	return next, nil
}

// checkFolder refuses a sub-folder that is none, lies elsewhere, or would hide its parts. Sub-folders have slashes on every
// system.
func checkFolder(folder string) error {
	for segment := range strings.SplitSeq(folder, "/") {
		switch {
		case segment == "":
			return fmt.Errorf("sub-folder %q: it begins or ends with a slash, has two in a row, or is empty", folder)
		case segment[0] == '.':
			return fmt.Errorf("sub-folder %q: %q begins with a dot: it would lead elsewhere or hide the parts", folder, segment)
		case strings.ContainsRune(segment, 0) || !filepath.IsLocal(segment) || strings.ContainsRune(segment, filepath.Separator):
			return fmt.Errorf("sub-folder %q: %q can't be the name of a folder", folder, segment)
		}
	}
	return nil
}
