package media

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"earshot"
)

// Config of the media role.
type Config struct {
	// Listen are the SIP addresses: "udp:host:port" or "tcp:host:port", where
	// host is an IP address. Port 0 takes a free one.
	Listen []string `yaml:"listen"`
	// Advertise is the IP address that answers name, for a recorder behind NAT;
	// empty means the address that was bound, or the one that faces the caller.
	Advertise string `yaml:"advertise"`
	// RTPAddress is the IP address that RTP ports are opened on.
	RTPAddress string `yaml:"rtp_address"`
	// RTPPortMin and RTPPortMax are the first and the last RTP port, 1024 to
	// 65535. A call takes two ports for each stream, four as a rule.
	RTPPortMin int `yaml:"rtp_port_min"`
	RTPPortMax int `yaml:"rtp_port_max"`
	// PortCooldown is how long a port rests after a call.
	PortCooldown time.Duration `yaml:"port_cooldown"`
	// MaxCalls bounds the calls at a time; one more is answered 503.
	MaxCalls int `yaml:"max_calls"`
	// IdleTimeout ends a call from which neither RTP nor SIP came for so long.
	// It must be longer than the longest hold during which a core sends nothing.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// Late is how long packets may come in after a BYE.
	Late time.Duration `yaml:"late"`
	// AnswerWithin bounds the wait for Kafka before a new call is answered 503.
	AnswerWithin time.Duration `yaml:"answer_within"`
	// Bundle is how much of a leg one audio record holds, 20 ms to 1 s.
	Bundle time.Duration `yaml:"bundle"`
	// InFlightBytes bounds the audio that waits in memory for Kafka.
	InFlightBytes int `yaml:"in_flight_bytes"`
	// Patience is how long audio waits in memory for Kafka before it goes to the
	// spool; a process that is killed loses at most so much.
	Patience time.Duration `yaml:"patience"`
	// SpoolBytes bounds the spool on disk.
	SpoolBytes int64 `yaml:"spool_bytes"`
	// Drain bounds how long a stop waits for Kafka.
	Drain time.Duration `yaml:"drain"`
	// Dir holds the spool and the journal of open calls; one process owns it.
	Dir string `yaml:"dir"`
	// Tenant goes into every interaction.
	Tenant string `yaml:"tenant"`
	// Agents are patterns of agents' addresses such as
	// "sip:*@agents.example.com"; "*" stands for any run of characters. They
	// tell agents from customers where the metadata does not.
	Agents []string `yaml:"agents"`
	// AddressKey keys the HMAC that stands for customers' addresses.
	AddressKey []byte `yaml:"-"`
}

// DefaultConfig listens on loopback alone.
func DefaultConfig() Config {
	return Config{
		Listen:        []string{"udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"},
		RTPAddress:    "127.0.0.1",
		RTPPortMin:    20000,
		RTPPortMax:    29999,
		PortCooldown:  5 * time.Second,
		MaxCalls:      2000,
		IdleTimeout:   10 * time.Minute,
		Late:          200 * time.Millisecond,
		AnswerWithin:  4 * time.Second,
		Bundle:        200 * time.Millisecond,
		InFlightBytes: 32 << 20,
		Patience:      time.Second,
		SpoolBytes:    1 << 30,
		Drain:         5 * time.Second,
		Dir:           "data/media",
	}
}

// Validate returns an Invalid error that names the first wrong key.
func (c Config) Validate() error {
	if _, _, err := c.listeners(); err != nil {
		return err
	}
	if _, err := netip.ParseAddr(c.RTPAddress); err != nil {
		return earshot.InvalidField("media.rtp_address", "write an IP address of this machine", "%q is none", c.RTPAddress)
	}
	if c.Advertise != "" {
		if a, err := netip.ParseAddr(c.Advertise); err != nil || a.IsUnspecified() {
			return earshot.InvalidField("media.advertise", "write the IP address that callers reach, or leave it empty", "%q is none", c.Advertise)
		}
	}
	if c.RTPPortMin < 1024 || c.RTPPortMax > 65535 || c.RTPPortMax-c.RTPPortMin < 3 {
		return earshot.InvalidField("media.rtp_port_min", "write a range of at least four ports between 1024 and 65535", "%d to %d is none", c.RTPPortMin, c.RTPPortMax)
	}
	if c.Dir == "" {
		return earshot.InvalidField("media.dir", "name a folder", "it is empty")
	}
	if c.MaxCalls < 1 {
		return earshot.InvalidField("media.max_calls", "write at least 1", "%d calls", c.MaxCalls)
	}
	if c.InFlightBytes < 1<<20 || c.SpoolBytes < 1<<20 {
		return earshot.InvalidField("media.in_flight_bytes", "give memory and spool_bytes at least 1 MiB each", "%d and %d bytes", c.InFlightBytes, c.SpoolBytes)
	}
	return c.validateTimes()
}

func (c Config) validateTimes() error {
	times := []struct {
		key      string
		got      time.Duration
		min, max time.Duration
	}{
		{"port_cooldown", c.PortCooldown, 0, time.Hour},
		{"idle_timeout", c.IdleTimeout, 100 * time.Millisecond, 24 * time.Hour},
		{"late", c.Late, 0, 10 * time.Second},
		{"answer_within", c.AnswerWithin, 10 * time.Millisecond, 30 * time.Second},
		{"bundle", c.Bundle, 20 * time.Millisecond, time.Second},
		{"patience", c.Patience, 10 * time.Millisecond, time.Minute},
		{"drain", c.Drain, 0, 10 * time.Minute},
	}
	for _, t := range times {
		if t.got < t.min || t.got > t.max {
			return earshot.InvalidField("media."+t.key, "write a time between "+t.min.String()+" and "+t.max.String(), "%v is not", t.got)
		}
	}
	return nil
}

// listeners reads Listen.
func (c Config) listeners() (udp, tcp []netip.AddrPort, err error) {
	if len(c.Listen) == 0 {
		return nil, nil, earshot.InvalidField("media.listen", `write at least one address, such as "udp:127.0.0.1:5060"`, "it is empty")
	}
	for i, s := range c.Listen {
		network, addr, _ := strings.Cut(s, ":")
		a, err := netip.ParseAddrPort(addr)
		if err != nil || (network != "udp" && network != "tcp") {
			return nil, nil, earshot.InvalidField("media.listen["+strconv.Itoa(i)+"]", `write "udp:IP:port" or "tcp:IP:port"`, "%q is no address", s)
		}
		if network == "udp" {
			udp = append(udp, a)
		} else {
			tcp = append(tcp, a)
		}
	}
	return udp, tcp, nil
}
