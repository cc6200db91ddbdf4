package window

import (
	"iter"
	"time"
)

// By is an assigner that looks at the record; see [SessionBy] and [Custom]. Give it to a keyed stream's WindowBy.
type By[T any] struct{ rule Rule[T] }

// SessionBy windows are sessions that end after a gap which the record itself asks for: a record at t holds its session open
// until t+gap, and a later record with a shorter gap does not end it earlier. A gap that is not greater than 0 and at most
// [MaxSize] fails the job.
func SessionBy[T any](gap func(T) time.Duration) By[T] { return By[T]{Rule[T]{Gap: gap}} }

// Custom puts a record into any windows: assign is given a record and its event time and yields the windows that it is in,
// none if it is in none. It must yield the same for the same record whenever it is asked. A window is its span: records for
// which equal spans are yielded are together. A span that does not end after it starts, or that is longer than [MaxSize], fails the
// job. Windows fire and are dropped by their ends, as others do.
func Custom[T any](assign func(t T, at time.Time) iter.Seq[Span]) By[T] {
	return By[T]{Rule[T]{Spans: assign}}
}

// Rule is a By as the engine sees it: one of the two is set.
type Rule[T any] struct {
	Gap   func(T) time.Duration
	Spans func(T, time.Time) iter.Seq[Span]
}

// RuleOf is what an assigner says, for the engine; false if it has no function.
func RuleOf[T any](w By[T]) (Rule[T], bool) { return w.rule, w.rule.Gap != nil || w.rule.Spans != nil }

// Spec is the rule in words that need no type.
func (r Rule[T]) Spec() Spec {
	if r.Gap != nil {
		return Spec{Kind: RuledSessions}
	}
	return Spec{Kind: Ruled}
}
