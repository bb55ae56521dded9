package record

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strconv"

	"earshot"
	"earshot/media/audio"
)

// takeBuffer is how many bytes of sound a leg keeps in memory: 2 s of 8 kHz.
const takeBuffer = 32 << 10

func takeName(n int) string { return strconv.Itoa(n) + ".pcm" }

// take is the sound of one leg at one rate, in a file of its own until the call
// is over: legs come at different times, and a recording has them side by side.
type take struct {
	leg  earshot.LegID
	rate int
	path string
	// start and end are places in samples from the interaction's start.
	start, end int64
	pieces     []piece
}

// piece is sound that waits to be written at a byte of the file.
type piece struct {
	at  int64
	pcm []byte
}

func (t *take) add(place int64, pcm []int16) {
	at := 2 * (place - t.start)
	n := len(t.pieces)
	if n == 0 || t.pieces[n-1].at+int64(len(t.pieces[n-1].pcm)) != at {
		t.pieces = append(t.pieces, piece{at: at})
		n++
	}
	p := &t.pieces[n-1]
	for _, s := range pcm {
		p.pcm = binary.LittleEndian.AppendUint16(p.pcm, uint16(s))
	}
}

func (t *take) waiting() (n int) {
	for _, p := range t.pieces {
		n += len(p.pcm)
	}
	return n
}

// save writes the pieces, each at its own place, so that a second try after an
// error does no harm.
func (t *take) save() error {
	f, err := os.OpenFile(t.path, os.O_WRONLY|os.O_CREATE, 0o640)
	if err != nil {
		return unavailable("open unfinished recording", err)
	}
	for _, p := range t.pieces {
		if _, werr := f.WriteAt(p.pcm, p.at); werr != nil {
			err = werr
			break
		}
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return unavailable("write unfinished recording", err)
	}
	t.pieces = t.pieces[:0]
	return nil
}

// open returns the take's sound at another rate, from its first sample on.
func (t *take) open(rate int) (*voice, error) {
	f, err := os.Open(t.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // nothing but silence
	}
	if err != nil {
		return nil, unavailable("read unfinished recording", err)
	}
	var raw []byte
	v, err := newVoice(t.rate, rate, func(dst []int16) (int, error) {
		if raw == nil {
			raw = make([]byte, 2*len(dst))
		}
		n, err := io.ReadFull(f, raw)
		for i := range n / 2 {
			dst[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		return n / 2, err
	})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	v.next = t.start * int64(rate) / int64(t.rate)
	v.close = f.Close
	return v, nil
}

// voice streams sound at a wanted rate.
type voice struct {
	read      func([]int16) (int, error)
	resampler *audio.Resampler
	in, ready []int16
	// next is the place of the first ready sample.
	next  int64
	ended bool
	close func() error
	// left and right are the channels in which it is heard.
	left, right bool
	// quietFrom and quietTo bound what is left out.
	quietFrom, quietTo int64
}

func newVoice(from, to int, read func([]int16) (int, error)) (*voice, error) {
	r, err := audio.NewResampler(from, to)
	if err != nil {
		return nil, err
	}
	return &voice{read: read, resampler: r, in: make([]int16, from), close: func() error { return nil }}, nil
}

// fill reads on until the voice has samples up to the place end, or no more.
func (v *voice) fill(end int64) error {
	for !v.ended && v.next+int64(len(v.ready)) < end {
		n, err := v.read(v.in)
		v.ready = v.resampler.Process(v.ready, v.in[:n])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			v.ready = v.resampler.Flush(v.ready)
			v.ended = true
		} else if err != nil {
			return unavailable("read unfinished recording", err)
		}
	}
	return nil
}

// mix adds what the voice has of the frames at from into interleaved stereo.
func (v *voice) mix(stereo []int32, from int64) error {
	frames := int64(len(stereo) / 2)
	if v.next >= from+frames {
		return nil
	}
	if err := v.fill(from + frames); err != nil {
		return err
	}
	n := int(min(int64(len(v.ready)), from+frames-v.next))
	for i, s := range v.ready[:n] {
		at := v.next + int64(i)
		if at < from || at >= v.quietFrom && at < v.quietTo {
			continue
		}
		if v.left {
			stereo[2*(at-from)] += int32(s)
		}
		if v.right {
			stereo[2*(at-from)+1] += int32(s)
		}
	}
	v.ready = v.ready[:copy(v.ready, v.ready[n:])]
	v.next += int64(n)
	return nil
}
