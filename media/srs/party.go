package srs

import (
	"slices"
	"strings"

	"earshot"
	"earshot/internal/address"
	"earshot/media/siprec"
)

// describe tells who is who: a leg for each m-line that is taken, and what that
// says of the interaction. The second result is what had to be guessed.
func (s *Server) describe(n *session, lines []int) (earshot.Interaction, []string) {
	facts := earshot.Interaction{
		ID: n.interaction(), Tenant: s.cfg.Tenant, Channel: earshot.Voice, Attributes: map[string]string{"sip.call_id": n.callID},
	}
	people, guessed := partiesOf(n, lines)
	s.assignRoles(people)
	for i, line := range lines {
		m := &n.offer.Media[line]
		codec := m.First()
		leg := earshot.Leg{
			ID: n.legID(line), Label: m.Label, Role: people[i].role, RoleSource: people[i].source,
			Codec: codec, ClockRate: 8000,
		}
		s.name(&leg, people[i])
		facts.Legs = append(facts.Legs, leg)
		s.lift(&facts, leg, people[i])
	}
	s.addMetadata(&facts, n.meta)
	return facts, guessed
}

// party is whoever speaks on one m-line.
type party struct {
	aor, name, told string // told is the role as our own caller says it
	mixed           bool   // several people on one stream
	role            earshot.Role
	source          string
}

// partyOf takes an address without a scheme, which some sources send, for a SIP
// address.
func partyOf(p *siprec.Participant) *party {
	aor := p.AoR
	if strings.Contains(aor, "@") && !strings.Contains(aor, ":") {
		aor = "sip:" + aor
	}
	return &party{aor: aor, name: p.Name, told: p.Role}
}

// partiesOf finds who speaks on each line: by the metadata's stream, else, when
// no line has one, by order.
func partiesOf(n *session, lines []int) (people []*party, guessed []string) {
	found := 0
	for _, line := range lines {
		p := n.meta.Sender(n.offer.Media[line].Label)
		if p == nil {
			people = append(people, &party{})
			continue
		}
		found++
		people = append(people, partyOf(p))
	}
	all := n.meta.Participants
	if found == 0 && len(all) > 0 && len(all) == len(lines) {
		for i, p := range all {
			people[i] = partyOf(&p)
		}
		guessed = append(guessed, "no participant is tied to a stream: taken by order")
	} else if found < len(lines) && len(all) > 0 {
		guessed = append(guessed, "not every stream has a participant")
	}
	if len(lines) == 1 && len(all) != 1 {
		*people[0] = party{mixed: true}
	}
	return people, guessed
}

// assignRoles says who is agent and who is customer, by the strongest means:
// our own caller's word, the configured patterns, a telephone number among
// addresses that are none, and last the order of the streams.
func (s *Server) assignRoles(people []*party) {
	numbers := 0
	for _, p := range people {
		switch {
		case p.mixed:
			p.role, p.source = earshot.Other, "order"
		case slices.Contains(earshot.Roles(), earshot.Role(p.told)):
			p.role, p.source = earshot.Role(p.told), "metadata"
		case s.isAgent(p.aor):
			p.role, p.source = earshot.Agent, "config"
		}
		if isNumber(p.aor) {
			numbers++
		}
	}
	for i, p := range people {
		switch {
		case p.role != "":
		case len(people) == 2 && people[1-i].role != "" && people[1-i].source != "order":
			p.role, p.source = other(people[1-i].role), people[1-i].source
		case numbers == 1 && len(people) == 2 && p.aor != "" && people[1-i].aor != "":
			p.role, p.source = earshot.Agent, "address"
			if isNumber(p.aor) {
				p.role = earshot.Customer
			}
		default:
			p.role, p.source = [...]earshot.Role{earshot.Agent, earshot.Customer, earshot.Other}[min(i, 2)], "order"
		}
	}
}

func other(r earshot.Role) earshot.Role {
	if r == earshot.Customer {
		return earshot.Agent
	}
	return earshot.Customer
}

// name fills in what may be known of a participant. A customer's address is
// kept as a keyed hash alone, and so is a name that is a number.
func (s *Server) name(leg *earshot.Leg, p *party) {
	if leg.Role == earshot.Agent || leg.Role == earshot.Bot {
		leg.AoR, leg.Name = p.aor, p.name
		return
	}
	if p.aor != "" {
		leg.AddressHash = s.hash(p.aor)
	}
	if !isAddress(p.name) {
		leg.Name = p.name
	}
}

// lift copies what a leg says of the interaction.
func (s *Server) lift(facts *earshot.Interaction, leg earshot.Leg, p *party) {
	switch leg.Role {
	case earshot.Agent:
		if facts.Agent == "" {
			facts.Agent, facts.AgentName = earshot.AgentID(address.User(p.aor)), p.name
		}
	case earshot.Customer:
		if facts.CustomerHash == "" {
			facts.CustomerHash = leg.AddressHash
		}
	case earshot.Other:
		if p.mixed {
			facts.Attributes["channel_layout"] = "mixed"
		}
	}
}

func (s *Server) addMetadata(facts *earshot.Interaction, m *siprec.Metadata) {
	if id := m.SessionID(); id != "" {
		facts.Attributes["siprec.session_id"] = id
	}
	for _, session := range m.Sessions {
		if len(session.SIPSessionIDs) > 0 {
			facts.Attributes["sip.session_id"] = session.SIPSessionIDs[0]
			break
		}
	}
	for name, value := range m.Attributes {
		facts.Attributes["siprec."+name] = s.hide(value)
	}
	i := m.Interaction
	if i == nil {
		return
	}
	facts.Queue, facts.Language, facts.Region = i.Queue, i.Language, i.Region
	facts.Customer = earshot.CustomerID(i.Customer)
	if d := earshot.Direction(i.Direction); d == earshot.Inbound || d == earshot.Outbound {
		facts.Direction = d
	}
	for name, value := range i.Attributes {
		facts.Attributes[name] = value
	}
}

// hide replaces what may be a customer's address in other makers' data.
func (s *Server) hide(value string) string {
	if !isAddress(value) || s.isAgent(value) {
		return value
	}
	return "hmac:" + s.hash(value)
}

func (s *Server) hash(a string) string { return address.Hash(s.cfg.AddressKey, a) }

// isNumber says whether an address is that of a telephone: seven digits or
// more, or an international number. Shorter ones are extensions, which agents have.
func isNumber(a string) bool {
	n := address.Number(a)
	return strings.HasPrefix(n, "+") || len(n) >= 7
}

func isAddress(s string) bool {
	l := strings.ToLower(s)
	return isNumber(s) || strings.Contains(s, "@") || strings.HasPrefix(l, "sip:") || strings.HasPrefix(l, "tel:")
}

func (s *Server) isAgent(a string) bool {
	if a == "" {
		return false
	}
	for _, pattern := range s.cfg.Agents {
		if globMatch(strings.ToLower(pattern), strings.ToLower(a)) || globMatch(strings.ToLower(pattern), "sip:"+strings.ToLower(address.Bare(a))) {
			return true
		}
	}
	return false
}

// globMatch matches "*" against any run of characters.
func globMatch(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	rest, ok := strings.CutPrefix(s, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if !ok || i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}
