// Package wire holds the JSON Schemas in docs/schema to the Go types of the
// records, as tests.
package wire
