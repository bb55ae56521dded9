package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"earshot/metrics/kpi"
)

// shown is what every panel lets through: the time range and the variables.
const shown = "$__timeFilter(s.at)" +
	" AND $__conditionalAll(s.channel IN (${channel:singlequote}), $channel)" +
	" AND $__conditionalAll(s.queue IN (${queue:singlequote}), $queue)"

// bucket is the interval that people plan in, not the one that the zoom gives: a
// KPI must not change with the width of the window.
const bucket = "toDateTime(toStartOfInterval(s.at, INTERVAL ${interval:raw}))"

func unit(u kpi.Unit) string {
	switch u {
	case kpi.Share:
		return units.PercentUnit
	case kpi.Seconds:
		return units.Seconds
	default:
		return units.Short
	}
}

func decimals(u kpi.Unit) float64 {
	if u == kpi.Count {
		return 0
	}
	return 1
}

func describe(d kpi.Definition) string {
	return d.Formula + ". " + d.Edges + "."
}

// colours are green on the good side of the target and orange on the other;
// without a target there is nothing to judge.
func colours(d kpi.Definition) *dashboard.ThresholdsConfigBuilder {
	steps := []dashboard.Threshold{{Color: "blue"}}
	if d.Target != nil {
		good, bad := "green", "orange"
		above, below := good, bad
		at := *d.Target
		if d.Better == kpi.Lower {
			above, below = bad, good
			at += smallest
		}
		steps = []dashboard.Threshold{{Color: below}, {Color: above, Value: &at}}
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

// smallest is how far a KPI that is to be low may be from its target: a step
// begins at its value.
const smallest = 1e-9

func number(d kpi.Definition) *stat.PanelBuilder {
	return stat.NewPanelBuilder().Title(d.Title()).Description(describe(d)).Datasource(source()).
		WithTarget(query{d.Total(shown), rows}).
		Unit(unit(d.Unit)).Decimals(decimals(d.Unit)).NoValue("–").
		Thresholds(colours(d)).ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).Orientation(common.VizOrientationAuto).
		Height(4).Span(3)
}

// course shows KPIs of one unit over time.
func course(title string, style common.GraphDrawStyle, kpis ...kpi.Definition) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().Title(title).Description(describeAll(kpis)).Datasource(source()).
		WithTarget(query{kpi.Over(bucket, shown, kpis...), series}).
		Unit(unit(kpis[0].Unit)).DrawStyle(style).FillOpacity(30).LineWidth(2).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Height(8).Span(12)
}

func describeAll(kpis []kpi.Definition) string {
	text := ""
	for _, d := range kpis {
		text += d.Title() + ": " + describe(d) + "\n\n"
	}
	return text
}

func bars(title string, by kpi.Dimension, d kpi.Definition) *barchart.PanelBuilder {
	return barchart.NewPanelBuilder().Title(title).Description(describe(d)).Datasource(source()).
		WithTarget(query{kpi.By(by, shown, 12, d), rows}).
		Unit(unit(d.Unit)).XField("name").Orientation(common.VizOrientationHorizontal).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeHidden).Placement(common.LegendPlacementBottom)).
		Height(8).Span(6)
}

// list shows several KPIs a row, one row a group.
func list(title string, by kpi.Dimension, limit int, kpis ...kpi.Definition) *table.PanelBuilder {
	p := table.NewPanelBuilder().Title(title).Description(describeAll(kpis)).Datasource(source()).
		WithTarget(query{kpi.By(by, shown, limit, kpis...), rows}).
		OverrideByName("name", []dashboard.DynamicConfigValue{{Id: "displayName", Value: title}}).
		Height(9).Span(12)
	for _, d := range kpis {
		p = p.OverrideByName(d.Title(), []dashboard.DynamicConfigValue{
			{Id: "unit", Value: unit(d.Unit)}, {Id: "decimals", Value: decimals(d.Unit)},
		})
	}
	return p
}

// option makes a variable's option of which text and value are the same.
func option(value string) dashboard.VariableOption {
	v := dashboard.StringOrArrayOfString{String: cog.ToPtr(value)}
	return dashboard.VariableOption{Selected: cog.ToPtr(true), Text: v, Value: v}
}
