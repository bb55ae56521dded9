#!/bin/sh
# Checks formatting, vet, staticcheck and the workbench's TypeScript.
set -eu
cd "$(dirname "$0")/.."

unformatted=$(git ls-files '*.go' | xargs gofmt -l)
if [ -n "$unformatted" ]; then
	echo "gofmt would change:" "$unformatted" >&2
	exit 1
fi
go vet ./...
go tool staticcheck ./...
(cd dashboards/web && npm run --silent check)
echo "lint: clean"
