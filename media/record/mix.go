package record

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"time"

	"earshot"
	"earshot/media/audio"
)

// record mixes the takes into the recording and puts it into the store. It
// returns the file's size in bytes, 0 when there was no sound and nothing was
// written. It may be called again after an error.
func (c *call) record(s *Store) (size int64, length time.Duration, err error) {
	if err := c.save(true); err != nil {
		return 0, 0, err
	}
	m, err := c.openMixer(s)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	if m.end == 0 {
		return 0, 0, nil
	}
	if err := os.MkdirAll(c.dir, 0o750); err != nil {
		return 0, 0, unavailable("make folder of unfinished call", err)
	}
	c.saved = true
	tmp := filepath.Join(c.dir, "call.wav")
	peaks, err := m.write(tmp)
	if err != nil {
		return 0, 0, err
	}
	info, err := os.Stat(tmp)
	if err != nil {
		return 0, 0, unavailable("read finished recording", err)
	}
	e := &entry{Path: c.path(), Rate: m.rate, Partition: c.partition, First: c.first, Last: c.last, Peaks: peaks}
	if c.old != nil {
		e.Path = c.old.Path
		if c.old.Partition == c.partition {
			e.First = min(e.First, c.old.First)
		}
	}
	return info.Size(), time.Duration(peaks.DurationMS) * time.Millisecond, s.put(c.id, tmp, e)
}

// path returns where the recording belongs, by the day (UTC) the call began.
func (c *call) path() string {
	day := c.sound.Interaction().StartedAt
	if day.IsZero() {
		day = c.sound.Origin()
	}
	return filepath.Join(day.UTC().Format("2006/01/02"), string(c.id))
}

// mixer puts voices side by side.
type mixer struct {
	rate   int
	end    int64 // frames
	voices []*voice
}

// openMixer opens the takes, and what was recorded of the call before.
func (c *call) openMixer(s *Store) (*mixer, error) {
	m := &mixer{rate: 8000}
	for _, t := range c.tracks {
		if t.rate > 8000 {
			m.rate = 16000
		}
	}
	if c.old != nil {
		m.rate = max(m.rate, c.old.Rate)
	}
	from := int64(math.MaxInt64)
	for _, t := range c.tracks {
		v, err := t.open(m.rate)
		if err != nil {
			return nil, errors.Join(err, m.close())
		}
		if v == nil {
			continue
		}
		v.left, v.right = channels(c.sound.Leg(t.leg).Role)
		m.voices = append(m.voices, v)
		from = min(from, v.next)
		m.end = max(m.end, (t.end*int64(m.rate)+int64(t.rate)-1)/int64(t.rate))
	}
	if c.old == nil || m.end == 0 {
		return m, nil
	}
	if err := m.addOld(s, c.old, from, m.end); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// channels says where a role is heard: the company's side left, the customer
// right, and one who cannot be told apart on both.
func channels(r earshot.Role) (left, right bool) {
	switch r {
	case earshot.Agent, earshot.Bot:
		return true, false
	case earshot.Customer:
		return false, true
	default:
		return true, true
	}
}

// addOld lets the earlier recording be heard where the new sound is not: a call
// that went on after its end, as after a restart of the telephony core, is one
// recording, and one that is sent again whole replaces it.
func (m *mixer) addOld(s *Store, old *entry, from, to int64) error {
	for _, channel := range []int{0, 1} {
		f, err := os.Open(s.wav(old.Path))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return unavailable("read earlier recording", err)
		}
		r, err := audio.NewWAVReader(f, f.Name())
		if err != nil {
			return errors.Join(err, f.Close())
		}
		buf := make([]int16, 4096)
		v, err := newVoice(r.Format().Rate, m.rate, func(dst []int16) (int, error) {
			n, err := r.Read(buf[:min(len(buf), 2*len(dst))])
			for i := range n / 2 {
				dst[i] = buf[2*i+channel]
			}
			return n / 2, err
		})
		if err != nil {
			return errors.Join(err, f.Close())
		}
		v.left, v.right, v.quietFrom, v.quietTo, v.close = channel == 0, channel == 1, from, to, f.Close
		m.voices = append(m.voices, v)
		m.end = max(m.end, r.Format().Frames*int64(m.rate)/int64(r.Format().Rate))
	}
	return nil
}

// write mixes all into a WAV file, second by second, and returns its outline.
func (m *mixer) write(path string) (audio.Peaks, error) {
	f, err := os.Create(path)
	if err != nil {
		return audio.Peaks{}, unavailable("create recording", err)
	}
	peaks, err := m.writeTo(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return audio.Peaks{}, unavailable("write recording", err)
	}
	return peaks, nil
}

func (m *mixer) writeTo(f *os.File) (audio.Peaks, error) {
	w, err := audio.NewWAVWriter(f, m.rate, 2)
	if err != nil {
		return audio.Peaks{}, err
	}
	outline := audio.NewPeakBuilder(m.rate, string(earshot.Agent), string(earshot.Customer))
	sum, pcm := make([]int32, 2*m.rate), make([]int16, 2*m.rate)
	for from := int64(0); from < m.end; from += int64(m.rate) {
		n := 2 * min(int64(m.rate), m.end-from)
		clear(sum)
		for _, v := range m.voices {
			if err := v.mix(sum[:n], from); err != nil {
				return audio.Peaks{}, err
			}
		}
		for i, s := range sum[:n] {
			pcm[i] = int16(max(math.MinInt16, min(math.MaxInt16, s)))
		}
		outline.Add(pcm[:n])
		if err := w.Write(pcm[:n]); err != nil {
			return audio.Peaks{}, err
		}
	}
	return outline.Peaks(), w.Close()
}

func (m *mixer) close() (err error) {
	for _, v := range m.voices {
		err = errors.Join(err, v.close())
	}
	return err
}
