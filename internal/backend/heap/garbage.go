package heap

import (
	"os"
	"runtime/debug"
)

// earlyPercent is how much garbage there may be beside what is in use. Most of that are rows, which cost the collector next to nothing;
// with the usual 100 a process would take up twice its budget.
const earlyPercent = 20

// CollectEarly has garbage collected earlier than usual, for state that is to keep to a budget, unless the user has said how it should be.
// Undo has it as before.
func CollectEarly() (undo func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(earlyPercent)
	if before != 100 { // the program has
		debug.SetGCPercent(before)
		return func() {}
	}
	return func() { debug.SetGCPercent(before) }
}
