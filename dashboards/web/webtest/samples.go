package webtest

import (
	"fmt"
	"strings"
	"time"

	"earshot"
	"earshot/metrics/query"
)

// Ids of the samples that tests ask for by name.
const (
	PoorCall = earshot.InteractionID("00000000-0000-5000-8000-000000000001")
	GoodCall = earshot.InteractionID("00000000-0000-5000-8000-000000000002")
	Chat     = earshot.InteractionID("00000000-0000-5000-8000-000000000003")
	LongChat = earshot.InteractionID("00000000-0000-5000-8000-000000000004")
	Waiting  = earshot.InteractionID("00000000-0000-5000-8000-000000000005")
)

// said is one sentence of a sample.
type said struct {
	role earshot.Role
	at   int64 // seconds from the start
	text string
}

// sample is what an interaction is made from.
type sample struct {
	id       earshot.InteractionID
	channel  earshot.Channel
	agent    earshot.AgentID
	name     string
	queue    string
	language string
	started  time.Time
	said     []said
	// fails are the criteria that are failed, with the line that shows it.
	fails map[string]int
	// passes are lines that show a pass.
	passes map[string]int
}

var (
	poor = []said{
		{earshot.Agent, 1, "Yes hello."},
		{earshot.Customer, 4, "Hi, I was charged twice for my order last week and nobody has called me back."},
		{earshot.Agent, 11, "What is your card number?"},
		{earshot.Customer, 14, "It is [CARD]. I have already told your colleague the same thing three times."},
		{earshot.Agent, 34, "You should have read the terms before you ordered."},
		{earshot.Customer, 40, "That is not what I asked. I would like to speak to a supervisor, please."},
		{earshot.Agent, 47, "There is nobody here. Calm down."},
		{earshot.Customer, 52, "This is unbelievable. I am going to cancel everything."},
		{earshot.Agent, 58, "Fine. Bye."},
	}
	good = []said{
		{earshot.Agent, 1, "Good morning, thank you for calling Northwind, my name is Mary. How can I help you today?"},
		{earshot.Customer, 8, "Good morning. My parcel was supposed to arrive on Monday."},
		{earshot.Agent, 13, "I am sorry to hear that. Let me look it up for you. May I have the order number?"},
		{earshot.Customer, 20, "Seven four one nine."},
		{earshot.Agent, 24, "Thank you. I can see it is at the depot. It will be delivered tomorrow before noon."},
		{earshot.Customer, 33, "Great, thanks."},
		{earshot.Agent, 36, "Is there anything else I can do for you? No? Then have a lovely day."},
	}
	chat = []said{
		{earshot.Bot, 0, "您好，我是智能助手，正在为您转接人工客服。"},
		{earshot.Customer, 6, "你好，我上周买的耳机左边没有声音，已经问过三次了。"},
		{earshot.Agent, 31, "您好，我是客服小李，非常抱歉给您带来不便。请问您的订单号是多少？"},
		{earshot.Customer, 58, "订单号是 [ID]，快一点吧，我已经等了二十分钟了！"},
		{earshot.Customer, 63, "如果今天不能解决，我就要投诉了。"},
		{earshot.Agent, 95, "好的，我马上为您查询。"},
		{earshot.Agent, 130, "已经为您登记换货，仓库会在两个工作日内寄出新的耳机，快递单号会以短信的形式发送给您，届时请注意查收。"},
		{earshot.Customer, 152, "好的，谢谢。"},
		{earshot.Agent, 160, "不客气，祝您生活愉快！"},
	}
	long = []said{
		{earshot.Customer, 0, "Hello, " + strings.Repeat("I have been waiting for a very long time and I would like to explain everything in detail. ", 9)},
		{earshot.Agent, 80, "https://support.example.com/" + strings.Repeat("averylongpathwithoutanybreaks", 6)},
		{earshot.Customer, 120, "<script>alert('not run')</script> & <b>not bold</b>"},
		{earshot.Agent, 140, "Guten Tag! Ça va? 好的 👍 " + strings.Repeat("长", 120)},
	}
)

// Samples returns five interactions to look at and extra short ones to page
// through, the newest at the given time.
func Samples(now time.Time, extra int) []query.Detail {
	day := 24 * time.Hour
	list := []sample{
		{PoorCall, earshot.Voice, "1002", "Tom Becker", "billing", "en", now.Add(-40 * time.Minute), poor,
			map[string]int{"greeting": 0, "courtesy": 6, "card": 2, "closing": 8}, nil},
		{GoodCall, earshot.Voice, "1001", "Mary Jones", "orders", "en", now.Add(-3 * time.Hour), good, nil,
			map[string]int{"greeting": 0, "empathy": 2, "closing": 6}},
		{Chat, earshot.Chat, "2001", "李晓梅", "售后服务", "zh", now.Add(-day), chat,
			map[string]int{"response": 5}, map[string]int{"greeting": 2, "empathy": 2, "closing": 8}},
		{LongChat, earshot.Email, "agent.with.a.long.id@contact-centre.example.com", "Maximiliana Featherstonehaugh-Wolfeschlegelsteinhausen", "International correspondence and special cases", "en", now.Add(-2 * day), long,
			map[string]int{"greeting": 1, "empathy": 1}, nil},
		{Waiting, earshot.WeCom, "2001", "李晓梅", "售前咨询", "zh", now.Add(-time.Minute), chat[1:3], nil, nil},
	}
	for n := range extra {
		s := list[n%3]
		s.id = earshot.InteractionID(fmt.Sprintf("00000000-0000-5000-8000-%012d", 100+n))
		s.started = now.Add(-3*day - time.Duration(n)*47*time.Minute)
		if n%3 == 1 && n%2 == 1 {
			s.fails = map[string]int{"empathy": 2}
		}
		list = append(list, s)
	}
	out := make([]query.Detail, 0, len(list))
	for _, s := range list {
		out = append(out, s.detail())
	}
	return out
}

