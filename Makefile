# tuff: everything that is built, tested and made here. `make` lists the targets.
# The work is done by the scripts in .ci; they install nothing that is not needed, ask for no password and keep what they
# fetch in .cache. Needed on the machine: Go and git. A C compiler brings the GPU; the tests install one if they may.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO       ?= go
ARGS     ?= --temp 0.4 "Tell me a story about a fox."
FUZZTIME ?= 60s
GLSLC    ?= $(CURDIR)/.cache/glslc/glslc

.PHONY: help build run test test-gpu check ci shaders oracle gpu-report bench fuzz cross clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/tuff: with Vulkan where a C compiler works, otherwise for the CPU only
	@.ci/build.sh

run: build ## build, then let the embedded model tell a story; ARGS='--device cpu "Hello"' goes to tuff run
	@bin/tuff run $(ARGS)

test: ## every test; gets Mesa's lavapipe when there is no Vulkan device; says on what the GPU tests ran
	@.ci/test.sh

test-gpu: ## only the tests that touch the GPU
	@.ci/test.sh gpu

check: ## gofmt, vet, staticcheck, fresh shaders, cross builds
	@.ci/run gofmt vet staticcheck shaders cross

ci: ## all that decides whether a change is good; .ci/run STAGE… runs single stages
	@.ci/run

shaders: ## compile the shaders with the pinned glslc (fetched without root) into shaders/spv
	@if [ "$(GLSLC)" = "$(CURDIR)/.cache/glslc/glslc" ]; then .ci/get-glslc.sh .cache/glslc; fi
	$(GO) run ./shaders/gen -glslc $(GLSLC)

oracle: ## run the reference collection beside the checkout on both devices and write docs/coverage.md
	@.ci/oracle.sh docs/coverage.md

gpu-report: build ## check and measure this machine's GPU, into docs/results; REPORT='--models 1.1B --llama llama-bench' goes to tuff gpu-report
	@bin/tuff gpu-report -o docs/results $(REPORT)

bench: ## the Go benchmarks of every package, on this machine
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target for FUZZTIME (60s) each
	@FUZZTIME=$(FUZZTIME) .ci/run fuzz

cross: ## build for the other systems, without cgo
	@.ci/run cross

clean: ## remove what was built; .cache, with what was fetched, stays
	rm -rf bin
	find . -name '*.test' -o -name '*.prof' -o -name '*.out' | grep -v '^./.cache/' | xargs -r rm -f
