package kpi

// Find returns the definition with the given id.
func Find(id string) (Definition, bool) {
	for _, d := range Definitions() {
		if d.ID == id {
			return d, true
		}
	}
	return Definition{}, false
}

// Definitions lists every KPI, in the order in which people are shown them.
func Definitions() []Definition {
	return append(handling(), quality()...)
}

func target(v float64) *float64 { return &v }

func handling() []Definition {
	return []Definition{
		{
			ID: "interactions", Name: "Interactions", NameZH: "联络量",
			Formula: "number of interactions that began", Edges: "an interaction is counted where it began; one that nobody told the start of, when it was first heard of",
			Unit: Count, Better: Neither, From: Interactions, Value: "count()",
		},
		{
			ID: "aht", Name: "Average handling time", NameZH: "平均处理时长",
			Formula: "sum(end - start) / interactions that ended", Edges: "wrap-up is not part of it as long as no event tells it; a message conversation's time includes the waiting of both sides",
			Unit: Seconds, Better: Lower, From: Interactions, Value: "avgOrNullIf(s.duration_ms, s.duration_ms > 0) / 1000",
		},
		{
			ID: "silence", Name: "Silence", NameZH: "静默占比",
			Formula: "sum(time in gaps of more than 3 s in which nobody spoke) / sum(duration)", Edges: "voice only, and evaluated only",
			Unit: Share, Better: Lower, From: Interactions,
			Value: "sumIf(s.measures['silence.total_ms'], mapContains(s.measures, 'silence.share')) / nullIf(sumIf(s.duration_ms, mapContains(s.measures, 'silence.share')), 0)",
		},
	}
}

func quality() []Definition {
	return []Definition{
		{
			ID: "qa_coverage", Name: "QA coverage", NameZH: "质检覆盖率",
			Formula: "interactions that ended and have a final evaluation / interactions that ended", Edges: "an interaction that is still going on counts neither way",
			Unit: Share, Better: Higher, Target: target(1), From: Interactions,
			Value: "countIf(s.ended AND s.evaluated) / nullIf(countIf(s.ended), 0)",
		},
		{
			ID: "qa_score", Name: "QA score", NameZH: "质检得分",
			Formula: "mean score of the final evaluations", Edges: "0 when a fatal criterion failed; an interaction to which no criterion applied has no score",
			Unit: Points, Better: Higher, From: Interactions, Value: "avgOrNullIf(s.score, s.scored)",
		},
		{
			ID: "pass_rate", Name: "Pass rate", NameZH: "合格率",
			Formula: "scored interactions that reached the scorecard's pass mark / scored interactions", Edges: "a fatal failure does not pass",
			Unit: Share, Better: Higher, From: Interactions, Value: "countIf(s.scored AND s.passed) / nullIf(countIf(s.scored), 0)",
		},
		{
			ID: "fatal_rate", Name: "Fatal rate", NameZH: "致命差错率",
			Formula: "scored interactions in which a fatal criterion failed / scored interactions", Edges: "several fatal failures in one interaction count once",
			Unit: Share, Better: Lower, Target: target(0), From: Interactions, Value: "countIf(s.scored AND s.fatal) / nullIf(countIf(s.scored), 0)",
		},
		{
			ID: "open_appeals", Name: "Open appeals", NameZH: "待处理申诉",
			Formula: "criteria with an appeal after which nobody decided", Edges: "two appeals about one criterion of one interaction count once",
			Unit: Count, Better: Lower, Target: target(0), From: Interactions, Value: "sum(s.open_appeals)",
		},
		{
			ID: "criterion_failures", Name: "Failures", NameZH: "不合格数",
			Formula: "answers of the final evaluations with the verdict fail", Edges: "people's decisions included",
			Unit: Count, Better: Lower, From: Criteria, Value: "countIf(s.verdict = 'fail')",
		},
		{
			ID: "criterion_fail_rate", Name: "Failure rate", NameZH: "不合格率",
			Formula: "answers with the verdict fail / answers with the verdict pass or fail", Edges: "not applicable and abstained count neither way",
			Unit: Share, Better: Lower, From: Criteria, Value: "countIf(s.verdict = 'fail') / nullIf(countIf(s.verdict IN ('pass', 'fail')), 0)",
		},
		{
			ID: "agreement", Name: "Human-machine agreement", NameZH: "人机一致率",
			Formula: "answers on which a person and a machine track say the same / answers that a person decided",
			Edges:   "people see the machine's verdict first, and mostly doubtful ones: it is no unbiased estimate of accuracy; two machine tracks are two answers",
			Unit:    Share, Better: Higher, From: Agreements, Value: "countIf(s.machine_verdict = s.human_verdict) / nullIf(count(), 0)",
		},
	}
}
