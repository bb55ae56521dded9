package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/internal/config"
)

type section struct {
	Listen   string        `yaml:"listen"`
	Idle     time.Duration `yaml:"idle_end"`
	Agents   []string      `yaml:"agents"`
	MaxCalls int           `yaml:"max_calls"`
	Secret   string        `yaml:"-"`
}

type whole struct {
	Media section `yaml:"media"`
	Name  string  `yaml:"name"`
}

func TestLoad_FileThenEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "earshot.yaml")
	if err := os.WriteFile(path, []byte("name: a\nmedia:\n  listen: 127.0.0.1:5060\n  idle_end: 90s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := whole{Media: section{MaxCalls: 7}}
	env := []string{"EARSHOT_MEDIA_LISTEN=127.0.0.1:5070", "EARSHOT_MEDIA_AGENTS=sip:*@a, sip:*@b", "EARSHOT_MEDIA_IDLE_END=2m", "EARSHOT_LIBCHDB=/x", "HOME=/"}
	if err := config.Load(path, &cfg, env); err != nil {
		t.Fatal(err)
	}
	m := cfg.Media
	if cfg.Name != "a" || m.Listen != "127.0.0.1:5070" || m.Idle != 2*time.Minute || len(m.Agents) != 2 || m.Agents[1] != "sip:*@b" || m.MaxCalls != 7 {
		t.Fatalf("got %+v", cfg)
	}
}

func TestLoad_ErrorsNameThePlaceAndTheFix(t *testing.T) {
	tests := map[string]struct {
		yaml string
		env  []string
		want string
	}{
		"unknown key":      {yaml: "media:\n  lisen: x\n", want: `f.yaml:2:3: unknown key "lisen"; did you mean "listen"?`},
		"far unknown key":  {yaml: "zzzzzzzz: x\n", want: `f.yaml:1:1: unknown key "zzzzzzzz"; remove it`},
		"wrong type":       {yaml: "media:\n  max_calls: many\n", want: "f.yaml:2:14: "},
		"no YAML":          {yaml: "media: [\n", want: "f.yaml:1:8: "},
		"unknown variable": {env: []string{"EARSHOT_MEDIA_LISTN=x"}, want: "EARSHOT_MEDIA_LISTN: no key of the config has this name; did you mean EARSHOT_MEDIA_LISTEN?"},
		"bad variable":     {env: []string{"EARSHOT_MEDIA_MAX_CALLS=many"}, want: `EARSHOT_MEDIA_MAX_CALLS: cannot read "many" as int`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var cfg whole
			err := config.Decode("f.yaml", []byte(tt.yaml), &cfg)
			if err == nil {
				err = config.Environment(&cfg, tt.env)
			}
			if earshot.KindOf(err) != earshot.Invalid || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	if err := config.Load("nowhere.yaml", &whole{}, nil); earshot.KindOf(err) != earshot.Invalid {
		t.Fatalf("missing file: got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("media:\n  listen: x\n")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, data string) {
		var cfg whole
		if err := config.Decode("f.yaml", []byte(data), &cfg); err != nil && earshot.KindOf(err) != earshot.Invalid {
			t.Fatalf("got kind %v", earshot.KindOf(err))
		}
	})
}
