package scorecard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"earshot"
	"earshot/internal/config"
	"earshot/qa/rule"
)

//go:embed default/*.yaml
var defaults embed.FS

// Default returns the scorecards that Earshot brings along: one for calls, one
// for messages, both for English and Chinese.
func Default() (Set, error) {
	names, err := fs.Glob(defaults, "default/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("cannot list the default scorecards: %w", err)
	}
	return load(names, defaults.ReadFile)
}

// Load reads the scorecards at the paths, in order; a folder stands for the
// *.yaml files in it, by name. No paths means the default ones.
func Load(paths ...string) (Set, error) {
	if len(paths) == 0 {
		return Default()
	}
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, earshot.Errorf(earshot.Invalid, "cannot find scorecard: %w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := filepath.Glob(filepath.Join(path, "*.yaml"))
		if err != nil || len(found) == 0 {
			return nil, earshot.Errorf(earshot.Invalid, "cannot find a *.yaml file in folder %s", path)
		}
		files = append(files, found...)
	}
	return load(files, os.ReadFile)
}

func load(names []string, read func(string) ([]byte, error)) (Set, error) {
	var set Set
	var errs []error
	for _, name := range names {
		data, err := read(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read scorecard: %w", err)
		}
		card, err := Parse(name, data)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if slices.ContainsFunc(set, func(c *Scorecard) bool { return c.ID == card.ID }) {
			errs = append(errs, earshot.Errorf(earshot.Invalid, "%s: another file has the scorecard id %q too", name, card.ID))
		}
		set = append(set, card)
	}
	return set, joined(errs)
}

// joined keeps the kind, which errors.Join hides from nobody but says nowhere.
func joined(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return earshot.Errorf(earshot.Invalid, "%w", errors.Join(errs...))
}

// Parse reads one scorecard. name is what errors call it, such as its path; all
// mistakes that can be told apart are reported, "name:line:column: what".
func Parse(name string, data []byte) (*Scorecard, error) {
	card := &Scorecard{}
	if err := config.Decode(name, data, card); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	card.Hash = hex.EncodeToString(sum[:])
	c := checker{name: name, card: card}
	if file, err := parser.ParseBytes(data, 0); err == nil {
		c.file = file
	}
	c.check()
	if err := joined(c.errs); err != nil {
		return nil, err
	}
	return card, nil
}

// checker collects the mistakes of one scorecard.
type checker struct {
	name string
	file *ast.File
	card *Scorecard
	errs []error
}

// fail reports a mistake at a path such as "sections[0].weight".
func (c *checker) fail(path, fix, format string, args ...any) {
	line, column := c.position(path)
	msg := fmt.Sprintf("%s:%d:%d: %s: ", c.name, line, column, path) + fmt.Sprintf(format, args...)
	if fix != "" {
		msg += "; " + fix
	}
	c.errs = append(c.errs, errors.New(msg))
}

