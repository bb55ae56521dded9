package importer

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/redact"
)

// Transcript imports a file of [Line]s and returns the ids of its interactions
// in the order in which they begin in it. The file is read whole and checked
// before anything is written; the error is Invalid and names file, line and
// field. Text is redacted before it is written.
//
// A conversation's id is derived from its channel and the source's id, as for
// messages that are posted, and a file's without conversation ids from its
// content.
func (i *Importer) Transcript(ctx context.Context, file string, o Options) ([]earshot.InteractionID, error) {
	o = o.withDefaults()
	lines, err := readLines(file)
	if err != nil {
		return nil, err
	}
	total, err := size([]string{file})
	if err != nil {
		return nil, err
	}
	talks, err := conversations(file, lines, o)
	if err != nil {
		return nil, err
	}
	var ids []earshot.InteractionID
	var done int64
	for _, t := range talks {
		msgs, err := t.messages(o)
		if err != nil {
			return ids, err
		}
		for batch := range slices.Chunk(msgs, inFlight) { // in order, and bounded
			if err := i.produce(ctx, o, batch...); err != nil {
				return ids, err
			}
		}
		ids = append(ids, t.facts.ID)
		done += int64(len(t.lines))
		o.Progress(total*done/int64(len(lines)), total)
	}
	return ids, nil
}

