package grafana

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"

	"earshot"
)

//go:embed provisioning/datasources.yaml
var datasources []byte

//go:embed provisioning/dashboards.yaml
var providers []byte

// Files returns what [Export] writes, by path: dashboards/UID.json for each
// dashboard, and provisioning/ as Grafana expects it in /etc/grafana.
func Files() (map[string][]byte, error) {
	files := map[string][]byte{
		filepath.Join("provisioning", "datasources", "earshot.yaml"): datasources,
		filepath.Join("provisioning", "dashboards", "earshot.yaml"):  providers,
	}
	all, err := Dashboards()
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(d); err != nil {
			return nil, earshot.Errorf(earshot.Internal, "cannot write dashboard %s: %w", *d.Uid, err)
		}
		files[filepath.Join("dashboards", *d.Uid+".json")] = out.Bytes()
	}
	return files, nil
}

// Export writes the dashboards and their provisioning into dir, over older ones.
func Export(dir string) error {
	files, err := Files()
	if err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return earshot.Errorf(earshot.Unavailable, "cannot make folder for dashboards: %w", err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return earshot.Errorf(earshot.Unavailable, "cannot write dashboard: %w", err)
		}
	}
	return nil
}
