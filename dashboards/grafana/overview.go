package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"

	"earshot/metrics/kpi"
)

// overview is what a manager opens in the morning.
func overview() *dashboard.DashboardBuilder {
	d := dashboard.NewDashboardBuilder("Contact centre overview · 客服中心总览").
		Uid("earshot-overview").
		Description("What was handled, how good it was, and what to look at first. · 处理了多少、质量如何、先看什么。").
		Tags([]string{"earshot"}).
		Time("now-7d", "now").Refresh("1m").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(choice("channel", "Channel · 渠道")).
		WithVariable(choice("queue", "Queue · 队列")).
		WithVariable(interval()).
		WithVariable(workbench())
	for _, id := range []string{"interactions", "qa_coverage", "qa_score", "pass_rate", "fatal_rate", "aht", "silence", "agreement"} {
		d = d.WithPanel(number(defined(id)))
	}
	count, score, appeals := defined("interactions"), defined("qa_score"), defined("open_appeals")
	pass, fatal, aht := defined("pass_rate"), defined("fatal_rate"), defined("aht")
	return d.
		WithPanel(course(count.Title(), common.GraphDrawStyleBars, count)).
		WithPanel(course("Quality · 质量", common.GraphDrawStyleLine, pass, fatal)).
		WithPanel(bars("By channel · 按渠道", kpi.Channel, count)).
		WithPanel(bars("By queue · 按队列", kpi.Queue, count)).
		WithPanel(bars("Score by channel · 各渠道得分", kpi.Channel, score)).
		WithPanel(bars("Score by queue · 各队列得分", kpi.Queue, score)).
		WithPanel(list("Agent · 坐席", kpi.Agent, 50, count, score, pass, fatal, aht, appeals)).
		WithPanel(list("Criterion · 质检项", kpi.Criterion, 20, defined("criterion_failures"), defined("criterion_fail_rate"))).
		WithPanel(fatalities())
}

// defined returns a definition that a test knows to be there.
func defined(id string) kpi.Definition {
	d, _ := kpi.Find(id)
	return d
}

// fatalities lists the newest interactions with a fatal failure, each a link to
// its page.
func fatalities() *table.PanelBuilder {
	const title = "Fatal failures · 致命差错"
	return table.NewPanelBuilder().Title(title).Datasource(source()).
		Description("The newest interactions in which a fatal criterion failed; click one to listen to it. · 最近出现致命差错的联络,点击可回听。").
		WithTarget(query{"SELECT s.at AS `Time · 时间`, s.id AS id, s.channel AS `Channel · 渠道`, s.queue AS `Queue · 队列`, s.agent_name AS `Agent · 坐席`, arrayStringConcat(s.failed, ', ') AS `Failed · 不合格项`" +
			" FROM " + string(kpi.Interactions) + " AS s WHERE s.fatal AND " + shown + " ORDER BY s.at DESC LIMIT 50", rows}).
		OverrideByName("id", []dashboard.DynamicConfigValue{
			{Id: "displayName", Value: "Interaction · 联络"},
			{Id: "links", Value: []map[string]any{{"title": "Open in the workbench · 在工作台打开", "url": "${workbench:raw}/interactions/${__value.raw}", "targetBlank": true}}},
		}).
		Height(9).Span(24)
}

// choice is a variable with the values that a column of the interactions has.
func choice(column, label string) *dashboard.QueryVariableBuilder {
	sql := "SELECT DISTINCT " + column + " FROM earshot.interactions WHERE " + column + " != '' ORDER BY " + column
	return dashboard.NewQueryVariableBuilder(column).Label(label).Datasource(source()).
		Query(dashboard.StringOrMap{String: cog.ToPtr(sql)}).Definition(sql).
		Refresh(dashboard.VariableRefreshOnDashboardLoad).
		Multi(true).IncludeAll(true).AllowCustomValue(false).
		Current(dashboard.VariableOption{
			Selected: cog.ToPtr(true),
			Text:     dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value:    dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		})
}

func interval() *dashboard.CustomVariableBuilder {
	return dashboard.NewCustomVariableBuilder("interval").Label("Interval · 间隔").
		Values(dashboard.StringOrMap{String: cog.ToPtr("15 MINUTE,30 MINUTE,1 HOUR,1 DAY,1 WEEK")}).
		AllowCustomValue(false).
		Current(option("1 HOUR"))
}

func workbench() *dashboard.TextBoxVariableBuilder {
	const address = "http://localhost:8080"
	return dashboard.NewTextBoxVariableBuilder("workbench").Label("Workbench · 工作台").
		DefaultValue(dashboard.StringOrMap{String: cog.ToPtr(address)}).Current(option(address))
}
