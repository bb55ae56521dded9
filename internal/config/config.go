// Package config reads YAML strictly: an unknown key, a wrong type or a bad
// value is an error that names the place and the fix.
package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"earshot"
)

// Decode reads data over what dst, a pointer to a struct, already holds. name
// is what errors call the data, such as its path. Errors are Invalid and read
// "name:line:column: what is wrong".
func Decode(name string, data []byte, dst any) error {
	err := yaml.UnmarshalWithOptions(data, dst, yaml.Strict())
	if err == nil {
		return nil
	}
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		return earshot.Errorf(earshot.Invalid, "%s: %w", name, err)
	}
	tok := at.GetToken()
	place := fmt.Sprintf("%s:%d:%d", name, tok.Position.Line, tok.Position.Column)
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		fix := "remove it"
		if near := Nearest(tok.Value, keysOf(reflect.TypeOf(dst))); near != "" {
			fix = fmt.Sprintf("did you mean %q?", near)
		}
		return earshot.InvalidField(place, fix, "unknown key %q", tok.Value)
	}
	return earshot.InvalidField(place, "", "%s", at.GetMessage())
}

// Load reads the file at path over dst and then the environment; see
// [Environment]. An empty path reads no file.
func Load(path string, dst any, environ []string) error {
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return earshot.Errorf(earshot.Invalid, "cannot read config: %w", err)
		}
		if err := Decode(path, data, dst); err != nil {
			return err
		}
	}
	return Environment(dst, environ)
}

// Environment lays variables over dst: EARSHOT_MEDIA_LISTEN_UDP is the key
// media.listen_udp. A variable whose first word is a section of dst but that
// names no key there is an error with the nearest one. Lists are
// comma-separated.
func Environment(dst any, environ []string) error {
	fields := map[string]reflect.Value{}
	collect("EARSHOT", reflect.ValueOf(dst).Elem(), fields)
	names := make([]string, 0, len(fields))
	for n := range fields {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "EARSHOT_") {
			continue
		}
		field, ok := fields[name]
		if !ok && inSection(name, names) {
			return earshot.InvalidField(name, fmt.Sprintf("did you mean %s?", Nearest(name, names)), "no key of the config has this name")
		}
		if !ok {
			continue
		}
		if err := set(field, value); err != nil {
			return earshot.InvalidField(name, "", "%w", err)
		}
	}
	return nil
}

// inSection reports whether name begins like one of names, up to its second
// word; others, such as EARSHOT_LIBCHDB, belong to somebody else.
func inSection(name string, names []string) bool {
	parts := strings.SplitN(name, "_", 3)
	if len(parts) < 3 {
		return false
	}
	section := parts[0] + "_" + parts[1] + "_"
	return slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, section) })
}

func collect(prefix string, v reflect.Value, into map[string]reflect.Value) {
	for i := range v.NumField() {
		key := yamlKey(v.Type().Field(i))
		if key == "" {
			continue
		}
		name := prefix + "_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
		if f := v.Field(i); f.Kind() == reflect.Struct {
			collect(name, f, into)
		} else {
			into[name] = f
		}
	}
}

// set reads value as YAML does, so that numbers, durations and booleans are
// written in the environment as in the file.
func set(field reflect.Value, value string) error {
	switch {
	case field.Kind() == reflect.String:
		field.SetString(value)
		return nil
	case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.String:
		var list []string
		for _, item := range strings.Split(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		field.Set(reflect.ValueOf(list))
		return nil
	}
	if err := yaml.Unmarshal([]byte(value), field.Addr().Interface()); err != nil {
		return fmt.Errorf("cannot read %q as %s", value, field.Type())
	}
	return nil
}

func yamlKey(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if key == "-" || !f.IsExported() {
		return ""
	}
	return key
}

// keysOf lists every YAML key that a type has at any depth.
func keysOf(t reflect.Type) []string {
	seen := map[reflect.Type]bool{}
	var keys []string
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			if key := yamlKey(t.Field(i)); key != "" {
				keys = append(keys, key)
				walk(t.Field(i).Type)
			}
		}
	}
	walk(t)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Nearest returns the name with the smallest edit distance to s, "" when all
// are further away than half the length of s.
func Nearest(s string, names []string) string {
	best, bound := "", len(s)/2+1
	for _, n := range names {
		if d := distance(s, n); d < bound {
			best, bound = n, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
