# Two commands for a newcomer: `make demo` and `make test`. Everything else is for people who change the code.
# Needs Python 3.11 and make; uv is fetched into a virtual environment of its own where it is missing.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# By version, not by path: a path through a version manager never equals the one uv finds behind it.
export UV_PYTHON ?= $(shell $(PYTHON) -c "import sys; print('%d.%d' % sys.version_info[:2])")
export UV_PYTHON_DOWNLOADS ?= never
UV := $(shell command -v uv 2>/dev/null || echo .cache/uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
AT_LENGTH := JEJAK_FAULTS_REPORT=build/faults.jsonl JEJAK_FAULTS_AT_LENGTH=1 JEJAK_FAULT_POINTS=2000
# A file's tests stay together, they share servers; so do all that look at the one run of the whole system.
SPREAD := --dist loadfile --durations 10
KILLS := killed_in_turn
ZOMBIE := test_a_fold_frozen_amid_a_transaction_that_wakes_after_another_took_over_adds_nothing

.PHONY: demo test check fix sync up down status bench unit faults audit-proofs audit-faults audit-attacks changes-at-length counts-at-length engine-at-length rules-at-length

demo: sync ## see a district live through the registry, on real Kafka and real Cassandra
	$(RUN) jejak demo

test: sync ## every test, on a real broker and database started by the project itself
	@mkdir -p build
	@echo "three runs at once, most of it waits for servers; output is shown at the end"
	@$(RUN) pytest -m "not real" --durations 10 > build/units.txt 2>&1 & units=$$!; \
	$(RUN) pytest -m "real and pair and not at_length" $(SPREAD) -n 2 > build/pair.txt 2>&1 & pair=$$!; \
	$(RUN) pytest -m "real and not pair and not at_length" $(SPREAD) -n 2; own=$$?; \
	wait $$units; units=$$?; cat build/units.txt; wait $$pair; pair=$$?; cat build/pair.txt; test $$units$$pair$$own = 000

unit: sync ## the tests that need no service
	JEJAK_EXAMPLES=100 $(RUN) pytest tests/unit tests/contract

faults: sync ## 1,000 crash points, 50 kills, zombies, late and aborted transactions: compared with an unbroken run
	@mkdir -p build && rm -f build/faults.jsonl
	@echo "three runs at once, each on servers of its own; their output is in build/faults-*.txt"
	@$(AT_LENGTH) $(RUN) pytest -s tests/integration/test_crash_points_real.py > build/faults-points.txt 2>&1 & points=$$!; \
	$(AT_LENGTH) $(RUN) pytest -s -k $(KILLS) tests/integration/faults_at_length.py > build/faults-kills.txt 2>&1 & kills=$$!; \
	$(AT_LENGTH) $(RUN) pytest -s tests/integration/test_faults_real.py \
		tests/integration/test_fold_faults_real.py::$(ZOMBIE) > build/faults-rest.txt 2>&1 && \
	$(AT_LENGTH) $(RUN) pytest -s -k "not $(KILLS)" tests/integration/faults_at_length.py >> build/faults-rest.txt 2>&1; \
	rest=$$?; wait $$points; points=$$?; wait $$kills; kills=$$?; tail -n 3 build/faults-*.txt; \
	$(RUN) python -m tests.integration.fault_report build/faults.jsonl && test $$points$$kills$$rest = 000

engine-at-length: sync ## long outages and floods, rebuilds, and a million events replayed by another hand
	$(RUN) pytest -m at_length --durations 10 tests/integration/test_replay_real.py \
		tests/integration/test_fold_faults_real.py tests/integration/test_engine_faults.py tests/integration/test_projector_real.py \
		tests/integration/test_rebuild_real.py tests/integration/test_local_stack.py

audit-proofs: sync ## every proof of all sizes to 2,048 and two million random ones, against a recursive reading of RFC 6962
	$(RUN) python -m tests.unit.merkle_at_length

audit-attacks: sync ## 10,000 changed bytes, each attack on the log 1,000 times, every byte of a receipt: all must be seen
	JEJAK_ATTACKS_AT_LENGTH=1 $(RUN) pytest -s --timeout=0 tests/unit/test_audit_attacks.py tests/unit/test_auditor_receipts.py

audit-faults: sync ## gateway and sequencer: nothing acknowledged lost, no look without intent, no fork: 2,000 crash points, 85 kills
	JEJAK_AUDIT_POINTS=1000 JEJAK_AUDIT_KILLS=25 JEJAK_AUDIT_BROKER_KILLS=10 \
		$(RUN) pytest -s --timeout 7200 tests/integration/test_gateway_durable_real.py
	JEJAK_AUDIT_STEPS=100000 $(RUN) pytest -s --timeout 7200 tests/unit/test_gateway_machine.py
	JEJAK_FAULT_POINTS=1100 JEJAK_FAULT_BLOWS=50 \
		$(RUN) pytest -s --timeout 7200 tests/unit/test_sequencer_crash_points.py tests/integration/sequencer_at_length.py

changes-at-length: sync ## 1,000,000 random changes through the folds: nothing raises, nothing dies that wasn't planted
	@mkdir -p build
	$(RUN) python -m tests.unit.changes_at_length

counts-at-length: sync ## what the stream counts of 200,000 simulated families, against two recounts
	$(RUN) python -m tests.unit.counts_at_length

rules-at-length: sync ## an official ranks, changes a rule and activates it; every family is decided once and told why
	$(RUN) pytest -m at_length tests/integration/test_rules_official_real.py

check: sync ## style, types, the house's contracts, schema compatibility, dependencies
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) python -W ignore -m schemas.evolution
	$(RUN) deptry .

fix: sync ## let the formatter and the linter mend what they can
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

up down status bench: sync
	$(RUN) jejak $@

sync: $(UV)
	@$(UV) sync --frozen --quiet

.cache/uv/bin/uv:
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/pip install --quiet uv
