# SPDX-License-Identifier: Apache-2.0
# A thin door to scripts/setup, CMake's presets and tests/run. `make help` lists what there is.

.PHONY: all release dev test demo nightly controls fuzz sim bench clean help

all: release

help:
	@echo "make          build vat, vatd and vat-worker under build/release/"
	@echo "make demo     play the README's transcript for real"
	@echo "make test     build with sanitizers (gcc and clang) and run every test"
	@echo "make nightly  the same with the long sizes"
	@echo "make controls run the negative controls of SPECIFICATION.md"
	@echo "make dev      build with sanitizers under build/dev/"
	@echo "make fuzz     build the fuzz targets under build/fuzz/ and run each for TIME seconds (default 60)"
	@echo "make sim      simulate the kernel for SEEDS=N (1 to N, default 1000) or SEEDS=FROM-TO"
	@echo "make bench    measure vatd and its peers; OPTIONS=--help lists what can be chosen (bench/README.md)"
	@echo "make clean    remove build/"

release dev:
	@scripts/setup
	@scripts/build $@

demo: release
	@scripts/demo

test:
	@scripts/setup --tests
	@tests/run

nightly:
	@scripts/setup --tests
	@tests/run --nightly
	@scripts/build fuzz fuzzers
	@tests/fuzz/run 60

controls:
	@scripts/setup --tests
	@tests/controls

fuzz:
	@scripts/setup --tests
	@scripts/build fuzz fuzzers
	@tests/fuzz/run $(or $(TIME),60)

sim:
	@scripts/setup --tests
	@scripts/build dev simulate
	@build/dev/tests/simulate --seeds $(or $(SEEDS),1000)

bench:
	@scripts/bench $(OPTIONS)

clean:
	rm -rf build
