// Package invariants says whether expensive assertions are compiled in: build with -tags invariants. Code asks
//
//	if invariants.Enabled { … }
//
// and the compiler leaves it out otherwise.
package invariants
