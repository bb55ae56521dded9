package wire_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Whoever reads the topics by the schemas must be able to read what version 1 wrote.
func TestSchemas_AdmitTheRecordsOfVersion1(t *testing.T) {
	goldens, err := filepath.Glob(root + "/testdata/v1/*.json")
	if err != nil || len(goldens) < 8 {
		t.Fatalf("found %d records, %v", len(goldens), err)
	}
	for _, path := range goldens {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if strings.HasPrefix(name, "utterance-") {
			name = "utterance"
		}
		s := load(t, filepath.Join(dir, name+".json")).(map[string]any)
		for _, problem := range (checker{s}).check("$", s, load(t, path)) {
			t.Errorf("%s: %s", path, problem)
		}
	}
}

func TestSchemas_RefuseWhatIsWrong(t *testing.T) {
	path := root + "/testdata/v1/review.json"
	s := load(t, dir+"/review.json").(map[string]any)
	tests := map[string]func(record map[string]any){
		"field missing":  func(r map[string]any) { delete(r, "evaluation") },
		"number as text": func(r map[string]any) { r["by"] = 7.0 },
		"unknown word":   func(r map[string]any) { r["action"] = "praise" },
		"no time":        func(r map[string]any) { r["at"] = "today" },
	}
	for name, spoil := range tests {
		record := load(t, path).(map[string]any)
		spoil(record)
		if problems := (checker{s}).check("$", s, record); len(problems) != 1 {
			t.Errorf("%s: found %q", name, problems)
		}
	}
}

func load(t *testing.T, path string) any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// checker knows the keywords that our schemas use, and complains of others.
type checker struct{ root map[string]any }

func (c checker) check(path string, schema map[string]any, v any) []string {
	var problems []string
	for keyword, rule := range schema {
		switch keyword {
		case "$schema", "$defs", "title", "description":
		case "$ref":
			name := strings.TrimPrefix(rule.(string), "#/$defs/")
			problems = append(problems, c.check(path, c.root["$defs"].(map[string]any)[name].(map[string]any), v)...)
		case "type":
			if !isOf(rule.(string), v) {
				problems = append(problems, fmt.Sprintf("%s is %v, no %s", path, v, rule))
			}
		case "enum":
			if !slices.Contains(rule.([]any), v) {
				problems = append(problems, fmt.Sprintf("%s is %v, none of %v", path, v, rule))
			}
		case "format":
			text, _ := v.(string)
			if _, err := time.Parse(time.RFC3339Nano, text); rule != "date-time" || err != nil {
				problems = append(problems, fmt.Sprintf("%s is %v, no %v: %v", path, v, rule, err))
			}
		case "required", "properties", "additionalProperties", "items":
			problems = append(problems, c.parts(path, keyword, rule, v)...)
		default:
			problems = append(problems, fmt.Sprintf("%s: unknown keyword %s", path, keyword))
		}
	}
	return problems
}

// parts checks what an object or a list holds.
func (c checker) parts(path, keyword string, rule, v any) []string {
	var problems []string
	object, _ := v.(map[string]any)
	list, _ := v.([]any)
	switch keyword {
	case "required":
		for _, name := range rule.([]any) {
			if _, ok := object[name.(string)]; !ok {
				problems = append(problems, fmt.Sprintf("%s has no %s", path, name))
			}
		}
	case "properties":
		for name, s := range rule.(map[string]any) {
			if field, ok := object[name]; ok {
				problems = append(problems, c.check(path+"."+name, s.(map[string]any), field)...)
			}
		}
	case "additionalProperties": // maps alone have it
		for name, field := range object {
			problems = append(problems, c.check(path+"."+name, rule.(map[string]any), field)...)
		}
	case "items":
		for i, item := range list {
			problems = append(problems, c.check(fmt.Sprintf("%s[%d]", path, i), rule.(map[string]any), item)...)
		}
	}
	return problems
}

func isOf(typ string, v any) bool {
	number, isNumber := v.(float64)
	switch typ {
	case "string":
		_, ok := v.(string)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "number":
		return isNumber
	case "integer":
		return isNumber && number == float64(int64(number))
	case "array":
		_, ok := v.([]any)
		return ok
	default:
		_, ok := v.(map[string]any)
		return ok && typ == "object"
	}
}
