#!/bin/sh
# Runs what must hold on Apache Kafka's own broker against one: the bus with
# consumer groups, then the whole of Earshot in two processes. Each gets a broker
# with empty logs.
set -eu
cd "$(dirname "$0")/.."

data=$(mktemp -d)
trap 'scripts/kafka.sh stop "$data" >/dev/null 2>&1 || true; rm -rf "$data"' EXIT INT TERM

against() { # against PACKAGE [FLAG...]
	EARSHOT_KAFKA=$(scripts/kafka.sh start "$data")
	export EARSHOT_KAFKA
	echo "test-kafka: $1 against Apache Kafka at $EARSHOT_KAFKA"
	go test -count=1 -timeout 20m "$@"
	scripts/kafka.sh stop "$data"
	rm -rf "${data:?}"/*
}

against ./internal/bus
against ./internal/e2e -run Kafka
