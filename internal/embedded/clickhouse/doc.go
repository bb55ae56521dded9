// Package clickhouse is the ClickHouse of a single machine: the engine inside
// this process (libchdb, loaded without cgo), served on a loopback port that
// speaks ClickHouse's HTTP interface, so that clickhouse-go, Grafana and curl
// work against it as they do against a server.
//
// A process has one engine, and a data folder has one process. What it cannot
// do: users, roles, row policies and quotas; the native TCP protocol; external
// tables in multipart forms. Statements that reach for files, other hosts or
// programs are refused. DESIGN.md says why and how.
package clickhouse
