# Building, trying and checking leat. `make` alone lists the targets; test and demo need only Go, make and git.

# The Go release is go.mod's: an older go command fetches it.
export GOTOOLCHAIN := auto
GO ?= go
RELEASE = $(shell awk '/^toolchain/ {print $$2}' go.mod)

# The race detector needs a C compiler.
RACE = $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT = mvdan.cc/gofumpt@v0.12.0
MODULES = . bench bench/kit bench/peers/gopeer
FUZZSECONDS ?= 10

# What has expensive assertions under the tag invariants, and what runs on top of it; and the rest. What has been compiled with the race
# detector is not compiled without it: from an empty build cache, that is most of the time.
WATCHED = ./internal/backend/... ./internal/windowing ./internal/exchange ./internal/runtime ./internal/host/...
REST = $(filter-out $(shell $(GO) list $(WATCHED)),$(shell $(GO) list ./...))

.DEFAULT_GOAL := help
.PHONY: help demo test invariants crash crash-long s3 rocksdb sim sim-long mutants bench bench-w7 bench-windows bench-state lint golden nexmark-golden fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## run the flights job on a year of real flights
	$(GO) run ./examples/flights run

test: ## test everything with the race detector, the engine with invariants too; vet is part of lint
	$(if $(RACE),,@echo "without the race detector: it needs a C compiler")
	$(GO) test $(RACE) -vet=off -short $(REST)
	$(GO) test $(RACE) -vet=off -short -tags invariants $(WATCHED)
	$(GO) -C bench/kit test $(RACE) -vet=off ./...

invariants: ## test the engine with invariants, not -short, and count allocations: without the race detector
	$(GO) test -vet=off -tags invariants $(WATCHED)
	$(GO) test -vet=off -run 'Alloc' . ./internal/backend/heap ./internal/windowing/...

crash: ## kill the example and eighteen generated jobs more than 200 times, half of it at named steps; five minutes
	$(GO) test -count=1 -run 'TestCrash|TestLossy' ./connector/file
	$(GO) test -count=1 -run 'TestStandby$$' ./internal/cli
	$(GO) test -count=1 -run 'TestKilled$$|TestOutputs$$' ./examples/flights
	$(GO) run ./internal/crash -kills 200

crash-long: ## the same with 2,000 kills
	$(GO) run ./internal/crash -kills 2000

s3: ## test object storage on a real server that is killed, slow and cut off, and kill jobs that keep their snapshots in it: two minutes
	GO=$(GO) ci/s3.sh

rocksdb: ## test the module rocksdb, which needs librocksdb-dev
	$(GO) -C rocksdb vet ./... && $(GO) -C rocksdb test -short ./...

sim: ## run 1,000 simulated jobs with crashes at every step: a seed that fails is named, and replays exactly
	$(GO) test -count=1 -timeout 30m ./internal/sim -run TestSim -seeds=1000 -v

sim-long: ## the same with 10,000
	$(GO) test -count=1 -timeout 4h ./internal/sim -run TestSim -seeds=10000 -v

mutants: ## plant bugs, one at a time, and see that a test finds each; four minutes
	$(GO) run ./ci/mutants

bench: ## compare leat with hand-written loops and Flink: about six minutes
	bench/compare.sh

bench-w7: ## what checkpoints of ten million keys cost leat and Flink, restores, pauses: about twenty minutes
	bench/compare-w7.sh

bench-windows: ## compare windows and Nexmark on leat, hand-written loops and Flink; their memory: about half an hour
	bench/compare-windows.sh

bench-state: ## compare state on disk on leat and on Flink with RocksDB: about a quarter of an hour
	bench/compare-state.sh

# The tools are built with the release of go.mod: older parsers refuse generic methods.
lint: export GOTOOLCHAIN = $(RELEASE)
lint: ## gofmt, gofumpt, vet and staticcheck
	@files=$$(git ls-files --cached --others --exclude-standard '*.go') && \
	bad=$$($$($(GO) env GOROOT)/bin/gofmt -l $$files && $(GO) run $(GOFUMPT) -l $$files) && \
	if [ -n "$$bad" ]; then echo "not formatted by gofmt and gofumpt:"; echo "$$bad" | sort -u; exit 1; fi
	@for module in $(MODULES); do \
	  echo "vet and staticcheck in $$module" && \
	  (cd $$module && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...) || exit 1; \
	done

golden: ## remake with Flink what tests compare with, and fail on a difference (needs Java 17, Maven and zstd)
	ci/flinksql/golden.sh
	ci/flinkwindows/golden.sh

nexmark-golden: ## remake with Flink SQL what Nexmark's queries are compared with, and fail on a difference: about ten minutes
	bench/nexmark/flink/golden.sh

fuzz: ## fuzz each target for FUZZSECONDS seconds (10)
	ci/fuzz.sh $(FUZZSECONDS)

clean: ## remove what was built
	rm -rf bin out bench/bin bench/results bench/peers/*/bin bench/peers/py/venv-* bench/peers/flink/target ci/flinksql/lib ci/flinksql/lib.part
