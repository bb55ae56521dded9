-- The answers of all tracks. version is what the evaluation saw, in utterances,
-- times 2^44 plus its time in Unix milliseconds: the greatest of an interaction
-- and track is the current one.

-- +goose Up
CREATE TABLE IF NOT EXISTS earshot.evaluations
(
    id             String CODEC(ZSTD(1)),
    interaction    String CODEC(ZSTD(1)),
    tenant         LowCardinality(String),
    track          LowCardinality(String),
    scorecard      LowCardinality(String),
    scorecard_name LowCardinality(String),
    scorecard_hash LowCardinality(String),
    at             DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    score          Float64 CODEC(ZSTD(1)),
    scored         Bool,
    passed         Bool,
    fatal          Bool,
    utterances     UInt32 CODEC(ZSTD(1)),
    failed         Array(LowCardinality(String)) CODEC(ZSTD(1)),
    measures       Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    model          LowCardinality(String),
    body           String CODEC(ZSTD(3)),
    version        UInt64 CODEC(ZSTD(1)),
    topic          LowCardinality(String),
    partition      Int32,
    offset         Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (interaction, track, id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS earshot.criteria_results
(
    interaction String CODEC(ZSTD(1)),
    tenant      LowCardinality(String),
    track       LowCardinality(String),
    evaluation  String CODEC(ZSTD(1)),
    scorecard   LowCardinality(String),
    criterion   LowCardinality(String),
    name        LowCardinality(String),
    name_zh     LowCardinality(String),
    section     LowCardinality(String),
    position    UInt16,
    verdict     LowCardinality(String),
    points      Float64 CODEC(ZSTD(1)),
    max_points  Float64 CODEC(ZSTD(1)),
    fatal       Bool,
    confidence  Float64 CODEC(ZSTD(1)),
    reviewed    Bool,
    advice      String CODEC(ZSTD(1)),
    advice_zh   String CODEC(ZSTD(1)),
    at          DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version     UInt64 CODEC(ZSTD(1)),
    topic       LowCardinality(String),
    partition   Int32,
    offset      Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (interaction, track, evaluation, criterion)
SETTINGS non_replicated_deduplication_window = 10000;

-- One row an interaction and track. Grouping, unlike FINAL, holds across
-- scorecards, and lets a condition on the interaction reach the primary key.
CREATE VIEW IF NOT EXISTS earshot.evaluations_current AS
SELECT
    e.interaction AS interaction,
    e.track AS track,
    argMax(e.id, (e.version, e.id)) AS id,
    argMax(e.tenant, (e.version, e.id)) AS tenant,
    argMax(e.scorecard, (e.version, e.id)) AS scorecard,
    argMax(e.scorecard_name, (e.version, e.id)) AS scorecard_name,
    argMax(e.scorecard_hash, (e.version, e.id)) AS scorecard_hash,
    argMax(e.at, (e.version, e.id)) AS at,
    argMax(e.score, (e.version, e.id)) AS score,
    argMax(e.scored, (e.version, e.id)) AS scored,
    argMax(e.passed, (e.version, e.id)) AS passed,
    argMax(e.fatal, (e.version, e.id)) AS fatal,
    argMax(e.utterances, (e.version, e.id)) AS utterances,
    argMax(e.failed, (e.version, e.id)) AS failed,
    argMax(e.measures, (e.version, e.id)) AS measures,
    argMax(e.model, (e.version, e.id)) AS model,
    argMax(e.body, (e.version, e.id)) AS body,
    max(e.version) AS version
FROM earshot.evaluations AS e
GROUP BY e.interaction, e.track;

-- The answers of the current evaluations.
CREATE VIEW IF NOT EXISTS earshot.criteria_results_current AS
SELECT c.*
FROM earshot.criteria_results AS c FINAL
WHERE (c.interaction, c.track, c.evaluation, c.version) IN
(
    SELECT e.interaction, e.track, e.id, e.version FROM earshot.evaluations_current AS e
);

-- Each interaction with what stands of its score and its reviews.
CREATE VIEW IF NOT EXISTS earshot.interaction_scores AS
SELECT
    i.id AS id,
    i.at AS at,
    i.tenant AS tenant,
    i.channel AS channel,
    i.direction AS direction,
    i.queue AS queue,
    i.region AS region,
    i.language AS language,
    i.agent AS agent,
    i.agent_name AS agent_name,
    i.customer AS customer,
    i.customer_hash AS customer_hash,
    i.started_at AS started_at,
    i.queued_at AS queued_at,
    i.answered_at AS answered_at,
    i.ended_at AS ended_at,
    i.ended AS ended,
    i.disposition AS disposition,
    i.duration_ms AS duration_ms,
    i.legs AS legs,
    i.attributes AS attributes,
    i.last_at AS last_at,
    e.id AS evaluation,
    toBool(e.id != '') AS evaluated,
    e.score AS score,
    e.scored AS scored,
    e.passed AS passed,
    e.fatal AS fatal,
    e.failed AS failed,
    e.measures AS measures,
    e.at AS evaluated_at,
    r.reviewed AS reviewed,
    r.open_appeals AS open_appeals
FROM earshot.interactions AS i
LEFT JOIN (SELECT * FROM earshot.evaluations_current WHERE track = 'final') AS e ON e.interaction = i.id
LEFT JOIN earshot.review_state AS r ON r.interaction = i.id;

-- +goose Down
DROP VIEW IF EXISTS earshot.interaction_scores;
DROP VIEW IF EXISTS earshot.criteria_results_current;
DROP VIEW IF EXISTS earshot.evaluations_current;
DROP TABLE IF EXISTS earshot.criteria_results;
DROP TABLE IF EXISTS earshot.evaluations;
