package leat

import (
	"strings"
	"testing"

	"leat.dev/leat/state"
)

type elsewhere struct{ state.Backend }

func (elsewhere) Name() string { return "elsewhere" }

func TestSetMemory(t *testing.T) {
	for name, backend := range map[string]state.Backend{"default": nil, "heap": state.Heap{BudgetBytes: 1}} {
		job := NewJob("memory")
		job.Backend = backend
		if err := job.commandLine().SetMemory(1 << 20); err != nil || job.Backend != (state.Heap{BudgetBytes: 1 << 20}) {
			t.Errorf("%s: %v, %+v", name, err, job.Backend)
		}
	}
	job := NewJob("memory")
	job.Backend = elsewhere{}
	if err := job.commandLine().SetMemory(1 << 20); err == nil || !strings.Contains(err.Error(), "keeps its state in elsewhere") {
		t.Errorf("got %v", err)
	}
}
