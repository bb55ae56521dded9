-- What KPIs are computed from, beside interaction_scores: one row a thing, with
-- the dimensions of its interaction. Names of columns are the same everywhere.

-- +goose Up

-- The answers that stand.
CREATE VIEW IF NOT EXISTS earshot.criteria_scores AS
SELECT
    i.id AS interaction,
    i.at AS at,
    i.tenant AS tenant,
    i.channel AS channel,
    i.queue AS queue,
    i.region AS region,
    i.agent AS agent,
    i.agent_name AS agent_name,
    c.scorecard AS scorecard,
    c.criterion AS criterion,
    c.name AS name,
    c.name_zh AS name_zh,
    c.section AS section,
    c.verdict AS verdict,
    c.points AS points,
    c.max_points AS max_points,
    c.fatal AS fatal,
    c.reviewed AS reviewed
FROM earshot.criteria_results_current AS c
INNER JOIN earshot.interactions AS i ON i.id = c.interaction
WHERE c.track = 'final';

-- Each verdict of a person beside each machine's on the same criterion.
CREATE VIEW IF NOT EXISTS earshot.agreements AS
SELECT
    i.id AS interaction,
    i.at AS at,
    i.tenant AS tenant,
    i.channel AS channel,
    i.queue AS queue,
    i.region AS region,
    i.agent AS agent,
    i.agent_name AS agent_name,
    h.criterion AS criterion,
    h.name AS name,
    h.name_zh AS name_zh,
    m.track AS machine,
    m.verdict AS machine_verdict,
    h.verdict AS human_verdict
FROM (SELECT * FROM earshot.criteria_results_current WHERE track = 'human' AND reviewed) AS h
INNER JOIN (SELECT * FROM earshot.criteria_results_current WHERE track IN ('rule', 'llm')) AS m
    ON m.interaction = h.interaction AND m.scorecard = h.scorecard AND m.criterion = h.criterion
INNER JOIN earshot.interactions AS i ON i.id = h.interaction;

-- +goose Down
DROP VIEW IF EXISTS earshot.agreements;
DROP VIEW IF EXISTS earshot.criteria_scores;
