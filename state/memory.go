package state

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// memoryBytes is how much memory the process may use: the smallest limit of the cgroups that it is in, or the machine's
// memory; 0 if neither can be found out.
func memoryBytes(root fs.FS) int64 {
	least := totalBytes(root)
	for _, limit := range cgroupLimits(root) {
		if limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	return least
}

// totalBytes is the machine's memory.
func totalBytes(root fs.FS) int64 {
	text, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// cgroupLimits are the limits of the process's cgroup and of those around it, in versions 1 and 2. In a container the
// cgroup's own path is often not visible, but then its limit is that of the root.
func cgroupLimits(root fs.FS) (limits []int64) {
	text, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, dir, _ := strings.Cut(rest, ":")
		switch {
		case controllers == "":
			limits = append(limits, limitsUp(root, "sys/fs/cgroup", dir, "memory.max")...)
		case hasMemory(controllers):
			limits = append(limits, limitsUp(root, "sys/fs/cgroup/memory", dir, "memory.limit_in_bytes")...)
		}
	}
	return limits
}

func hasMemory(controllers string) bool {
	for c := range strings.SplitSeq(controllers, ",") {
		if c == "memory" {
			return true
		}
	}
	return false
}

// limitsUp reads a limit in a directory of a mount and in all directories above.
func limitsUp(root fs.FS, mount, dir, file string) (limits []int64) {
	for dir = path.Clean("/" + dir); ; dir = path.Dir(dir) {
		text, err := fs.ReadFile(root, path.Join(mount, dir, file))
		if err == nil {
			// "max" is no number, and version 1's way to say so is far beyond the machine's memory.
			if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
				limits = append(limits, limit)
			}
		}
		if dir == "/" {
			return limits
		}
	}
}
