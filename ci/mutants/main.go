// Command mutants plants bugs in the engine, one at a time, and has a narrow test look for each:
//
//	go run ./ci/mutants
//	go run ./ci/mutants -only 'fsync|timers'
//
// The tree stays as it is: a bug is in an overlay of the build. So does the build cache: what is built with a bug is thrown away
// at once. Each command is run without a bug first, and has to pass. A bug is caught if its command fails then, by a failing test:
// what does not build counts as a mistake in the list. The last line says how many of how many were caught; the exit status is 1
// unless all were.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"time"
)

func main() {
	workers := flag.Int("workers", 2, "commands at a time")
	only := flag.String("only", "", "a regular expression: mutants with such a name alone")
	verbose := flag.Bool("v", false, "print what each command printed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	names, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := try(ctx, chosen(names), *workers, *verbose, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func chosen(names *regexp.Regexp) (some []mutant) {
	for _, m := range mutants {
		if names.MatchString(m.name) {
			some = append(some, m)
		}
	}
	return some
}

// try runs the commands of mutants, first without them and then with them, and prints a table.
func try(ctx context.Context, some []mutant, workers int, verbose bool, out io.Writer) error {
	dir, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "leat-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	workers = max(1, workers)
	b := bench{dir: dir, caches: make(chan *cache, workers)}
	sound := all(commandsOf(some), workers, func(_ int, c string) outcome { return b.run(ctx, c, "") })
	for _, o := range sound {
		if o.err == nil && o.failed {
			o.err = fmt.Errorf("go test %s: fails without a mutant:\n%s", o.command, o.text)
		}
		err = errors.Join(err, o.err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d commands pass without a mutant\n", len(sound))
	if err := b.prepare(); err != nil {
		return err
	}
	found := all(some, workers, func(i int, m mutant) outcome { return b.plant(ctx, i, m) })
	return report(some, found, verbose, out)
}

// report prints a line a mutant, and how many were caught.
func report(some []mutant, found []outcome, verbose bool, out io.Writer) error {
	var mistakes error
	caught := 0
	for i, o := range found {
		verdict := "NOT CAUGHT by"
		switch {
		case o.err != nil:
			verdict = "NOT TRIED:   "
			mistakes = errors.Join(mistakes, fmt.Errorf("%s: %w", some[i].name, o.err))
		case o.failed:
			verdict = "caught by    "
			caught++
		}
		fmt.Fprintf(out, "%-62s %s %-72s %4.0f s\n", some[i].name, verdict, o.command, o.took.Seconds())
		if verbose {
			fmt.Fprintln(out, o.text)
		}
	}
	if mistakes != nil {
		fmt.Fprintln(out, mistakes)
	}
	fmt.Fprintf(out, "%d of %d mutants caught\n", caught, len(some))
	if caught < len(some) {
		return errors.New("mutants: a bug that nothing finds asks for a test, one that can't be planted for a change of ci/mutants/list.go")
	}
	return nil
}

// commandsOf are the commands of mutants, each once.
func commandsOf(some []mutant) (commands []string) {
	seen := map[string]bool{}
	for _, m := range some {
		if !seen[m.by] {
			seen[m.by] = true
			commands = append(commands, m.by)
		}
	}
	return commands
}

// all calls f for each of some things, several at a time, and returns the results in the order of the things.
func all[T any](things []T, workers int, f func(int, T) outcome) []outcome {
	found := make([]outcome, len(things))
	slots := make(chan struct{}, workers)
	var running sync.WaitGroup
	for i, thing := range things {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			began := time.Now()
			found[i] = f(i, thing)
			found[i].took = time.Since(began)
		})
	}
	running.Wait()
	return found
}

// testFailed matches the line with which go test closes a package whose tests have failed.
var testFailed = regexp.MustCompile(`(?m)^FAIL\t\S+\t[0-9.]+s$`)

// judge tells a failing test from one that passes, and both from what says nothing about the code.
func judge(text string, exit error) (failed bool, err error) {
	switch {
	case strings.Contains(text, "[no tests to run]"):
		return false, errors.New("no test has that name")
	case exit == nil:
		return false, nil
	case strings.Contains(text, "panic: test timed out"):
		return false, errors.New("no end within the time limit")
	case !testFailed.MatchString(text):
		return false, fmt.Errorf("go test: %w:\n%s", exit, text)
	}
	return true, nil
}
