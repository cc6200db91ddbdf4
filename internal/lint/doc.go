// Package lint holds the rules of the source text as tests: which package may import which and why, how long functions and files
// may get, and a few things that reviewers should never have to say. `go test ./internal/lint` tells file, line and reason.
package lint
