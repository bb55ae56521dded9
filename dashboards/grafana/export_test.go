package grafana_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"earshot/dashboards/grafana"
	"earshot/metrics/kpi"
)

var update = flag.Bool("update", false, "write the golden files")

func files(t *testing.T) map[string][]byte {
	t.Helper()
	out, err := grafana.Files()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExport_WritesTheGoldenFiles(t *testing.T) {
	golden := filepath.Join("testdata", "golden")
	if *update {
		if err := grafana.Export(golden); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := grafana.Export(dir); err != nil {
		t.Fatal(err)
	}
	for name := range files(t) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(golden, name))
		if err != nil {
			t.Fatalf("%v; run the test with -update", err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from its golden file; run the test with -update and read the difference", name)
		}
	}
}

func TestDashboards_AreReadStrictlyByGrafanasSchema(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	for name, data := range files(t) {
		if filepath.Ext(name) != ".json" {
			continue
		}
		var d dashboard.Dashboard
		if err := d.UnmarshalJSONStrict(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := d.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d.SchemaVersion < 39 {
			t.Errorf("%s has schema version %d", name, d.SchemaVersion)
		}
	}
}

func TestProvisioning_IsYAMLAndNamesTheSourceOfThePanels(t *testing.T) {
	all := files(t)
	var sources struct {
		Datasources []struct {
			UID  string `yaml:"uid"`
			Type string `yaml:"type"`
		} `yaml:"datasources"`
	}
	if err := yaml.Unmarshal(all["provisioning/datasources/earshot.yaml"], &sources); err != nil || len(sources.Datasources) != 1 {
		t.Fatal(err, sources)
	}
	for _, p := range panels(t) {
		if p.Datasource.UID != sources.Datasources[0].UID || p.Datasource.Type != sources.Datasources[0].Type {
			t.Errorf("%s asks %v, provisioned is %v", p.Title, p.Datasource, sources.Datasources[0])
		}
	}
	var providers struct {
		Providers []struct {
			Options map[string]string `yaml:"options"`
		} `yaml:"providers"`
	}
	if err := yaml.Unmarshal(all["provisioning/dashboards/earshot.yaml"], &providers); err != nil || len(providers.Providers) != 1 {
		t.Fatal(err, providers)
	}
	compose, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if path := providers.Providers[0].Options["path"]; !strings.Contains(string(compose), ":"+path+":ro") {
		t.Errorf("docker-compose.yml mounts nothing at %s", path)
	}
}

// panel is what a test needs of one.
type panel struct {
	Title      string
	Type       string
	Datasource struct{ Type, UID string }
	Targets    []struct {
		RawSQL    string `json:"rawSql"`
		QueryType string `json:"queryType"`
	}
}

func panels(t *testing.T) []panel {
	t.Helper()
	var out []panel
	for name, data := range files(t) {
		if filepath.Ext(name) != ".json" {
			continue
		}
		var d struct{ Panels []panel }
		if err := json.Unmarshal(data, &d); err != nil {
			t.Fatal(err)
		}
		out = append(out, d.Panels...)
	}
	if len(out) == 0 {
		t.Fatal("no dashboard has a panel")
	}
	return out
}

// A KPI that nobody can find by the id that a panel asks for has no name.
func TestPanels_ShowDefinedKPIs(t *testing.T) {
	titles := map[string]bool{}
	for _, p := range panels(t) {
		titles[p.Title] = true
		if p.Title == "" || strings.HasPrefix(p.Title, " ·") {
			t.Errorf("a panel has no title: %v", p)
		}
	}
	for _, id := range []string{"interactions", "qa_coverage", "qa_score", "pass_rate", "fatal_rate", "aht", "silence", "agreement"} {
		d, ok := kpi.Find(id)
		if !ok || !titles[d.Title()] {
			t.Errorf("no panel shows %s", id)
		}
	}
}
