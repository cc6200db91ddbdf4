// Command table prints a file of results, one JSON object a line as bench/run.sh makes them, as Markdown: the best run of each
// workload, engine and parallelism by events a CPU-second, and, where leat is among them, how many times as fast it was as each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"leat.dev/leat/bench/kit"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("want one argument, a file of results, not %d", len(args))
	}
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer file.Close()
	runs, err := read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	w := bufio.NewWriter(out)
	list := best(runs)
	writeTable(w, list)
	writeLosses(w, list)
	return w.Flush()
}

func read(r io.Reader) ([]kit.Result, error) {
	var runs []kit.Result
	for decoder := json.NewDecoder(r); ; {
		var run kit.Result
		err := decoder.Decode(&run)
		if err == io.EOF {
			return runs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("result %d: %w", len(runs)+1, err)
		}
		runs = append(runs, run)
	}
}