func readLines(file string) (lines []Line, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fileError(file, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return parseLines(f, file)
}

func parseLines(r io.Reader, file string) ([]Line, error) {
	var lines []Line
	s := bufio.NewScanner(r)
	s.Buffer(nil, 2*maxText)
	for n := 1; s.Scan(); n++ {
		b := bytes.TrimSpace(bytes.TrimPrefix(s.Bytes(), []byte("\xef\xbb\xbf")))
		if len(b) == 0 {
			continue
		}
		l, err := parseLine(b)
		if err != nil {
			return nil, inFile(file, n, err)
		}
		l.number = n
		lines = append(lines, l)
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, earshot.InvalidField(file, "write one JSON object a line", "cannot import transcript: a line has over %d bytes", 2*maxText)
	}
	if err := s.Err(); err != nil {
		return nil, fileError(file, err)
	}
	if len(lines) == 0 {
		return nil, earshot.InvalidField(file, "give a file with a JSON object on each line", "cannot import transcript: it has no lines")
	}
	return lines, nil
}

// conversation is one interaction of a file.
type conversation struct {
	file  string
	facts earshot.Interaction
	lines []Line
}

// conversations sorts the lines by conversation and settles ids and times.
func conversations(file string, lines []Line, o Options) ([]*conversation, error) {
	var talks []*conversation
	byID := map[string]*conversation{}
	for _, l := range lines {
		t := byID[l.ConversationID]
		if t == nil {
			t = &conversation{file: file}
			byID[l.ConversationID] = t
			talks = append(talks, t)
		}
		if len(t.lines) > 0 && t.facts.Channel != l.Channel {
			return nil, inFile(file, l.number, earshot.InvalidField("channel", "give each channel a conversation of its own", "it is %q, and before it was %q", l.Channel, t.facts.Channel))
		}
		t.facts = t.facts.Merge(l.facts())
		t.lines = append(t.lines, l)
	}
	if o.Facts.ID != "" && len(talks) > 1 {
		return nil, earshot.InvalidField("id", "let the ids be derived", "one id for %d conversations in %s", len(talks), file)
	}
	for _, t := range talks {
		if err := t.settle(o); err != nil {
			return nil, err
		}
	}
	return talks, nil
}

// settle decides id, start and end, and puts the lines in order of time.
func (t *conversation) settle(o Options) error {
	t.facts = t.facts.Merge(o.Facts)
	if t.facts.ID == "" {
		id, err := t.id()
		if err != nil {
			return err
		}
		t.facts.ID = id
	}
	if t.facts.StartedAt.IsZero() {
		started, err := t.started()
		if err != nil {
			return err
		}
		t.facts.StartedAt = started
	}
	var end int64
	for n := range t.lines {
		l := &t.lines[n]
		if l.StartMS == nil {
			ms := l.SentAt.Sub(t.facts.StartedAt).Milliseconds()
			if ms < 0 {
				return inFile(t.file, l.number, earshot.InvalidField("sent_at", "give an earlier start", "it is %v before the interaction's start", -time.Duration(ms)*time.Millisecond))
			}
			l.StartMS = &ms
		}
		if l.EndMS == nil {
			l.EndMS = l.StartMS
		}
		if *l.EndMS < *l.StartMS {
			return inFile(t.file, l.number, earshot.InvalidField("end_ms", "write an end after the start", "it is %d, and sent_at is %d ms after the start", *l.EndMS, *l.StartMS))
		}
		end = max(end, *l.EndMS)
	}
	slices.SortStableFunc(t.lines, func(a, b Line) int { return cmp.Compare(*a.StartMS, *b.StartMS) })
	if t.facts.EndedAt.IsZero() {
		t.facts.EndedAt = t.facts.StartedAt.Add(time.Duration(end) * time.Millisecond)
	}
	return nil
}

func (t *conversation) id() (earshot.InteractionID, error) {
	if c := t.lines[0].ConversationID; c != "" {
		return earshot.ConversationID(t.facts.Tenant, t.facts.Channel, c), nil
	}
	sum, err := digest([]string{t.file})
	if err != nil {
		return "", err
	}
	return earshot.InteractionID(earshot.Derive("import", t.facts.Tenant, sum)), nil
}

// started returns the earliest time that a line tells, else the file's time of
// modification less the conversation's length.
func (t *conversation) started() (time.Time, error) {
	var first time.Time
	var end int64
	for _, l := range t.lines {
		if l.SentAt != nil {
			at := l.SentAt.UTC()
			if l.StartMS != nil {
				at = at.Add(-time.Duration(*l.StartMS) * time.Millisecond)
			}
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
		for _, ms := range []*int64{l.StartMS, l.EndMS} {
			if ms != nil {
				end = max(end, *ms)
			}
		}
	}
	if !first.IsZero() {
		return first, nil
	}
	at, err := modified(t.file)
	return at.Add(-time.Duration(end) * time.Millisecond), err
}

// messages returns the conversation's records: its start, the utterances, the
// transcript's end, its end.
func (t *conversation) messages(o Options) ([]bus.Message, error) {
	t.addLegs()
	live := t.facts // what is known while it goes on
	live.EndedAt = time.Time{}
	started, err := event(earshot.InteractionStarted, live.StartedAt, live, o.Source)
	if err != nil {
		return nil, err
	}
	msgs := []bus.Message{started}
	seen := map[earshot.UtteranceID]int{}
	for n := range t.lines {
		u := t.utterance(n)
		if line, twice := seen[u.ID]; twice {
			return nil, inFile(t.file, t.lines[n].number, earshot.InvalidField("id", "give each utterance its own", "it is that of line %d", line))
		}
		seen[u.ID] = t.lines[n].number
		m, err := message(earshot.TopicUtterances, earshot.TypeUtterance, string(u.ID), t.facts.ID, u)
		if err != nil {
			return nil, err
		}
		msgs = append(msgs, m)
	}
	end := earshot.TranscriptEnd{
		Interaction: t.facts, Utterances: len(t.lines), At: t.facts.EndedAt,
		DurationMS: t.facts.EndedAt.Sub(t.facts.StartedAt).Milliseconds(),
	}
	id := earshot.Derive("import transcript end", string(t.facts.ID))
	m, err := message(earshot.TopicUtterances, earshot.TypeTranscriptEnd, id, t.facts.ID, end)
	if err != nil {
		return nil, err
	}
	ended, err := event(earshot.InteractionEnded, t.facts.EndedAt, t.facts, o.Source)
	return append(msgs, m, ended), err
}

// addLegs gives a voice conversation one leg a role.
func (t *conversation) addLegs() {
	if t.facts.Channel != earshot.Voice {
		return
	}
	for _, l := range t.lines {
		leg := earshot.Leg{ID: earshot.LegID(l.Role), Role: l.Role, RoleSource: "import"}
		if l.Role == earshot.Agent {
			leg.Name = t.facts.AgentName
		}
		t.facts = t.facts.Merge(earshot.Interaction{Legs: []earshot.Leg{leg}})
	}
}

func (t *conversation) utterance(n int) earshot.Utterance {
	l := &t.lines[n]
	language := l.Language
	if language == "" {
		language = t.facts.Language
	}
	u := earshot.Utterance{
		Interaction: t.facts.ID, Tenant: t.facts.Tenant, Channel: l.Channel, Role: l.Role,
		StartMS: *l.StartMS, EndMS: *l.EndMS, Language: language, Confidence: 1,
		At: t.facts.StartedAt.Add(time.Duration(*l.StartMS) * time.Millisecond),
	}
	if l.Confidence != nil {
		u.Confidence = *l.Confidence
	}
	u.Text, u.Redactions = redact.Text(l.Text, language)
	name := l.ID
	if name == "" {
		name = "import " + strconv.Itoa(n)
	}
	u.ID = earshot.MessageID(t.facts.ID, name)
	if l.Channel == earshot.Voice {
		u.Leg = earshot.LegID(l.Role)
	} else {
		facts := t.facts
		u.Facts = &facts
	}
	return u
}
