package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"earshot"
	"earshot/asr/pocketsphinx"
	"earshot/dashboards/web"
	"earshot/internal/embedded/clickhouse"
	"earshot/internal/embedded/clickhouse/chdb"
)

// finding is one thing that Earshot needs, and whether it is there.
type finding struct {
	Name string `json:"name"`
	// For says what needs it.
	For string `json:"for"`
	OK  bool   `json:"ok"`
	// Found says what was found, or what is wrong.
	Found string `json:"found"`
	// Fix says how to get it.
	Fix string `json:"fix,omitempty"`
	// Optional things are missing without failing the check.
	Optional bool `json:"optional,omitempty"`
}

func newDoctor() *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is missing on this machine, what it is for and how to get it",
		Long: `Look for everything that Earshot needs on this machine, and name what is
missing, what it is for and how to get it. The exit code is 1 when something
needed is missing; what only the demo or the tests need does not count.`,
		Example: "  earshot doctor\n  earshot doctor -c earshot.yaml --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file, os.Environ())
			if err != nil {
				return err
			}
			found := examine(cfg)
			if asJSON {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"findings": found})
			} else {
				report(cmd.OutOrStdout(), found)
			}
			if err == nil && !healthy(found) {
				err = errSaid
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the config file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func healthy(found []finding) bool {
	for _, f := range found {
		if !f.OK && !f.Optional {
			return false
		}
	}
	return true
}

func report(w io.Writer, found []finding) {
	missing := 0
	for _, f := range found {
		mark := "ok     "
		switch {
		case !f.OK && f.Optional:
			mark = "absent "
		case !f.OK:
			mark = "MISSING"
			missing++
		}
		fmt.Fprintf(w, "%s  %-22s %s\n", mark, f.Name, f.Found)
		if !f.OK {
			fmt.Fprintf(w, "         for: %s\n         fix: %s\n", f.For, f.Fix)
		}
	}
	if missing > 0 {
		fmt.Fprintf(w, "\n%d missing. 'make setup' installs all of it where it may.\n", missing)
		return
	}
	fmt.Fprintln(w, "\nEverything needed is here.")
}

// examine looks at what this config needs.
func examine(cfg Config) []finding {
	out := []finding{dataFolder(cfg.Data)}
	if len(cfg.ClickHouse.Addr) == 0 {
		out = append(out, processor(), libchdb(cfg), port("ClickHouse port", cfg.Embedded.ClickHouse.Listen, "embedded.clickhouse.listen"))
	} else {
		out = append(out, reachable("ClickHouse", cfg.ClickHouse.Addr, "clickhouse.addr")...)
	}
	if len(cfg.Kafka.Brokers) == 0 {
		out = append(out, port("Kafka port", fmt.Sprintf("127.0.0.1:%d", cfg.Embedded.Kafka.Port), "embedded.kafka.port"))
	} else {
		out = append(out, reachable("Kafka", cfg.Kafka.Brokers, "kafka.brokers")...)
	}
	return append(out,
		speech(cfg.PocketSphinx), assets(),
		port("HTTP port", cfg.HTTP.Listen, "http.listen"),
		tool("flite", "flite", "the voices of 'earshot demo', and 'earshot call' without --wav"),
		tool("sipp", "sip-tester", "tests: a SIP peer"),
		tool("espeak-ng", "espeak-ng", "tests: speech"),
		tool("chromium", "chromium", "tests: a browser"),
	)
}

func dataFolder(dir string) finding {
	f := finding{Name: "data folder", For: "recordings and the embedded engines", Found: dir, Fix: "name a folder that this user may write with --data or data:"}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		f.Found = err.Error()
		return f
	}
	probe, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		f.Found = err.Error()
		return f
	}
	f.OK = errors.Join(probe.Close(), os.Remove(probe.Name())) == nil
	return f
}

func processor() finding {
	f := finding{Name: "processor", For: "the embedded ClickHouse engine, which needs AVX2", Found: runtime.GOARCH, OK: true}
	if err := chdb.Check(); err != nil {
		f.OK, f.Found, f.Fix = false, err.Error(), "use a ClickHouse server: set clickhouse.addr"
	}
	return f
}

func libchdb(cfg Config) finding {
	f := finding{Name: "libchdb", For: "the embedded ClickHouse engine"}
	path, err := clickhouse.Find(cfg.Embedded.ClickHouse.Lib)
	if err != nil {
		f.Found, f.Fix = explain(err)
		return f
	}
	f.OK, f.Found = true, path
	return f
}

func speech(cfg pocketsphinx.Config) finding {
	f := finding{Name: "PocketSphinx", For: "speech recognition in English"}
	engine, err := pocketsphinx.New(cfg)
	if err != nil {
		f.Found, f.Fix = explain(err)
		return f
	}
	engine.Close()
	f.OK, f.Found = true, cfg.Model
	return f
}

func assets() finding {
	f := finding{Name: "workbench assets", For: "the workbench's looks, player and charts", Fix: "run 'make setup' and 'make build'"}
	if f.OK = web.Built(); f.OK {
		f.Found = "built in"
	} else {
		f.Found = "not in this binary"
	}
	return f
}

func port(name, addr, key string) finding {
	f := finding{Name: name, For: "listening at " + addr, Found: addr, Fix: "stop what uses it, or set " + key}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		f.Found = err.Error()
		return f
	}
	f.OK = l.Close() == nil
	return f
}

func reachable(name string, addrs []string, key string) []finding {
	var out []finding
	for _, addr := range addrs {
		f := finding{Name: name, For: "the server that " + key + " names", Found: addr, Fix: "start it, or correct " + key}
		conn, err := net.DialTimeout("tcp", addr, dialTimeout)
		if err != nil {
			f.Found = err.Error()
		} else {
			f.OK = conn.Close() == nil
		}
		out = append(out, f)
	}
	return out
}

// tool looks for a program that only the demo or the tests need.
func tool(name, pkg, why string) finding {
	f := finding{Name: name, For: why, Optional: true, Fix: "apt-get install " + pkg}
	path, err := exec.LookPath(name)
	if err != nil {
		f.Found = "not in PATH"
		return f
	}
	f.OK = true
	f.Found = filepath.Clean(path)
	return f
}

// dialTimeout is how long a server may take to answer.
const dialTimeout = 3 * time.Second

// explain splits an error into what is wrong and what to do.
func explain(err error) (found, fix string) {
	var e *earshot.Error
	if errors.As(err, &e) && e.Fix != "" {
		return strings.TrimSuffix(err.Error(), "; "+e.Fix), e.Fix
	}
	return err.Error(), "see the message"
}
