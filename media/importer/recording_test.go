package importer_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/media/audio"
	"earshot/media/importer"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func noise(seed uint64, n int) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(r.IntN(16000) - 8000)
	}
	return out
}

func interleave(a, b []int16) (out []int16) {
	for i := range a {
		out = append(out, a[i], b[i])
	}
	return out
}

// writeWAV writes a file into dir, last modified at start.
func writeWAV(t *testing.T, dir, name string, pcm []int16, rate, channels int) string {
	t.Helper()
	path := filepath.Join(dir, name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := audio.NewWAVWriter(f, rate, channels)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(pcm), w.Close(), f.Close(), os.Chtimes(path, start, start)); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeG711 writes a G.711 file: tag 7 is mu-law, 6 A-law.
func writeG711(t *testing.T, dir string, tag, rate, channels int, data []byte) string {
	t.Helper()
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint16(b, 8)
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), uint32(len(data)))
	path := filepath.Join(dir, "g711.wav")
	if err := os.WriteFile(path, append(b, data...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// heard is what the audio topic says of one interaction.
type heard struct {
	call  *audio.Call
	kinds []earshot.AudioKind
	start map[earshot.LegID]int64
	pcm   map[earshot.LegID][]int16
	codec map[earshot.LegID]earshot.Codec
	// packets are the RTP payloads of each leg.
	payload map[earshot.LegID][]byte
	last    *earshot.AudioMark
	spans   int64
}

// listen reads n records of the audio topic, all of one interaction.
func listen(t *testing.T, c *bus.Client, n int, o audio.Options) *heard {
	t.Helper()
	h := &heard{call: audio.NewCall(o), start: map[earshot.LegID]int64{}, pcm: map[earshot.LegID][]int16{},
		codec: map[earshot.LegID]earshot.Codec{}, payload: map[earshot.LegID][]byte{}}
	for _, r := range bustest.ReadAll(t, c, earshot.TopicAudio, n) {
		var b earshot.AudioBundle
		if err := b.UnmarshalBinary(r.Value); err != nil {
			t.Fatal(err)
		}
		h.kinds = append(h.kinds, b.Kind)
		if b.Mark != nil {
			h.last = b.Mark
		} else {
			h.codec[b.Leg] = b.Codec
			for _, p := range b.Packets {
				h.payload[b.Leg] = append(h.payload[b.Leg], p.RTP[12:]...)
			}
		}
		err := h.call.Push(&b, func(f audio.Frame) {
			if _, ok := h.start[f.Leg]; !ok {
				h.start[f.Leg] = f.Start
			}
			h.pcm[f.Leg] = append(h.pcm[f.Leg], f.PCM...)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range h.call.Legs() {
		h.spans += h.call.Stats(l).Spans
	}
	return h
}

func (h *heard) same(t *testing.T, leg earshot.LegID, want []int16) {
	t.Helper()
	if h.start[leg] != 0 || !slices.Equal(h.pcm[leg], want) {
		t.Errorf("%s begins at sample %d and has %d samples; not the %d that the file holds", leg, h.start[leg], len(h.pcm[leg]), len(want))
	}
}

func TestRecording_StereoIsAgentLeftAndCustomerRight(t *testing.T) {
	c := bustest.New(t)
	a, b := noise(1, 16100), noise(2, 16100) // the last packet is a short one
	file := writeWAV(t, t.TempDir(), "call.wav", interleave(a, b), 16000, 2)
	facts := earshot.Interaction{Agent: "a7", AgentName: "Ann", Queue: "sales", StartedAt: start.Add(time.Hour)}
	id, err := importer.New(c).Recording(t.Context(), []string{file}, importer.Options{Facts: facts})
	if err != nil {
		t.Fatal(err)
	}
	h := listen(t, c, 2*6+5, audio.Options{})
	h.same(t, "agent", a)
	h.same(t, "customer", b)
	got := h.call.Interaction()
	if got.ID != id || got.Agent != "a7" || got.Queue != "sales" || !got.StartedAt.Equal(facts.StartedAt) || got.EndedAt.Sub(got.StartedAt) != 1006*time.Millisecond {
		t.Errorf("facts = %+v", got)
	}
	if !h.call.Ended() || h.last.Reason != "import" || h.call.Leg("agent").Role != earshot.Agent || h.call.Leg("customer").Role != earshot.Customer || h.call.Leg("agent").Name != "Ann" {
		t.Errorf("ended %v, mark %+v", h.call.Ended(), h.last)
	}
	if want := []earshot.AudioKind{earshot.AudioLegStart, earshot.AudioLegStart}; !slices.Equal(h.kinds[:2], want) || h.kinds[len(h.kinds)-1] != earshot.AudioCallEnd {
		t.Errorf("records in the order %v", h.kinds)
	}
	events := bustest.ReadAll(t, c, earshot.TopicEvents, 2)
	for n, want := range []earshot.EventType{earshot.InteractionStarted, earshot.InteractionEnded} {
		var e earshot.Event
		if err := json.Unmarshal(events[n].Value, &e); err != nil {
			t.Fatal(err)
		}
		if e.Type != want || e.Facts.ID != id || e.Facts.EndedAt.IsZero() != (n == 0) || string(e.ID) != events[n].ID {
			t.Errorf("event %d = %+v", n, e)
		}
	}
}

func TestRecording_TwoMonoFilesAreOneCall(t *testing.T) {
	c, dir := bustest.New(t), t.TempDir()
	a, b := noise(1, 8000), noise(2, 4000) // of different length
	agent, customer := writeWAV(t, dir, "x_agent.wav", a, 8000, 1), writeWAV(t, dir, "x_caller.wav", b, 8000, 1)
	ids, err := importer.New(c).Import(t.Context(), []string{customer, agent}, importer.Options{})
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	h := listen(t, c, 5+3+5, audio.Options{})
	h.same(t, "agent", a)
	h.same(t, "customer", b)
	if got := h.call.Interaction(); !got.StartedAt.Equal(start.Add(-time.Second)) || !got.EndedAt.Equal(start) {
		t.Errorf("from %v to %v, want the second before the file's time", got.StartedAt, got.EndedAt)
	}
}

func TestRecording_MonoIsMarkedAsMixed(t *testing.T) {
	c := bustest.New(t)
	a := noise(1, 8000)
	if _, err := importer.New(c).Recording(t.Context(), []string{writeWAV(t, t.TempDir(), "x.wav", a, 8000, 1)}, importer.Options{}); err != nil {
		t.Fatal(err)
	}
	h := listen(t, c, 5+3, audio.Options{})
	h.same(t, "mixed", a)
	if h.call.Leg("mixed").Role != earshot.Other || h.call.Interaction().Attributes["channel_layout"] != "mixed" {
		t.Errorf("facts = %+v", h.call.Interaction())
	}
}

func TestRecording_G711GoesInAsItIs(t *testing.T) {
	data := make([]byte, 3200)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for tag, codec := range map[int]earshot.Codec{6: earshot.PCMA, 7: earshot.PCMU} {
		c := bustest.New(t)
		if _, err := importer.New(c).Recording(t.Context(), []string{writeG711(t, t.TempDir(), tag, 8000, 1, data)}, importer.Options{}); err != nil {
			t.Fatal(err)
		}
		h := listen(t, c, 2+3, audio.Options{})
		if h.codec["mixed"] != codec || !bytes.Equal(h.payload["mixed"], data) || h.spans != 0 {
			t.Errorf("tag %d: codec %s, %d bytes, %d gaps", tag, h.codec["mixed"], len(h.payload["mixed"]), h.spans)
		}
	}
	c := bustest.New(t) // no RTP payload has G.711 at 16 kHz
	if _, err := importer.New(c).Recording(t.Context(), []string{writeG711(t, t.TempDir(), 7, 16000, 2, data)}, importer.Options{}); err != nil {
		t.Fatal(err)
	}
	h := listen(t, c, 2+5, audio.Options{})
	if h.codec["agent"] != earshot.L16 || len(h.pcm["agent"]) != 1600 || h.pcm["customer"][1] != audio.DecodeMuLaw(data[3]) {
		t.Errorf("codec %s, %d samples", h.codec["agent"], len(h.pcm["agent"]))
	}
}

func TestRecording_EveryUsualRateKeepsItsTime(t *testing.T) {
	for _, rate := range []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000} {
		c := bustest.New(t)
		if _, err := importer.New(c).Recording(t.Context(), []string{writeWAV(t, t.TempDir(), "x.wav", noise(1, 3*rate), rate, 1)}, importer.Options{}); err != nil {
			t.Fatal(err)
		}
		bundles := (3*rate + rate/50*10 - 1) / (rate / 50 * 10)
		h := listen(t, c, bundles+3, audio.Options{Rate: 16000})
		if n := len(h.pcm["mixed"]); n < 48000-1 || n > 48001 || h.spans != 0 || h.start["mixed"] != 0 {
			t.Errorf("%d Hz: %d samples of 16 kHz, %d gaps", rate, n, h.spans)
		}
	}
}

func TestRecording_ImportedTwiceIsOneInteraction(t *testing.T) {
	c, dir := bustest.New(t), t.TempDir()
	pcm := noise(1, 8000)
	first, second := writeWAV(t, dir, "a.wav", pcm, 8000, 1), writeWAV(t, dir, "b.wav", pcm, 8000, 1)
	pcm[17]++
	other := writeWAV(t, dir, "c.wav", pcm, 8000, 1)
	ids, err := importer.New(c).Import(t.Context(), []string{first, second, other}, importer.Options{})
	if err != nil || len(ids) != 3 || ids[0] != ids[1] || ids[0] == ids[2] {
		t.Fatalf("ids %v, %v", ids, err)
	}
	seen := map[string]int{}
	for _, topic := range []string{earshot.TopicAudio, earshot.TopicEvents} {
		n := map[string]int{earshot.TopicAudio: 3 * 8, earshot.TopicEvents: 3 * 2}[topic]
		for _, r := range bustest.ReadAll(t, c, topic, n) {
			if r.Interaction == ids[0] {
				seen[topic+r.ID]++
			}
		}
	}
	if len(seen) != 8+2 {
		t.Errorf("%d different records, want 10, each twice", len(seen))
	}
	for id, n := range seen {
		if n != 2 {
			t.Errorf("record %s came %d times", id, n)
		}
	}
}

func TestRecording_ReadsAFileWhoseWriterWasKilled(t *testing.T) {
	c := bustest.New(t)
	pcm := noise(1, 8000)
	file := writeWAV(t, t.TempDir(), "x.wav", pcm, 8000, 1)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[40:], []byte{0, 0, 0, 0})
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := importer.New(c).Recording(t.Context(), []string{file}, importer.Options{}); err != nil {
		t.Fatal(err)
	}
	h := listen(t, c, 5+3, audio.Options{})
	h.same(t, "mixed", pcm)
	if got := h.call.Interaction(); got.EndedAt.Sub(got.StartedAt) != time.Second {
		t.Errorf("lasts %v", got.EndedAt.Sub(got.StartedAt))
	}
}

func TestImport_TellsItsProgressInBytes(t *testing.T) {
	c, dir := bustest.New(t), t.TempDir()
	files := []string{writeWAV(t, dir, "a.wav", noise(1, 40000), 8000, 1), writeTranscript(t, dir, "t.jsonl", `{"role":"agent","text":"hello","start_ms":0}`)}
	var total, last int64
	calls := 0
	_, err := importer.New(c).Import(t.Context(), files, importer.Options{Progress: func(done, all int64) {
		if calls++; done < last || done > all {
			t.Errorf("%d of %d after %d", done, all, last)
		}
		last, total = done, all
	}})
	if err != nil || last != total || total < 80_000 || calls < 10 {
		t.Errorf("%d of %d bytes in %d calls, %v", last, total, calls, err)
	}
}

func TestImport_SaysWhatIsWrongWithAFile(t *testing.T) {
	c, dir := bustest.New(t), t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte("these are my notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	stereo := writeWAV(t, dir, "s_agent.wav", noise(1, 200), 8000, 2)
	mono := writeWAV(t, dir, "s_caller.wav", noise(1, 200), 8000, 1)
	for _, c2 := range []struct {
		files []string
		o     importer.Options
		kind  earshot.Kind
		want  string
	}{
		{[]string{filepath.Join(dir, "none.wav")}, importer.Options{}, earshot.NotFound, "none.wav"},
		{[]string{text}, importer.Options{}, earshot.Invalid, `notes.txt: cannot read WAV file: it begins with "these`},
		{[]string{dir}, importer.Options{}, earshot.Invalid, "folder"},
		{[]string{stereo, mono}, importer.Options{}, earshot.Invalid, "s_agent.wav: cannot import a pair"},
		{[]string{mono, text}, importer.Options{Facts: earshot.Interaction{ID: "x"}}, earshot.Invalid, "one id for 2 recordings"},
	} {
		ids, err := importer.New(c).Import(t.Context(), c2.files, c2.o)
		if err == nil || earshot.KindOf(err) != c2.kind || !strings.Contains(err.Error(), c2.want) || len(ids) != 0 {
			t.Errorf("%v: ids %v, %v error %v", c2.files, ids, earshot.KindOf(err), err)
		}
	}
}

func TestGroup_PairsTheTwoSidesOfACall(t *testing.T) {
	got := importer.Group([]string{"d/a_caller.wav", "x.wav", "d/a_agent.wav", "b-agent.WAV", "b-customer.WAV", "c_agent.wav", "e_agent.wav", "c_agent.jsonl", "f/a_agent.wav"})
	want := [][]string{{"d/a_agent.wav", "d/a_caller.wav"}, {"x.wav"}, {"b-agent.WAV", "b-customer.WAV"}, {"c_agent.wav"}, {"e_agent.wav"}, {"c_agent.jsonl"}, {"f/a_agent.wav"}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
