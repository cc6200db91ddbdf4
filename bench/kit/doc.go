// Package kit is what the Go programs of the benchmark share: the deterministic events of every workload, the arguments, the
// clock and the line of results. The Java and Python peers hold the same functions in Gen.java, Nexmark.java and gen.py; that
// the engines' results agree is the check on all of them. It is a module of its own, without requirements, so that the peers'
// and leat's never meet.
package kit
