package qa

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/qa/rule"
)

// maxBytes bounds the text of one interaction that is kept.
const maxBytes = 16 << 20

// maxEnded bounds how many ended interactions of one partition are remembered.
const maxEnded = 1000

// collector gathers the utterances of open interactions and scores an
// interaction when it ends. Only then is its first record done: the group's
// committed offset cannot pass it, so that after a crash a whole interaction
// comes again. All later records are done at once.
type collector struct {
	s *Service

	mu         sync.Mutex
	partitions map[int32]*partition
}

// partition holds the interactions of one partition number. Its lock is held
// while a record is handled: the bus hands out one at a time anyway, and the
// sweep for idle interactions has to wait for it.
type partition struct {
	mu       sync.Mutex
	contacts map[earshot.InteractionID]*contact
	// ended are the ended ones, oldest first.
	ended []earshot.InteractionID
	// revoked says that somebody else has the partition now.
	revoked bool
}

// contact is one interaction.
type contact struct {
	facts      earshot.Interaction
	utterances []earshot.Utterance
	bytes      int // of the records that they came in
	seen       map[earshot.UtteranceID]bool
	// live is the transcript so far, for alerts; nil once the interaction ended.
	live  *rule.Transcript
	fired map[earshot.AlertID]bool
	// first is the record that is not done yet.
	first   *bus.Record
	touched time.Time
	isEnded bool
	endedAt time.Time
	// over counts the utterances that were left out as too many.
	over int
}

func newCollector(s *Service) *collector {
	return &collector{s: s, partitions: map[int32]*partition{}}
}

func (c *collector) partition(number int32) *partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.partitions[number]
	if !ok {
		p = &partition{contacts: map[earshot.InteractionID]*contact{}}
		c.partitions[number] = p
	}
	return p
}

// Handle takes an utterance or the end of a transcript.
func (c *collector) Handle(ctx context.Context, r *bus.Record) error {
	p := c.partition(r.Partition)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.Type {
	case earshot.TypeUtterance:
		var u earshot.Utterance
		if err := decode(r, &u); err != nil {
			return err
		}
		if u.Interaction == "" {
			return earshot.InvalidField("interaction", "set the interaction's id", "is empty")
		}
		return c.utterance(ctx, p, r, u)
	case earshot.TypeTranscriptEnd:
		var end earshot.TranscriptEnd
		if err := decode(r, &end); err != nil {
			return err
		}
		if end.Interaction.ID == "" {
			return earshot.InvalidField("interaction.id", "set the interaction's id", "is empty")
		}
		return c.end(ctx, p, r, end)
	default:
		return earshot.InvalidField("ce_type", "use "+earshot.TypeUtterance+" or "+earshot.TypeTranscriptEnd,
			"unknown record type %q", r.Type)
	}
}

func decode(r *bus.Record, v any) error {
	if err := json.Unmarshal(r.Value, v); err != nil {
		return earshot.Errorf(earshot.Invalid, "cannot read %s: %w", r.Type, err)
	}
	return nil
}

// utterance keeps what is new. What changes memory comes after what can fail,
// so that a record which is tried again finds nothing half done.
func (c *collector) utterance(ctx context.Context, p *partition, r *bus.Record, u earshot.Utterance) error {
	k, ok := p.contacts[u.Interaction]
	if !ok {
		k = &contact{seen: map[earshot.UtteranceID]bool{}, fired: map[earshot.AlertID]bool{},
			facts: earshot.Interaction{ID: u.Interaction}}
	}
	switch {
	case k.seen[u.ID], k.isVoiceEnd() && !u.At.After(k.endedAt):
		c.s.stats.duplicates.Inc()
		r.Done()
		return nil
	case k.isVoiceEnd():
		// A call's end is its last record; there is nothing left to add to.
		c.s.stats.late.Inc()
		r.Done()
		return nil
	case len(k.utterances) >= c.s.cfg.MaxUtterances || k.bytes+len(r.Value) > maxBytes:
		if k.over++; k.over == 1 {
			c.s.log.Warn("interaction has more utterances than are scored", "interaction", u.Interaction,
				"utterances", len(k.utterances), "bytes", k.bytes)
		}
		c.s.stats.over.Inc()
		k.touched = time.Now()
		r.Done()
		return nil
	}
	facts := k.facts.Merge(factsOf(u))
	if err := c.s.watch(ctx, k, facts, u); err != nil {
		return err
	}
	if !ok || k.isEnded {
		c.s.stats.open.Inc()
	}
	k.facts, k.isEnded, k.touched = facts, false, time.Now()
	k.seen[u.ID] = true
	k.utterances = append(k.utterances, u)
	k.bytes += len(r.Value)
	if k.first == nil {
		k.first = r
	} else {
		r.Done()
	}
	p.contacts[u.Interaction] = k
	c.s.stats.utterances.Inc()
	return nil
}

// isVoiceEnd says whether the contact is a call that has ended. A conversation of
// messages may go on, and its last messages may come in after its end.
func (k *contact) isVoiceEnd() bool { return k.isEnded && k.facts.Channel == earshot.Voice }

// factsOf is what an utterance tells of its interaction.
func factsOf(u earshot.Utterance) earshot.Interaction {
	f := earshot.Interaction{ID: u.Interaction, Tenant: u.Tenant, Channel: u.Channel, Language: u.Language}
	if u.Facts != nil {
		f = f.Merge(*u.Facts)
	}
	f.ID = u.Interaction
	return f
}

