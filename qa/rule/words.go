package rule

import (
	"fmt"
	"strings"

	"earshot"
)

// clock writes milliseconds from the start as people read a player: 1:05.
func clock(ms int64) string { return fmt.Sprintf("%d:%02d", ms/60000, ms/1000%60) }

func seconds(ms int64) string {
	if ms >= 120_000 {
		return fmt.Sprintf("%d min", ms/60_000)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(ms)/1000), ".0") + " s"
}

func secondsZH(ms int64) string {
	if ms >= 120_000 {
		return fmt.Sprintf("%d 分钟", ms/60_000)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(ms)/1000), ".0") + " 秒"
}

func roleEN(r earshot.Role) string {
	if r == "" {
		return "somebody"
	}
	return string(r)
}

func roleZH(r earshot.Role) string {
	switch r {
	case earshot.Agent:
		return "坐席"
	case earshot.Customer:
		return "客户"
	case earshot.Bot:
		return "机器人"
	default:
		return "其他人"
	}
}

func rolesEN(roles []earshot.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, string(r))
	}
	return strings.Join(names, " or ")
}

func rolesZH(roles []earshot.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, roleZH(r))
	}
	return strings.Join(names, "或")
}
