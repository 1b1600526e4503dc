.DEFAULT_GOAL := help
.PHONY: help demo test check bench defences format lock docs translations

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1|\2/' | column -t -s '|'

demo: ## a filled demo of both services on localhost, until Ctrl-C
	@scripts/install.sh base
	@exec .venv/bin/python -m demo

test: ## every test, on SQLite and PostgreSQL, with a real browser
	@scripts/install.sh test && scripts/install_test_programs.sh
	@.venv/bin/pytest -n auto --dist worksteal $(ARGS)

check: ## format, lint, types, import contracts, dependency audit
	@scripts/install.sh test
	@scripts/check.sh

bench: ## measures, as a table
	@scripts/install.sh test
	@.venv/bin/python -m bench $(ARGS)

defences: ## take each defence away and see its test fail
	@scripts/install.sh test
	@.venv/bin/python -m scripts.prove_defences $(ARGS)

format: ## put the code into its format
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

docs: ## write docs/generated anew
	@.venv/bin/python -m scripts.generate_docs

translations: ## extract, keep and compile the words of other languages
	@.venv/bin/python -m scripts.translations

lock: ## make the hashed locks anew (needs uv)
	@scripts/lock.sh
