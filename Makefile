# A front for CMake's presets: every target installs what it needs first, then does one thing.
.DEFAULT_GOAL := help
.PHONY: help build demo test faults faults-report loadtest fuzz oracle planted-bugs format tidy clean

INSTALL := sh deploy/install-packages.sh
CIEVENTS := build/release/services/cli/cievents
SOURCES = $$(git ls-files '*.cc' '*.h')

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the optimised binary: build/release/services/cli/cievents
	@$(INSTALL) build
	@cmake --workflow --preset release

demo: ## install, build, and show the main job in a minute: push, emit, lease, complete
	@$(INSTALL) build run
	@cmake --workflow --preset release
	@sh docs/demo/demo.sh $(CIEVENTS)

test: ## install, build with ASan + UBSan, and run every test
	@$(INSTALL) build run test
	@sh tests/run.sh

loadtest: ## measure (ONLY=engine, ingest or service for a part)
	@$(INSTALL) build run
	@sh loadtest/run.sh $(ONLY)

fuzz: ## fuzz with libFuzzer (ONLY=condition for one harness, SECONDS_EACH=60)
	@$(INSTALL) build fuzz
	@sh tests/fuzz/run.sh $(ONLY)

oracle: ## the index against a naive matcher, a million random pairs (PAIRS=10000000 SEED=1)
	@$(INSTALL) build
	@cmake --preset release
	@cmake --build --preset release --target oracle
	@build/release/tests/oracle/oracle --pairs=$(or $(PAIRS),1000000) $(if $(SEED),--seed=$(SEED))

faults: ## the fault matrix: every row with 25 seeds, the table (ROWS="01 29" SEEDS=3 SEED=1 FORM=short JOBS=2 RESUME=1)
	@$(INSTALL) build run test faults
	@sh tests/faults/run.sh "$(ROWS)"

faults-report: ## the table of what `make faults` has run so far
	@sh tests/faults/run.sh --report

planted-bugs: ## does the oracle find bugs? Plants 27, one after the other (SECONDS_EACH=60)
	@$(INSTALL) build
	@sh tests/planted/run.sh

format: ## clang-format over all sources
	@$(INSTALL) tools
	@clang-format-14 -i $(SOURCES)

tidy: ## clang-tidy over all sources (slow)
	@$(INSTALL) build tools
	@cmake --workflow --preset tidy

clean: ## remove build/
	@rm -rf build
