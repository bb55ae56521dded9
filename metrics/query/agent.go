package query

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
)

// contacts bounds the list in an agent's detail.
const contacts = 100

// Facets returns the values that interactions have, for filters to offer.
func (s *Store) Facets(ctx context.Context) (Facets, error) {
	var f Facets
	channels, err := s.values(ctx, "channel")
	if err != nil {
		return Facets{}, err
	}
	for _, known := range earshot.Channels() {
		for _, c := range channels {
			if c == string(known) {
				f.Channels = append(f.Channels, known)
			}
		}
	}
	if f.Queues, err = s.values(ctx, "queue"); err != nil {
		return Facets{}, err
	}
	f.Agents, err = all(ctx, s, `SELECT agent, argMaxIf(agent_name, at, agent_name != '') AS name
		FROM earshot.interactions WHERE agent != '' GROUP BY agent ORDER BY name, agent`, nil,
		func(rows driver.Rows) (a AgentName, err error) {
			err = rows.Scan((*string)(&a.ID), &a.Name)
			return a, err
		})
	if err != nil {
		return Facets{}, err
	}
	f.Criteria, err = all(ctx, s, `SELECT criterion, argMax(name, version), argMax(name_zh, version)
		FROM earshot.criteria_results WHERE track = 'final' GROUP BY criterion ORDER BY min(position), criterion`, nil,
		func(rows driver.Rows) (c CriterionName, err error) {
			err = rows.Scan((*string)(&c.ID), &c.Name, &c.NameZH)
			return c, err
		})
	return f, err
}

// values returns what a column of the interactions holds; column is never a
// user's.
func (s *Store) values(ctx context.Context, column string) ([]string, error) {
	return all(ctx, s, "SELECT DISTINCT "+column+" FROM earshot.interactions WHERE "+column+" != '' ORDER BY "+column, nil,
		func(rows driver.Rows) (v string, err error) {
			err = rows.Scan(&v)
			return v, err
		})
}

// agentRows counts by agent; a mean over nothing is 0.
const agentRows = `SELECT agent, argMaxIf(agent_name, at, agent_name != '') AS name, count(),
	ifNotFinite(avgIf(score, scored), 0), countIf(fatal), sum(open_appeals)
	FROM earshot.interaction_scores WHERE `

func scanAgent(rows driver.Rows) (AgentRow, error) {
	var r AgentRow
	var n, fatal, appeals uint64
	err := rows.Scan((*string)(&r.Agent.ID), &r.Agent.Name, &n, &r.MeanScore, &fatal, &appeals)
	r.Interactions, r.Fatal, r.OpenAppeals = int(n), int(fatal), int(appeals)
	return r, err
}

// Agents returns a line for every agent who has an interaction, by name.
func (s *Store) Agents(ctx context.Context) ([]AgentRow, error) {
	return all(ctx, s, agentRows+"agent != '' GROUP BY agent ORDER BY name, agent", nil, scanAgent)
}

// Agent returns what an agent sees of the own work, with the newest 100
// contacts; an error of kind NotFound if the agent has none.
func (s *Store) Agent(ctx context.Context, id earshot.AgentID) (AgentDetail, error) {
	args := []any{named("agent", string(id))}
	rows, err := all(ctx, s, agentRows+"agent = {agent:String} GROUP BY agent", args, scanAgent)
	if err != nil {
		return AgentDetail{}, err
	}
	if id == "" || len(rows) == 0 {
		return AgentDetail{}, earshot.Errorf(earshot.NotFound, "no interaction has an agent %q", id)
	}
	page, err := s.Interactions(ctx, Filter{Agent: id, Limit: contacts})
	if err != nil {
		return AgentDetail{}, err
	}
	d := AgentDetail{Agent: rows[0].Agent, Contacts: page.Rows, Interactions: rows[0].Interactions, MeanScore: rows[0].MeanScore}
	d.Criteria, err = all(ctx, s, `SELECT criterion, argMax(name, version), argMax(name_zh, version),
		countIf(verdict = 'pass') AS passed, countIf(verdict = 'fail') AS missed,
		argMaxIf(advice, version, verdict = 'fail'), argMaxIf(advice_zh, version, verdict = 'fail')
		FROM earshot.criteria_results_current
		WHERE track = 'final' AND interaction IN (SELECT id FROM earshot.interactions WHERE agent = {agent:String})
		GROUP BY criterion HAVING passed + missed > 0
		ORDER BY passed / (passed + missed), missed DESC, criterion`, args, scanRate)
	return d, err
}

func scanRate(rows driver.Rows) (CriterionRate, error) {
	var r CriterionRate
	var passed, failed uint64
	err := rows.Scan((*string)(&r.Criterion.ID), &r.Criterion.Name, &r.Criterion.NameZH, &passed, &failed, &r.Advice, &r.AdviceZH)
	r.Passed, r.Failed = int(passed), int(failed)
	return r, err
}
