package rule

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"earshot"
)

type responseTime struct {
	by    earshot.Role
	which string
	most  time.Duration
}

func (c *compiler) responseTime(r *ResponseTime, path string) node {
	c.role(r.By, join(path, "by"))
	which := r.Which
	if which == "" {
		which = "max"
	}
	if !slices.Contains([]string{"first", "mean", "max"}, which) {
		c.fail(join(path, "which"), "use first, mean or max", "got %q", which)
	}
	return &responseTime{r.By, which, c.length(r.AtMost, join(path, "at_most"), 0)}
}

func (n *responseTime) decide(e *env) Result {
	ms, ok := e.t.Measures()[string(n.by)+".response_"+n.which+"_ms"]
	who, whoZH := roleEN(n.by), roleZH(n.by)
	if !ok {
		r := Result{Outcome: NA, Confidence: 1, Reason: who + " had nothing to answer", ReasonZH: whoZH + "没有需要回复的内容"}
		if e.t.Open {
			r.Outcome = Unsure
		}
		return r
	}
	which := map[string]string{"first": "首次", "mean": "平均", "max": "最长"}[n.which]
	r := Result{Outcome: Yes, Confidence: 1,
		Reason:   fmt.Sprintf("%s response time of the %s is %s", n.which, who, seconds(int64(ms))),
		ReasonZH: fmt.Sprintf("%s%s响应时间为 %s", whoZH, which, secondsZH(int64(ms)))}
	limit := n.most.Milliseconds()
	switch {
	case int64(ms) > limit:
		r.Outcome = No
		r.Reason += ", over " + seconds(limit)
		r.ReasonZH += "，超过 " + secondsZH(limit)
		if e.t.Open && n.which == "mean" {
			r.Outcome = Unsure
		}
	case e.t.Open && n.which != "first":
		r.Outcome = Unsure
	}
	return r
}

type duration struct{ least, most time.Duration }

func (c *compiler) duration(d *Duration, path string) node {
	if d.AtLeast == "" && d.AtMost == "" {
		c.fail(path, "set at_least or at_most", "no limit is set")
		return nil
	}
	n := &duration{}
	if d.AtLeast != "" {
		n.least = c.length(d.AtLeast, join(path, "at_least"), 0)
	}
	if d.AtMost != "" {
		n.most = c.length(d.AtMost, join(path, "at_most"), 0)
	}
	return n
}

func (n *duration) decide(e *env) Result {
	d := time.Duration(e.t.DurationMS) * time.Millisecond
	r := Result{Outcome: Yes, Confidence: 1, Reason: "it lasted " + seconds(e.t.DurationMS), ReasonZH: "时长 " + secondsZH(e.t.DurationMS)}
	switch {
	case n.most > 0 && d > n.most:
		r.Outcome = No
	case e.t.Open && (n.most > 0 || d < n.least):
		r.Outcome = Unsure
	case d < n.least:
		r.Outcome = No
	}
	return r
}

type compare struct{ Measure }

func (c *compiler) measure(m *Measure, path string) node {
	if !knownMeasure(m.Name) {
		c.fail(join(path, "name"), "use one of the measures, such as agent.talk_share", "there is no measure %q", m.Name)
	}
	if m.AtLeast == nil && m.AtMost == nil {
		c.fail(path, "set at_least or at_most", "no limit is set")
	}
	return &compare{*m}
}

func knownMeasure(name string) bool {
	keys := MeasureKeys()
	if _, ok := keys[name]; ok {
		return true
	}
	role, rest, _ := strings.Cut(name, ".")
	_, ok := keys["ROLE."+rest]
	return ok && slices.Contains(earshot.Roles(), earshot.Role(role))
}

func (n *compare) decide(e *env) Result {
	v, ok := e.t.Measures()[n.Name]
	r := Result{Outcome: Yes, Confidence: 1, Reason: fmt.Sprintf("%s is %.4g", n.Name, v), ReasonZH: fmt.Sprintf("%s 为 %.4g", n.Name, v)}
	switch {
	case e.t.Open:
		r.Outcome = Unsure
	case !ok:
		r.Outcome = NA
		r.Reason, r.ReasonZH = n.Name+" is unknown", n.Name+" 未知"
	case n.AtLeast != nil && v < *n.AtLeast || n.AtMost != nil && v > *n.AtMost:
		r.Outcome = No
	}
	return r
}

type context struct{ Context }

func (c *compiler) context(x *Context, path string) node {
	if len(x.Channels)+len(x.Queues)+len(x.Languages)+len(x.Regions)+len(x.Directions)+len(x.Attributes) == 0 {
		c.fail(path, "set channels, queues, languages, regions, directions or attributes", "nothing is compared")
	}
	for i, ch := range x.Channels {
		if !slices.Contains(earshot.Channels(), ch) {
			c.fail(fmt.Sprintf("%s.channels[%d]", path, i), "use one of "+fmt.Sprint(earshot.Channels()), "unknown channel %q", ch)
		}
	}
	return &context{*x}
}

func (n *context) decide(e *env) Result {
	f := &e.t.Facts
	checks := []struct {
		name, value string
		ok          bool
	}{
		{"channel", string(f.Channel), oneOf(n.Channels, f.Channel)},
		{"queue", f.Queue, oneOf(n.Queues, f.Queue)},
		{"language", f.Language, len(n.Languages) == 0 || slices.ContainsFunc(n.Languages, func(l string) bool { return SameLanguage(l, f.Language) })},
		{"region", f.Region, oneOf(n.Regions, f.Region)},
		{"direction", string(f.Direction), oneOf(n.Directions, f.Direction)},
	}
	for _, name := range slices.Sorted(maps.Keys(n.Attributes)) {
		checks = append(checks, struct {
			name, value string
			ok          bool
		}{name, f.Attributes[name], slices.Contains(n.Attributes[name], f.Attributes[name])})
	}
	for _, c := range checks {
		if !c.ok {
			return Result{Outcome: No, Confidence: 1, Reason: fmt.Sprintf("%s is %q", c.name, c.value), ReasonZH: fmt.Sprintf("%s 为“%s”", c.name, c.value)}
		}
	}
	return Result{Outcome: Yes, Confidence: 1, Reason: "the contact is of this kind", ReasonZH: "属于这类联络"}
}

func oneOf[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// SameLanguage says whether the tag is of the wanted language: "en" covers
// "en-US" (RFC 4647, section 3.3.1, basic filtering).
func SameLanguage(want, tag string) bool {
	want, tag = strings.ToLower(want), strings.ToLower(tag)
	return tag == want || strings.HasPrefix(tag, want+"-")
}
