package metricstest

import (
	"fmt"
	"time"

	"earshot"
)

// Contact makes the records of one made-up contact; its zero fields get values.
type Contact struct {
	// N tells contacts apart; everything else follows from it.
	N       int
	Channel earshot.Channel
	Agent   earshot.AgentID
	Queue   string
	At      time.Time
	// Failed are the criteria that fail, of "greeting", "recording" and "closing".
	Failed []earshot.CriterionID
	// Fatal makes "recording" a fatal one.
	Fatal bool
}

// Start is the time of contact 0; contact n begins n minutes later.
var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func (c Contact) filled() Contact {
	if c.Channel == "" {
		c.Channel = earshot.Voice
	}
	if c.Agent == "" {
		c.Agent = "a1"
	}
	if c.Queue == "" {
		c.Queue = "billing"
	}
	if c.At.IsZero() {
		c.At = start.Add(time.Duration(c.N) * time.Minute)
	}
	return c
}

// ID is the contact's interaction id.
func (c Contact) ID() earshot.InteractionID {
	return earshot.CallID("t1", fmt.Sprintf("session-%d", c.N))
}

// Length is how long the contact lasts.
const Length = 95 * time.Second

// Interaction is what is known in the end, legs and attributes included.
func (c Contact) Interaction() earshot.Interaction {
	c = c.filled()
	return earshot.Interaction{
		ID: c.ID(), Tenant: "t1", Channel: c.Channel, Direction: earshot.Inbound, Queue: c.Queue,
		Region: "north", Language: "zh", Agent: c.Agent, AgentName: "张伟 " + string(c.Agent),
		Customer: "crm-7", CustomerHash: "5f0c", StartedAt: c.At, QueuedAt: c.At.Add(time.Second),
		AnsweredAt: c.At.Add(5 * time.Second), EndedAt: c.At.Add(Length), Disposition: "solved",
		Legs: []earshot.Leg{
			{ID: "z-agent", Role: earshot.Agent, Name: "张伟", Codec: earshot.PCMA, ClockRate: 8000, SSRC: 7},
			{ID: "a-customer", Role: earshot.Customer, AddressHash: "5f0c"},
		},
		Attributes: map[string]string{"product": "fibre", "原因": "退款"},
	}
}

// Utterances are two sentences, one with words and one with a redaction.
func (c Contact) Utterances() []earshot.Utterance {
	c = c.filled()
	return []earshot.Utterance{
		{
			ID: earshot.SpokenID(c.ID(), "z-agent", 1000), Interaction: c.ID(), Tenant: "t1", Channel: c.Channel,
			Leg: "z-agent", Role: earshot.Agent, StartMS: 1000, EndMS: 2500, At: c.At.Add(time.Second),
			Text: "您好,请问有什么可以帮您?", Language: "zh", Confidence: 0.93,
			Words: []earshot.Word{{Text: "您好", StartMS: 1000, EndMS: 1400, Confidence: 0.9}, {Text: "请问", StartMS: 1500, EndMS: 1800, Confidence: 0.97}},
		},
		{
			ID: earshot.SpokenID(c.ID(), "a-customer", 3000), Interaction: c.ID(), Tenant: "t1", Channel: c.Channel,
			Leg: "a-customer", Role: earshot.Customer, StartMS: 3000, EndMS: 5200, At: c.At.Add(3 * time.Second),
			Text: "I want a REFUND for card [card]", Language: "en", Confidence: 1,
			Redactions: []earshot.Span{{Start: 25, End: 31, Type: "card"}},
		},
	}
}

// Evaluation is the answers of a track at the given time after the contact.
func (c Contact) Evaluation(track earshot.Track, after time.Duration) earshot.Evaluation {
	c = c.filled()
	e := earshot.Evaluation{
		ID:          earshot.EvaluationID(earshot.Derive("evaluation", string(c.ID()), string(track), "service", "hash-1")),
		Interaction: c.ID(), Tenant: "t1", Track: track, Scorecard: "service", ScorecardName: "Service",
		ScorecardHash: "hash-1", At: c.At.Add(Length + after), Scored: true, Utterances: 2,
		Measures: map[string]float64{"silence.total_ms": 4000, "silence.share": 0.042, "agent.talk_ms": 1500},
		Facts:    c.Interaction(),
	}
	names := []struct{ id, en, zh string }{{"greeting", "Greets", "问候"}, {"recording", "Says that the call is recorded", "告知录音"}, {"closing", "Says goodbye", "结束语"}}
	for _, n := range names {
		a := earshot.Answer{
			Criterion: earshot.CriterionID(n.id), Name: n.en, NameZH: n.zh, Section: "form", Verdict: earshot.Pass,
			Points: 10, MaxPoints: 10, Confidence: 1, Fatal: c.Fatal && n.id == "recording",
			Evidence: []earshot.Evidence{{Utterance: c.Utterances()[0].ID, Role: earshot.Agent, Quote: "您好", StartMS: 1000, EndMS: 1400}},
			Advice:   "Say it: " + n.en, AdviceZH: "请说:" + n.zh,
		}
		for _, f := range c.Failed {
			if string(f) == n.id {
				a.Verdict, a.Points = earshot.Fail, 0
				e.Fatal = e.Fatal || a.Fatal
			}
		}
		e.Score += a.Points
		e.Answers = append(e.Answers, a)
	}
	e.Score = e.Score / 30 * 100
	if e.Fatal {
		e.Score = 0
	}
	e.Passed = e.Score >= 80
	return e
}

// Records are the contact's records in the order in which the roles write them.
func (c Contact) Records() []any {
	c = c.filled()
	whole := c.Interaction()
	first := earshot.Interaction{ID: whole.ID, Tenant: "t1", Channel: c.Channel, StartedAt: whole.StartedAt, Queue: "entrance"}
	out := []any{c.Event(earshot.InteractionStarted, 0, first)}
	for _, u := range c.Utterances() {
		out = append(out, u)
	}
	return append(out,
		c.Event(earshot.InteractionEnded, Length, whole),
		earshot.TranscriptEnd{Interaction: whole, Utterances: 2, DurationMS: Length.Milliseconds(), At: c.At.Add(Length + time.Second)},
		c.Evaluation(earshot.TrackRule, 2*time.Second),
		c.Evaluation(earshot.TrackFinal, 2*time.Second),
	)
}

// Event is one of the contact's events at the given time after its start.
func (c Contact) Event(kind earshot.EventType, after time.Duration, facts earshot.Interaction) earshot.Event {
	c = c.filled()
	return earshot.Event{
		ID:   earshot.EventID(earshot.Derive("event", string(c.ID()), string(kind), after.String())),
		Type: kind, At: c.At.Add(after), Source: "media/test", Facts: facts, Data: map[string]string{"codec": "PCMA"},
	}
}
