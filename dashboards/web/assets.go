package web

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"earshot"
)

// distFiles holds what `npm run build` made, if it ran before the build of the
// binary.
//
//go:embed all:dist
var distFiles embed.FS

// assets serves the scripts and styles under names that carry their hash, so
// that browsers may keep them for ever.
type assets struct {
	files    fs.FS
	manifest map[string]string
}

// readAssets takes a folder without manifest as "not built": pages then say so.
func readAssets(files fs.FS) (*assets, error) {
	a := &assets{files: files, manifest: map[string]string{}}
	data, err := fs.ReadFile(files, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot read the assets' manifest: %w", err)
	}
	if err := json.Unmarshal(data, &a.manifest); err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot read the assets' manifest: %w", err)
	}
	return a, nil
}

// Built reports whether this binary holds the workbench's scripts and styles.
func Built() bool {
	_, err := fs.Stat(distFiles, "dist/manifest.json")
	return err == nil
}

func (a *assets) ready() bool { return len(a.manifest) > 0 }

// url returns the path of an asset by its plain name, such as "app.js".
func (a *assets) url(name string) string { return "/assets/" + a.manifest[name] }

// ServeHTTP serves only names in the manifest.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/assets/")
	for _, file := range a.manifest {
		if file == name {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			http.ServeFileFS(w, r, a.files, name)
			return
		}
	}
	http.NotFound(w, r)
}
