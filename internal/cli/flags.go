package cli

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError says in a line what is wrong with the flags.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	see := " (see " + cmd.CommandPath() + " --help)"
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case errors.As(err, &unknown):
		return usagef("unknown flag %s%s%s", dashed(unknown.GetSpecifiedName()), suggestFlag(cmd, unknown.GetSpecifiedName()), see)
	case errors.As(err, &missing):
		return usagef("%s needs a value%s", dashed(missing.GetSpecifiedName()), see)
	case errors.As(err, &invalid):
		return usagef("--%s %s: %w%s", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap(), see)
	}
	return usagef("%w%s", err, see)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func suggestFlag(cmd *cobra.Command, name string) string {
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if s := nearest(name, known); s != "" {
		return ": did you mean --" + s + "?"
	}
	return ""
}

// suggest ends a sentence with what may have been meant.
func suggest(word string, known []string) string {
	if s := nearest(word, known); s != "" {
		return fmt.Sprintf(": did you mean %q?", s)
	}
	return ""
}

// nearest is the known word that was likely meant: it begins so, or is at most two letters away.
func nearest(word string, known []string) string {
	best, least := "", min(3, max(2, len(word)))
	for _, k := range known {
		d := distance(word, k)
		if len(word) > 1 && strings.HasPrefix(k, word) {
			d = 0
		}
		if d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's: how many letters are to be added, dropped or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// number is a flag for a whole number from 1 to most.
type number struct {
	to   *int
	most int
}

func (n number) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 || v > n.most {
		return fmt.Errorf("want a whole number from 1 to %d", n.most)
	}
	*n.to = v
	return nil
}

func (n number) String() string { return "" }

// Type stands for the value in help.
func (n number) Type() string { return "N" }

// duration is a flag for a time that is greater than 0.
type duration struct{ to *time.Duration }

func (d duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 {
		return errors.New("want a time such as 500ms, 10s or 2m")
	}
	*d.to = v
	return nil
}

func (d duration) String() string { return "" }

// Type stands for the value in help.
func (d duration) Type() string { return "TIME" }

// text is a flag for any text; shown is what stands for it in help.
type text struct {
	to    *string
	shown string
}

func (t text) Set(s string) error {
	if s == "" {
		return errors.New("want a value that is not empty")
	}
	*t.to = s
	return nil
}

func (t text) String() string { return "" }

// Type stands for the value in help.
func (t text) Type() string { return t.shown }

// names is a flag for a list, which it adds to: names with commas between them, also flag after flag.
type names struct{ to *[]string }

func (n names) Set(s string) error {
	for name := range strings.SplitSeq(s, ",") {
		if name == "" {
			return errors.New("want a name, or several with commas between them")
		}
		*n.to = append(*n.to, name)
	}
	return nil
}

func (n names) String() string { return "" }

// Type stands for the value in help.
func (n names) Type() string { return "NAME" }

// choice is a flag for one of some words.
type choice struct {
	to    *string
	words []string
}

func (c choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		last := len(c.words) - 1
		return fmt.Errorf("want %s or %s%s", strings.Join(c.words[:last], ", "), c.words[last], suggest(s, c.words))
	}
	*c.to = s
	return nil
}

func (c choice) String() string {
	if c.to == nil {
		return ""
	}
	return *c.to
}

func (c choice) Type() string { return strings.Join(c.words, "|") }

// addChoice adds a flag for one of some words; to has the default.
func addChoice(cmd *cobra.Command, to *string, name, usage string, words ...string) {
	cmd.Flags().Var(choice{to, words}, name, usage)
	// An error would say that there is no such flag, or that it has its words twice.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// size is a flag for a number of bytes.
type size struct{ bytes *int64 }

var units = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

func (s size) Set(text string) error {
	digits, unit := text, 1.0
	for _, u := range units {
		if n := len(text) - len(u.name); n > 0 && strings.EqualFold(text[n:], u.name) {
			digits, unit = strings.TrimSpace(text[:n]), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(digits, 64)
	if bytes := v * unit; err == nil && bytes >= 1 && bytes < math.MaxInt64 {
		*s.bytes = int64(bytes)
		return nil
	}
	return errors.New("want a size such as 512MiB or 2GB")
}

func (s size) String() string { return "" }

// Type stands for the value in help.
func (s size) Type() string { return "SIZE" }
