// Package prefetch asks the processor for memory that will be read soon. Where keys are many, cache misses are the cost
// of a record: asked for together, those of a batch overlap. A plain load in a loop does so as well, but the processor
// can look only a few dozen instructions past a load that waits; a prefetch does not wait.
package prefetch

// Lines asks for the cache lines at these addresses. It reads nothing and never fails, whatever the addresses are; those
// that matter must be kept alive by somebody else. On processors other than amd64 and arm64 it does nothing.
func Lines(addresses []uintptr) {
	if len(addresses) > 0 {
		lines(&addresses[0], len(addresses))
	}
}
