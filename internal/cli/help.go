package cli

import (
	"cmp"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"leat.dev/leat/internal/graph"
)

const (
	helpWidth = 90      // columns of help
	about     = "about" // annotation: what the first lines of a command's help say
	notes     = "notes" // annotation: sections below the flags
)

// about says what the job is, as far as its graph tells.
func (c *command) about() string {
	var reads, writes []string
	for _, n := range c.job.Graph.Nodes {
		switch n.Kind {
		case graph.Source:
			reads = append(reads, n.Name)
		case graph.Sink:
			writes = append(writes, n.Name)
		}
	}
	text := "The leat job " + c.job.Name
	if len(reads) > 0 {
		text += " reads " + list(reads)
	}
	if len(writes) > 0 {
		text += and(len(reads) > 0) + " writes " + list(writes)
	}
	return text + "."
}

func and(wanted bool) string {
	if wanted {
		return " and"
	}
	return ""
}

// list joins names as one says them.
func list(names []string) string {
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
	return names[0]
}

// examples are calls of this program.
func (c *command) examples(calls ...string) string {
	var b strings.Builder
	for _, call := range calls {
		fmt.Fprintf(&b, "  %s %s\n", c.name, call)
	}
	return b.String()
}

// help writes a command's help.
func (c *command) help(to io.Writer, cmd *cobra.Command) {
	var b strings.Builder
	text := cmd.Annotations[about]
	if text == "" {
		text = cmd.Long
	}
	if text == "" {
		text = strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
	}
	paragraph(&b, "", text)
	fmt.Fprintf(&b, "\nUsage:\n")
	usage(&b, cmd)
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s", cmd.Example)
	}
	flags(&b, cmd.NonInheritedFlags())
	b.WriteString(cmd.Annotations[notes])
	io.WriteString(to, b.String()) // an error here has no better place to be told
}

// usage lists how to call a command, or all commands below it.
func usage(b *strings.Builder, cmd *cobra.Command) {
	var lines [][2]string
	width := 0
	for _, sub := range ordered(cmd.Commands()) {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			lines = append(lines, [2]string{sub.UseLine(), sub.Short})
			width = max(width, len(sub.UseLine()))
		}
	}
	if len(lines) == 0 {
		fmt.Fprintf(b, "  %s\n", cmd.UseLine())
	}
	for _, line := range lines {
		fmt.Fprintf(b, "  %-*s  %s\n", width, line[0], line[1])
	}
}

// order is that of the commands in help: what a user wants first comes first.
var order = []string{"run", "plan", "status", "savepoint", "stop", "state", "snapshot", "list", "show", "inspect", "diff", "verify", "export", "delete", "version", "help"}

func ordered(commands []*cobra.Command) []*cobra.Command {
	return slices.SortedStableFunc(slices.Values(commands), func(a, b *cobra.Command) int {
		return cmp.Compare(slices.Index(order, a.Name()), slices.Index(order, b.Name()))
	})
}

// flags lists flags: each with what its value is, and below what it does, why, and its default.
func flags(b *strings.Builder, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	b.WriteString("\nFlags:\n")
	set.VisitAll(func(f *pflag.Flag) {
		name, text := "--"+f.Name, f.Usage
		if f.Name == "help" {
			name, text = "-h, --help", "Show this help."
		}
		if t := f.Value.Type(); t != "bool" {
			name += " " + t
		}
		if f.DefValue != "" && f.DefValue != "false" {
			text += " Default: " + f.DefValue + "."
		}
		fmt.Fprintf(b, "  %s\n", name)
		paragraph(b, "      ", text)
	})
}

// paragraph writes a text in lines that fit.
func paragraph(b *strings.Builder, indent, text string) {
	line := indent
	for _, word := range strings.Fields(text) {
		if line != indent && len([]rune(line))+1+len([]rune(word)) > helpWidth {
			fmt.Fprintln(b, line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(b, line)
}

func (c *command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "say which versions of the job, of leat and of Go this is", Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return c.version() },
	}
}

const modulePath = "leat.dev/leat"

// version tells what the binary was built from.
func (c *command) version() error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return c.write(fmt.Sprintf("job %s, built without version information\n", c.job.Name))
	}
	return c.write(versionText(c.job.Name, info))
}

func versionText(job string, info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	var b strings.Builder
	fmt.Fprintf(&b, "job %s: %s %s", job, info.Main.Path, info.Main.Version)
	if revision := settings["vcs.revision"]; revision != "" {
		fmt.Fprintf(&b, ", revision %s", revision)
		if settings["vcs.modified"] == "true" {
			b.WriteString(" with changes")
		}
	}
	b.WriteString("\n")
	for _, m := range info.Deps {
		if m.Path == modulePath {
			fmt.Fprintf(&b, "leat: %s\n", m.Version)
		}
	}
	fmt.Fprintf(&b, "%s, %s/%s\n", info.GoVersion, settings["GOOS"], settings["GOARCH"])
	return b.String()
}
