# Everything here can be typed by hand; each target only calls what does the work.
# CGO is off: the speech engine and ClickHouse are loaded at run time.
export CGO_ENABLED = 0
ARGS =

.DEFAULT_GOAL := help
.PHONY: help setup demo build test test-kafka race lint bench clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what demo and tests need (Debian packages, libchdb, web assets)
	@scripts/setup.sh all

demo: ## send scripted calls and chats through everything; ARGS="--exit --json demo.json"
	@scripts/setup.sh run
	@$(MAKE) --no-print-directory build
	@bin/earshot demo $(ARGS)

build: ## compile bin/earshot
	go build -o bin/earshot ./cmd/earshot

test: ## install what is missing, then run every test
	@scripts/setup.sh all
	@$(MAKE) --no-print-directory build
	go test -timeout 20m ./...

test-kafka: ## run the end-to-end test against Apache Kafka's own broker (Java 17, Maven)
	@scripts/setup.sh all
	@scripts/test-kafka.sh

race: ## run the tests under the race detector (needs gcc); those of the built binary gain nothing
	CGO_ENABLED=1 go test -race -timeout 30m $$(go list ./... | grep -v /internal/e2e)

lint: ## check formatting, vet, staticcheck and the TypeScript
	@scripts/lint.sh

bench: ## run every Go benchmark
	go test -run '^$$' -bench . -benchmem ./...

clean: ## remove what was built (not the data)
	rm -rf bin dashboards/web/dist/* dashboards/web/node_modules internal/embedded/node_modules .earshot
