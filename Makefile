# Everything a fresh machine with Python >= 3.11, pip, venv and make needs: `make demo`, `make test`.

PYTHON ?= python3
BIN := .venv/bin
LINK := .dev/bailian_mcp

.PHONY: help demo test coverage check format wheel bench scale truth reader reader-time bounds ledger soak bulk corpus hosts clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

demo: .venv/runtime  ## call every tool once against the sandbox: no key, no cost
	@$(BIN)/bailian-mcp demo

# A run starts the server a hundred times: each file is compiled once, whatever the environment says of bytecode.
test coverage: export PYTHONDONTWRITEBYTECODE =

test: .venv/dev  ## run the tests: `make test ARGS="-k ocr"` for some of them
	$(BIN)/python -m pytest -q -n auto --dist worksteal $(ARGS)

coverage: .venv/dev  ## run every test in both protocol eras, with coverage, as CI does
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -n auto --dist worksteal --eras=both $(ARGS)
	@$(BIN)/coverage combine -q
	@rm -f .coverage.*  # what a killed process had half written
	@$(BIN)/coverage report --include='server/catalog/*,server/dashscope/*,server/calls/*,server/spending/*' --fail-under=100
	@$(BIN)/coverage report

check: .venv/dev  ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: .venv/dev  ## build the wheel from a clean copy and prove it in an empty environment
	$(BIN)/python tests/wheel.py

bench: .venv/dev  ## measure beside minimal servers on the official SDKs and another one: `make bench ARGS="--rounds 2"`
	@$(BIN)/python benchmarks/speed/run.py $(ARGS)

scale: .venv/dev  ## how time grows with calls, histories, catalogs, ledgers, jobs, texts, pages and schemas
	@$(BIN)/python benchmarks/speed/scale.py $(ARGS)

truth: .venv/dev  ## count what is judged rightly of pages and values whose truth is known: `make truth ARGS="--show 3"`
	@$(BIN)/python -m bailian_mcp.benchmarks.truth.run $(ARGS)

reader: .venv/dev  ## what the second reader says of pages whose truth is known: `make reader ARGS="FOLDER --cache DIR"`
	@$(BIN)/python -m bailian_mcp.benchmarks.second_reader.run $(ARGS)

reader-time: .venv/dev  ## what documents of 1, 20 and 300 pages take with the second reader: `make reader-time ARGS="--pages 1,20"`
	@$(BIN)/python -m bailian_mcp.benchmarks.second_reader.documents $(ARGS)

bounds: .venv/dev  ## how far what is held for a request lies above what it really cost, by kind
	@$(BIN)/python -m bailian_mcp.benchmarks.bounds.run

ledger: .venv/dev  ## a ledger of ten million rows (3 GB for a while): what a cap and a report cost then
	@$(BIN)/python -m bailian_mcp.benchmarks.ledger $(ARGS)

soak: .venv/dev  ## one server, many clients, faults and cancels for half an hour: what grows? `make soak ARGS="--minutes 5"`
	@$(BIN)/python -m bailian_mcp.benchmarks.soak.run $(ARGS)

bulk: .venv/dev  ## a batch of 50,000 inputs whose server is killed three times: is each there once?
	@$(BIN)/python -m bailian_mcp.benchmarks.bulk.run $(ARGS)

corpus: .venv/dev  ## read the PDFs and images of folders beside another reader: `make corpus ARGS=FOLDER`
	@$(BIN)/python -m bailian_mcp.benchmarks.corpus.run $(ARGS)

hosts: .venv/runtime  ## run real hosts from npm and PyPI with a scripted model: `make hosts ARGS="codex --keep"` one of them
	@$(BIN)/python benchmarks/hosts/run.py $(ARGS)

clean:  ## remove what this file made
	rm -rf .venv .dev .hosts build dist *.egg-info .coverage .coverage.*

# --- set-up, made once and remade when pyproject.toml changes ---

.venv/pip:
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

# By the link below: what setuptools puts there instead takes each Python 30 ms to start, and tests start hundreds. What
# it built on the way would take longer still where it lies: each start would ask it for the version.
define found_by_its_link
	@cd "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
		&& rm -f __editable__.bailian_mcp-*.pth && echo "$(CURDIR)/.dev" > bailian_mcp.pth
	@rm -rf bailian_mcp.egg-info
endef

.venv/runtime: .venv/pip pyproject.toml | $(LINK)
	@echo "installing bailian-mcp and what it needs into .venv (about a minute, once)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e .
	$(found_by_its_link)
	@touch $@

.venv/dev: .venv/pip pyproject.toml | $(LINK)
	@echo "installing bailian-mcp and its test tools into .venv (about a minute, once)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check 'pip>=25.1'  # the first that knows dependency groups
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e . --group dev
	$(found_by_its_link)
	@touch $@ .venv/runtime

# All find the package under its own name through this link; it is never shipped.
$(LINK):
	@mkdir -p .dev && ln -sfn .. $@
