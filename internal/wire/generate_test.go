package wire_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"earshot"
)

var update = flag.Bool("update", false, "write the generated files anew")

const (
	root = "../.."
	dir  = root + "/docs/schema"
)

// records are what stands as JSON in the topics, by the name of its schema.
func records() map[string]any {
	return map[string]any{
		"utterance":      earshot.Utterance{},
		"transcript-end": earshot.TranscriptEnd{},
		"event":          earshot.Event{},
		"evaluation":     earshot.Evaluation{},
		"alert":          earshot.Alert{},
		"review":         earshot.Review{},
		"audio-mark":     earshot.AudioMark{},
	}
}

func TestSchemas_AreWhatTheTypesSay(t *testing.T) {
	comments := commentsOf(t)
	for name, record := range records() {
		r := jsonschema.Reflector{
			Anonymous: true, ExpandedStruct: true,
			AllowAdditionalProperties: true, // a later version may add fields
			Mapper:                    enums,
			LookupComment:             func(typ reflect.Type, field string) string { return comments[typ.Name()+"."+field] },
		}
		schema := r.Reflect(record)
		schema.Title = reflect.TypeOf(record).Name()
		want, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, '\n')
		path := filepath.Join(dir, name+".json")
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is not what the types say; run 'go test ./internal/wire -update'", path)
		}
	}
}

// enums gives the types that are one of a few words their words.
func enums(typ reflect.Type) *jsonschema.Schema {
	switch typ {
	case reflect.TypeFor[earshot.Channel]():
		return enum(earshot.Channels())
	case reflect.TypeFor[earshot.Role]():
		return enum(earshot.Roles())
	case reflect.TypeFor[earshot.EventType]():
		return enum(earshot.EventTypes())
	case reflect.TypeFor[earshot.Verdict]():
		return enum(earshot.Verdicts())
	case reflect.TypeFor[earshot.ReviewAction]():
		return enum(earshot.ReviewActions())
	case reflect.TypeFor[earshot.Direction]():
		return enum([]earshot.Direction{earshot.Inbound, earshot.Outbound})
	case reflect.TypeFor[earshot.Track]():
		return enum([]earshot.Track{earshot.TrackRule, earshot.TrackLLM, earshot.TrackHuman, earshot.TrackFinal})
	case reflect.TypeFor[earshot.Codec]():
		return enum([]earshot.Codec{earshot.PCMU, earshot.PCMA, earshot.G722, earshot.L16})
	}
	return nil
}

func enum[T ~string](words []T) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, w := range words {
		s.Enum = append(s.Enum, string(w))
	}
	return s
}

// commentsOf returns the comments of the root package's types, as "Type.", and
// of their fields, as "Type.Field", each in one line.
func commentsOf(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(root + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				addComments(out, g)
			}
		}
	}
	return out
}

func addComments(out map[string]string, g *ast.GenDecl) {
	for _, s := range g.Specs {
		typ := s.(*ast.TypeSpec)
		out[typ.Name.Name+"."] = oneLine(g.Doc)
		fields, ok := typ.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range fields.Fields.List {
			for _, name := range f.Names {
				out[typ.Name.Name+"."+name.Name] = oneLine(f.Doc)
			}
		}
	}
}

// oneLine drops the brackets of Go's links with the line ends.
func oneLine(c *ast.CommentGroup) string {
	return strings.NewReplacer("[", "", "]", "").Replace(strings.Join(strings.Fields(c.Text()), " "))
}
