package audio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"earshot"
)

const (
	wavHeaderSize = 44
	// wavFixUp is how many bytes of sound may be written before the header is
	// brought up to date: a second of 16 kHz stereo.
	wavFixUp = 64 << 10
	// wavBuffer is how many bytes are written at once.
	wavBuffer = 32 << 10
)

// WAVWriter writes 16-bit PCM as a WAV file while it comes. It keeps at most
// 32 KiB in memory, and brings the header up to date every 64 KiB, so that a
// file whose writer was killed can be played up to there.
type WAVWriter struct {
	w        io.WriteSeeker
	channels int
	written  int64
	fixed    int64
	buf      []byte
	err      error
}

// NewWAVWriter writes the header of an empty file at w's position, which must
// be the file's beginning. rate is in Hz; channels are 1 or 2.
func NewWAVWriter(w io.WriteSeeker, rate, channels int) (*WAVWriter, error) {
	b := make([]byte, 0, wavHeaderSize)
	b = append(b, "RIFF\x00\x00\x00\x00WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, wavPCM)
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*2))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*2))
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data\x00\x00\x00\x00"...)
	binary.LittleEndian.PutUint32(b[4:], wavHeaderSize-8)
	if _, err := w.Write(b); err != nil {
		return nil, fmt.Errorf("cannot write WAV header: %w", err)
	}
	return &WAVWriter{w: w, channels: channels, buf: make([]byte, 0, wavBuffer)}, nil
}

// Write appends samples, the channels interleaved. After an error the file is
// of no use, and every later call returns the same error. It is Invalid when the
// file would grow over 4 GiB, which its header cannot tell.
func (w *WAVWriter) Write(pcm []int16) error {
	for _, s := range pcm {
		if len(w.buf) == cap(w.buf) {
			w.flush()
		}
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(s))
	}
	return w.err
}

func (w *WAVWriter) flush() {
	if w.err == nil && w.written+int64(len(w.buf)) > math.MaxUint32-wavHeaderSize {
		w.err = earshot.Errorf(earshot.Invalid, "cannot write WAV file: sound over 4 GiB does not fit one")
	}
	if w.err == nil {
		if _, err := w.w.Write(w.buf); err != nil {
			w.err = fmt.Errorf("cannot write WAV file: %w", err)
		}
	}
	w.written += int64(len(w.buf))
	w.buf = w.buf[:0]
	if w.err == nil && w.written-w.fixed >= wavFixUp {
		w.err = w.fixHeader()
	}
}

// fixHeader writes the sizes so far into the header (RIFF, sizes of the RIFF
// and the data chunk).
func (w *WAVWriter) fixHeader() error {
	for _, f := range []struct{ at, size int64 }{{4, w.written + wavHeaderSize - 8}, {40, w.written}} {
		if _, err := w.w.Seek(f.at, io.SeekStart); err != nil {
			return fmt.Errorf("cannot bring WAV header up to date: %w", err)
		}
		if _, err := w.w.Write(binary.LittleEndian.AppendUint32(nil, uint32(f.size))); err != nil {
			return fmt.Errorf("cannot bring WAV header up to date: %w", err)
		}
	}
	if _, err := w.w.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("cannot bring WAV header up to date: %w", err)
	}
	w.fixed = w.written
	return nil
}

// Close writes what is left and the final header. It does not close the file.
func (w *WAVWriter) Close() error {
	w.flush()
	if w.err != nil {
		return w.err
	}
	return w.fixHeader()
}
