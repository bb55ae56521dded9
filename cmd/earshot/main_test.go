package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/dashboards/web"
)

// earshot runs a command in this process.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestCommands_BadInputExits2AndSaysWhatToDo(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("media:\n  lisen: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		want string
	}{
		"unknown command":    {[]string{"bogus"}, "'earshot --help' lists them"},
		"unknown subcommand": {[]string{"user", "bogus"}, "'earshot user --help' lists them"},
		"unknown flag":       {[]string{"demo", "--bogus"}, "'earshot demo --help' lists the flags"},
		"stray argument":     {[]string{"serve", "now"}, "takes no argument"},
		"unknown key":        {[]string{"config", "check", "-c", bad}, `bad.yaml:2:3: unknown key "lisen"; did you mean "listen"?`},
		"unknown role":       {[]string{"serve", "--roles", "asrr"}, `roles: "asrr" is no role; use sink, recorder`},
		"roles alone":        {[]string{"serve", "--roles", "asr"}, "name a Kafka, or run all roles in one process"},
		"no address":         {[]string{"call"}, "give one address"},
		"no WAV":             {[]string{"call", "--wav", bad, "sip:127.0.0.1"}, "cannot read WAV file"},
		"no file":            {[]string{"import"}, "name at least one file"},
		"bad time":           {[]string{"import", "--started-at", "today", "x.wav"}, "write RFC 3339"},
		"agent without id":   {[]string{"user", "add", "li", "--role", "agent"}, "--agent"},
		"no folder":          {[]string{"dashboards", "export"}, "give one folder"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runCommand(t, tt.args...)
			if code != 2 || !strings.Contains(stderr, tt.want) || stdout != "" {
				t.Fatalf("exit %d, stderr %q, stdout %q", code, stderr, stdout)
			}
		})
	}
}

func TestConfigCheck_PrintsTheResultAndMasksSecrets(t *testing.T) {
	t.Setenv("EARSHOT_MEDIA_MAX_CALLS", "7")
	t.Setenv("EARSHOT_EMBEDDED_CLICKHOUSE_PASSWORD", "very secret")
	code, stdout, stderr := runCommand(t, "config", "check")
	if code != 0 || !strings.Contains(stdout, "max_calls: 7") || strings.Contains(stdout, "very secret") {
		t.Fatalf("exit %d, %s\n%s", code, stderr, stdout)
	}
}

func TestDashboardsExport_WritesJSON(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := runCommand(t, "dashboards", "export", dir); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	names, err := filepath.Glob(filepath.Join(dir, "dashboards", "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%v, %v", names, err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil || !json.Valid(data) {
		t.Fatalf("%s is no JSON: %v", names[0], err)
	}
}

func TestDoctor_NamesWhatIsMissingAndExits1(t *testing.T) {
	t.Setenv("EARSHOT_LIBCHDB", filepath.Join(t.TempDir(), "nowhere.so"))
	t.Setenv("EARSHOT_DATA", t.TempDir())
	t.Setenv("EARSHOT_POCKETSPHINX_MODEL", "/nowhere")
	code, stdout, _ := runCommand(t, "doctor", "--json")
	var got struct{ Findings []finding }
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	missing := map[string]finding{}
	for _, f := range got.Findings {
		if !f.OK {
			missing[f.Name] = f
		}
	}
	for _, name := range []string{"libchdb", "PocketSphinx"} {
		if f, ok := missing[name]; !ok || f.Fix == "" || f.For == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if code != 1 {
		t.Errorf("exit %d", code)
	}
}

func TestFirstUser_IsMadeOnceWithAPasswordNobodyElseReads(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users.yaml")
	path, err := firstUser(users)
	if err != nil || path == "" {
		t.Fatalf("%q, %v", path, err)
	}
	for _, name := range []string{users, path} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v, %v", name, info, err)
		}
	}
	password, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := os.ReadFile(users)
	if err != nil || strings.Contains(string(hashes), strings.TrimSpace(string(password))) {
		t.Fatalf("the password stands in the users file: %v", err)
	}
	if again, err := firstUser(users); again != "" || err != nil {
		t.Fatalf("made another: %q, %v", again, err)
	}
}

func TestUserAdd_ReplacesAUserAndRefusesWeakPasswords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.yaml")
	add := func(password string, args ...string) error {
		root := newRoot()
		root.SetArgs(append([]string{"user", "add", "--file", file}, args...))
		root.SetIn(strings.NewReader(password + "\n"))
		root.SetOut(&bytes.Buffer{})
		root.SetErr(&bytes.Buffer{})
		return root.Execute()
	}
	if err := add("short", "anna"); err == nil {
		t.Fatal("took a short password")
	}
	for _, role := range []string{"reviewer", "admin"} {
		if err := add("correct horse battery", "anna", "--role", role); err != nil {
			t.Fatal(err)
		}
	}
	f, err := web.ReadUsers(file)
	if err != nil || len(f.Users) != 1 || f.Users[0].Role != web.RoleAdmin {
		t.Fatalf("%+v, %v", f, err)
	}
}
