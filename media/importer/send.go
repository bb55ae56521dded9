package importer

import (
	"context"
	"sync"
	"time"

	"earshot"
	"earshot/internal/bus"
)

// inFlight bounds the bundles that Kafka has not acknowledged: with 48 kHz L16
// they are under 10 MB.
const inFlight = 512

// send writes a call as a live one is written: the legs' starts, the sound, the
// legs' ends, the call's end, each step when Kafka has the one before.
func (i *Importer) send(ctx context.Context, r *recording, o Options) error {
	live := r.facts // what is known while a call goes on
	live.EndedAt = time.Time{}
	started, err := event(earshot.InteractionStarted, live.StartedAt, live, o.Source)
	if err != nil {
		return err
	}
	msgs := []bus.Message{started}
	for _, t := range r.tracks {
		if msgs, err = appendMark(msgs, earshot.AudioLegStart, t.leg.ID, live, live.StartedAt); err != nil {
			return err
		}
	}
	if err := i.produce(ctx, o, msgs...); err != nil {
		return err
	}
	if err := i.sound(ctx, r, o); err != nil {
		return err
	}
	msgs = msgs[:0]
	for _, t := range r.tracks {
		if msgs, err = appendMark(msgs, earshot.AudioLegEnd, t.leg.ID, r.facts, r.facts.EndedAt); err != nil {
			return err
		}
	}
	if msgs, err = appendMark(msgs, earshot.AudioCallEnd, "", r.facts, r.facts.EndedAt); err != nil {
		return err
	}
	ended, err := event(earshot.InteractionEnded, r.facts.EndedAt, r.facts, o.Source)
	if err != nil {
		return err
	}
	return i.produce(ctx, o, append(msgs, ended)...)
}

func (i *Importer) produce(ctx context.Context, o Options, msgs ...bus.Message) error {
	for n := range msgs {
		msgs[n].Source = o.Source
	}
	return i.bus.Produce(ctx, msgs...)
}

// sound writes the bundles without waiting for each.
func (i *Importer) sound(ctx context.Context, r *recording, o Options) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, inFlight)
	var waiting sync.WaitGroup
	for ctx.Err() == nil {
		bundles, err := r.next()
		if err != nil {
			cancel(err)
		}
		if len(bundles) == 0 {
			break
		}
		for _, b := range bundles {
			m, err := audioMessage(b, r.facts.ID)
			if err != nil {
				cancel(err)
				break
			}
			m.Source = o.Source
			slots <- struct{}{}
			waiting.Add(1)
			i.bus.ProduceAsync(ctx, m, func(err error) {
				if err != nil {
					cancel(err)
				}
				<-slots
				waiting.Done()
			})
		}
		o.Progress(min(r.done, r.total), r.total)
	}
	waiting.Wait()
	return context.Cause(ctx)
}

func appendMark(msgs []bus.Message, kind earshot.AudioKind, leg earshot.LegID, facts earshot.Interaction, at time.Time) ([]bus.Message, error) {
	mark := &earshot.AudioMark{Interaction: facts}
	if kind != earshot.AudioLegStart {
		mark.Reason = "import"
	}
	m, err := audioMessage(&earshot.AudioBundle{Kind: kind, Leg: leg, ReceivedAt: at, Mark: mark}, facts.ID)
	return append(msgs, m), err
}

// audioMessage returns the record of a bundle. Its time is now and not the
// call's: how long a call has been silent is told by when its records were
// written, and those of an old recording come all at once.
func audioMessage(b *earshot.AudioBundle, id earshot.InteractionID) (bus.Message, error) {
	v, err := b.MarshalBinary()
	if err != nil {
		return bus.Message{}, err
	}
	ce := earshot.Derive("import audio", string(id), string(b.Leg), string(rune('0'+b.Kind)), b.ReceivedAt.Format(time.RFC3339Nano))
	return bus.Message{Topic: earshot.TopicAudio, Interaction: id, Type: earshot.TypeAudio, ID: ce, Time: time.Now(), Value: v}, nil
}
