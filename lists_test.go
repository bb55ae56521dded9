package earshot_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"earshot"
)

// Input is checked against the lists: a constant that is missing would be refused.
func TestLists_HoldEveryConstant(t *testing.T) {
	lists := map[string][]string{
		"Channel":      texts(earshot.Channels()),
		"Role":         texts(earshot.Roles()),
		"EventType":    texts(earshot.EventTypes()),
		"Verdict":      texts(earshot.Verdicts()),
		"ReviewAction": texts(earshot.ReviewActions()),
	}
	declared := constants(t)
	for typ, list := range lists {
		if !slices.Equal(list, declared[typ]) {
			t.Errorf("%s: listed %q, declared %q", typ, list, declared[typ])
		}
	}
}

func texts[T ~string](list []T) []string {
	var out []string
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// constants returns the package's typed string constants by type, in their order.
func constants(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, typed := spec.Type.(*ast.Ident)
			value, literal := spec.Values[0].(*ast.BasicLit)
			if typed && literal && value.Kind == token.STRING {
				text, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				out[typ.Name] = append(out[typ.Name], text)
			}
			return true
		})
	}
	return out
}
