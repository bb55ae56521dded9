package qa

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/internal/bus"
	"earshot/qa/review"
	"earshot/qa/rule"
	"earshot/qa/scorecard"
)

// source is the CloudEvents source of what qa writes.
const source = "qa"

// finish scores an ended interaction and returns when Kafka has the evaluations.
// An interaction that no scorecard fits is counted and logged.
func (s *Service) finish(ctx context.Context, end earshot.TranscriptEnd, utterances []earshot.Utterance) error {
	card := s.cards.For(end.Interaction)
	if card == nil {
		s.stats.unmatched.Inc()
		s.log.Info("no scorecard fits the interaction", "interaction", end.Interaction.ID,
			"channel", end.Interaction.Channel, "queue", end.Interaction.Queue, "language", end.Interaction.Language)
		return nil
	}
	began := time.Now()
	machine := Score(card, end, utterances)
	s.stats.seconds.Observe(time.Since(began).Seconds())
	var better bool
	var reviews []earshot.Review
	asked, within := errgroup.WithContext(ctx) // at once: it is the store's time that counts
	asked.Go(func() (err error) { better, err = s.scoredBetter(within, machine); return err })
	asked.Go(func() (err error) { reviews, err = s.reviews(within, end.Interaction.ID); return err })
	if err := asked.Wait(); better || err != nil {
		return err
	}
	evaluations, err := fuse(machine, reviews)
	if err != nil {
		return err
	}
	if err := s.produce(ctx, append([]earshot.Evaluation{machine}, evaluations...)); err != nil {
		return fmt.Errorf("cannot write evaluation of %s: %w", machine.Interaction, err)
	}
	s.stats.evaluations.WithLabelValues(card.ID).Inc()
	return nil
}

// finishGuarded makes an Internal error of a panic, as the bus does where it
// calls.
func (s *Service) finishGuarded(ctx context.Context, end earshot.TranscriptEnd, utterances []earshot.Utterance) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = earshot.Errorf(earshot.Internal, "cannot score %s: panic: %v", end.Interaction.ID, p)
		}
	}()
	return s.finish(ctx, end, utterances)
}

// scoredBetter says whether the interaction was scored with more utterances
// before: a restart reads the tail of an ended interaction again, without its
// beginning, when it lies behind one that is still open.
func (s *Service) scoredBetter(ctx context.Context, machine earshot.Evaluation) (bool, error) {
	known, err := s.known(ctx, machine.Interaction)
	if err != nil {
		return false, err
	}
	for _, e := range known {
		if e.ID == machine.ID && e.Utterances > machine.Utterances {
			s.stats.duplicates.Inc()
			s.log.Info("the interaction was scored with more utterances before", "interaction", e.Interaction,
				"before", e.Utterances, "now", machine.Utterances)
			return true, nil
		}
	}
	return false, nil
}

// isReplay says whether the interaction was scored after u was said: then u is
// read again, maybe without what came before it, and an alert over a part of a
// transcript may be wrong.
func (s *Service) isReplay(ctx context.Context, u earshot.Utterance) bool {
	known, err := s.known(ctx, u.Interaction)
	if err != nil {
		// An alert that comes twice is the same one, and it is urgent.
		s.log.Warn("cannot tell a replay", "interaction", u.Interaction, "error", err)
	}
	for _, e := range known {
		if e.Track == earshot.TrackRule && !e.At.Before(u.At) {
			return true
		}
	}
	return false
}

// known returns the evaluations that the history has.
func (s *Service) known(ctx context.Context, id earshot.InteractionID) ([]earshot.Evaluation, error) {
	if s.history == nil {
		return nil, nil
	}
	known, err := s.history.Evaluations(ctx, id)
	if err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "cannot look up the evaluations of %s: %w", id, err)
	}
	return known, nil
}

// fuse returns the final evaluation and, where a person decided something, the
// human one.
func fuse(machine earshot.Evaluation, reviews []earshot.Review) ([]earshot.Evaluation, error) {
	human, final, err := review.Apply(machine, applicable(machine, reviews))
	if err != nil {
		return nil, err
	}
	if len(human.Answers) == 0 {
		return []earshot.Evaluation{final}, nil
	}
	return []earshot.Evaluation{human, final}, nil
}

