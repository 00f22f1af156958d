# Thin front door; the work is done by Meson, npm and the scripts in tools/.
BUILD ?= build/release
export LUY_JOBS ?= $(shell nproc)

.PHONY: demo test build web bench fuzz lint format report install clean help

demo: ## install what is missing, build, run the province on real daemons (Ctrl-C ends it)
	@tools/deps demo
	@tools/step build tools/build $(BUILD)
	@tools/step console tools/build-web
	@exec python3 demo/run.py --build $(BUILD) $(DEMO_ARGS)

test: ## install what is missing, then every test; ends with the counts
	@tools/deps test
	@exec python3 tools/test.py $(TEST_ARGS)

build: ## compile luyd, luy and the console
	@tools/deps build
	@tools/build $(BUILD)
	@tools/build-web

web: ## the console alone
	@tools/build-web

bench: build ## measure; prints figures with a peer's beside them
	@tools/deps bench
	@exec bench/run $(BUILD)

fuzz: ## run every fuzz target for FUZZ_SECONDS (default 60) each
	@tools/deps test
	@exec tools/fuzz $(or $(FUZZ_SECONDS),60)

lint: ## layers, messages, status table, format
	@python3 tools/lint.py

format: ## bring the C sources into the house's look
	@git ls-files 'src/*.c' 'src/*.h' 'tests/*.c' 'bench/*.c' | xargs clang-format -i

report: ## the longest functions and files
	@tools/longest

install: build ## into DESTDIR and /usr/local (or PREFIX)
	@meson configure $(BUILD) --prefix $(or $(PREFIX),/usr/local)
	@meson install -C $(BUILD)

clean: ## remove everything that was built, and the demo's data
	@rm -rf build web/dist web/node_modules

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile
