package asr

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"earshot/asr/vad"
)

// Segmented makes an engine of a recogniser: each leg is cut at its pauses, and
// its segments are recognised one after the other, those of different legs at
// the same time. A leg holds at most cfg.Pending segments that wait. While the
// recogniser is Unavailable it is tried again; a segment that it fails on
// otherwise is logged and left out.
func Segmented(r Recognizer, cfg Config, log *slog.Logger) (Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &segmented{rec: r, cfg: cfg, log: log}, nil
}

type segmented struct {
	rec Recognizer
	cfg Config
	log *slog.Logger
}

func (e *segmented) Info() Info { return e.rec.Info() }

func (e *segmented) Open(ctx context.Context, o Opening) (Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &segmentStream{
		engine: e, opening: o, rate: e.rec.Info().Rate,
		ctx: ctx, cancel: cancel,
		queue: make(chan vad.Segment, e.cfg.Pending),
	}
	s.detector = vad.New(e.cfg.VAD, s.rate)
	s.worker.Go(s.work) // Finish waits for it
	return s, nil
}

// segmentStream is one leg on its way through a recogniser.
type segmentStream struct {
	engine   *segmented
	opening  Opening
	rate     int
	ctx      context.Context
	cancel   context.CancelFunc
	detector *vad.Detector
	queue    chan vad.Segment
	worker   sync.WaitGroup

	mu sync.Mutex
	// waiting are the starts of the segments that are cut and not emitted.
	waiting []int64
	listens int64 // what the detector has settled
	err     error
}

func (s *segmentStream) Feed(ctx context.Context, pcm []int16) error {
	return s.submit(ctx, s.detector.Feed(pcm))
}

func (s *segmentStream) submit(ctx context.Context, segments []vad.Segment) error {
	s.mu.Lock()
	for _, seg := range segments {
		s.waiting = append(s.waiting, seg.Start)
	}
	s.listens = s.detector.Settled()
	s.mu.Unlock()
	for _, seg := range segments {
		select {
		case s.queue <- seg:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	return nil
}

func (s *segmentStream) Settled() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.listens
	if len(s.waiting) > 0 {
		at = min(at, s.waiting[0])
	}
	return s.time(at)
}

func (s *segmentStream) Finish(ctx context.Context) error {
	defer s.cancel()
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	// An error here is that of a context, and the stream's own says it too.
	submitted := s.submit(ctx, s.detector.Flush())
	close(s.queue)
	s.worker.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.err, submitted)
}

// work recognises the segments in their order until Finish.
func (s *segmentStream) work() {
	for seg := range s.queue {
		result, err := s.recognize(seg)
		if err == nil && result.Text != "" {
			s.opening.Emit(result)
		}
		s.mu.Lock()
		s.waiting = s.waiting[1:]
		if s.err == nil {
			s.err = err
		}
		s.mu.Unlock()
	}
}

func (s *segmentStream) recognize(seg vad.Segment) (result Segment, err error) {
	name := s.engine.rec.Info().Name
	err = retry(s.ctx, s.engine.log, "recognise speech with "+name, func() error {
		result, err = s.engine.rec.Recognize(s.ctx, seg.PCM, s.opening.Language)
		return err
	})
	if err != nil && s.ctx.Err() == nil {
		s.engine.log.Error("a segment is not recognised", "engine", name, "length", s.time(int64(len(seg.PCM))), "error", err)
	}
	return s.shift(result, s.time(seg.Start)), err
}

// shift moves a segment from its own time to the leg's, and from the bounds of
// what was cut to those of its words: pre-roll and tail are no speech, and would
// look like people talking over each other.
func (s *segmentStream) shift(r Segment, by time.Duration) Segment {
	if n := len(r.Words); n > 0 {
		r.Start, r.End = r.Words[0].Start, r.Words[n-1].End
	}
	r.Start += by
	r.End += by
	words := make([]Word, len(r.Words))
	for i, w := range r.Words {
		w.Start += by
		w.End += by
		words[i] = w
	}
	r.Words = words
	return r
}

func (s *segmentStream) time(samples int64) time.Duration {
	return time.Duration(samples) * time.Second / time.Duration(s.rate)
}