// produce returns when Kafka has the evaluations.
func (s *Service) produce(ctx context.Context, evaluations []earshot.Evaluation) error {
	var out []bus.Message
	for i := range evaluations {
		e := &evaluations[i]
		m, err := message(e.Interaction, e.At, e)
		if err != nil {
			return err
		}
		m.Type, m.ID = earshot.TypeEvaluation, string(e.ID)
		out = append(out, m)
	}
	return s.client.Produce(ctx, out...)
}

// applicable leaves out the reviews that do not fit: of a criterion that another
// version of the scorecard had, or ones that were refused when they came.
func applicable(machine earshot.Evaluation, reviews []earshot.Review) []earshot.Review {
	var out []earshot.Review
	for _, r := range reviews {
		if review.Check(machine, r) == nil {
			out = append(out, r)
		}
	}
	return out
}

// reviews returns what people decided about the interaction so far: what the
// history knows, and the latest ones, which may not be there yet.
func (s *Service) reviews(ctx context.Context, id earshot.InteractionID) ([]earshot.Review, error) {
	out := s.recent.of(id)
	if s.history == nil {
		return out, nil
	}
	known, err := s.history.Reviews(ctx, id)
	if err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "cannot look up the reviews of %s: %w", id, err)
	}
	return append(out, known...), nil
}

func message(i earshot.InteractionID, at time.Time, v any) (bus.Message, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return bus.Message{}, fmt.Errorf("cannot write result of %s as JSON: %w", i, err)
	}
	return bus.Message{Topic: earshot.TopicResults, Interaction: i, Source: source, Time: at, Value: value}, nil
}

// watch decides the alerts over the transcript with the new utterance, and
// writes each that is certain now, once.
func (s *Service) watch(ctx context.Context, k *contact, facts earshot.Interaction, u earshot.Utterance) error {
	card := s.cards.For(facts)
	if card == nil {
		return nil
	}
	t := k.live
	k.live = nil // until all is written: a record that is tried again starts from what is kept
	if t == nil {
		t = rule.NewTranscript(facts, 0, k.utterances)
		t.Open = true
	}
	t.Facts = facts
	t.Add(u)
	var out []bus.Message
	var fired []earshot.AlertID
	for _, a := range alerts(card, t) {
		a.ID = earshot.AlertID(earshot.Derive("alert", string(facts.ID), a.Rule))
		if k.fired[a.ID] {
			continue
		}
		a.Interaction, a.Tenant, a.At, a.Facts = facts.ID, facts.Tenant, u.At, facts
		m, err := message(facts.ID, a.At, a)
		if err != nil {
			return err
		}
		m.Type, m.ID = earshot.TypeAlert, string(a.ID)
		out, fired = append(out, m), append(fired, a.ID)
	}
	if len(out) > 0 && k.endedAt.IsZero() && s.isReplay(ctx, u) {
		out = nil
	}
	if len(out) > 0 {
		if err := s.client.Produce(ctx, out...); err != nil {
			return fmt.Errorf("cannot write alerts of %s: %w", facts.ID, err)
		}
		s.stats.alerts.Add(float64(len(out)))
	}
	for _, id := range fired {
		k.fired[id] = true
	}
	k.live = t
	return nil
}

// alerts returns what is certain to be wrong in an interaction that goes on,
// without ids.
func alerts(card *scorecard.Scorecard, t *rule.Transcript) []earshot.Alert {
	run := rule.NewRun(t, card.Options())
	var out []earshot.Alert
	for i := range card.Sections {
		for k := range card.Sections[i].Criteria {
			c := &card.Sections[i].Criteria[k]
			if c.Alert == "" || c.Applies() != nil && run.Decide(c.Applies()).Outcome != rule.Yes {
				continue
			}
			if r := run.Decide(c.Pass()); r.Outcome == rule.No {
				out = append(out, earshot.Alert{Rule: string(c.ID), Name: c.Name, NameZH: c.NameZH, Severity: c.Alert, Evidence: r.Evidence})
			}
		}
	}
	for i := range card.Alerts {
		a := &card.Alerts[i]
		if r := run.Decide(a.Program()); r.Outcome == rule.Yes {
			out = append(out, earshot.Alert{Rule: a.ID, Name: a.Name, NameZH: a.NameZH, Severity: a.Severity, Evidence: r.Evidence})
		}
	}
	return out
}
