package media_test

import (
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/internal/bus/bustest"
	"earshot/media"
)

func TestConfig_NamesTheWrongKey(t *testing.T) {
	if err := media.DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*media.Config){
		"media.listen":          func(c *media.Config) { c.Listen = nil },
		"media.listen[1]":       func(c *media.Config) { c.Listen = []string{"udp:127.0.0.1:5060", "localhost:5060"} },
		"media.advertise":       func(c *media.Config) { c.Advertise = "0.0.0.0" },
		"media.rtp_address":     func(c *media.Config) { c.RTPAddress = "eth0" },
		"media.rtp_port_min":    func(c *media.Config) { c.RTPPortMax = c.RTPPortMin },
		"media.dir":             func(c *media.Config) { c.Dir = "" },
		"media.max_calls":       func(c *media.Config) { c.MaxCalls = 0 },
		"media.in_flight_bytes": func(c *media.Config) { c.InFlightBytes = 0 },
		"media.bundle":          func(c *media.Config) { c.Bundle = time.Hour },
		"media.idle_timeout":    func(c *media.Config) { c.IdleTimeout = 0 },
	}
	for key, change := range tests {
		t.Run(key, func(t *testing.T) {
			c := media.DefaultConfig()
			change(&c)
			if err := c.Validate(); earshot.KindOf(err) != earshot.Invalid || !strings.HasPrefix(err.Error(), key+": ") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestNew_RefusesAFolderThatIsInUse(t *testing.T) {
	client := bustest.New(t)
	c := config(t, 32400)
	start(t, c, client)
	if _, err := media.New(c, client, nil, nil); earshot.KindOf(err) != earshot.Conflict {
		t.Fatalf("got %v", err)
	}
}
