package earshot

// The topics. All have the same partition count and are partitioned by
// interaction id, so that one interaction is one partition everywhere.
const (
	TopicAudio      = "earshot.audio"
	TopicUtterances = "earshot.utterances"
	TopicEvents     = "earshot.events"
	TopicResults    = "earshot.results"
	TopicReviews    = "earshot.reviews"
	TopicDead       = "earshot.dead"
)

// The types of the records, as they stand in the CloudEvents ce_type header.
const (
	TypeAudio         = "earshot.audio"
	TypeUtterance     = "earshot.utterance"
	TypeTranscriptEnd = "earshot.transcript_end"
	TypeEvent         = "earshot.event"
	TypeEvaluation    = "earshot.evaluation"
	TypeAlert         = "earshot.alert"
	TypeReview        = "earshot.review"
)
