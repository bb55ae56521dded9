//go:build !amd64

package chdb

// missingCPU finds nothing missing: the instruction floor is known for amd64 only.
func missingCPU() string { return "" }
