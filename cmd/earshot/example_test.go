package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"earshot/internal/config"
)

var update = flag.Bool("update", false, "write the generated files anew")

const examplePath = "../../docs/earshot.example.yaml"

// The example config is the manual: it is made from the doc comments and the
// defaults of the Config structs, and this test keeps it so.
func TestExampleConfig_IsWhatTheCodeSays(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Every key of Earshot's config with its default, and what it is for. Copy what
# you change into a file of your own and run 'earshot serve -c FILE'. A variable
# of the environment goes before the file: EARSHOT_MEDIA_MAX_CALLS is the key
# media.max_calls. 'earshot config check -c FILE' prints what it all comes to.
# Times are written 500ms, 10s, 5m, 4h.
`)
	g := generator{t: t, comments: map[string]map[string]string{}}
	g.write(&b, reflect.ValueOf(defaultConfig()), 0)
	want := b.String()
	if *update {
		if err := os.WriteFile(examplePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Fatalf("%s is not what the code says; run 'go test ./cmd/earshot -run ExampleConfig -update'", examplePath)
	}
}

func TestExampleConfig_LoadsAsTheDefaults(t *testing.T) {
	var got Config
	data, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Decode(examplePath, data, &got); err != nil {
		t.Fatal(err)
	}
	want, err := yaml.Marshal(defaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := yaml.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(loaded) != string(want) {
		t.Fatalf("got\n%s\nwant\n%s", loaded, want)
	}
	got.resolve()
	if err := got.Validate(); err != nil {
		t.Fatal(err)
	}
}

// generator prints config structs with their fields' doc comments.
type generator struct {
	t *testing.T
	// comments are the fields' comments by type and field.
	comments map[string]map[string]string
}

func (g *generator) write(b *strings.Builder, v reflect.Value, depth int) {
	indent := strings.Repeat("  ", depth)
	comments := g.fields(v.Type())
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		if depth == 0 {
			b.WriteByte('\n')
		}
		for line := range strings.Lines(asKeys(v.Type(), comments[f.Name])) {
			fmt.Fprintf(b, "%s# %s\n", indent, strings.TrimRight(line, "\n"))
		}
		if f.Type.Kind() == reflect.Struct {
			fmt.Fprintf(b, "%s%s:\n", indent, key)
			g.write(b, v.Field(i), depth+1)
			continue
		}
		fmt.Fprintf(b, "%s%s: %s\n", indent, key, g.value(v.Field(i)))
	}
}

// asKeys writes a Go comment as a reader of YAML knows it: fields by their keys,
// no links.
func asKeys(t reflect.Type, comment string) string {
	for i := range t.NumField() {
		f := t.Field(i)
		if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" {
			comment = regexp.MustCompile(`\b`+f.Name+`\b`).ReplaceAllString(comment, key)
		}
	}
	return regexp.MustCompile(`\[(\w+)\]`).ReplaceAllString(comment, "$1")
}

// value prints a default on one line.
func (g *generator) value(v reflect.Value) string {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		if v.Len() == 0 {
			return "[]"
		}
		var items []string
		for i := range v.Len() {
			items = append(items, g.value(v.Index(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	out, err := yaml.Marshal(v.Interface())
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// fields returns the doc comments of a struct's fields, from its source.
func (g *generator) fields(typ reflect.Type) map[string]string {
	name := typ.PkgPath() + "." + typ.Name()
	if _, known := g.comments[name]; !known {
		g.read(strings.Replace(typ.PkgPath(), "main", "earshot/cmd/earshot", 1), typ.PkgPath())
	}
	return g.comments[name]
}

func (g *generator) read(importPath, pkg string) {
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", importPath).Output()
	if err != nil {
		g.t.Fatalf("cannot find %s: %v", importPath, err)
	}
	names, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
	if err != nil {
		g.t.Fatal(err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			g.t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				g.comments[pkg+"."+spec.Name.Name] = fieldComments(s)
			}
			return true
		})
	}
}

func fieldComments(s *ast.StructType) map[string]string {
	out := map[string]string{}
	for _, f := range s.Fields.List {
		for _, n := range f.Names {
			out[n.Name] = strings.TrimSpace(f.Doc.Text())
		}
	}
	return out
}
