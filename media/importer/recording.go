package importer

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"earshot"
	"earshot/media/audio"
)

// Recording imports one call: a WAV file with the agent left and the customer
// right, two mono ones, the agent's first, or a single mono one. The last has
// all speakers mixed; its one leg has the role other, and the interaction the
// attribute channel_layout=mixed. 16-bit PCM goes in as L16 and G.711 at 8 kHz
// as it is, in packets of 20 ms that arrive when they would have in a call that
// began at Facts.StartedAt.
//
// The error is Invalid and names the file when it cannot be imported, and
// Unavailable when Kafka is away.
func (i *Importer) Recording(ctx context.Context, files []string, o Options) (earshot.InteractionID, error) {
	o = o.withDefaults()
	r, err := openRecording(files, o)
	if err != nil {
		return "", err
	}
	err = i.send(ctx, r, o)
	return r.facts.ID, errors.Join(err, r.close())
}

// recording is one call that is read from files.
type recording struct {
	files  []*os.File
	wavs   []*audio.WAVReader
	facts  earshot.Interaction
	tracks []*track
	// block is 200 ms of a file's frames.
	block []byte
	total int64
	done  int64
}

func openRecording(files []string, o Options) (*recording, error) {
	if len(files) < 1 || len(files) > 2 {
		return nil, earshot.InvalidField("files", "give one file, or the agent's and the customer's", "%d files for one call", len(files))
	}
	r := &recording{}
	if err := r.open(files, o); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *recording) open(files []string, o Options) error {
	sum, err := digest(files)
	if err != nil {
		return err
	}
	if r.total, err = size(files); err != nil {
		return err
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return fileError(name, err)
		}
		r.files = append(r.files, f)
		w, err := audio.NewWAVReader(f, name)
		if err != nil {
			return err
		}
		if len(files) == 2 && w.Format().Channels != 1 {
			return earshot.InvalidField(name, "give the stereo file alone", "cannot import a pair: the file has 2 channels")
		}
		r.wavs = append(r.wavs, w)
	}
	length := r.length()
	started, err := modified(files[0])
	if err != nil {
		return err
	}
	id := earshot.InteractionID(earshot.Derive("import", o.Facts.Tenant, sum))
	r.facts = earshot.Interaction{ID: id, Channel: earshot.Voice, StartedAt: started.Add(-length)}.Merge(o.Facts)
	if r.facts.AnsweredAt.IsZero() {
		r.facts.AnsweredAt = r.facts.StartedAt
	}
	r.facts.EndedAt = r.facts.StartedAt.Add(length)
	return r.addTracks()
}

// length returns how long the call is by the files' headers, or by their size
// where those do not tell.
func (r *recording) length() (longest time.Duration) {
	for n, w := range r.wavs {
		f := w.Format()
		frames := f.Frames
		if info, err := r.files[n].Stat(); err == nil && (frames < 0 || frames*int64(f.FrameSize()) > info.Size()) {
			frames = max(0, info.Size()-44) / int64(f.FrameSize())
		}
		longest = max(longest, time.Duration(frames)*time.Second/time.Duration(f.Rate))
	}
	return longest.Truncate(time.Millisecond)
}

// addTracks makes the legs.
func (r *recording) addTracks() error {
	add := func(id earshot.LegID, role earshot.Role, file, channel int) {
		f := r.wavs[file].Format()
		t := newTrack(f, file, channel)
		t.leg = earshot.Leg{ID: id, Label: string(id), Role: role, RoleSource: "import", Codec: t.codec, ClockRate: t.clock, SSRC: t.ssrc}
		if role == earshot.Agent {
			t.leg.Name = r.facts.AgentName
		}
		r.tracks = append(r.tracks, t)
		r.facts.Legs = append(r.facts.Legs, t.leg)
	}
	switch {
	case len(r.wavs) == 2:
		add("agent", earshot.Agent, 0, 0)
		add("customer", earshot.Customer, 1, 0)
	case r.wavs[0].Format().Channels == 2:
		add("agent", earshot.Agent, 0, 0)
		add("customer", earshot.Customer, 0, 1)
	default:
		add("mixed", earshot.Other, 0, 0)
		r.facts = r.facts.Merge(earshot.Interaction{Attributes: map[string]string{"channel_layout": "mixed"}})
	}
	return nil
}

// next returns the bundles of the next 200 ms of all legs, none at the end.
func (r *recording) next() ([]*earshot.AudioBundle, error) {
	var out []*earshot.AudioBundle
	for n, w := range r.wavs {
		f := w.Format()
		size := packetsABundle * (f.Rate / 50) * f.FrameSize()
		if len(r.block) < size {
			r.block = make([]byte, size)
		}
		got, err := w.ReadRaw(r.block[:size])
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		r.done += int64(got)
		for _, t := range r.tracks {
			if t.file == n && got > 0 {
				out = append(out, t.bundle(r.block[:got], f, r.facts.StartedAt))
			}
		}
	}
	return out, nil
}

func (r *recording) close() (err error) {
	for _, f := range r.files {
		err = errors.Join(err, f.Close())
	}
	return err
}
