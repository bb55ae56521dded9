package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"earshot"
	"earshot/metrics/query"
)

// filterForm is the list's filter as it stands in the address: only keys that
// narrow the list are there.
type filterForm struct {
	Channel, Agent, Queue, Text, Min, Max, Failed, From, To string
	Appealed                                                bool
	Page                                                    int
}

const (
	// maxSearch is the longest text that is searched, in characters.
	maxSearch = 200
	// maxPage bounds how deep one can page.
	maxPage = 10_000
	dateISO = time.DateOnly
)

func readFilter(q url.Values) filterForm {
	get := func(key string) string { return strings.TrimSpace(q.Get(key)) }
	f := filterForm{
		Channel: get("channel"), Agent: get("agent"), Queue: get("queue"), Text: get("q"),
		Min: get("min"), Max: get("max"), Failed: get("failed"), From: get("from"), To: get("to"),
		Appealed: get("appealed") != "", Page: 1,
	}
	if n, err := strconv.Atoi(get("page")); err == nil && n > 1 {
		f.Page = min(n, maxPage)
	}
	return f
}

// Values returns the address form without empty keys.
func (f filterForm) Values() url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("channel", f.Channel)
	set("agent", f.Agent)
	set("queue", f.Queue)
	set("q", f.Text)
	set("min", f.Min)
	set("max", f.Max)
	set("failed", f.Failed)
	set("from", f.From)
	set("to", f.To)
	if f.Appealed {
		v.Set("appealed", "1")
	}
	if f.Page > 1 {
		v.Set("page", strconv.Itoa(f.Page))
	}
	return v
}

// Active counts what narrows the list.
func (f filterForm) Active() int {
	f.Page = 1
	return len(f.Values())
}

// PageNumber is the page from 0.
func (f filterForm) PageNumber() int { return f.Page - 1 }

// URL is the list's address with this filter on another page.
func (f filterForm) URL(page int) string {
	f.Page = page
	if q := f.Values().Encode(); q != "" {
		return "/interactions?" + q
	}
	return "/interactions"
}

// filter checks the form's values; errors name the field in words of the address.
func (f filterForm) filter(size int, zone *time.Location) (query.Filter, error) {
	out := query.Filter{
		Channel: earshot.Channel(f.Channel), Agent: earshot.AgentID(f.Agent), Queue: f.Queue, Text: f.Text,
		Failed: earshot.CriterionID(f.Failed), Appealed: f.Appealed, Limit: size, Offset: (f.Page - 1) * size,
	}
	if f.Channel != "" && !slices.Contains(earshot.Channels(), out.Channel) {
		return out, earshot.InvalidField("channel", "choose one from the list", "%q is none", f.Channel)
	}
	if utf8.RuneCountInString(f.Text) > maxSearch {
		return out, earshot.InvalidField("q", "search for less", "has more than %d characters", maxSearch)
	}
	var err error
	if out.MinScore, err = score("min", f.Min); err != nil {
		return out, err
	}
	if out.MaxScore, err = score("max", f.Max); err != nil {
		return out, err
	}
	if out.From, err = day("from", f.From, zone); err != nil {
		return out, err
	}
	out.To, err = day("to", f.To, zone)
	if !out.To.IsZero() {
		out.To = out.To.AddDate(0, 0, 1) // the day itself belongs to it
	}
	return out, err
}

func score(field, s string) (*float64, error) {
	if s == "" {
		return nil, nil
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !(x >= 0 && x <= 100) {
		return nil, earshot.InvalidField(field, "use 0 to 100", "%q is no score", s)
	}
	return &x, nil
}

func day(field, s string, zone *time.Location) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(dateISO, s, zone)
	if err != nil {
		return t, earshot.InvalidField(field, "use a date such as 2026-11-23", "%q is no date", s)
	}
	return t, nil
}

type listData struct {
	Filter filterForm
	Facets query.Facets
	Rows   []row
	Total  int
	// First and Last are the numbers of the rows shown, from 1.
	First, Last int
	// Prev and Next are addresses, "" where there is none.
	Prev, Next string
}

// row is a query.Row with what the template would have to reckon.
type row struct {
	query.Row
	Failed []earshot.Answer
	// Ask counts the criteria that want a person.
	Ask int
}

func newRow(r query.Row) row {
	out := row{Row: r}
	if r.Interaction.StartedAt.IsZero() {
		out.Interaction.StartedAt = r.Interaction.EndedAt
	}
	if r.Evaluation == nil {
		return out
	}
	for _, a := range r.Evaluation.Answers {
		switch a.Verdict {
		case earshot.Fail:
			out.Failed = append(out.Failed, a)
		case earshot.Abstain:
			out.Ask++
		}
	}
	slices.SortStableFunc(out.Failed, func(a, b earshot.Answer) int {
		switch {
		case a.Fatal == b.Fatal:
			return 0
		case a.Fatal:
			return -1
		}
		return 1
	})
	return out
}

func (s *Server) home(w http.ResponseWriter, r *http.Request, v visit) error {
	to := "/interactions"
	if v.Agent() {
		to = agentURL(v.Person.Agent)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, v visit) error {
	form := readFilter(r.URL.Query())
	filter, err := form.filter(s.cfg.PageSize, s.zone)
	if err != nil {
		return err
	}
	if v.Agent() {
		form.Agent, filter.Agent = "", v.Person.Agent
	}
	page, err := s.deps.Store.Interactions(r.Context(), filter)
	if err != nil {
		return err
	}
	data := newList(form, filter, page)
	if v.partial {
		w.Header().Set("HX-Push-Url", form.URL(form.Page))
		return s.show(w, v, "results", data)
	}
	if data.Facets, err = s.deps.Store.Facets(r.Context()); err != nil {
		return err
	}
	return s.show(w, v, "list", data)
}

func newList(form filterForm, filter query.Filter, page query.Page) listData {
	data := listData{Filter: form, Total: page.Total}
	for _, r := range page.Rows {
		data.Rows = append(data.Rows, newRow(r))
	}
	if len(data.Rows) > 0 {
		data.First, data.Last = filter.Offset+1, filter.Offset+len(data.Rows)
	}
	if form.Page > 1 {
		data.Prev = form.URL(form.Page - 1)
	}
	if filter.Offset+len(data.Rows) < page.Total && len(data.Rows) > 0 {
		data.Next = form.URL(form.Page + 1)
	}
	return data
}
