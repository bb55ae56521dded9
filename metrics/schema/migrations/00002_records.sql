-- What was said, what happened, what fired and what people decided: one row a
-- thing, by its derived id; version is its time in Unix milliseconds, and of two
-- rows with one id the greater version stands, at equal versions the later one.
-- words, redactions, facts and body are JSON as it came, '' where there was none:
-- they are read back whole and never searched.

-- +goose Up
CREATE TABLE IF NOT EXISTS earshot.utterances
(
    id              String CODEC(ZSTD(1)),
    interaction     String CODEC(ZSTD(1)),
    tenant          LowCardinality(String),
    channel         LowCardinality(String),
    leg             String CODEC(ZSTD(1)),
    role            LowCardinality(String),
    start_ms        Int64 CODEC(Delta, ZSTD(1)),
    end_ms          Int64 CODEC(Delta, ZSTD(1)),
    at              DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    text            String CODEC(ZSTD(3)),
    language        LowCardinality(String),
    confidence      Float64 CODEC(ZSTD(1)),
    words           String CODEC(ZSTD(3)),
    redactions      String CODEC(ZSTD(1)),
    facts           String CODEC(ZSTD(3)),
    version         UInt64 CODEC(Delta, ZSTD(1)),
    topic           LowCardinality(String),
    partition       Int32,
    offset          Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY (interaction, id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS earshot.events
(
    id          String CODEC(ZSTD(1)),
    interaction String CODEC(ZSTD(1)),
    type        LowCardinality(String),
    at          DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source      LowCardinality(String),
    tenant      LowCardinality(String),
    channel     LowCardinality(String),
    queue       LowCardinality(String),
    region      LowCardinality(String),
    agent       LowCardinality(String),
    state       LowCardinality(String),
    data        Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    body        String CODEC(ZSTD(3)),
    version     UInt64 CODEC(Delta, ZSTD(1)),
    topic       LowCardinality(String),
    partition   Int32,
    offset      Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY (interaction, id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS earshot.alerts
(
    id          String CODEC(ZSTD(1)),
    interaction String CODEC(ZSTD(1)),
    tenant      LowCardinality(String),
    rule        LowCardinality(String),
    name        LowCardinality(String),
    name_zh     LowCardinality(String),
    severity    LowCardinality(String),
    at          DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    body        String CODEC(ZSTD(3)),
    version     UInt64 CODEC(Delta, ZSTD(1)),
    topic       LowCardinality(String),
    partition   Int32,
    offset      Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (interaction, id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS earshot.reviews
(
    id          String CODEC(ZSTD(1)),
    interaction String CODEC(ZSTD(1)),
    tenant      LowCardinality(String),
    evaluation  String CODEC(ZSTD(1)),
    criterion   LowCardinality(String),
    action      LowCardinality(String),
    verdict     LowCardinality(String),
    comment     String CODEC(ZSTD(3)),
    by          LowCardinality(String),
    by_role     LowCardinality(String),
    at          DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version     UInt64 CODEC(Delta, ZSTD(1)),
    topic       LowCardinality(String),
    partition   Int32,
    offset      Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (interaction, id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE VIEW IF NOT EXISTS earshot.utterances_current AS SELECT * FROM earshot.utterances FINAL;
CREATE VIEW IF NOT EXISTS earshot.events_current AS SELECT * FROM earshot.events FINAL;
CREATE VIEW IF NOT EXISTS earshot.alerts_current AS SELECT * FROM earshot.alerts FINAL;
CREATE VIEW IF NOT EXISTS earshot.reviews_current AS SELECT * FROM earshot.reviews FINAL;

-- reviewed: a person confirmed or changed a verdict. open_appeals: criteria with
-- an appeal after which nobody decided.
CREATE VIEW IF NOT EXISTS earshot.review_state AS
SELECT
    c.interaction AS interaction,
    toBool(max(c.decisions) > 0) AS reviewed,
    toUInt32(countIf(c.appealed_at > c.decided_at)) AS open_appeals
FROM
(
    SELECT
        r.interaction AS interaction,
        countIf(r.action IN ('confirm', 'override', 'resolve')) AS decisions,
        maxIf(r.at, r.action = 'appeal') AS appealed_at,
        maxIf(r.at, r.action IN ('confirm', 'override', 'resolve')) AS decided_at
    FROM earshot.reviews AS r
    GROUP BY r.interaction, r.criterion
) AS c
GROUP BY c.interaction;

-- +goose Down
DROP VIEW IF EXISTS earshot.review_state;
DROP VIEW IF EXISTS earshot.reviews_current;
DROP VIEW IF EXISTS earshot.alerts_current;
DROP VIEW IF EXISTS earshot.events_current;
DROP VIEW IF EXISTS earshot.utterances_current;
DROP TABLE IF EXISTS earshot.reviews;
DROP TABLE IF EXISTS earshot.alerts;
DROP TABLE IF EXISTS earshot.events;
DROP TABLE IF EXISTS earshot.utterances;
