package audio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	goaudio "github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"earshot"
	"earshot/media/audio"
)

func create(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "x.wav"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func writeWAV(t *testing.T, pcm []int16, rate, channels int) []byte {
	t.Helper()
	f := create(t)
	w, err := audio.NewWAVWriter(f, rate, channels)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(pcm), w.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readWAV(t *testing.T, b []byte) (audio.WAVFormat, []int16) {
	t.Helper()
	r, err := audio.NewWAVReader(bytes.NewReader(b), "x.wav")
	if err != nil {
		t.Fatal(err)
	}
	var pcm []int16
	buf := make([]int16, 1000)
	for {
		n, err := r.Read(buf)
		pcm = append(pcm, buf[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	again, err := audio.NewWAVReader(bytes.NewReader(b), "x.wav")
	if err != nil {
		t.Fatal(err)
	}
	if all, err := again.ReadAll(); err != nil || !slices.Equal(all, pcm) {
		t.Fatalf("at once %d samples and %v, piece by piece %d", len(all), err, len(pcm))
	}
	return r.Format(), pcm
}

func TestWAVReadsBackAsWritten(t *testing.T) {
	for _, channels := range []int{1, 2} {
		want := noise(100_002)
		format, got := readWAV(t, writeWAV(t, want, 16000, channels))
		if format != (audio.WAVFormat{Encoding: earshot.L16, Rate: 16000, Channels: channels, Frames: int64(len(want) / channels)}) {
			t.Errorf("format = %+v", format)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d channels: samples differ", channels)
		}
	}
}

func TestWAVAgreesWithAnIndependentLibrary(t *testing.T) {
	want := noise(4000)
	d := wav.NewDecoder(bytes.NewReader(writeWAV(t, want, 8000, 2)))
	buf, err := d.FullPCMBuffer()
	if err != nil || d.NumChans != 2 || d.SampleRate != 8000 || d.BitDepth != 16 {
		t.Fatalf("they read %d channels, %d Hz, %d bits, %v", d.NumChans, d.SampleRate, d.BitDepth, err)
	}
	ints := make([]int, len(want))
	for i, s := range want {
		ints[i] = int(s)
	}
	if !slices.Equal(buf.Data, ints) {
		t.Error("they read other samples than we wrote")
	}

	f := create(t)
	e := wav.NewEncoder(f, 44100, 16, 1, 1)
	err = e.Write(&goaudio.IntBuffer{Format: &goaudio.Format{NumChannels: 1, SampleRate: 44100}, Data: ints, SourceBitDepth: 16})
	if err := errors.Join(err, e.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if format, got := readWAV(t, b); format.Rate != 44100 || !slices.Equal(got, want) {
		t.Errorf("we read %+v and other samples than they wrote", format)
	}
}

func TestWAVOfAKilledWriterCanBeReadUpToTheLastFixUp(t *testing.T) {
	f := create(t)
	w, err := audio.NewWAVWriter(f, 8000, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := noise(80_000) // 160,000 bytes, no Close
	if err := w.Write(want); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	format, got := readWAV(t, b)
	if format.Frames < 80_000-48_000 || !slices.Equal(got, want[:format.Frames]) {
		t.Errorf("read %d frames of 80000 written", format.Frames)
	}
}

// chunks builds a RIFF file.
func chunks(parts ...string) []byte {
	body := "WAVE" + strings.Join(parts, "")
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func chunk(id, body string) string {
	head := string(binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body))))
	return head + body + strings.Repeat("\x00", len(body)%2)
}

func format(tag, channels, rate, bits int) string {
	b := binary.LittleEndian.AppendUint16(nil, uint16(tag))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	return string(binary.LittleEndian.AppendUint16(b, uint16(bits)))
}

func TestWAVFormsInTheFieldAreRead(t *testing.T) {
	guid := "\x16\x00\x10\x00\x04\x00\x00\x00"
	extensible := format(0xfffe, 1, 8000, 16) + guid[:8] + "\x01\x00" + strings.Repeat("x", 14)
	for name, c := range map[string]struct {
		file string
		want audio.WAVFormat
		pcm  []int16
	}{
		"mu-law": {string(chunks(chunk("fmt ", format(7, 1, 8000, 8)), chunk("data", "\xff\x00\x80"))),
			audio.WAVFormat{Encoding: earshot.PCMU, Rate: 8000, Channels: 1, Frames: 3}, []int16{0, -32124, 32124}},
		"A-law stereo with fact chunk": {string(chunks(chunk("fmt ", format(6, 2, 8000, 8)+"\x00\x00"), chunk("fact", "abcd"), chunk("data", "\xd5\x55\xaa\x2a"))),
			audio.WAVFormat{Encoding: earshot.PCMA, Rate: 8000, Channels: 2, Frames: 2}, []int16{8, -8, 32256, -32256}},
		"extensible header": {string(chunks(chunk("fmt ", extensible), chunk("data", "\x01\x00\x00\x80"))),
			audio.WAVFormat{Encoding: earshot.L16, Rate: 8000, Channels: 1, Frames: 2}, []int16{1, -32768}},
		"odd chunk before": {string(chunks(chunk("bext", "abc"), chunk("fmt ", format(1, 1, 48000, 16)), chunk("LIST", "x"), chunk("data", "\x01\x00"))),
			audio.WAVFormat{Encoding: earshot.L16, Rate: 48000, Channels: 1, Frames: 1}, []int16{1}},
		"size never told": {string(chunks(chunk("fmt ", format(1, 1, 8000, 16)), "data\x00\x00\x00\x00\x01\x00\x02\x00\x03")),
			audio.WAVFormat{Encoding: earshot.L16, Rate: 8000, Channels: 1, Frames: -1}, []int16{1, 2}},
		"cut off": {string(chunks(chunk("fmt ", format(1, 1, 8000, 16)), "data\x64\x00\x00\x00\x01\x00\x02")),
			audio.WAVFormat{Encoding: earshot.L16, Rate: 8000, Channels: 1, Frames: 50}, []int16{1}},
		"tags after the sound": {string(chunks(chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", "\x05\x00"), chunk("LIST", "INFO"))),
			audio.WAVFormat{Encoding: earshot.L16, Rate: 8000, Channels: 1, Frames: 1}, []int16{5}},
	} {
		t.Run(name, func(t *testing.T) {
			got, pcm := readWAV(t, []byte(c.file))
			if got != c.want || !slices.Equal(pcm, c.pcm) {
				t.Errorf("got %+v %v, want %+v %v", got, pcm, c.want, c.pcm)
			}
		})
	}
}

func TestWAVErrorsNameTheFileAndWhatWasFound(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"empty":            {"", "before the end of the RIFF header"},
		"an MP3":           {"ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00", `begins with "ID3`},
		"24 bits":          {string(chunks(chunk("fmt ", format(1, 1, 8000, 24)))), "format tag 1 with 24 bits"},
		"ADPCM":            {string(chunks(chunk("fmt ", format(17, 1, 8000, 4)))), "format tag 17"},
		"six channels":     {string(chunks(chunk("fmt ", format(1, 6, 8000, 16)))), "6 channels"},
		"96 kHz":           {string(chunks(chunk("fmt ", format(1, 1, 96000, 16)))), "96000 Hz"},
		"no sound":         {string(chunks(chunk("fmt ", format(1, 1, 8000, 16)))), "before the end of its data chunk"},
		"data before fmt":  {string(chunks(chunk("data", "ab"))), "before the fmt chunk"},
		"fmt of 3 bytes":   {string(chunks(chunk("fmt ", "abc"))), "3 bytes"},
		"a chunk too long": {string(chunks("LIST\xff\xff\xff\x7f")), `"LIST" chunk of 2147483647 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := audio.NewWAVReader(strings.NewReader(c.file), "call 7.wav")
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "call 7.wav: ") {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
			if earshot.KindOf(err) != earshot.Invalid {
				t.Errorf("kind is %v", earshot.KindOf(err))
			}
		})
	}
}

func FuzzWAVReader(f *testing.F) {
	f.Add(chunks(chunk("fmt ", format(1, 2, 8000, 16)), chunk("data", "abcdefgh")))
	f.Add(chunks(chunk("fmt ", format(7, 1, 8000, 8)), chunk("LIST", "x"), chunk("data", "abc")))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := audio.NewWAVReader(bytes.NewReader(b), "f")
		if err != nil {
			if earshot.KindOf(err) != earshot.Invalid {
				t.Fatalf("error of kind %v: %v", earshot.KindOf(err), err)
			}
			return
		}
		buf, total := make([]int16, 64), 0
		for {
			n, err := r.Read(buf)
			total += n
			if err != nil {
				break
			}
			if n == 0 || n%r.Format().Channels != 0 {
				t.Fatalf("read %d samples of %d channels", n, r.Format().Channels)
			}
		}
		if total > len(b) {
			t.Fatalf("%d samples from %d bytes", total, len(b))
		}
	})
}

func TestPeaksFollowTheLoudestSamples(t *testing.T) {
	b := audio.NewPeakBuilder(8000, "agent", "customer")
	pcm := make([]int16, 2*8000) // one second
	pcm[2*90] = 32767            // agent, at 11.25 ms
	pcm[2*7999+1] = -32768       // customer, the last sample
	b.Add(pcm)
	p := b.Peaks()
	if p.MS != 10 || p.DurationMS != 1000 || len(p.Channels) != 2 || len(p.Channels[0].Max) != 100 {
		t.Fatalf("%d ms a point, %d ms, %d channels", p.MS, p.DurationMS, len(p.Channels))
	}
	if p.Channels[0].Max[1] != 127 || p.Channels[0].Max[0] != 0 || p.Channels[1].Min[99] != -128 || p.Channels[1].Max[1] != 0 {
		t.Errorf("peaks = %+v", p)
	}
	if p.Channels[0].Name != "agent" || p.Channels[1].Name != "customer" {
		t.Errorf("names = %q, %q", p.Channels[0].Name, p.Channels[1].Name)
	}
}

func TestPeaksStayBoundedInALongCall(t *testing.T) {
	b := audio.NewPeakBuilder(8000, "agent")
	second := make([]int16, 8000)
	for i := range 1000 {
		second[17] = int16(100 * i)
		if i == 500 {
			second[17] = 0x6000
		}
		b.Add(second)
	}
	p := b.Peaks()
	c := p.Channels[0]
	if p.MS != 320 || p.DurationMS != 1_000_000 || len(c.Max) != 3125 || len(c.Min) != 3125 {
		t.Fatalf("%d ms a point, %d points, %d ms", p.MS, len(c.Max), p.DurationMS)
	}
	if got := c.Max[500_002/320]; got != 0x60 {
		t.Errorf("the loudest sample is %d in its point, want 96", got)
	}
}
