package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/metrics"
)

const (
	liveEvery = 200 * time.Millisecond // how often a terminal's status changes
	lineEvery = time.Second            // how often a line is written elsewhere
	rateOver  = time.Second            // the time over which the rate is measured
	liveWidth = 100                    // columns of a terminal that does not say
)

// progress shows how far a job is, until its end.
type progress struct {
	command *command
	metrics *metrics.Job
	flags   runFlags
	live    bool          // a status on a terminal, and not lines
	every   time.Duration // 0: nothing is shown before the end
	summary bool

	begin   time.Time
	mu      sync.Mutex // guards all below
	recent  []sample
	ended   bool
	unclock func()
}

type sample struct {
	at time.Time
	in int64
}

// watch begins to show how far a job is, where the flags and the terminal want it.
func (c *command) watch(r Running, f runFlags) *progress {
	p := &progress{command: c, metrics: r.Metrics(), flags: f, begin: c.now(), unclock: func() {}}
	switch {
	case f.progress == "never" || f.progress == "auto" && !c.system.ErrTerminal:
	case f.progress == "auto" && c.system.OutTerminal && prints(c.job.Graph):
		p.summary = true
	case c.system.ErrTerminal:
		p.live, p.every, p.summary = true, liveEvery, true
	default:
		p.every, p.summary = lineEvery, true
	}
	if p.every > 0 {
		p.mu.Lock()
		p.next()
		p.mu.Unlock()
	}
	return p
}

func (c *command) now() time.Time { return time.Unix(0, c.system.Clock.Now()) }

// prints says whether a sink prints to standard output.
func prints(g *graph.Graph) bool {
	return slices.ContainsFunc(g.Nodes, func(n *graph.Node) bool { return slices.Contains(n.Settings, graph.Prints) })
}

// next asks the clock for the next tick.
func (p *progress) next() {
	clock := p.command.system.Clock
	p.unclock = clock.At(clock.Now()+int64(p.every), p.tick)
}

func (p *progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	now := p.command.now()
	t := tallyOf(p.command.job.Graph, p.metrics)
	rate := p.rate(now, t.in)
	switch {
	case p.live:
		width := liveWidth
		if w := p.command.system.Width(); w > 0 {
			width = w
		}
		p.command.screen.show(clip(p.line(t, now, rate), width-1))
	default:
		p.report("progress", t, now, rate)
	}
	p.next()
}

// report writes a line: for people, or as a log for programs.
func (p *progress) report(what string, t tally, now time.Time, rate float64) {
	if p.flags.logFormat != "json" {
		fmt.Fprintln(p.command.screen, p.line(t, now, rate))
		return
	}
	attrs := []any{
		"job", p.command.job.Name, "elapsed", now.Sub(p.begin).Seconds(),
		"in", t.in, "out", t.out, "per_second", rate, "late", t.late, "rejected", t.rejected,
	}
	if at, ok := t.watermark(); ok {
		attrs = append(attrs, "watermark", at)
	}
	slog.Info(what, attrs...)
}

// rate is records a second, over about the last second.
func (p *progress) rate(now time.Time, in int64) float64 {
	p.recent = append(p.recent, sample{now, in})
	for len(p.recent) > 1 && now.Sub(p.recent[1].at) >= rateOver {
		p.recent = p.recent[1:]
	}
	from := sample{p.begin, 0}
	if now.Sub(p.recent[0].at) >= rateOver {
		from = p.recent[0]
	}
	if d := now.Sub(from.at).Seconds(); d > 0 {
		return float64(in-from.in) / d
	}
	return 0
}

// line is how far the job is, what matters most first.
func (p *progress) line(t tally, now time.Time, rate float64) string {
	fields := []string{
		p.command.job.Name + " " + elapsed(now.Sub(p.begin)),
		fmt.Sprintf("in %s (%s/s)", thousands(t.in), short(rate)),
		"out " + thousands(t.out),
	}
	fields = append(fields, t.losses()...)
	if at, ok := t.watermark(); ok {
		fields = append(fields, "watermark "+at.Format("2006-01-02 15:04:05"))
		if lag := now.Sub(at); lag >= 0 && lag < longestLag {
			fields = append(fields, "lag "+elapsed(lag))
		}
	}
	return strings.Join(fields, "  ")
}

// longestLag is how far event time may be behind processing time to be of interest: beyond that the job works through
// history.
const longestLag = 30 * 24 * time.Hour

// end takes the status away and sums up, unless the job has failed: then its error is all there is to say.
func (p *progress) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.unclock()
	p.command.screen.show("")
	var stop stopped
	if !p.summary || (err != nil && !errors.As(err, &stop)) {
		return
	}
	how := "ended"
	if err != nil {
		how = "stopped"
	}
	now, t := p.command.now(), tallyOf(p.command.job.Graph, p.metrics)
	rate := 0.0
	if d := now.Sub(p.begin).Seconds(); d > 0 {
		rate = float64(t.in) / d
	}
	if p.flags.logFormat == "json" {
		p.report("job "+how, t, now, rate)
		return
	}
	facts := append([]string{
		fmt.Sprintf("%s records in (%s/s)", thousands(t.in), short(rate)), thousands(t.out) + " out",
	}, t.losses()...)
	fmt.Fprintf(p.command.screen, "job %s %s after %s: %s\n\n%s", p.command.job.Name, how,
		elapsed(now.Sub(p.begin)), strings.Join(facts, ", "), t.table())
}
