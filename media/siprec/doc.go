// Package siprec reads and writes what a SIPREC INVITE carries (RFC 7866): the
// multipart body, the recording metadata and the session description.
package siprec
