# Two commands on a fresh machine: `make audit` (set up, then the demo) and `make test` (set up, then the tests).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A second environment, with the last transformers 4, for checkpoints and users that stay there.
VENV4 ?= .venv-transformers4
BIN4 := $(VENV4)/bin
OWN4 := tests/constraints-transformers4.txt
# TextAttack asks for flair, which needs transformers 4; what it really imports is named in pyproject.toml.
TEXTATTACK := textattack
DEMO ?= demo
# Fails below the branch coverage that pyproject.toml asks for; for some tests only: make test PYTEST_ARGS=tests/test_gate.py
PYTEST_ARGS ?= --cov
# Statistics, the gate, pages, words and probes on fake models are the same under every transformers.
SAME := stats* *_simulation gate report* *words planted_* browser bias_units probe_contract task_contract check_* \
  recorded_numbers docs hints advice estimating cli_probes ci_outputs compare_command detection_of_language stereotyped_answers
PYTEST4_ARGS ?= -q $(foreach name,$(SAME),--ignore-glob='tests/test_$(name).py')
# A process for each core, four at most; the tests of a file stay together. A single one, for a debugger: make test WORKERS=0
WORKERS ?= logical
SHARED_OUT = --numprocesses $(WORKERS) --maxprocesses 4 --dist loadfile
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: audit test test-transformers4 test-slow bench lint env env-transformers4 demo-data clean

audit: env demo-data
	cd $(DEMO) && ../$(BIN)/audit train --config audit.toml
	cd $(DEMO) && code=0; ../$(BIN)/audit run --config audit.toml --model ckpt --out audit || code=$$?; \
	  case $$code in 0|1|3) echo "audit carried out; the gate's exit code was $$code"; \
	  echo "scorecard: $(DEMO)/audit/scorecard.html";; *) exit $$code;; esac

demo-data: env
	$(BIN)/python fixtures/demo/prepare.py $(DEMO)

# Each process computes on a single core.
test test-transformers4: export OMP_NUM_THREADS := 1

test: env
	$(BIN)/python -m pytest $(SHARED_OUT) $(PYTEST_ARGS)

test-transformers4: env-transformers4
	$(BIN4)/python -m pytest $(SHARED_OUT) $(PYTEST4_ARGS)

test-slow: env
	$(BIN)/python -m pytest -m slow

# On the demo's checkpoint (make audit); prints ratios. Nothing else should run meanwhile.
bench: env
	for file in $(filter-out %/common.py,$(wildcard tests/benchmarks/*.py)); do $(BIN)/python $$file || exit $$?; done

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

env: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade "pip>=26"
	$(BIN)/python -m pip install -qq --constraint constraints.txt --editable ".[demo,dev,onnx]"
	$(BIN)/python -m pip install -qq --constraint constraints.txt --no-deps $(TEXTATTACK)
	touch $@

env-transformers4: $(VENV4)/.installed

# The constraints of the default environment, but for the packages that the second one pins itself.
$(VENV4)/.installed: pyproject.toml constraints.txt $(OWN4)
	$(PYTHON) -m venv $(VENV4)
	awk -F '==' 'FNR == NR { own[$$1] = 1; print; next } !($$1 in own)' $(OWN4) constraints.txt > $(VENV4)/constraints.txt
	$(BIN4)/python -m pip install -qq --upgrade "pip>=26"
	$(BIN4)/python -m pip install -qq --constraint $(VENV4)/constraints.txt --editable ".[demo,dev,onnx]"
	$(BIN4)/python -m pip install -qq --constraint $(VENV4)/constraints.txt --no-deps $(TEXTATTACK)
	touch $@

clean:
	rm -rf $(VENV) $(VENV4) $(DEMO) build dist *.egg-info
