//go:build invariants

package invariants

// Enabled says whether expensive assertions are compiled in.
const Enabled = true
