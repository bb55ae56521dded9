package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"earshot/internal/config"
	"earshot/qa/scorecard"
)

// documents are the texts that a user reads.
func documents(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docker-compose.yml"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			out[name] = read(t, name)
		}
	}
	return out
}

// A command in a doc or in a help text is a promise: it must parse.
func TestDocs_CommandsExist(t *testing.T) {
	texts := documents(t)
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		texts["help of "+c.CommandPath()] = c.Example
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
	line := regexp.MustCompile("(?m)(?:^ +|`|&& |\\| )(?:bin/)?earshot ([^`\n#|]+)")
	found := 0
	for name, text := range texts {
		for _, m := range line.FindAllStringSubmatch(text, -1) {
			args := words(strings.TrimSpace(m[1]))
			if slices.Contains(args, "...") || strings.HasPrefix(args[0], "--") {
				continue
			}
			found++
			checkCommand(t, name, args)
		}
	}
	if found < 20 {
		t.Fatalf("found only %d commands: the pattern is wrong", found)
	}
}

func checkCommand(t *testing.T, name string, args []string) {
	t.Helper()
	cmd, rest, err := newRoot().Find(args)
	if err != nil || !cmd.Runnable() && len(rest) > 0 {
		t.Errorf("%s: 'earshot %s' is no command: %v", name, strings.Join(args, " "), err)
		return
	}
	cmd.Flags().SetOutput(&strings.Builder{})
	if err := cmd.ParseFlags(rest); err != nil && err != pflag.ErrHelp {
		t.Errorf("%s: earshot %s: %v", name, strings.Join(args, " "), err)
	}
}

// words splits as a shell does, as far as the docs need.
func words(line string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		out = append(out, m[1]+m[2])
	}
	return out
}

func TestDocs_LinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for name, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}

// yamlOf returns the YAML blocks of a document.
func yamlOf(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(read(t, name), -1) {
		out = append(out, m[1])
	}
	if len(out) == 0 {
		t.Fatalf("%s has no YAML", name)
	}
	return out
}

func TestDocs_ExamplesAreRead(t *testing.T) {
	for _, text := range yamlOf(t, "../../docs/scorecards.md") {
		if _, err := scorecard.Parse("scorecards.md", []byte(text)); err != nil {
			t.Error(err)
		}
	}
	for _, text := range yamlOf(t, "../../docs/configure.md") {
		cfg := defaultConfig()
		if err := config.Decode("configure.md", []byte(text), &cfg); err != nil {
			t.Error(err)
		}
		cfg.resolve()
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// Each dependency is a decision with a reason, and no reason outlives its
// dependency.
func TestDependencies_AreWhatIsUsed(t *testing.T) {
	listed := map[string]bool{}
	rows := strings.Split(read(t, "../../docs/dependencies.md"), "## Debian packages")[0]
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+)").FindAllString(rows, -1) {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row, -1) {
			listed[m[1]] = true
		}
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(read(t, "../../go.mod"), -1) {
		used[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^tool (\S+)/cmd/\S+$`).FindAllStringSubmatch(read(t, "../../go.mod"), -1) {
		used[m[1]] = true
	}
	for _, name := range []string{"../../dashboards/web/package.json", "../../internal/embedded/package.json"} {
		var p struct{ Dependencies, DevDependencies, OptionalDependencies map[string]string }
		if err := json.Unmarshal([]byte(read(t, name)), &p); err != nil {
			t.Fatal(err)
		}
		for _, list := range []map[string]string{p.Dependencies, p.DevDependencies, p.OptionalDependencies} {
			for pkg := range list {
				used[pkg] = true
			}
		}
	}
	for name := range used {
		if !listed[name] {
			t.Errorf("docs/dependencies.md does not say what %s is for", name)
		}
	}
	for name := range listed {
		if !used[name] {
			t.Errorf("docs/dependencies.md lists %s, which nothing uses", name)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// compose is the part of the Compose schema that our file uses; reading it
// strictly refuses any other key.
type compose struct {
	Name     string `yaml:"name"`
	Services map[string]struct {
		Image string `yaml:"image"`
		Build struct {
			Context    string `yaml:"context"`
			Dockerfile string `yaml:"dockerfile"`
		} `yaml:"build"`
		Command     []string          `yaml:"command"`
		Environment map[string]string `yaml:"environment"`
		Secrets     []string          `yaml:"secrets"`
		Ports       []string          `yaml:"ports"`
		Volumes     []string          `yaml:"volumes"`
		DependsOn   map[string]struct {
			Condition string `yaml:"condition"`
		} `yaml:"depends_on"`
		Healthcheck struct {
			Test     []string `yaml:"test"`
			Interval string   `yaml:"interval"`
			Timeout  string   `yaml:"timeout"`
			Retries  int      `yaml:"retries"`
		} `yaml:"healthcheck"`
	} `yaml:"services"`
	Secrets map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
	Volumes map[string]any `yaml:"volumes"`
}

func TestCompose_FitsTheConfigAndNamesWhatExists(t *testing.T) {
	data, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c compose
	if err := yaml.UnmarshalWithOptions(data, &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	ours := c.Services["earshot"]
	if _, err := os.Stat(filepath.Join("../..", ours.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	var environ []string
	for k, v := range ours.Environment {
		environ = append(environ, k+"="+v)
	}
	cfg := defaultConfig()
	before, _ := yaml.Marshal(cfg)
	for _, kv := range environ {
		if err := config.Environment(&cfg, []string{kv}); err != nil {
			t.Error(err)
		}
		after, _ := yaml.Marshal(cfg)
		if string(after) == string(before) {
			t.Errorf("%s changes no key of the config", kv)
		}
		before = after
	}
	for name, s := range c.Services {
		for _, secret := range s.Secrets {
			if _, ok := c.Secrets[secret]; !ok {
				t.Errorf("%s uses the secret %s, which is nowhere", name, secret)
			}
		}
		for dep := range s.DependsOn {
			if _, ok := c.Services[dep]; !ok {
				t.Errorf("%s depends on %s, which is nowhere", name, dep)
			}
		}
		for _, v := range s.Volumes {
			if from, _, _ := strings.Cut(v, ":"); !strings.HasPrefix(from, ".") {
				if _, ok := c.Volumes[from]; !ok {
					t.Errorf("%s mounts the volume %s, which is nowhere", name, from)
				}
			}
		}
	}
}
