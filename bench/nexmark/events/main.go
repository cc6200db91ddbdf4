// Command events writes the first events of the Nexmark benchmark as CSV files into a folder:
//
//	go run ./nexmark/events N FOLDER
package main

import (
	"fmt"
	"os"
	"strconv"

	"leat.dev/leat/bench/nexmark"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "events:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want a number of events and a folder, not %q", args)
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number of events", args[0])
	}
	return nexmark.WriteCSV(nexmark.NewGenerator(nexmark.Config{}), n, args[1])
}
