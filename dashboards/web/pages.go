package web

import (
	"embed"
	"html/template"
	"io"
	"time"

	"earshot"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pages are the templates with the texts and formats of one language.
type pages struct {
	set    *template.Template
	format format
}

func readPages(zone *time.Location, a *assets) (map[language]*pages, error) {
	out := map[language]*pages{}
	for _, l := range languages() {
		texts, err := readCatalogue(l)
		if err != nil {
			return nil, err
		}
		f := format{lang: l, texts: texts, zone: zone}
		set, err := template.New("").Funcs(f.funcs()).Funcs(template.FuncMap{
			"asset":      a.url,
			"haveAssets": a.ready,
		}).ParseFS(templateFiles, "templates/*.html")
		if err != nil {
			return nil, earshot.Errorf(earshot.Internal, "cannot read templates: %w", err)
		}
		out[l] = &pages{set: set, format: f}
	}
	return out, nil
}

func (p *pages) execute(w io.Writer, name string, v view) error {
	return p.set.ExecuteTemplate(w, name, v)
}
