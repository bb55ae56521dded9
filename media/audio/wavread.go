package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"earshot"
)

// The format tags of WAV files that Earshot reads (Microsoft, mmreg.h).
const (
	wavPCM        = 1
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xfffe
)

// WAVFormat says how a WAV file holds its samples.
type WAVFormat struct {
	// Encoding is L16 for 16-bit PCM (which WAV stores little endian), PCMU or
	// PCMA for G.711.
	Encoding earshot.Codec
	// Rate is in Hz, 8000 to 48000. Channels is 1 or 2.
	Rate, Channels int
	// Frames is the number of samples of each channel that the header tells, or
	// -1 when its writer was stopped before it could.
	Frames int64
}

// FrameSize returns the bytes of one sample of all channels.
func (f WAVFormat) FrameSize() int {
	if f.Encoding == earshot.L16 {
		return 2 * f.Channels
	}
	return f.Channels
}

// WAVReader reads a WAV file as it streams by, mono or stereo, 16-bit PCM or
// G.711. It reads the chunks itself and not through go-audio/wav, which knows
// neither G.711 nor the extensible header, and which allocates what a chunk's
// size claims.
type WAVReader struct {
	name   string
	r      io.Reader
	format WAVFormat
	left   int64 // bytes of sound; -1 is up to the end of the file
	raw    []byte
}

// NewWAVReader reads the header. name stands in its errors, which are Invalid
// and say what was found when the file is no WAV that Earshot can read.
func NewWAVReader(r io.Reader, name string) (*WAVReader, error) {
	w := &WAVReader{name: name, r: r, left: -1}
	if err := w.readHeader(); err != nil {
		return nil, err
	}
	return w, nil
}

// Format returns what the header says.
func (w *WAVReader) Format() WAVFormat { return w.format }

func (w *WAVReader) invalid(fix, format string, args ...any) error {
	return earshot.InvalidField(w.name, fix, "cannot read WAV file: "+format, args...)
}

const wavFix = "convert it to 16-bit PCM or G.711, mono or stereo, 8 to 48 kHz"

func (w *WAVReader) readHeader() error {
	var riff [12]byte
	if _, err := io.ReadFull(w.r, riff[:]); err != nil {
		return w.short(err, "the RIFF header")
	}
	if string(riff[:4]) != "RIFF" || string(riff[8:]) != "WAVE" {
		return w.invalid(wavFix, "it begins with %q, a WAV file with RIFF....WAVE", riff[:])
	}
	for {
		var head [8]byte
		if _, err := io.ReadFull(w.r, head[:]); err != nil {
			return w.short(err, "its data chunk")
		}
		id, size := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		switch {
		case id == "data" && w.format.Rate == 0:
			return w.invalid(wavFix, "the data chunk comes before the fmt chunk")
		case id == "data":
			w.setLength(size)
			return nil
		case id == "fmt ":
			if err := w.readFormat(size); err != nil {
				return err
			}
		default:
			if _, err := io.CopyN(io.Discard, w.r, size+size&1); err != nil {
				return w.short(err, fmt.Sprintf("its %q chunk of %d bytes", id, size))
			}
		}
	}
}

// short says that the file ended too early, or passes on why it cannot be read.
func (w *WAVReader) short(err error, where string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return w.invalid("check that it was copied whole", "it ends before the end of %s", where)
	}
	return fmt.Errorf("cannot read WAV file %s: %w", w.name, err)
}

// readFormat reads the fmt chunk (WAVEFORMATEX, and the sub-format tag of
// WAVEFORMATEXTENSIBLE).
func (w *WAVReader) readFormat(size int64) error {
	if size < 16 || size > 1<<10 {
		return w.invalid(wavFix, "its fmt chunk has %d bytes", size)
	}
	b := make([]byte, size+size&1)
	if _, err := io.ReadFull(w.r, b); err != nil {
		return w.short(err, "its fmt chunk")
	}
	tag := binary.LittleEndian.Uint16(b)
	if tag == wavExtensible && size >= 26 {
		tag = binary.LittleEndian.Uint16(b[24:])
	}
	channels, rate := int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
	bits := int(binary.LittleEndian.Uint16(b[14:]))
	var codec earshot.Codec
	switch {
	case tag == wavPCM && bits == 16:
		codec = earshot.L16
	case tag == wavALaw && bits == 8:
		codec = earshot.PCMA
	case tag == wavMuLaw && bits == 8:
		codec = earshot.PCMU
	default:
		return w.invalid(wavFix, "format tag %d with %d bits a sample", tag, bits)
	}
	if channels < 1 || channels > 2 {
		return w.invalid(wavFix, "it has %d channels", channels)
	}
	if rate < 8000 || rate > 48000 {
		return w.invalid(wavFix, "its rate is %d Hz", rate)
	}
	w.format = WAVFormat{Encoding: codec, Rate: rate, Channels: channels}
	return nil
}

// setLength takes the data chunk's size. 0 and the largest number stand in files
// whose writer could not come back to tell it.
func (w *WAVReader) setLength(size int64) {
	w.format.Frames = -1
	if size != 0 && size != 0xffffffff {
		w.left, w.format.Frames = size, size/int64(w.format.FrameSize())
	}
}

// ReadRaw fills dst with whole frames as the file holds them and returns how
// many bytes that is; io.EOF comes alone, after the last frame. A file that ends
// before its header says so is read as far as it goes.
func (w *WAVReader) ReadRaw(dst []byte) (int, error) {
	size := w.format.FrameSize()
	n := len(dst) / size * size
	if w.left >= 0 {
		n = int(min(int64(n), w.left/int64(size)*int64(size)))
	}
	if n == 0 {
		return 0, io.EOF
	}
	got, err := io.ReadFull(w.r, dst[:n])
	if w.left >= 0 {
		w.left -= int64(got)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("cannot read WAV file %s: %w", w.name, err)
	}
	if got = got / size * size; got == 0 {
		return 0, io.EOF
	}
	return got, nil
}

// Read fills dst with whole frames as 16-bit PCM, the channels interleaved, and
// returns how many samples that is; io.EOF comes alone, after the last frame.
func (w *WAVReader) Read(dst []int16) (int, error) {
	width := w.format.FrameSize() / w.format.Channels
	w.raw = grow(w.raw[:0], len(dst)*width)
	n, err := w.ReadRaw(w.raw)
	if err != nil {
		return 0, err
	}
	raw := w.raw[:n]
	switch w.format.Encoding {
	case earshot.PCMU:
		for i, b := range raw {
			dst[i] = muLawTable[b]
		}
	case earshot.PCMA:
		for i, b := range raw {
			dst[i] = aLawTable[b]
		}
	default:
		for i := 0; i < len(raw)/2; i++ {
			dst[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	}
	return n / width, nil
}

// ReadAll reads the rest of the file as [WAVReader.Read] does.
func (w *WAVReader) ReadAll() ([]int16, error) {
	var pcm []int16
	buf := make([]int16, 8192)
	for {
		n, err := w.Read(buf)
		if errors.Is(err, io.EOF) {
			return pcm, nil
		}
		if err != nil {
			return nil, err
		}
		pcm = append(pcm, buf[:n]...)
	}
}
