package web

import (
	"embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"earshot"
)

// language is a BCP 47 tag that there is a catalogue for.
type language string

const (
	english language = "en"
	chinese language = "zh"
)

func languages() []language { return []language{english, chinese} }

//go:embed locales/*.yaml
var localeFiles embed.FS

// catalogue is every text of one language by its key; texts with arguments
// are formats of package fmt.
type catalogue map[string]string

func readCatalogue(l language) (catalogue, error) {
	data, err := localeFiles.ReadFile("locales/" + string(l) + ".yaml")
	if err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot read texts: %w", err)
	}
	c := catalogue{}
	if err := yaml.UnmarshalWithOptions(data, &c, yaml.Strict()); err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot read texts of %q: %w", l, err)
	}
	return c, nil
}

// text returns the text of a key, and the key itself when there is none.
func (c catalogue) text(key string, args ...any) string {
	t, ok := c[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return t
	}
	return fmt.Sprintf(t, args...)
}

// count returns the text "key.one" or "key.other" with the number put in.
func (c catalogue) count(key string, n int) string {
	if n == 1 {
		return c.text(key+".one", n)
	}
	return c.text(key+".other", n)
}

// word returns the text of a value from a fixed set, such as a channel, and
// the value itself when it is not one of the set.
func (c catalogue) word(set string, value any) string {
	v := fmt.Sprint(value)
	if t, ok := c[set+"."+v]; ok {
		return t
	}
	return v
}

// negotiate picks the language that an Accept-Language header (RFC 9110,
// section 12.5.4) likes best, fallback when it likes none of ours.
func negotiate(header string, fallback language) language {
	best, bestQ := fallback, 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				continue
			}
			q = f
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		for _, l := range languages() {
			if primary == string(l) && q > bestQ {
				best, bestQ = l, q
			}
		}
	}
	return best
}