func (s sample) detail() query.Detail {
	i := earshot.Interaction{
		ID: s.id, Channel: s.channel, Direction: earshot.Inbound, Queue: s.queue, Language: s.language,
		Agent: s.agent, AgentName: s.name, CustomerHash: earshot.Derive(string(s.id)),
		StartedAt: s.started, Attributes: map[string]string{"crm.ticket": "T-20471"},
	}
	d := query.Detail{Interaction: i, Utterances: s.utterances()}
	d.DurationMS = d.Utterances[len(d.Utterances)-1].EndMS + 1500
	d.Interaction.EndedAt = s.started.Add(time.Duration(d.DurationMS) * time.Millisecond)
	if s.channel == earshot.Voice {
		d.Interaction.Legs = []earshot.Leg{
			{ID: "a", Role: earshot.Agent, RoleSource: "metadata", Name: s.name, Codec: earshot.G722},
			{ID: "c", Role: earshot.Customer, RoleSource: "metadata", Codec: earshot.PCMA},
		}
	}
	for n, t := range []earshot.EventType{earshot.InteractionStarted, earshot.Queued, earshot.Answered, earshot.InteractionEnded} {
		at := s.started.Add(time.Duration(n) * 3 * time.Second)
		d.Events = append(d.Events, earshot.Event{ID: earshot.EventID(fmt.Sprint(s.id, n)), Type: t, At: at})
	}
	if s.id == Waiting {
		return d
	}
	d.Evaluations = s.evaluations(d)
	if s.id == PoorCall {
		s.troubles(&d)
	}
	return d
}

func (s sample) utterances() []earshot.Utterance {
	var out []earshot.Utterance
	for n, l := range s.said {
		u := earshot.Utterance{
			ID: earshot.UtteranceID(earshot.Derive(string(s.id), fmt.Sprint(n))), Interaction: s.id, Channel: s.channel,
			Role: l.role, StartMS: l.at * 1000, EndMS: l.at * 1000, At: s.started.Add(time.Duration(l.at) * time.Second),
			Text: l.text, Language: s.language, Confidence: 1,
		}
		if a, b := strings.Index(u.Text, "["), strings.Index(u.Text, "]"); a >= 0 && b > a {
			u.Redactions = []earshot.Span{{Start: a, End: b + 1, Type: u.Text[a+1 : b]}}
		}
		if s.channel == earshot.Voice {
			spoken(&u)
		}
		out = append(out, u)
	}
	return out
}

// spoken gives an utterance the length and the words of speech.
func spoken(u *earshot.Utterance) {
	words := strings.Fields(u.Text)
	for n, w := range words {
		start := u.StartMS + int64(n)*330
		word := earshot.Word{Text: w, StartMS: start, EndMS: start + 300, Confidence: 0.9}
		if (n+len(words))%7 == 5 {
			word.Confidence = 0.3
		}
		u.Words = append(u.Words, word)
	}
	u.EndMS = u.StartMS + int64(len(words))*330
	u.Confidence = 0.82
}

// troubles adds what goes with a call that went wrong.
func (s sample) troubles(d *query.Detail) {
	d.Alerts = []earshot.Alert{{
		ID: "alert", Interaction: s.id, Rule: "cancel", Name: "Customer threatens to leave", NameZH: "客户表示要离开",
		Severity: "critical", At: s.started, Evidence: []earshot.Evidence{evidence(d, 7)},
	}}
	d.Reviews = []earshot.Review{
		{ID: "00000000-0000-4000-8000-000000000001", Interaction: s.id, Criterion: "courtesy", Action: earshot.Confirm,
			Comment: "Listened twice. He really said it.", By: "anna", ByRole: "reviewer", At: s.started.Add(10 * time.Minute)},
		{ID: "00000000-0000-4000-8000-000000000002", Interaction: s.id, Criterion: "greeting", Action: earshot.Appeal,
			Comment: "The first second of the call was cut off: I did say the name of the company.", By: "tom", ByRole: "agent", At: s.started.Add(20 * time.Minute)},
	}
	for e := range d.Evaluations {
		if d.Evaluations[e].Track != earshot.TrackFinal {
			continue
		}
		for a := range d.Evaluations[e].Answers {
			if d.Evaluations[e].Answers[a].Criterion == "courtesy" {
				d.Evaluations[e].Answers[a].Reviews = []earshot.ReviewID{d.Reviews[0].ID}
			}
		}
	}
}

func evidence(d *query.Detail, n int) earshot.Evidence {
	u := d.Utterances[n]
	return earshot.Evidence{Utterance: u.ID, Role: u.Role, Quote: u.Text, StartMS: u.StartMS, EndMS: u.EndMS}
}
