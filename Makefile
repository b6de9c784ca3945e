# Two commands on a fresh machine: `make demo` and `make test`. The rest is for those who change the code.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: demo test soak check bench clean

demo: $(VENV)/.installed
	$(BIN)/utome demo

# A process for each processor, each with one thread: small networks gain nothing from more. At most four, which share the memory.
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile

soak: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m soak -s

check:
	scripts/check

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

# A stamp file marks what was installed, so that a second `make` starts at once.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("utome needs Python 3.11 or newer; name one with `make demo PYTHON=python3.12`." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV)
