package rule

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"earshot"
	"earshot/internal/config"
)

// Error is a mistake in a condition: where, what, and what to do.
type Error struct {
	// Path leads from the condition to the mistake, such as "said.any[2]".
	Path string
	Fix  string
	Err  error
}

// Error reads "path: what is wrong; fix".
func (e *Error) Error() string {
	msg := e.Path + ": " + e.Err.Error()
	if e.Fix != "" {
		msg += "; " + e.Fix
	}
	return msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Named are the conditions that others use by name.
type Named map[string]Condition

// Program is a condition ready to be decided. It is safe for concurrent use.
type Program struct{ root node }

// node is one compiled operator.
type node interface{ decide(e *env) Result }

// Compile prepares a condition. All mistakes are reported, each an [*Error] in
// the joined error.
func Compile(c Condition, named Named) (*Program, error) {
	comp := compiler{named: named}
	root := comp.condition(c, "")
	if len(comp.errs) > 0 {
		return nil, errors.Join(comp.errs...)
	}
	return &Program{root}, nil
}

type compiler struct {
	named Named
	// using are the names that are being compiled, to find circles.
	using []string
	errs  []error
}

func (c *compiler) fail(path, fix, format string, args ...any) {
	c.errs = append(c.errs, &Error{Path: path, Fix: fix, Err: fmt.Errorf(format, args...)})
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (c *compiler) condition(cond Condition, path string) node {
	type operator struct {
		key     string
		set     bool
		compile func(path string) node
	}
	operators := []operator{
		{"said", cond.Said != nil, func(p string) node { return c.said(cond.Said, p) }},
		{"not_said", cond.NotSaid != nil, func(p string) node { return &not{c.said(cond.NotSaid, p)} }},
		{"matches", cond.Matches != nil, func(p string) node { return c.matches(cond.Matches, p) }},
		{"silence", cond.Silence != nil, func(p string) node { return c.silence(cond.Silence, p) }},
		{"talk_speed", cond.TalkSpeed != nil, func(p string) node { return c.talkSpeed(cond.TalkSpeed, p) }},
		{"interruption", cond.Interruption != nil, func(p string) node { return c.interruption(cond.Interruption, p) }},
		{"order", cond.Order != nil, func(p string) node { return c.order(cond.Order, p) }},
		{"response_time", cond.ResponseTime != nil, func(p string) node { return c.responseTime(cond.ResponseTime, p) }},
		{"duration", cond.Duration != nil, func(p string) node { return c.duration(cond.Duration, p) }},
		{"measure", cond.Measure != nil, func(p string) node { return c.measure(cond.Measure, p) }},
		{"context", cond.Context != nil, func(p string) node { return c.context(cond.Context, p) }},
		{"all", cond.All != nil, func(p string) node { return &all{c.list(cond.All, p)} }},
		{"any", cond.Any != nil, func(p string) node { return &anyOf{c.list(cond.Any, p)} }},
		{"not", cond.Not != nil, func(p string) node { return &not{c.condition(*cond.Not, p)} }},
		{"is", cond.Is != "", func(p string) node { return c.is(cond.Is, p) }},
	}
	operators = slices.DeleteFunc(operators, func(o operator) bool { return !o.set })
	if len(operators) != 1 {
		var keys []string
		for _, o := range operators {
			keys = append(keys, o.key)
		}
		c.fail(path, "put several under all: or any:", "a condition has exactly one operator; got %d [%s]",
			len(operators), strings.Join(keys, " "))
		return nil
	}
	return operators[0].compile(join(path, operators[0].key))
}

func (c *compiler) list(conds []Condition, path string) []node {
	if len(conds) == 0 {
		c.fail(path, "name at least one condition", "the list is empty")
	}
	nodes := make([]node, len(conds))
	for i, cond := range conds {
		nodes[i] = c.condition(cond, fmt.Sprintf("%s[%d]", path, i))
	}
	return nodes
}

// is compiles a named condition in its own place; its mistakes are reported
// there, by [Compile] of that condition, and not again at each use.
func (c *compiler) is(name, path string) node {
	cond, ok := c.named[name]
	if !ok {
		fix := "define it under conditions:"
		if near := config.Nearest(name, slices.Sorted(maps.Keys(c.named))); near != "" {
			fix = fmt.Sprintf("did you mean %q?", near)
		}
		c.fail(path, fix, "there is no condition %q", name)
		return nil
	}
	if slices.Contains(c.using, name) {
		c.fail(path, "", "condition %q uses itself: %s", name, strings.Join(append(c.using, name), " -> "))
		return nil
	}
	sub := compiler{named: c.named, using: append(slices.Clone(c.using), name)}
	n := sub.condition(cond, "")
	if circle := circular(sub.errs); circle != nil {
		c.fail(path, "", "%w", circle)
	}
	return &use{name, n}
}

func circular(errs []error) error {
	for _, err := range errs {
		if strings.Contains(err.Error(), "uses itself") {
			return err
		}
	}
	return nil
}

func (c *compiler) said(s *Said, path string) node {
	n := &said{scope: c.scope(s.Scope, path), need: 1}
	texts, key := s.Any, "any"
	if len(s.All) > 0 {
		texts, key, n.need = s.All, "all", len(s.All)
	}
	if len(s.Any) > 0 && len(s.All) > 0 || len(texts) == 0 {
		c.fail(path, "list phrases under any: or under all:, one of them", "got %d and %d phrases", len(s.Any), len(s.All))
	}
	if s.AtLeast != 0 {
		n.need = s.AtLeast
		if s.AtLeast < 1 || s.AtLeast > len(s.Any) {
			c.fail(join(path, "at_least"), "use 1 to the number of phrases in any:", "got %d of %d", s.AtLeast, len(s.Any))
		}
	}
	n.phrases = c.phrases(texts, join(path, key))
	n.unless = c.phrases(s.Unless, join(path, "unless"))
	n.lexicon = newLexicon(n.phrases)
	return n
}

func (c *compiler) phrases(texts []string, path string) []*Phrase {
	var out []*Phrase
	for i, text := range texts {
		p, err := ParsePhrase(text)
		if err != nil {
			c.fail(fmt.Sprintf("%s[%d]", path, i), "", "%w", err)
			continue
		}
		out = append(out, p)
	}
	return out
}

func (c *compiler) matches(m *Matches, path string) node {
	re, err := regexp.Compile("(?i)" + m.Pattern)
	if err != nil || m.Pattern == "" {
		c.fail(join(path, "pattern"), "write a regular expression (RE2)", "cannot read pattern %q: %w", m.Pattern, cmpErr(err))
	}
	return &matches{scope: c.scope(m.Scope, path), re: re, src: m.Pattern}
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("it is empty")
	}
	return err
}

func (c *compiler) scope(s Scope, path string) scope {
	out := scope{roles: s.By}
	for i, r := range s.By {
		c.role(r, fmt.Sprintf("%s.by[%d]", path, i))
	}
	if s.After != "" {
		out.after = c.is(s.After, join(path, "after"))
	}
	if s.Before != "" {
		out.before = c.is(s.Before, join(path, "before"))
	}
	if s.Within != "" {
		w, err := parseWindow(s.Within)
		if err != nil {
			c.fail(join(path, "within"), `write "first 20s", "last 1m", "first 3 turns" or "last 2 turns"`, "%w", err)
		}
		out.window = w
	}
	return out
}

func (c *compiler) role(r earshot.Role, path string) {
	if !slices.Contains(earshot.Roles(), r) {
		c.fail(path, "use agent, customer, bot or other", "unknown role %q", r)
	}
}

// window is the first or last so much of what is looked at.
type window struct {
	last  bool
	turns int
	span  time.Duration
}

func (w window) isSet() bool { return w.turns > 0 || w.span > 0 }

func parseWindow(s string) (window, error) {
	side, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	w := window{last: side == "last"}
	if side != "first" && side != "last" {
		return w, fmt.Errorf("got %q", s)
	}
	rest = strings.TrimSpace(rest)
	if count, ok := strings.CutSuffix(strings.TrimSuffix(rest, "s"), " turn"); ok {
		n, err := strconv.Atoi(strings.TrimSpace(count))
		if err != nil || n < 1 || n > 10000 {
			return w, fmt.Errorf("got %q", s)
		}
		w.turns = n
		return w, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d <= 0 {
		return w, fmt.Errorf("got %q", s)
	}
	w.span = d
	return w, nil
}

// length reads a duration; empty gives the default.
func (c *compiler) length(s, path string, byDefault time.Duration) time.Duration {
	if s == "" && byDefault > 0 {
		return byDefault
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		c.fail(path, `write a time such as "10s" or "1m30s"`, "got %q", s)
	}
	return d
}

func (c *compiler) count(n int, path string) int {
	if n < 0 {
		c.fail(path, "use 1 or more", "got %d", n)
	}
	return max(n, 1)
}
