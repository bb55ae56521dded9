-- What sources told of interactions, as they told it, and what follows from it.
--
-- A fact's stamp is its rank (2 told by a source, 1 carried along by an
-- evaluation or alert) times 2^44 plus its time in Unix milliseconds. A field
-- of interaction_state is (stamp, value), the greatest wins, and what is not
-- known has stamp 0: merging is a maximum, so that order does not matter and a
-- repetition changes nothing.

-- +goose Up
CREATE DATABASE IF NOT EXISTS earshot;

CREATE TABLE IF NOT EXISTS earshot.interaction_facts
(
    interaction   String CODEC(ZSTD(1)),
    stamp         UInt64 CODEC(Delta, ZSTD(1)),
    at            DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source        LowCardinality(String),
    tenant        LowCardinality(String),
    channel       LowCardinality(String),
    direction     LowCardinality(String),
    queue         LowCardinality(String),
    region        LowCardinality(String),
    language      LowCardinality(String),
    agent         LowCardinality(String),
    agent_name    LowCardinality(String),
    customer      String CODEC(ZSTD(1)),
    customer_hash String CODEC(ZSTD(1)),
    started_at    DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    queued_at     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    answered_at   DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    disposition   LowCardinality(String),
    duration_ms   Int64 CODEC(ZSTD(1)),
    leg_ids       Array(String) CODEC(ZSTD(1)),
    legs          Array(String) CODEC(ZSTD(1)),
    attributes    Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    topic         LowCardinality(String),
    partition     Int32,
    offset        Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (interaction, topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS earshot.interaction_state
(
    interaction   String CODEC(ZSTD(1)),
    first_at      SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_at       SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    tenant        SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    channel       SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    direction     SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    queue         SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    region        SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    language      SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    agent         SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    agent_name    SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    customer      SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    customer_hash SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    started_at    SimpleAggregateFunction(max, Tuple(UInt64, DateTime64(3, 'UTC'))) CODEC(ZSTD(1)),
    queued_at     SimpleAggregateFunction(max, Tuple(UInt64, DateTime64(3, 'UTC'))) CODEC(ZSTD(1)),
    answered_at   SimpleAggregateFunction(max, Tuple(UInt64, DateTime64(3, 'UTC'))) CODEC(ZSTD(1)),
    ended_at      SimpleAggregateFunction(max, Tuple(UInt64, DateTime64(3, 'UTC'))) CODEC(ZSTD(1)),
    disposition   SimpleAggregateFunction(max, Tuple(UInt64, String)) CODEC(ZSTD(1)),
    duration_ms   SimpleAggregateFunction(max, Tuple(UInt64, Int64)) CODEC(ZSTD(1)),
    legs          SimpleAggregateFunction(maxMap, Map(String, Tuple(UInt64, UInt32, String))) CODEC(ZSTD(1)),
    attributes    SimpleAggregateFunction(maxMap, Map(String, Tuple(UInt64, String))) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY interaction
SETTINGS non_replicated_deduplication_window = 10000;

-- A field that is not known is (0, ''), the smallest there is.
CREATE MATERIALIZED VIEW IF NOT EXISTS earshot.interaction_state_mv TO earshot.interaction_state AS
SELECT
    f.interaction AS interaction,
    f.at AS first_at,
    f.at AS last_at,
    (if(f.tenant = '', 0, f.stamp), toString(f.tenant)) AS tenant,
    (if(f.channel = '', 0, f.stamp), toString(f.channel)) AS channel,
    (if(f.direction = '', 0, f.stamp), toString(f.direction)) AS direction,
    (if(f.queue = '', 0, f.stamp), toString(f.queue)) AS queue,
    (if(f.region = '', 0, f.stamp), toString(f.region)) AS region,
    (if(f.language = '', 0, f.stamp), toString(f.language)) AS language,
    (if(f.agent = '', 0, f.stamp), toString(f.agent)) AS agent,
    (if(f.agent_name = '', 0, f.stamp), toString(f.agent_name)) AS agent_name,
    (if(f.customer = '', 0, f.stamp), f.customer) AS customer,
    (if(f.customer_hash = '', 0, f.stamp), f.customer_hash) AS customer_hash,
    (if(f.started_at = toDateTime64(0, 3, 'UTC'), 0, f.stamp), f.started_at) AS started_at,
    (if(f.queued_at = toDateTime64(0, 3, 'UTC'), 0, f.stamp), f.queued_at) AS queued_at,
    (if(f.answered_at = toDateTime64(0, 3, 'UTC'), 0, f.stamp), f.answered_at) AS answered_at,
    (if(f.ended_at = toDateTime64(0, 3, 'UTC'), 0, f.stamp), f.ended_at) AS ended_at,
    (if(f.disposition = '', 0, f.stamp), toString(f.disposition)) AS disposition,
    (if(f.duration_ms = 0, 0, f.stamp), f.duration_ms) AS duration_ms,
    mapFromArrays(f.leg_ids, arrayMap((leg, n) -> (f.stamp, n, leg), f.legs, arrayEnumerate(f.legs))) AS legs,
    mapApply((k, v) -> (toString(k), (f.stamp, v)), f.attributes) AS attributes
FROM earshot.interaction_facts AS f;

-- One row an interaction. at is when it began, or, as long as nobody told, when
-- it was first heard of. A conversation of messages begins with the first one.
CREATE VIEW IF NOT EXISTS earshot.interactions AS
SELECT
    s.interaction AS id,
    if(max(s.started_at).1 = 0, min(s.first_at), max(s.started_at).2) AS at,
    max(s.tenant).2 AS tenant,
    max(s.channel).2 AS channel,
    max(s.direction).2 AS direction,
    max(s.queue).2 AS queue,
    max(s.region).2 AS region,
    max(s.language).2 AS language,
    max(s.agent).2 AS agent,
    max(s.agent_name).2 AS agent_name,
    max(s.customer).2 AS customer,
    max(s.customer_hash).2 AS customer_hash,
    if(max(s.started_at).1 = 0 AND max(s.channel).2 != 'voice', min(s.first_at), max(s.started_at).2) AS started_at,
    max(s.queued_at).2 AS queued_at,
    max(s.answered_at).2 AS answered_at,
    max(s.ended_at).2 AS ended_at,
    toBool(max(s.ended_at).1 > 0) AS ended,
    max(s.disposition).2 AS disposition,
    multiIf(
        max(s.duration_ms).1 > 0, max(s.duration_ms).2,
        max(s.ended_at).1 > 0 AND (max(s.started_at).1 > 0 OR max(s.channel).2 != 'voice'),
        greatest(toInt64(0), dateDiff('millisecond', if(max(s.started_at).1 = 0, min(s.first_at), max(s.started_at).2), max(s.ended_at).2)),
        toInt64(0)) AS duration_ms,
    arrayMap(l -> l.3, arraySort(l -> (l.2, l.3), mapValues(maxMap(s.legs)))) AS legs,
    mapApply((k, v) -> (k, v.2), maxMap(s.attributes)) AS attributes,
    max(s.last_at) AS last_at
FROM earshot.interaction_state AS s
GROUP BY s.interaction;

-- +goose Down
DROP VIEW IF EXISTS earshot.interactions;
DROP VIEW IF EXISTS earshot.interaction_state_mv;
DROP TABLE IF EXISTS earshot.interaction_state;
DROP TABLE IF EXISTS earshot.interaction_facts;
