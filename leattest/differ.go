package leattest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"leat.dev/leat/internal/values"
)

// sameFloats is how far floats of two runs may lie apart, as a part of the larger one: sums in another order differ in
// their last bits.
const sameFloats = 1e-9

// shownRecords bounds how many records a failure shows of each kind, shownOutputs how many outputs.
const (
	shownRecords = 5
	shownOutputs = 5
)

// differences says how an outcome differs from what was expected; "" if it does not.
func differences(want, got *outcome) string {
	all := map[output]bool{}
	for at := range want.outputs {
		all[at] = true
	}
	for at := range got.outputs {
		all[at] = true
	}
	var found []string
	for _, at := range slices.SortedFunc(maps.Keys(all), compareOutputs) {
		if d := diffSeries(want.outputs[at], got.outputs[at]); d != "" {
			found = append(found, at.String()+d)
		}
	}
	found = append(found, diffLate(want.late, got.late)...)
	if n := len(found) - shownOutputs; n > 0 {
		found = append(found[:shownOutputs], fmt.Sprintf("and %d more outputs", n))
	}
	return strings.Join(found, "\n")
}

func compareOutputs(a, b output) int {
	return cmp.Or(strings.Compare(a.operator, b.operator), strings.Compare(a.side, b.side))
}

// String names the output.
func (o output) String() string {
	if o.side == "" {
		return "sink " + o.operator
	}
	return fmt.Sprintf("side output %s of %s", o.side, o.operator)
}

func diffLate(want, got map[string]int64) []string {
	var found []string
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, operator := range slices.Sorted(maps.Keys(all)) {
		if want[operator] != got[operator] {
			found = append(found, fmt.Sprintf("operator %s: %d late records, not %d", operator, got[operator], want[operator]))
		}
	}
	return found
}

// diffSeries goes through two sorted series at once.
func diffSeries(want, got *series) string {
	var missing, extra []string
	same := values.Comparison{Tolerance: sameFloats}
	i, j := 0, 0
	for i < lengthOf(want) || j < lengthOf(got) {
		n := 0
		switch {
		case i == lengthOf(want):
			n = 1
		case j == lengthOf(got):
			n = -1
		default:
			n = compare(same, want, i, got, j)
		}
		if n < 0 {
			missing = append(missing, want.record(i))
		} else if n > 0 {
			extra = append(extra, got.record(j))
		}
		if n <= 0 {
			i++
		}
		if n >= 0 {
			j++
		}
	}
	return describe("missing", missing) + describe("more than expected", extra)
}

func lengthOf(s *series) int {
	if s == nil {
		return 0
	}
	return s.len()
}

func describe(what string, records []string) string {
	if len(records) == 0 {
		return ""
	}
	more := ""
	if n := len(records) - shownRecords; n > 0 {
		more = fmt.Sprintf("\n    and %d more", n)
		records = records[:shownRecords]
	}
	return fmt.Sprintf("\n  %s:\n    %s%s", what, strings.Join(records, "\n    "), more)
}
