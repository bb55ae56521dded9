package asr

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/media/audio"
)

// source stands in the records' ce_source.
const source = "asr"

// The attributes that a transcript gets when something is missing from it.
const (
	// attrEngine names the engine that listened.
	attrEngine = "asr.engine"
	// attrSkipped says why nothing was transcribed.
	attrSkipped = "asr.skipped"
	// attrFailed says why some of the speech was not transcribed.
	attrFailed = "asr.failed"
	// attrEnded is "idle" for a call whose end never came.
	attrEnded = "asr.ended"
)

// call is one call on its way to its transcript.
type call struct {
	// Set before the call is shared.
	id        earshot.InteractionID
	partition int32
	first     *bus.Record
	service   *Service
	ctx       context.Context
	cancel    context.CancelFunc
	queue     chan *earshot.AudioBundle
	idle      chan struct{} // closed when the call was idle for too long
	ended     chan struct{} // closed when run has returned

	// Guarded by the roster.
	closing bool
	heard   time.Time

	// Of run's goroutine.
	audio   *audio.Call
	engine  Engine
	streams map[earshot.LegID]*leg
	last    time.Time // of the last record
	notes   map[string]string

	merge *merge
}

func newCall(ctx context.Context, s *Service, first *bus.Record) *call {
	first.Value = nil // what is kept until the end is only the record's place
	c := &call{
		id: first.Interaction, partition: first.Partition, first: first, service: s,
		queue: make(chan *earshot.AudioBundle, s.cfg.Queue),
		idle:  make(chan struct{}), ended: make(chan struct{}),
		heard:   time.Now(),
		streams: map[earshot.LegID]*leg{},
		notes:   map[string]string{},
		merge:   newMerge(),
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// run takes the call's records until its end and writes its transcript. It
// leaves the first record undone when it is stopped before.
func (c *call) run(first *earshot.AudioBundle) {
	defer c.cancel()
	c.choose(first)
	var writer sync.WaitGroup
	writer.Go(c.write)
	err := c.listen()
	// Always, so that no stream is left open.
	failed := c.finish()
	c.merge.finish()
	writer.Wait()
	if err != nil || c.ctx.Err() != nil {
		c.lost(err)
		return
	}
	if failed != nil {
		c.notes[attrFailed] = failed.Error()
	}
	end := c.transcriptEnd()
	err = c.produceEnd(end)
	if earshot.KindOf(err) == earshot.Invalid { // too large, by what the source added
		end.Interaction.Attributes = c.notes
		err = c.produceEnd(end)
	}
	if err != nil {
		c.lost(err)
		return
	}
	c.first.Done()
	c.service.stats.transcripts.Inc()
}

func (c *call) produceEnd(end earshot.TranscriptEnd) error {
	return c.produce(earshot.TypeTranscriptEnd, earshot.Derive("transcript_end", string(c.id)), end.At, end)
}

// lost stops a call whose transcript cannot be written.
func (c *call) lost(err error) {
	if c.ctx.Err() == nil {
		c.service.log.Error("a transcript cannot be written; the call waits in Kafka", "interaction", c.id, "error", err)
	}
	c.cancel()
}

// choose picks the engine by what the first mark tells.
func (c *call) choose(first *earshot.AudioBundle) {
	language := c.language(first.Mark.Interaction)
	opts := audio.Options{}
	if c.engine = c.service.engine(language); c.engine == nil {
		c.skip("no engine for " + language)
	} else {
		c.notes[attrEngine] = c.engine.Info().Name
		opts.Rate = c.engine.Info().Rate
	}
	c.audio = audio.NewCall(opts)
}

func (c *call) language(i earshot.Interaction) string {
	if i.Language != "" {
		return i.Language
	}
	return c.service.cfg.Language
}

func (c *call) skip(why string) {
	if c.notes[attrSkipped] == "" {
		c.service.log.Warn("a call is not transcribed", "interaction", c.id, "why", why)
		c.service.stats.skipped.Inc()
	}
	c.notes[attrSkipped] = why
}

// listen feeds the records to the engine until the call ends.
func (c *call) listen() error {
	for {
		select {
		case b := <-c.queue:
			if err := c.take(b); err != nil || b.Kind == earshot.AudioCallEnd {
				return err
			}
		case <-c.idle:
			c.notes[attrEnded] = "idle"
			return c.flush()
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
}

// take feeds one record; the error is one that ends the call's context.
func (c *call) take(b *earshot.AudioBundle) error {
	c.last = b.ReceivedAt
	var err error
	if pushed := c.audio.Push(b, func(f audio.Frame) {
		if err == nil {
			err = c.feed(f)
		}
	}); pushed != nil {
		c.skip(fmt.Sprintf("leg %s: %v", b.Leg, pushed))
	}
	c.merge.wake()
	return err
}

// flush feeds what still waits for lost packets.
func (c *call) flush() (err error) {
	c.audio.Flush(func(f audio.Frame) {
		if err == nil {
			err = c.feed(f)
		}
	})
	return err
}

func (c *call) feed(f audio.Frame) error {
	if c.engine == nil {
		return nil
	}
	l := c.streams[f.Leg]
	if l == nil {
		var err error
		if l, err = c.openLeg(f); err != nil {
			return err
		}
	}
	if err := l.stream.Feed(c.ctx, f.PCM); err != nil {
		return fmt.Errorf("cannot feed leg %s to %s: %w", f.Leg, c.engine.Info().Name, err)
	}
	c.merge.heard(l, sampleTime(f.End(), f.Rate))
	c.service.stats.audio.Add(float64(len(f.PCM)) / float64(f.Rate))
	return nil
}

func sampleTime(samples int64, rate int) time.Duration {
	return time.Duration(samples) * time.Second / time.Duration(rate)
}

// openLeg begins the leg's stream at its first frame.
func (c *call) openLeg(f audio.Frame) (*leg, error) {
	l := &leg{id: f.Leg, offset: sampleTime(f.Start, f.Rate)}
	facts, info, origin := c.audio.Interaction(), c.audio.Leg(f.Leg), c.audio.Origin()
	who := speaker{facts: facts, leg: info, offset: l.offset, origin: origin}
	who.facts.ID = c.id
	opening := Opening{
		Language: c.language(facts),
		Emit: func(s Segment) {
			if s.Final {
				c.merge.add(who.utterance(s))
			}
		},
	}
	if err := retry(c.ctx, c.service.log, "open "+c.engine.Info().Name, func() (err error) {
		l.stream, err = c.engine.Open(c.ctx, opening)
		return err
	}); err != nil {
		return nil, err
	}
	c.streams[f.Leg] = l
	c.merge.open(l)
	return l, nil
}

// finish ends all streams and says what was not recognised.
func (c *call) finish() error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, l := range c.streams {
		wait.Go(func() {
			if err := l.stream.Finish(c.ctx); err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return failed
}

func (c *call) message(kind, id string, at time.Time, value any) (bus.Message, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return bus.Message{}, fmt.Errorf("cannot write %s %s: %w", kind, id, err)
	}
	return bus.Message{
		Topic: earshot.TopicUtterances, Interaction: c.id,
		Type: kind, ID: id, Source: source, Time: at, Value: data,
	}, nil
}

// produce writes to Kafka, and tries again until it has the message or the call
// is stopped.
func (c *call) produce(kind, id string, at time.Time, value any) error {
	m, err := c.message(kind, id, at, value)
	if err != nil {
		return err
	}
	return retry(c.ctx, c.service.log, "produce to "+m.Topic, func() error {
		return c.service.bus.Produce(c.ctx, m)
	})
}

// write produces utterances, in the order of their start, as soon as none can
// come before them.
func (c *call) write() {
	for {
		ready, more := c.merge.next(c.ctx)
		for i := range ready {
			u := &ready[i]
			err := c.produce(earshot.TypeUtterance, string(u.ID), u.At, u)
			if earshot.KindOf(err) == earshot.Invalid {
				// Kafka will never take it: the rest of the call is worth more.
				c.service.log.Error("an utterance is lost", "interaction", c.id, "utterance", u.ID, "error", err)
				continue
			}
			if err != nil {
				c.lost(err)
				return
			}
			c.service.stats.utterances.WithLabelValues(string(u.Role)).Inc()
		}
		if !more {
			return
		}
	}
}

// transcriptEnd is the mark after the last utterance. All in it follows from the
// records, so that a replay writes the same.
func (c *call) transcriptEnd() earshot.TranscriptEnd {
	i := c.audio.Interaction().Merge(earshot.Interaction{ID: c.id, Attributes: c.notes})
	if i.Channel == "" {
		i.Channel = earshot.Voice
	}
	if i.StartedAt.IsZero() {
		i.StartedAt = c.audio.Origin()
	}
	ended := i.EndedAt
	if ended.IsZero() {
		ended = c.last
	}
	count, length := c.merge.totals()
	if d := ended.Sub(i.StartedAt); d > length {
		length = d
	}
	return earshot.TranscriptEnd{Interaction: i, Utterances: count, DurationMS: length.Milliseconds(), At: c.last}
}