// position finds where the path stands in the file, or the nearest part of the
// path that stands there.
func (c *checker) position(path string) (line, column int) {
	for path != "" && c.file != nil {
		p, err := yaml.PathString("$." + path)
		if err == nil {
			if node, err := p.FilterFile(c.file); err == nil && node != nil && node.GetToken() != nil {
				at := node.GetToken().Position
				return at.Line, at.Column
			}
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 1, 1
}

func (c *checker) check() {
	s := c.card
	c.id(s.ID, "id")
	c.required(s.Name, "name")
	if s.PassMark < 0 || s.PassMark > 100 {
		c.fail("pass_mark", "use 0 to 100", "got %v", s.PassMark)
	}
	if s.MinConfidence < 0 || s.MinConfidence > 1 {
		c.fail("min_confidence", "use 0 to 1", "got %v", s.MinConfidence)
	}
	if s.MinTranscriptConfidence < 0 || s.MinTranscriptConfidence > 1 {
		c.fail("min_transcript_confidence", "use 0 to 1", "got %v", s.MinTranscriptConfidence)
	}
	for i, ch := range s.Select.Channels {
		if !slices.Contains(earshot.Channels(), ch) {
			c.fail(fmt.Sprintf("select.channels[%d]", i), "use one of "+fmt.Sprint(earshot.Channels()), "unknown channel %q", ch)
		}
	}
	for name, cond := range s.Conditions {
		c.compile(cond, "conditions."+name)
	}
	if len(s.Sections) == 0 {
		c.fail("sections", "add one with at least one criterion", "there is no section")
	}
	c.sections()
	c.alerts()
}

func (c *checker) sections() {
	seen := map[string]string{}
	for i := range c.card.Sections {
		sec := &c.card.Sections[i]
		path := fmt.Sprintf("sections[%d]", i)
		c.id(sec.ID, path+".id")
		c.unique(seen, "section "+sec.ID, path+".id")
		c.required(sec.Name, path+".name")
		if sec.WeightOrOne() < 0 {
			c.fail(path+".weight", "use 0 or more", "got %v", sec.WeightOrOne())
		}
		if len(sec.Criteria) == 0 {
			c.fail(path, "add a criterion or take the section out", "the section has no criteria")
		}
		for k := range sec.Criteria {
			c.criterion(&sec.Criteria[k], fmt.Sprintf("%s.criteria[%d]", path, k), seen)
		}
	}
}

func (c *checker) criterion(cr *Criterion, path string, seen map[string]string) {
	c.id(string(cr.ID), path+".id")
	c.unique(seen, "criterion "+string(cr.ID), path+".id")
	c.required(cr.Name, path+".name")
	if cr.Points < 0 || cr.Points == 0 && !cr.Fatal {
		c.fail(path+".points", "use a number over 0", "got %v", cr.Points)
	}
	if cr.AppliesWhen != nil {
		cr.applies = c.compile(*cr.AppliesWhen, path+".applies_when")
	}
	cr.pass = c.compile(cr.PassWhen, path+".pass_when")
	if cr.Alert != "" {
		c.severity(cr.Alert, path+".alert")
	}
}

func (c *checker) alerts() {
	seen := map[string]string{}
	for i := range c.card.Alerts {
		a := &c.card.Alerts[i]
		path := fmt.Sprintf("alerts[%d]", i)
		c.id(a.ID, path+".id")
		c.unique(seen, a.ID, path+".id")
		if c.card.Criterion(earshot.CriterionID(a.ID)) != nil {
			c.fail(path+".id", "name it otherwise", "a criterion has the id %q too", a.ID)
		}
		c.required(a.Name, path+".name")
		c.severity(a.Severity, path+".severity")
		a.when = c.compile(a.When, path+".when")
	}
}

func (c *checker) compile(cond rule.Condition, path string) *rule.Program {
	p, err := rule.Compile(cond, c.card.Conditions)
	if err == nil {
		return p
	}
	list := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = many.Unwrap()
	}
	for _, err := range list {
		var mistake *rule.Error
		if errors.As(err, &mistake) {
			at := path
			if mistake.Path != "" {
				at += "." + mistake.Path
			}
			c.fail(at, mistake.Fix, "%v", mistake.Err)
		}
	}
	return nil
}

func (c *checker) severity(s, path string) {
	if !slices.Contains([]string{"info", "warning", "critical"}, s) {
		c.fail(path, "use info, warning or critical", "got %q", s)
	}
}

func (c *checker) required(s, path string) {
	if strings.TrimSpace(s) == "" {
		c.fail(path, "give it", "is missing")
	}
}

// id checks that an id can stand in a URL, a metric label and a file name.
func (c *checker) id(s, path string) {
	bad := bytes.ContainsFunc([]byte(s), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
	if s == "" || bad || len(s) > 64 {
		c.fail(path, "use a to z, 0 to 9, - and _, at most 64", "got %q", s)
	}
}

func (c *checker) unique(seen map[string]string, id, path string) {
	if first, ok := seen[id]; ok {
		c.fail(path, "name it otherwise", "%s stands at %s too", id, first)
		return
	}
	seen[id] = path
}