// end scores the interaction and is done with its records.
func (c *collector) end(ctx context.Context, p *partition, r *bus.Record, end earshot.TranscriptEnd) error {
	k, ok := p.contacts[end.Interaction.ID]
	if !ok {
		k = &contact{seen: map[earshot.UtteranceID]bool{}, fired: map[earshot.AlertID]bool{}}
	}
	if k.isVoiceEnd() || k.isEnded && end.At.Equal(k.endedAt) {
		c.s.stats.duplicates.Inc()
		r.Done()
		return nil
	}
	end.Interaction = k.facts.Merge(end.Interaction)
	if end.Utterances > len(k.utterances)+k.over {
		c.s.stats.incomplete.Inc()
		c.s.log.Warn("transcript ended with fewer utterances than it should have", "interaction", end.Interaction.ID,
			"want", end.Utterances, "got", len(k.utterances)+k.over)
	}
	err := c.s.finish(ctx, end, k.utterances)
	if kind := earshot.KindOf(err); err != nil && kind != earshot.Invalid && kind != earshot.Denied {
		return err
	}
	// What no retry mends makes a dead letter of this record. The contact is over
	// all the same: its first record would hold the partition's offset for ever.
	if err == nil {
		r.Done()
	}
	p.contacts[end.Interaction.ID] = k
	if ok && !k.isEnded {
		c.s.stats.open.Dec()
	}
	p.close(k, end)
	return err
}

// close is done with the contact and keeps what tells a repeated record from a
// new one. A conversation that its source ended may go on with a new message,
// so its utterances stay for a while; a call's do not.
func (p *partition) close(k *contact, end earshot.TranscriptEnd) {
	if k.first != nil {
		k.first.Done()
	}
	k.first, k.live = nil, nil
	k.facts, k.isEnded, k.endedAt, k.touched = end.Interaction, true, end.At, time.Now()
	if end.Interaction.Channel == earshot.Voice {
		k.utterances, k.bytes, k.seen = nil, 0, nil
	}
	p.ended = append(p.ended, end.Interaction.ID)
	for len(p.ended) > maxEnded {
		p.forget()
	}
}

// forget drops the interaction that ended first, unless it was opened again.
func (p *partition) forget() {
	id := p.ended[0]
	p.ended = p.ended[1:]
	if k, ok := p.contacts[id]; ok && k.isEnded {
		delete(p.contacts, id)
	}
}

// Revoked drops the state of partitions that somebody else has now.
func (c *collector) Revoked(numbers []int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range numbers {
		p, ok := c.partitions[n]
		if !ok {
			continue
		}
		p.mu.Lock()
		p.revoked = true
		for _, k := range p.contacts {
			if !k.isEnded {
				c.s.stats.open.Dec()
			}
		}
		p.mu.Unlock()
		delete(c.partitions, n)
	}
}

// sweepUntil looks for idle interactions until ctx ends.
func (c *collector) sweepUntil(ctx context.Context) {
	every := min(max(c.s.cfg.IdleEnd/8, 10*time.Millisecond), time.Minute)
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			c.mu.Lock()
			all := make([]*partition, 0, len(c.partitions))
			for _, p := range c.partitions {
				all = append(all, p)
			}
			c.mu.Unlock()
			for _, p := range all {
				c.sweep(ctx, p, now)
			}
		}
	}
}

// sweep scores what has been idle for too long and forgets what ended long ago.
// What cannot be scored now stays for the next sweep.
func (c *collector) sweep(ctx context.Context, p *partition, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.revoked {
		return
	}
	for _, k := range p.contacts {
		if k.isEnded || now.Sub(k.touched) < c.s.cfg.IdleEnd || len(k.utterances) == 0 {
			continue
		}
		c.endIdle(ctx, p, k)
	}
	for len(p.ended) > 0 {
		k, ok := p.contacts[p.ended[0]]
		if ok && k.isEnded && now.Sub(k.touched) < c.s.cfg.Linger {
			return
		}
		p.forget()
	}
}

// endIdle scores an idle contact as it is. One that cannot be scored by any
// retry, which may be why it is still open, becomes a dead letter.
func (c *collector) endIdle(ctx context.Context, p *partition, k *contact) {
	end := idleEnd(k, c.s.cfg.IdleEnd)
	err := c.s.finishGuarded(ctx, end, k.utterances)
	if err != nil && earshot.KindOf(err) != earshot.Unavailable && ctx.Err() == nil {
		c.s.log.Error("idle interaction cannot be scored and becomes a dead letter", "interaction", k.facts.ID, "error", err)
		err = c.s.client.DeadLetter(ctx, k.first, err)
	}
	if err != nil {
		c.s.log.Warn("idle interaction cannot be scored yet", "interaction", k.facts.ID, "error", err)
		return
	}
	c.s.stats.idle.Inc()
	c.s.stats.open.Dec()
	p.close(k, end)
}

// idleEnd is the end that an idle interaction is given; its time follows from
// the utterances alone, so that a replay gives the same evaluation.
func idleEnd(k *contact, after time.Duration) earshot.TranscriptEnd {
	end := earshot.TranscriptEnd{Interaction: k.facts, Utterances: len(k.utterances)}
	for i := range k.utterances {
		u := &k.utterances[i]
		end.DurationMS = max(end.DurationMS, u.EndMS)
		if at := u.At.Add(after); at.After(end.At) {
			end.At = at
		}
	}
	return end
}
