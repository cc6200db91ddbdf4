package state

import (
	"os"

	"leat.dev/leat/internal/backend/heap"
)

// Backend says where state lives: [Heap].
type Backend interface {
	// Name is the backend's name, as plans and logs show it.
	Name() string
}

// Heap keeps state in memory. It is the default.
type Heap struct {
	// BudgetBytes bounds the memory of all keyed state in the process, copies that a running snapshot needs included.
	// Growth beyond it fails the job with an error that says so, before the system kills the process without a word.
	// 0 is 60 % of the memory that the process may use: of its cgroup's limit, or of the machine's.
	// Negative is no bound.
	BudgetBytes int64
}

// Name is "heap".
func (Heap) Name() string { return "heap" }

// NewBudget is for the engine: the budget that all stores of a process share.
func (h Heap) NewBudget() *heap.Budget {
	switch {
	case h.BudgetBytes > 0:
		return heap.NewBudget(h.BudgetBytes)
	case h.BudgetBytes < 0:
		return heap.NewBudget(0)
	}
	return heap.NewBudget(memoryBytes(os.DirFS("/")) / 100 * budgetPercent)
}

// budgetPercent is the default budget's share of memory. The rest is for records on their way, user code, and what the
// garbage collector leaves for its next run.
const budgetPercent = 60
