package webtest

import (
	"fmt"

	"earshot"
	"earshot/metrics/query"
)

// form is the scorecard that samples are scored under.
func form() []earshot.Answer {
	return []earshot.Answer{
		{Criterion: "greeting", Section: "opening", Name: "Greets with name and company", NameZH: "问候并报出姓名和公司", MaxPoints: 10,
			Reason: "A greeting with name and company within the first 15 seconds.", ReasonZH: "前 15 秒内有问候并报出姓名和公司。",
			Advice: "Begin every contact with the company, your name and an offer to help.", AdviceZH: "每次会话开始时先报公司和姓名，再主动询问需求。"},
		{Criterion: "identify", Section: "opening", Name: "Checks who is calling before giving account details", NameZH: "透露账户信息前核实身份", MaxPoints: 10,
			Reason: "No account details were given.", ReasonZH: "没有透露账户信息。"},
		{Criterion: "card", Section: "compliance", Name: "Does not ask for a card number", NameZH: "不索要银行卡号", MaxPoints: 20, Fatal: true,
			Reason: "The agent asked for a card number on a recorded line.", ReasonZH: "坐席在录音线路上索要了银行卡号。",
			Advice: "Send the payment link; never ask for a card number.", AdviceZH: "请发送支付链接，不要索要卡号。"},
		{Criterion: "empathy", Section: "manner", Name: "Shows understanding when the customer complains", NameZH: "客户抱怨时表达理解", MaxPoints: 15,
			Reason: "The customer complained; an apology or a word of understanding within two turns.", ReasonZH: "客户抱怨后两轮之内应有道歉或理解的表示。",
			Advice: "Say first that you understand, then ask for the order number.", AdviceZH: "先表达理解，再询问订单号。"},
		{Criterion: "courtesy", Section: "manner", Name: "Stays polite", NameZH: "保持礼貌", MaxPoints: 15,
			Reason: "“Calm down” was said to the customer.", ReasonZH: "对客户说了“冷静点”。",
			Advice: "Name what you will do next instead of telling people how to feel.", AdviceZH: "说明下一步怎么做，而不是要求客户的情绪。"},
		{Criterion: "response", Section: "manner", Name: "Answers within 30 seconds", NameZH: "30 秒内回复", MaxPoints: 10,
			Reason: "One answer took 32 seconds.", ReasonZH: "有一次回复用了 32 秒。",
			Advice: "Write a short word when you need time to look something up.", AdviceZH: "需要查询时先简短回复一句。"},
		{Criterion: "closing", Section: "closing", Name: "Offers more help and says goodbye", NameZH: "询问是否还有需要并道别", MaxPoints: 10,
			Reason: "An offer of more help, or a goodbye, in the last three turns.", ReasonZH: "最后三轮中有进一步帮助或道别。",
			Advice: "Ask whether there is anything else before you say goodbye.", AdviceZH: "道别前询问是否还有其他需要。"},
	}
}

func (s sample) evaluations(d query.Detail) []earshot.Evaluation {
	answers := form()
	for i := range answers {
		a := &answers[i]
		a.Verdict, a.Confidence = earshot.Pass, 0.95
		if n, ok := s.fails[string(a.Criterion)]; ok {
			a.Verdict, a.Confidence = earshot.Fail, 0.88
			a.Evidence = []earshot.Evidence{evidence(&d, n)}
		} else if n, ok := s.passes[string(a.Criterion)]; ok {
			a.Evidence = []earshot.Evidence{evidence(&d, n)}
		}
		switch {
		case a.Criterion == "identify":
			a.Verdict = earshot.NA
		case a.Criterion == "response" && s.channel == earshot.Voice:
			a.Verdict = earshot.Abstain
			a.Confidence = 0.4
			a.Evidence = []earshot.Evidence{{StartMS: d.DurationMS / 3, EndMS: d.DurationMS/3 + 12000}}
		}
	}
	final := earshot.Evaluation{
		Interaction: s.id, Track: earshot.TrackFinal, Scorecard: "service", ScorecardName: "Customer service, standard",
		ScorecardHash: "0f", At: d.Interaction.EndedAt, Utterances: len(d.Utterances), Answers: answers,
		Measures: map[string]float64{
			"pass_mark": 80, "section.opening.weight": 1, "section.opening.score": 100, "section.special_cases.score": 12,
			"duration_ms": float64(d.DurationMS), "agent.talk_ms": 21400, "customer.talk_ms": 130100, "agent.talk_share": 0.416,
			"silence.total_ms": 15200, "silence.longest_ms": 12030, "agent.words_per_minute": 148.2, "confidence": 0.81,
			"customer.characters_per_minute": 212, "something.new": 3,
		},
	}
	rescore(&final)
	rule := final
	rule.Track = earshot.TrackRule
	final.ID = earshot.EvaluationID(earshot.Derive("evaluation", string(s.id), "final"))
	rule.ID = earshot.EvaluationID(earshot.Derive("evaluation", string(s.id), "rule"))
	rule.Answers = append([]earshot.Answer(nil), answers...)
	if s.id == GoodCall {
		rule.Answers[3].Verdict = earshot.Fail
		rescore(&rule)
	}
	if s.id == LongChat {
		for i := range final.Answers {
			final.Answers[i].Reason = fmt.Sprint(final.Answers[i].Reason, " ", s.said[1].text)
		}
	}
	return []earshot.Evaluation{rule, final}
}
