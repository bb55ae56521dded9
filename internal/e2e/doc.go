// Package e2e holds the tests that run the built binary as a user does: real
// processes, which can be killed, and real peers.
package e2e
