package state

import (
	"math"
	"os"
	"strconv"
	"strings"

	"leat.dev/leat/codec"
)

// Option is an option of one state.
type Option interface{ stateOption() }

type codecOption struct{ codec any }

func (codecOption) stateOption() {}

// Codec encodes the state's values with c.
func Codec[V any](c codec.Codec[V]) Option { return codecOption{c} }

// CodecOf finds the codec among a state's options; operators do it.
func CodecOf[V any](opts []Option) (c codec.Codec[V], ok bool) {
	for _, o := range opts {
		if own, is := o.(codecOption); is {
			c, ok = own.codec.(codec.Codec[V])
		}
	}
	return c, ok
}

// Backend says where state lives: [Heap].
type Backend interface{ Name() string }

// Heap keeps state in memory.
type Heap struct {
	// BudgetBytes is how much memory state may take, over all operators of the process. Beyond it the job fails with
	// an error that says so, before the system ends the process. 0, the default, is 60 % of the cgroup's limit, or of
	// the machine's memory; negative is without bound.
	BudgetBytes int64
}

// Name is "heap".
func (Heap) Name() string { return "heap" }

// Limit is the budget in bytes.
func (h Heap) Limit() int64 {
	switch {
	case h.BudgetBytes > 0:
		return h.BudgetBytes
	case h.BudgetBytes < 0:
		return math.MaxInt64
	}
	return available() / 10 * 6
}

// available is how much memory the process may have: what its cgroup allows, or the machine has.
func available() int64 {
	least := int64(math.MaxInt64)
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if text, err := os.ReadFile(file); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
				least = min(least, n)
			}
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		least = min(least, total(string(text)))
	}
	return least
}

// total is the machine's memory, out of /proc/meminfo.
func total(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			if kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64); err == nil {
				return kb << 10
			}
		}
	}
	return math.MaxInt64
}
