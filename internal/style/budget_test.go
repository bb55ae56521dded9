package style_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The budgets, in lines, for code that is not a test.
const (
	maxFile       = 700
	maxFunction   = 80
	maxParameters = 5
)

const top = "../.."

// sources calls fn for every Go file of the product.
func sources(t *testing.T, fn func(name string, src []byte, set *token.FileSet, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, src, parser.ParseComments)
		if err != nil {
			return err
		}
		fn(strings.TrimPrefix(name, top+"/"), src, set, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exceptions are names that may stand over a budget; the list only shrinks.
func exceptions(t *testing.T) map[string]bool {
	t.Helper()
	f, err := os.Open("exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[string]bool{}
	for s := bufio.NewScanner(f); s.Scan(); {
		name, reason, _ := strings.Cut(s.Text(), " ")
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if reason == "" {
			t.Errorf("exceptions.txt: %s has no reason", name)
		}
		found[name] = true
	}
	return found
}

func TestBudgets_FilesAndFunctionsAreShort(t *testing.T) {
	except := exceptions(t)
	sources(t, func(name string, src []byte, set *token.FileSet, file *ast.File) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		if n := strings.Count(string(src), "\n"); n > maxFile && !except[name] {
			t.Errorf("%s has %d lines, over %d", name, n, maxFile)
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil || except[name+":"+fn.Name.Name] {
				continue
			}
			if n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1; n > maxFunction {
				t.Errorf("%s:%s has %d lines, over %d", name, fn.Name.Name, n, maxFunction)
			}
			if n := fn.Type.Params.NumFields(); n > maxParameters {
				t.Errorf("%s:%s takes %d parameters, over %d", name, fn.Name.Name, n, maxParameters)
			}
		}
	})
}

func TestComments_StandOnPackagesAndExportedNames(t *testing.T) {
	documented := map[string]bool{}
	folders := map[string]bool{}
	sources(t, func(name string, _ []byte, _ *token.FileSet, file *ast.File) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		dir := filepath.Dir(name)
		folders[dir] = true
		if file.Doc != nil && (file.Name.Name == "main" || strings.HasPrefix(file.Doc.Text(), "Package "+file.Name.Name+" ")) {
			documented[dir] = true
		}
		for _, d := range file.Decls {
			for _, missing := range undocumented(d) {
				t.Errorf("%s: %s has no doc comment", name, missing)
			}
		}
	})
	for dir := range folders {
		if !documented[dir] {
			t.Errorf("package in %s has no comment that begins \"Package ...\"", dir)
		}
	}
}

// undocumented names the exported things of a declaration without a comment.
func undocumented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var names []string
		for _, s := range d.Specs {
			if n := undocumentedSpec(s, d.Doc != nil); n != "" {
				names = append(names, n)
			}
		}
		return names
	}
	return nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if generic, ok := typ.(*ast.IndexExpr); ok {
		typ = generic.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

func undocumentedSpec(s ast.Spec, group bool) string {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && !group {
			return s.Name.Name
		}
	case *ast.ValueSpec:
		if s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil && !group {
			return s.Names[0].Name
		}
	}
	return ""
}

func TestCode_HasNoInitPanicExitOrSleepingTest(t *testing.T) {
	except := exceptions(t)
	sources(t, func(name string, _ []byte, set *token.FileSet, file *ast.File) {
		test := strings.HasSuffix(name, "_test.go")
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s: has an init function", set.Position(n.Pos()))
				}
			case *ast.CallExpr:
				call := callee(n)
				forbidden := test && call == "time.Sleep" ||
					!test && (call == "panic" || call == "os.Exit" || strings.HasPrefix(call, "log.Print") || strings.HasPrefix(call, "log.Fatal"))
				if forbidden && !except[name+":"+call] {
					t.Errorf("%s: calls %s", set.Position(n.Pos()), call)
				}
			}
			return true
		})
	})
}

func callee(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}
