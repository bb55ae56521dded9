// Package importer puts recordings and transcripts that exist as files through
// the same topics as live contacts.
package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"earshot"
	"earshot/internal/bus"
)

// Options say what the files do not.
type Options struct {
	// Facts are laid over what the files tell. ID is for one interaction alone;
	// when it is empty, a recording's id is derived from its content, so that
	// the same file imported twice is one interaction. When StartedAt is zero it
	// is the file's time of modification less the length of what it holds.
	Facts earshot.Interaction
	// Source stands in the records as their origin; default "import".
	Source string
	// Progress is called with the bytes that are done and all there are; it may
	// be nil.
	Progress func(done, total int64)
}

func (o Options) withDefaults() Options {
	if o.Source == "" {
		o.Source = "import"
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	return o
}

// Importer writes files into Kafka, as fast as Kafka takes them.
type Importer struct{ bus *bus.Client }

// New returns an importer that writes through client.
func New(client *bus.Client) *Importer { return &Importer{bus: client} }

// Import imports files of any kind that [Group] puts together and returns the
// ids of their interactions, in the order of the files. It stops at the first
// error; what was imported before it stays, and importing it again does no harm.
func (i *Importer) Import(ctx context.Context, files []string, o Options) ([]earshot.InteractionID, error) {
	o = o.withDefaults()
	groups := Group(files)
	if o.Facts.ID != "" && len(groups) > 1 {
		return nil, earshot.InvalidField("id", "import one recording at a time, or let the ids be derived", "one id for %d recordings", len(groups))
	}
	total, err := size(files)
	if err != nil {
		return nil, err
	}
	var ids []earshot.InteractionID
	var before int64
	for _, g := range groups {
		part := o
		part.Progress = func(done, _ int64) { o.Progress(before+done, total) }
		got, err := i.group(ctx, g, part)
		ids = append(ids, got...)
		if err != nil {
			return ids, err
		}
		n, err := size(g)
		if err != nil {
			return ids, err
		}
		before += n
		o.Progress(before, total)
	}
	return ids, nil
}

func (i *Importer) group(ctx context.Context, files []string, o Options) ([]earshot.InteractionID, error) {
	if isTranscript(files[0]) {
		return i.Transcript(ctx, files[0], o)
	}
	id, err := i.Recording(ctx, files, o)
	if err != nil {
		return nil, err
	}
	return []earshot.InteractionID{id}, nil
}

func isTranscript(file string) bool {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".jsonl", ".ndjson", ".json":
		return true
	default:
		return false
	}
}

// Group puts the two mono files of one call together: call_agent.wav with
// call_customer.wav or call_caller.wav, agent first, in whatever order they
// come. Every other file stays alone.
func Group(files []string) [][]string {
	var groups [][]string
	at := map[string]int{} // of an open pair, by its common name
	for _, f := range files {
		stem, side := splitSide(f)
		other, open := at[stem]
		switch {
		case side == "":
			groups = append(groups, []string{f})
		case open && len(groups[other]) == 1 && sideOf(groups[other][0]) != side:
			if groups[other] = append(groups[other], f); side == earshot.Agent {
				groups[other][0], groups[other][1] = f, groups[other][0]
			}
			delete(at, stem)
		default:
			at[stem] = len(groups)
			groups = append(groups, []string{f})
		}
	}
	return groups
}

func splitSide(file string) (stem string, side earshot.Role) {
	ext := filepath.Ext(file)
	if !strings.EqualFold(ext, ".wav") {
		return file, ""
	}
	base := strings.TrimSuffix(file, ext)
	cut := strings.LastIndexAny(base, "_-.")
	if cut < 0 {
		return file, ""
	}
	switch strings.ToLower(base[cut+1:]) {
	case "agent":
		return base[:cut], earshot.Agent
	case "customer", "caller":
		return base[:cut], earshot.Customer
	default:
		return file, ""
	}
}

func sideOf(file string) earshot.Role {
	_, side := splitSide(file)
	return side
}

func size(files []string) (total int64, err error) {
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return 0, fileError(f, err)
		}
		if info.IsDir() {
			return 0, earshot.InvalidField(f, "name the files in it", "cannot import a folder")
		}
		total += info.Size()
	}
	return total, nil
}

// fileError names a file that cannot be read and tells whose fault it is.
func fileError(file string, err error) error {
	kind := earshot.Unavailable
	switch {
	case errors.Is(err, os.ErrNotExist):
		kind = earshot.NotFound
	case errors.Is(err, os.ErrPermission):
		kind = earshot.Denied
	}
	return earshot.Errorf(kind, "cannot import %s: %w", file, err)
}

// digest returns the hex SHA-256 of the files' contents, one after the other.
func digest(files []string) (string, error) {
	h := sha256.New()
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return "", fileError(name, err)
		}
		n, err := io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", fileError(name, err)
		}
		fmt.Fprintf(h, "\x00%d\x00", n) // so that two files are not one cut elsewhere
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// modified returns a file's time of modification, to the millisecond.
func modified(file string) (time.Time, error) {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}, fileError(file, err)
	}
	return info.ModTime().UTC().Truncate(time.Millisecond), nil
}

// event returns the message of something that happened to an interaction. The id
// is derived, so that a second import writes the same one.
func event(kind earshot.EventType, at time.Time, facts earshot.Interaction, source string) (bus.Message, error) {
	e := earshot.Event{
		ID:   earshot.EventID(earshot.Derive("import event", string(facts.ID), string(kind))),
		Type: kind, At: at, Source: source, Facts: facts,
	}
	return message(earshot.TopicEvents, earshot.TypeEvent, string(e.ID), facts.ID, e)
}

func message(topic, kind, id string, interaction earshot.InteractionID, v any) (bus.Message, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return bus.Message{}, fmt.Errorf("cannot write %s: %w", kind, err)
	}
	return bus.Message{Topic: topic, Interaction: interaction, Type: kind, ID: id, Time: time.Now(), Value: value}, nil
}
