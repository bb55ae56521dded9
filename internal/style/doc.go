// Package style holds the house rules as tests: which package may import which,
// how long a file or a function may be, and what has a doc comment.
package style
